//! The group-commit writer: one task owns the write connection and puts every command that is waiting into one
//! transaction, so that one fdatasync makes them all durable.

use std::{future::Future, pin::Pin, time::Instant};

use prometheus::{Histogram, IntCounterVec};
use sqlx::{Executor as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};

use super::{Batch, DataFolder};
use crate::{metrics::Metrics, outbox::Outbox};

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
        let batch = Batch::new(connection, outbox);
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
                let connection = batch.connection().await?;
                connection.execute("UPDATE probe SET passes = passes + 1").await.map(drop)
            })
        })
        .await
    }
}

/// A command whose types are forgotten, so that one queue holds them all.
pub(super) trait Job: Send {
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
        let committed = batch.commit(&mut group).await;
        metrics.duration.observe(started.elapsed().as_secs_f64());
        match &committed {
            Ok(()) if failed > 0 => {
                tracing::info!(failed, "the database takes transactions again");
                failed = 0;
            }
            Ok(()) => {}
            Err(failure) => {
                metrics.failures.with_label_values(&[failure.statement]).inc();
                if failed == 0 {
                    tracing::error!(%failure, commands = group.len(), "the database refuses transactions");
                }
                failed += 1;
            }
        }
        let problem = committed.err().map(|failure| failure.to_string());
        for job in group.drain(..) {
            job.settle(problem.as_deref().map_or(Ok(()), Err));
        }
    }
    // The last connection to close writes the log back into the database.
    if let Err(error) = batch.close().await {
        tracing::warn!(%error, "the database did not close well; the next start recovers it");
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
