//! One batch, one transaction: inbox, effects, letters and offsets, all of them or none.

use std::{
    collections::{BTreeMap, HashMap, btree_map::Entry},
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use schemas::CloudEvent;
use sqlx::Executor as _;
use tracing::Instrument as _;

use super::{
    EffectError, Membership, Position,
    dead_letter::Letter,
    handlers::{Handlers, Pending},
    metrics::ConsumerMetrics,
    pace::Pace,
    prepare::{Prepared, Unreadable, prepare},
    rows::{self, Progress},
};
use crate::{
    backoff::Backoff,
    crash,
    ledger::{Book, Place},
    outbox::OutboxError,
    record::Record,
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
    pace: Pace,
    metrics: ConsumerMetrics,
    /// The ledger as the last transaction has left it; nothing where one was not committed.
    book: Mutex<Option<Book>>,
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
    /// A record is a repeat, or its effect was refused for good: the batch is tried again, each record on its own.
    #[error("the batch cannot be applied in one")]
    NotTogether,
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
    /// All of a topic at once. That every record is new and acceptable is believed, and found out; if one is not, the
    /// whole is taken back.
    Together,
    /// One after the other, each behind a savepoint of its own; a refused one becomes a letter.
    Apart,
}

/// What a transaction did.
#[derive(Debug, Default)]
struct Done {
    /// When the events were made that were applied, by topic.
    applied: HashMap<String, Vec<Timestamp>>,
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
        pace: Pace,
        metrics: ConsumerMetrics,
    ) -> Self {
        Self {
            handlers,
            registry,
            writer: store.writer.clone(),
            position: store.position.clone(),
            membership: membership.clone(),
            pace,
            metrics,
            book: Mutex::new(None),
        }
    }

    pub(super) fn topics(&self) -> Vec<&'static str> {
        self.handlers.topics().map(schemas::TopicName::as_str).collect()
    }

    pub(super) fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Whether records are to be taken one by one.
    pub(super) fn is_slow(&self) -> bool {
        self.pace.is_slow()
    }

    /// Reads a batch, however often it takes: what its records hold, without those that were dealt with.
    pub(super) async fn prepare(self: Arc<Self>, mut records: Vec<Record>) -> Arc<Prepared> {
        let fetched = records.len();
        records.retain(|record| !self.position.has_passed(record.topic(), record.partition, record.offset));
        self.metrics.redelivered.inc_by((fetched - records.len()) as u64);
        let records = Arc::new(records);
        let mut attempts = Attempts::new(&self.metrics, records.len());
        loop {
            match prepare(Arc::clone(&records), &self.handlers, &self.registry).await {
                Ok(prepared) => {
                    attempts.succeeded();
                    return Arc::new(prepared);
                }
                Err(error) => attempts.failed(&error.into()).await,
            }
        }
    }

    /// Applies a batch, however often it takes. Returns where its partitions are to be read on.
    pub(super) async fn apply(&self, prepared: Arc<Prepared>) -> Next {
        self.pace.wait(prepared.len()).await;
        let mut attempts = Attempts::new(&self.metrics, prepared.len());
        loop {
            let mut done = self.transact(&prepared, Care::Together).await;
            if let Err(WriteError::Refused(ApplyError::NotTogether)) = done {
                done = self.transact(&prepared, Care::Apart).await;
            }
            match done {
                Ok(done) => {
                    attempts.succeeded();
                    crash::pass(crash::APPLIED);
                    self.count(&done, prepared.len());
                    self.position.moved(done.next.clone());
                    return done.next;
                }
                Err(error) => attempts.failed(&error.into()).await,
            }
        }
    }

    async fn transact(&self, prepared: &Arc<Prepared>, care: Care) -> Result<Done, WriteError<ApplyError>> {
        let (prepared, membership) = (Arc::clone(prepared), self.membership.clone());
        let book = self.book().take().unwrap_or_default();
        let work = self.writer.run(move |batch| {
            Box::pin(async move {
                let done = Done::default();
                let mut transaction = Transaction { batch, care, membership: &membership, book, done };
                transaction.run(&prepared).await?;
                let Transaction { batch, mut book, done, .. } = transaction;
                book.store(batch.connection().await?).await?;
                Ok((book, done))
            })
        });
        let (book, done) = work.await?;
        *self.book() = Some(book);
        Ok(done)
    }

    /// A thread that panicked with the lock held left a whole book behind, or none.
    fn book(&self) -> MutexGuard<'_, Option<Book>> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, done: &Done, records: usize) {
        #[allow(clippy::cast_precision_loss)] // a thousand at most
        self.metrics.batch.observe(records as f64);
        let now = Timestamp::now();
        for (topic, made) in &done.applied {
            self.metrics.applied.with_label_values(&[topic]).inc_by(made.len() as u64);
            let age = self.metrics.age.with_label_values(&[topic]);
            for made in made {
                age.observe(now.duration_since(*made).as_secs_f64().max(0.0));
            }
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

/// What is tried until it succeeds: nothing is wrong with the records.
struct Attempts<'m> {
    metrics: &'m ConsumerMetrics,
    records: usize,
    backoff: Backoff,
}

