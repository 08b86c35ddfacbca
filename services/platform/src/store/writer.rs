//! The group-commit writer: one task owns the write connection and puts every command that is waiting into one
//! transaction, so that one fdatasync makes them all durable.

use std::{fmt, future::Future, pin::Pin, time::Instant};

use prometheus::{Histogram, IntCounterVec};
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};

use super::DataFolder;
use crate::{
    consumer::Letter,
    crash,
    metrics::Metrics,
    outbox::{Appended, Outbox, OutboxError, Outgoing, Queued},
};

/// Most commands in one transaction: enough to make the fdatasync cheap, few enough that a command waits for
/// milliseconds only.
const GROUP: usize = 256;
/// Commands that may wait. The HTTP server lets fewer requests in at a time, so this only bounds.
const QUEUE: usize = 1024;

/// What a command does inside the transaction.
pub type Work<'c, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>;

/// Why a command did not take effect. Whatever it is, nothing of the command is in the database, except after
/// [`WriteError::Stopped`], where that is not known.
#[derive(Debug, thiserror::Error)]
pub enum WriteError<E> {
    /// The command itself decided so; only its own changes are taken back.
    #[error("{0}")]
    Refused(E),
    #[error("the database refused the write: {0}")]
    Database(String),
    #[error("the writer has stopped")]
    Stopped,
}

/// The transaction as a command sees it.
#[derive(Debug)]
pub struct Batch {
    connection: SqliteConnection,
    outbox: Outbox,
    appended: Appended,
    /// Stored together at the end of the transaction: a statement costs more than a row.
    queued: Vec<Queued>,
}

impl Batch {
    /// For the service's own SQL.
    pub fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// Puts an event into the outbox: it is published if, and only if, this transaction is committed.
    pub fn publish(&mut self, event: Outgoing) -> Result<(), OutboxError> {
        self.queued.push(self.outbox.queue(&mut self.appended, event)?);
        Ok(())
    }

    /// Stores a dead letter: it goes to `dlq.errors` if, and only if, this transaction is committed.
    pub(crate) async fn bury(&mut self, letter: &Letter) -> Result<(), sqlx::Error> {
        self.outbox.bury(&mut self.connection, &mut self.appended, letter).await
    }

    /// What the transaction has put into the outbox so far.
    pub(crate) const fn appended(&self) -> Appended {
        self.appended
    }

    /// For whoever takes a part of the transaction back: what the outbox got since.
    pub(crate) fn take_back(&mut self, to: Appended) {
        let since = usize::try_from(self.appended.since(to)).unwrap_or_default();
        self.queued.truncate(self.queued.len().saturating_sub(since));
        self.appended = to;
    }

    async fn store_queued(&mut self) -> Result<(), sqlx::Error> {
        self.outbox.store(&mut self.connection, self.appended, &self.queued).await?;
        self.queued.clear();
        Ok(())
    }

    /// Removes letters that are on their topic; the relay's own command.
    pub(crate) async fn sent_letters(&mut self, up_to: i64) -> Result<(), sqlx::Error> {
        self.outbox.sent_letters(&mut self.connection, &mut self.appended, up_to).await
    }

    /// Moves the relay's mark; the relay's own command.
    pub(crate) async fn confirm(&mut self, up_to: i64) -> Result<(), OutboxError> {
        self.outbox.mark(&mut self.connection, &mut self.appended, up_to).await
    }
}

/// Hands commands to the writing task. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Writer {
    jobs: mpsc::Sender<Box<dyn Job>>,
    stop: CancellationToken,
    stopped: CancellationToken,
}

#[derive(Debug)]
struct CommitMetrics {
    size: Histogram,
    duration: Histogram,
    failures: IntCounterVec,
}

