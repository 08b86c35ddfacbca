//! One batch, one transaction: inbox, effects, letters and offsets, all of them or none.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use jiff::Timestamp;
use sqlx::Executor as _;
use tracing::Instrument as _;

use super::{
    EffectError, Membership, Position,
    dead_letter::Letter,
    handlers::{Handlers, Pending},
    metrics::ConsumerMetrics,
    prepare::{Content, Prepared, Unreadable, prepare},
    record::Record,
    rows::{self, Progress},
};
use crate::{
    backoff::Backoff,
    crash,
    ledger::{Book, Place},
    outbox::OutboxError,
    registry::{RegistryClient, RegistryError},
    store::{Batch, Store, WriteError, Writer},
    telemetry,
};

/// Where each partition of a batch is to be read on.
pub(super) type Next = BTreeMap<(String, i32), i64>;

/// Applies batches, one after the other.
#[derive(Debug)]
pub(super) struct Applier {
    handlers: Handlers,
    registry: Arc<RegistryClient>,
    writer: Writer,
    position: Position,
    membership: Membership,
    metrics: ConsumerMetrics,
}

/// Why a batch could not be applied for now. It is tried again for ever: nothing is wrong with its records.
#[derive(Debug, thiserror::Error)]
enum BatchError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Write(#[from] WriteError<ApplyError>),
}

/// Why a transaction was taken back.
#[derive(Debug, thiserror::Error)]
enum ApplyError {
    /// One record's effect was refused for good; the batch is tried again with each effect on its own.
    #[error("a record cannot be applied")]
    Unacceptable,
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    #[error("the database answered: {0}")]
    Sql(#[from] sqlx::Error),
}

impl BatchError {
    const fn reason(&self) -> &'static str {
        match self {
            Self::Registry(error) => error.reason(),
            Self::Write(WriteError::Refused(ApplyError::Outbox(error))) => error.reason(),
            Self::Write(WriteError::Stopped) => "Stopping",
            Self::Write(_) => "DatabaseError",
        }
    }
}

/// How a transaction runs its effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Care {
    /// One after the other; a refused one takes the whole transaction back.
    Together,
    /// Each behind a savepoint of its own; a refused one becomes a letter.
    Apart,
}

/// What a transaction did.
#[derive(Debug, Default)]
struct Done {
    applied: HashMap<String, u64>,
    repeats: u64,
    redelivered: u64,
    /// Reasons of the letters.
    letters: Vec<&'static str>,
    next: Next,
}

impl Applier {
    pub(super) fn new(
        membership: &Membership,
        handlers: Handlers,
        store: &Store,
        registry: Arc<RegistryClient>,
        metrics: ConsumerMetrics,
    ) -> Self {
        Self {
            handlers,
            registry,
            writer: store.writer.clone(),
            position: store.position.clone(),
            membership: membership.clone(),
            metrics,
        }
    }

    pub(super) fn topics(&self) -> Vec<&'static str> {
        self.handlers.topics().map(schemas::TopicName::as_str).collect()
    }

    pub(super) fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Applies a batch, however often it takes. Returns where its partitions are to be read on.
    pub(super) async fn settle(&self, records: Vec<Record>) -> Next {
        let count = records.len();
        let records = Arc::new(records);
        let mut backoff = Backoff::new();
        loop {
            let error = match self.apply(&records).await {
                Ok(next) => {
                    if backoff.succeeded() {
                        tracing::info!(records = count, "consuming again");
                    }
                    return next;
                }
                Err(error) => error,
            };
            self.metrics.failures.with_label_values(&[error.reason()]).inc();
            if backoff.is_news(error.reason()) {
                tracing::warn!(reason = error.reason(), %error, records = count, "a batch waits");
            }
            tokio::time::sleep(backoff.pause()).await;
        }
    }

    async fn apply(&self, records: &Arc<Vec<Record>>) -> Result<Next, BatchError> {
        let prepared = Arc::new(prepare(Arc::clone(records), &self.handlers, &self.registry).await?);
        let done = match self.transact(&prepared, Care::Together).await {
            Err(WriteError::Refused(ApplyError::Unacceptable)) => {
                self.transact(&prepared, Care::Apart).await?
            }
            done => done?,
        };
        crash::pass(crash::APPLIED);
        self.count(&done, prepared.len());
        self.position.moved(done.next.clone());
        Ok(done.next)
    }

    async fn transact(&self, prepared: &Arc<Prepared>, care: Care) -> Result<Done, WriteError<ApplyError>> {
        let (prepared, membership) = (Arc::clone(prepared), self.membership.clone());
        let work = self.writer.run(move |batch| {
            Box::pin(async move {
                let (book, done) = (Book::default(), Done::default());
                let mut transaction = Transaction { batch, care, membership: &membership, book, done };
                transaction.run(&prepared).await?;
                let Transaction { batch, book, done, .. } = transaction;
                book.store(batch.connection()).await?;
                Ok(done)
            })
        });
        work.await
    }

    fn count(&self, done: &Done, records: usize) {
        #[allow(clippy::cast_precision_loss)] // some hundreds
        self.metrics.batch.observe(records as f64);
        for (topic, count) in &done.applied {
            self.metrics.applied.with_label_values(&[topic]).inc_by(*count);
        }
        self.metrics.repeats.inc_by(done.repeats);
        self.metrics.redelivered.inc_by(done.redelivered);
        for reason in &done.letters {
            self.metrics.letters.with_label_values(&[reason]).inc();
        }
        if let Some(reason) = done.letters.first() {
            tracing::warn!(letters = done.letters.len(), reason, "records went to dlq.errors");
        }
    }
}