impl<'m> Attempts<'m> {
    const fn new(metrics: &'m ConsumerMetrics, records: usize) -> Self {
        Self { metrics, records, backoff: Backoff::new() }
    }

    async fn failed(&mut self, error: &BatchError) {
        self.metrics.failures.with_label_values(&[error.reason()]).inc();
        if self.backoff.is_news(error.reason()) {
            tracing::warn!(reason = error.reason(), %error, records = self.records, "a batch waits");
        }
        tokio::time::sleep(self.backoff.pause()).await;
    }

    fn succeeded(&mut self) {
        if self.backoff.succeeded() {
            tracing::info!(records = self.records, "consuming again");
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
        let mut partitions = BTreeMap::new();
        match self.care {
            Care::Together => self.together(prepared, &mut partitions).await?,
            Care::Apart => self.apart(prepared, &mut partitions).await?,
        }
        for ((topic, partition), progress) in partitions {
            rows::advance(self.batch.connection().await?, progress).await?;
            self.done.next.insert((topic.to_owned(), partition), progress.next_offset);
        }
        Ok(())
    }

    async fn together<'p>(
        &mut self,
        prepared: &'p Prepared,
        partitions: &mut BTreeMap<(&'p str, i32), Progress>,
    ) -> Result<(), ApplyError> {
        let mut inbox = Vec::with_capacity(prepared.len());
        for (record, content) in prepared.iter() {
            let progress = self.progress(record, partitions).await?;
            if record.offset < progress.next_offset {
                return Err(ApplyError::NotTogether);
            }
            progress.next_offset = record.offset + 1;
            match content {
                Ok(index) => {
                    let id = prepared.beside(record).envelope(*index).id;
                    inbox.push(rows::Remembered { event: id, partition: progress.id, offset: record.offset });
                }
                Err(unreadable) => self.bury(record, unreadable).await?,
            }
        }
        if !rows::remember(self.batch.connection().await?, &inbox).await? {
            return Err(ApplyError::NotTogether);
        }
        for (topic, events) in prepared.events() {
            match self.happen(topic, events, 0..events.len()).await {
                Err(EffectError::Unacceptable { .. }) => return Err(ApplyError::NotTogether),
                happened => happened.map_err(fault)?,
            }
        }
        for (record, content) in prepared.iter() {
            if let Ok(index) = content {
                self.applied(record, prepared.beside(record).envelope(*index)).await?;
            }
        }
        Ok(())
    }

    async fn apart<'p>(
        &mut self,
        prepared: &'p Prepared,
        partitions: &mut BTreeMap<(&'p str, i32), Progress>,
    ) -> Result<(), ApplyError> {
        for (record, content) in prepared.iter() {
            let progress = self.progress(record, partitions).await?;
            if record.offset < progress.next_offset {
                self.done.redelivered += 1;
                continue;
            }
            progress.next_offset = record.offset + 1;
            let partition = progress.id;
            match content {
                Ok(index) => self.take(record, prepared.beside(record), *index, partition).await?,
                Err(unreadable) => self.bury(record, unreadable).await?,
            }
        }
        Ok(())
    }

    /// Deals with one event that was not dealt with before, or with a repeat of one.
    async fn take(
        &mut self,
        record: &Record,
        events: &dyn Pending,
        index: usize,
        partition: i64,
    ) -> Result<(), ApplyError> {
        let envelope = events.envelope(index);
        let row = rows::Remembered { event: envelope.id, partition, offset: record.offset };
        self.execute("SAVEPOINT effect").await?;
        let before = self.batch.appended();
        let happened = if rows::remember(self.batch.connection().await?, &[row]).await? {
            self.happen(record.topic(), events, index..index + 1).await.map(|()| true)
        } else {
            Ok(false)
        };
        if let Err(EffectError::Unacceptable { reason, detail }) = happened {
            self.execute("ROLLBACK TO effect").await?;
            self.batch.take_back(before);
            self.execute("RELEASE effect").await?;
            let envelope = Some(Box::new(envelope.clone()));
            return self.bury(record, &Unreadable { reason, detail, envelope }).await;
        }
        if happened.map_err(fault)? {
            self.applied(record, envelope).await?;
        } else {
            self.done.repeats += 1;
        }
        self.execute("RELEASE effect").await
    }

    /// The effect of events of a topic.
    async fn happen(
        &mut self,
        topic: &str,
        events: &dyn Pending,
        which: Range<usize>,
    ) -> Result<(), EffectError> {
        let span = tracing::info_span!(
            "process",
            otel.kind = "consumer",
            messaging.system = "kafka",
            messaging.destination.name = %topic,
            messaging.batch.message_count = which.len(),
            trace_id = tracing::field::Empty,
        );
        let traces = which.clone().map(|index| events.envelope(index).traceparent.as_deref());
        telemetry::continue_traces(&span, traces);
        telemetry::log_trace_id(&span);
        events.happen(which, self.batch).instrument(span).await.map_err(judged)
    }

    async fn applied(&mut self, record: &Record, envelope: &CloudEvent) -> Result<(), ApplyError> {
        self.book.applied(self.batch.connection().await?, envelope, place(record)).await?;
        match self.done.applied.get_mut(record.topic()) {
            Some(made) => made.push(envelope.time),
            None => drop(self.done.applied.insert(record.topic().to_owned(), vec![envelope.time])),
        }
        Ok(())
    }

    /// How far the record's partition has come.
    async fn progress<'m, 'p>(
        &mut self,
        record: &'p Record,
        partitions: &'m mut BTreeMap<(&'p str, i32), Progress>,
    ) -> Result<&'m mut Progress, ApplyError> {
        Ok(match partitions.entry((record.topic(), record.partition)) {
            Entry::Occupied(found) => found.into_mut(),
            Entry::Vacant(place) => {
                let connection = self.batch.connection().await?;
                place.insert(rows::progress(connection, record.topic(), record.partition).await?)
            }
        })
    }

    async fn bury(&mut self, record: &Record, why: &Unreadable) -> Result<(), ApplyError> {
        let letter = Letter::of(record, why, self.membership, Timestamp::now());
        self.batch.bury(&letter).await?;
        self.book.buried(self.batch.connection().await?, why.envelope.as_deref(), place(record)).await?;
        self.done.letters.push(why.reason);
        Ok(())
    }

    async fn execute(&mut self, statement: &'static str) -> Result<(), ApplyError> {
        self.batch.connection().await?.execute(statement).await?;
        Ok(())
    }
}

fn place(record: &Record) -> Place<'_> {
    Place { topic: record.topic(), partition: record.partition, offset: record.offset }
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
        EffectError::Unacceptable { .. } => ApplyError::NotTogether,
        EffectError::Outbox(error) => ApplyError::Outbox(error),
        EffectError::Sql(error) => ApplyError::Sql(error),
    }
}