impl Writer {
    pub(super) fn start(
        folder: DataFolder,
        connection: SqliteConnection,
        outbox: Outbox,
        metrics: &Metrics,
    ) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let metrics = CommitMetrics {
            size: metrics.histogram(
                "store_commit_commands",
                "Commands in one transaction.",
                vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0],
            ),
            duration: metrics.duration(
                "store_commit_duration_seconds",
                "Time from BEGIN to a durable COMMIT, for all commands of a transaction together.",
            ),
            failures: metrics.counters(
                "store_commit_failures_total",
                "Transactions that the database refused, by statement.",
                &["statement"],
            ),
        };
        let appended = outbox.appended();
        let batch = Batch { connection, outbox, appended, queued: Vec::new() };
        let (stop, stopped) = (CancellationToken::new(), CancellationToken::new());
        let ended = stopped.clone().drop_guard();
        let task = write(batch, queue, stop.clone(), metrics);
        tokio::spawn(async move {
            task.await;
            drop(folder);
            drop(ended);
        });
        Self { jobs, stop, stopped }
    }

    /// Runs a command and returns when it is durable, or when it is known not to be. Dropping the future does not
    /// take a command back that is already queued.
    pub async fn run<T, E, F>(&self, work: F) -> Result<T, WriteError<E>>
    where
        F: for<'c> FnOnce(&'c mut Batch) -> Work<'c, T, E> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Command { work: Some(work), outcome: None, span: Span::current(), reply };
        self.jobs.send(Box::new(job)).await.map_err(|_| WriteError::Stopped)?;
        answer.await.unwrap_or(Err(WriteError::Stopped))
    }

    /// Cancelled when the writing task is gone, by [`Writer::close`] or by a bug of a command.
    pub(crate) const fn stopped(&self) -> &CancellationToken {
        &self.stopped
    }

    /// Settles what is queued, closes the database, and lets go of the data folder. Later commands are refused.
    pub async fn close(&self) {
        self.stop.cancel();
        self.stopped.cancelled().await;
    }

    /// Writes one row and waits until it is durable: whether the database takes writes.
    pub async fn probe(&self) -> Result<(), WriteError<sqlx::Error>> {
        self.run(|batch| {
            Box::pin(async move {
                batch.connection().execute("UPDATE probe SET passes = passes + 1").await.map(drop)
            })
        })
        .await
    }
}

/// A command whose types are forgotten, so that one queue holds them all.
trait Job: Send {
    /// Runs it; `false` when its changes are to be taken back.
    fn run<'c>(&'c mut self, batch: &'c mut Batch) -> Pin<Box<dyn Future<Output = bool> + Send + 'c>>;
    /// Answers the caller, once it is known whether the transaction is durable.
    fn settle(self: Box<Self>, committed: Result<(), &str>);
}

struct Command<F, T, E> {
    work: Option<F>,
    outcome: Option<Result<T, E>>,
    /// The caller's, so that what the command logs and publishes is traced to it.
    span: Span,
    reply: oneshot::Sender<Result<T, WriteError<E>>>,
}

impl<F, T, E> Job for Command<F, T, E>
where
    F: for<'c> FnOnce(&'c mut Batch) -> Work<'c, T, E> + Send,
    T: Send,
    E: Send,
{
    fn run<'c>(&'c mut self, batch: &'c mut Batch) -> Pin<Box<dyn Future<Output = bool> + Send + 'c>> {
        let span = self.span.clone();
        let work = async move {
            if let Some(work) = self.work.take() {
                self.outcome = Some(work(batch).await);
            }
            matches!(self.outcome, Some(Ok(_)))
        };
        Box::pin(work.instrument(span))
    }

    fn settle(self: Box<Self>, committed: Result<(), &str>) {
        let answer = match (self.outcome, committed) {
            // A refusal too: what it was decided by may have been taken back.
            (_, Err(problem)) => Err(WriteError::Database(problem.to_owned())),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (Some(Err(refusal)), Ok(())) => Err(WriteError::Refused(refusal)),
            (None, Ok(())) => Err(WriteError::Stopped),
        };
        // A caller that went away does not want the answer.
        let _ = self.reply.send(answer);
    }
}