/// A transaction under way.
struct Transaction<'c> {
    batch: &'c mut Batch,
    care: Care,
    membership: &'c Membership,
    book: Book,
    done: Done,
}

impl Transaction<'_> {
    async fn run(&mut self, prepared: &Prepared) -> Result<(), ApplyError> {
        let mut partitions: BTreeMap<(&str, i32), Progress> = BTreeMap::new();
        for (record, content) in prepared.iter() {
            let at = (record.topic.as_str(), record.partition);
            let mut progress = match partitions.get(&at) {
                Some(progress) => *progress,
                None => rows::progress(self.batch.connection(), at.0, at.1).await?,
            };
            if record.offset < progress.next_offset {
                self.done.redelivered += 1;
            } else {
                self.take(record, content, progress.id).await?;
                progress.next_offset = record.offset + 1;
            }
            partitions.insert(at, progress);
        }
        for ((topic, partition), progress) in partitions {
            rows::advance(self.batch.connection(), progress).await?;
            self.done.next.insert((topic.to_owned(), partition), progress.next_offset);
        }
        Ok(())
    }

    /// Deals with one record that was not dealt with before.
    async fn take(&mut self, record: &Record, content: &Content, partition: i64) -> Result<(), ApplyError> {
        let event = match content {
            Ok(event) => event.as_ref(),
            Err(unreadable) => return self.bury(record, unreadable).await,
        };
        if self.care == Care::Together {
            return match self.happen(event, record, partition).await {
                Err(EffectError::Unacceptable { .. }) => Err(ApplyError::Unacceptable),
                happened => Ok(happened.map_err(fault)?),
            };
        }
        self.execute("SAVEPOINT effect").await?;
        let before = self.batch.appended();
        let happened = self.happen(event, record, partition).await;
        if let Err(EffectError::Unacceptable { reason, detail }) = happened {
            self.execute("ROLLBACK TO effect").await?;
            self.batch.set_appended(before);
            self.execute("RELEASE effect").await?;
            let envelope = Some(Box::new(event.envelope().clone()));
            return self.bury(record, &Unreadable { reason, detail, envelope }).await;
        }
        happened.map_err(fault)?;
        self.execute("RELEASE effect").await
    }

    /// The effect of an event, unless it has happened.
    async fn happen(
        &mut self,
        event: &dyn Pending,
        record: &Record,
        partition: i64,
    ) -> Result<(), EffectError> {
        let envelope = event.envelope();
        if !rows::remember(self.batch.connection(), envelope.id, partition, record.offset).await? {
            self.done.repeats += 1;
            return Ok(());
        }
        let span = tracing::info_span!(
            "process",
            otel.kind = "consumer",
            messaging.system = "kafka",
            messaging.destination.name = %record.topic,
            ce_id = %envelope.id,
            trace_id = tracing::field::Empty,
        );
        telemetry::continue_trace(&span, envelope.traceparent.as_deref());
        telemetry::log_trace_id(&span);
        event.happen(self.batch).instrument(span).await.map_err(judged)?;
        self.book.applied(self.batch.connection(), envelope, place(record)).await?;
        *self.done.applied.entry(record.topic.clone()).or_default() += 1;
        Ok(())
    }

    async fn bury(&mut self, record: &Record, why: &Unreadable) -> Result<(), ApplyError> {
        let letter = Letter::of(record, why, self.membership, Timestamp::now());
        self.batch.bury(&letter).await?;
        self.book.buried(self.batch.connection(), why.envelope.as_deref(), place(record)).await?;
        self.done.letters.push(why.reason);
        Ok(())
    }

    async fn execute(&mut self, statement: &'static str) -> Result<(), ApplyError> {
        self.batch.connection().execute(statement).await?;
        Ok(())
    }
}

fn place(record: &Record) -> Place<'_> {
    Place { topic: &record.topic, partition: record.partition, offset: record.offset }
}

/// A row that breaks the tables' rules, or one that cannot be read, is the event's affair: no later attempt mends it.
fn judged(error: EffectError) -> EffectError {
    let lasting = match &error {
        EffectError::Sql(sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. }) => true,
        EffectError::Sql(sqlx::Error::Database(error)) => {
            error.is_unique_violation() || error.is_foreign_key_violation() || error.is_check_violation()
        }
        _ => false,
    };
    if lasting {
        EffectError::Unacceptable { reason: "EffectFailed", detail: error.to_string() }
    } else {
        error
    }
}

/// What is wrong with the database or the outbox, and not with a record.
fn fault(error: EffectError) -> ApplyError {
    match error {
        EffectError::Unacceptable { .. } => ApplyError::Unacceptable,
        EffectError::Outbox(error) => ApplyError::Outbox(error),
        EffectError::Sql(error) => ApplyError::Sql(error),
    }
}