/// The writing task. It ends when it is told to stop, or nobody is left who could hand it a command.
async fn write(
    mut batch: Batch,
    mut queue: mpsc::Receiver<Box<dyn Job>>,
    stop: CancellationToken,
    metrics: CommitMetrics,
) {
    let mut group = Vec::with_capacity(GROUP);
    // Transactions that failed in a row: a full disk fails thousands, and is told once.
    let mut failed = 0_u64;
    loop {
        tokio::select! {
            count = queue.recv_many(&mut group, GROUP) => if count == 0 { break },
            () = stop.cancelled(), if !queue.is_closed() => {
                queue.close();
                continue;
            }
        }
        let started = Instant::now();
        #[allow(clippy::cast_precision_loss)] // at most GROUP
        metrics.size.observe(group.len() as f64);
        let committed = commit(&mut batch, &mut group).await;
        metrics.duration.observe(started.elapsed().as_secs_f64());
        match &committed {
            Ok(()) => {
                batch.outbox.committed(batch.appended);
                if failed > 0 {
                    tracing::info!(failed, "the database takes transactions again");
                    failed = 0;
                }
            }
            Err(failure) => {
                metrics.failures.with_label_values(&[failure.statement]).inc();
                if failed == 0 {
                    tracing::error!(%failure, commands = group.len(), "the database refuses transactions");
                }
                failed += 1;
                // Without a ROLLBACK, SQLite would go on inside the failed transaction; where there is none any
                // more, the statement fails, which is as good.
                let _ = batch.connection.execute("ROLLBACK").await;
                batch.take_back(batch.outbox.appended());
            }
        }
        let problem = committed.err().map(|failure| failure.to_string());
        for job in group.drain(..) {
            job.settle(problem.as_deref().map_or(Ok(()), Err));
        }
    }
    // The last connection to close writes the log back into the database.
    if let Err(error) = batch.connection.close().await {
        tracing::warn!(%error, "the database did not close well; the next start recovers it");
    }
}

/// The statement at which a transaction failed.
#[derive(Debug)]
struct CommitFailure {
    statement: &'static str,
    source: sqlx::Error,
}

impl fmt::Display for CommitFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.statement, self.source)
    }
}

/// One transaction. Each command has a savepoint of its own: one that is refused takes back what it did, and
/// leaves the others as they are.
async fn commit(batch: &mut Batch, group: &mut [Box<dyn Job>]) -> Result<(), CommitFailure> {
    execute(batch, "BEGIN IMMEDIATE; SAVEPOINT command").await?;
    for (number, job) in group.iter_mut().enumerate() {
        if number > 0 {
            execute(batch, "RELEASE command; SAVEPOINT command").await?;
        }
        let before = batch.appended;
        if !job.run(batch).await {
            execute(batch, "ROLLBACK TO command").await?;
            batch.take_back(before);
        }
    }
    let stored = batch.store_queued().await;
    stored.map_err(|source| CommitFailure { statement: "INSERT INTO outbox", source })?;
    crash::pass(crash::IN_BATCH);
    execute(batch, "RELEASE command; COMMIT").await
}

async fn execute(batch: &mut Batch, statement: &'static str) -> Result<(), CommitFailure> {
    match batch.connection.execute(statement).await {
        Ok(_) => Ok(()),
        Err(source) => Err(CommitFailure { statement, source }),
    }
}

#[cfg(test)]
mod tests {
    use sqlx::migrate::Migrator;

    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn a_command_that_panics_is_the_end_of_the_writer_and_that_is_told() {
        static NO_TABLES: Migrator = Migrator::DEFAULT;
        let folder = tempfile::tempdir().expect("a folder");
        let owned = DataFolder::own(folder.path(), "test").expect("free");
        let store = Store::open(owned, "test", &NO_TABLES, 10, &Metrics::new()).await.expect("a database");
        store.writer.probe().await.expect("it writes");
        assert!(!store.writer.stopped().is_cancelled());
        let bug = store.writer.run(|_| Box::pin(async { panic!("a bug, planted here") }));
        assert!(matches!(bug.await, Err::<(), _>(WriteError::<sqlx::Error>::Stopped)));
        store.writer.stopped().cancelled().await;
        assert!(matches!(store.writer.probe().await, Err(WriteError::Stopped)));
    }
}
