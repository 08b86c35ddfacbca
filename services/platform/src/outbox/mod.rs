//! The outbox: an event is stored in the transaction that made it true, and published afterwards, in order.

mod letters;
mod relay;
mod rows;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use prometheus::IntGauge;
use schemas::{EncodeError, Event, EventId, TopicName};
use sqlx::SqliteConnection;
use tokio::sync::watch;

pub use relay::{Relay, RelayError};

use crate::{consumer::Letter, metrics::Metrics, store::together, telemetry};

/// Published rows that are kept, for people who look. Everything older is removed as new rows are confirmed.
const KEEP: i64 = 1_000;

/// Why an event cannot be put into the outbox.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    #[error("{capacity} events wait for the broker already")]
    Full { capacity: i64 },
    #[error("the catalogue has no schema for topic {topic}")]
    NoSchema { topic: TopicName },
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
}

impl OutboxError {
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Full { .. } => "OutboxFull",
            Self::NoSchema { .. } => "NoSchema",
            Self::Sql(_) => "DatabaseError",
        }
    }
}

/// An event on its way out, already encoded.
#[derive(Debug, Clone)]
pub struct Outgoing {
    id: EventId,
    event_type: &'static str,
    topic: TopicName,
    key: String,
    occurred_at: Timestamp,
    traceparent: Option<String>,
    body: Vec<u8>,
}

impl Outgoing {
    /// Encodes the event and gives it its id. It is traced as part of the current span.
    pub fn new<E: Event>(event: &E) -> Result<Self, EncodeError> {
        Ok(Self {
            id: EventId::generate(),
            event_type: E::TYPE,
            topic: E::TOPIC,
            key: event.key(),
            occurred_at: event.occurred_at(),
            traceparent: telemetry::current_traceparent(),
            body: schemas::encode(event)?,
        })
    }
}

/// An event that has its number, and is not in the database yet.
#[derive(Debug)]
pub(crate) struct Queued {
    number: i64,
    event: Outgoing,
    schema: i64,
}

/// How far things have come, by row number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Appended {
    /// The last row that is stored.
    last: i64,
    /// The last row that the broker has confirmed.
    confirmed: i64,
    /// Dead letters that wait for the broker.
    letters: i64,
}

impl Appended {
    /// Whether the relay has something to do.
    const fn anything_waits(self) -> bool {
        self.last > self.confirmed || self.letters > 0
    }
}

/// What writer, relay and readiness know of the outbox. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outbox {
    progress: Arc<watch::Sender<Appended>>,
    schema_rows: Arc<HashMap<TopicName, i64>>,
    capacity: i64,
    backlog: IntGauge,
    letters: IntGauge,
}

impl Outbox {
    /// Reads where the last process stopped, and stores the schemas that rows will refer to.
    pub(crate) async fn open(
        connection: &mut SqliteConnection,
        capacity: u32,
        metrics: &Metrics,
    ) -> Result<Self, OutboxError> {
        let mut schema_rows = HashMap::new();
        for subject in schemas::subjects() {
            let row = rows::intern_schema(connection, &subject.name, subject.schema).await?;
            schema_rows.insert(subject.topic, row);
        }
        for topic in schema_rows.keys() {
            rows::number_topic(connection, *topic).await?;
        }
        let (last, confirmed) = rows::progress(connection).await?;
        let waiting = letters::count(connection).await?;
        let backlog =
            metrics.gauge("outbox_backlog", "Events that are stored and not yet confirmed by the broker.");
        metrics.gauge("outbox_capacity", "Backlog at which commands are refused.").set(i64::from(capacity));
        let letters = metrics.gauge(
            "outbox_dead_letters",
            "Dead letters that are stored and not yet confirmed by the broker.",
        );
        backlog.set(last - confirmed);
        letters.set(waiting);
        Ok(Self {
            progress: Arc::new(watch::Sender::new(Appended { last, confirmed, letters: waiting })),
            schema_rows: Arc::new(schema_rows),
            capacity: i64::from(capacity),
            backlog,
            letters,
        })
    }

    /// Events that wait for the broker.
    pub fn backlog(&self) -> i64 {
        let progress = *self.progress.borrow();
        progress.last - progress.confirmed
    }

    /// Whether one more event would be taken.
    pub fn has_room(&self) -> bool {
        self.backlog() < self.capacity
    }

    /// Progress as it is durable now.
    pub(crate) fn appended(&self) -> Appended {
        *self.progress.borrow()
    }

    /// Tells the relay and readiness what a COMMIT has made durable.
    pub(crate) fn committed(&self, appended: Appended) {
        self.backlog.set(appended.last - appended.confirmed);
        self.letters.set(appended.letters);
        self.progress.send_if_modified(|progress| {
            let changed = *progress != appended;
            *progress = appended;
            changed
        });
    }

    /// Gives an event its number, where there is room for it. [`Self::store`] puts it into the database, before the commit.
    pub(crate) fn queue(&self, appended: &mut Appended, event: Outgoing) -> Result<Queued, OutboxError> {
        if appended.last - appended.confirmed >= self.capacity {
            return Err(OutboxError::Full { capacity: self.capacity });
        }
        let schema = self.schema_rows.get(&event.topic);
        let schema = *schema.ok_or(OutboxError::NoSchema { topic: event.topic })?;
        appended.last += 1;
        Ok(Queued { number: appended.last, event, schema })
    }

    /// Stores queued events, in few statements.
    pub(crate) async fn store(
        connection: &mut SqliteConnection,
        events: &[Queued],
    ) -> Result<(), sqlx::Error> {
        for events in together(events) {
            let last = rows::insert(connection, events).await?;
            debug_assert_eq!(Some(last), events.last().map(|event| event.number), "numbers are dense");
        }
        Ok(())
    }

    /// Letters are not counted against the capacity: a topic full of poison must not keep commands out, and one that
    /// could not be stored would hold up its partition.
    pub(crate) async fn bury(
        &self,
        connection: &mut SqliteConnection,
        appended: &mut Appended,
        letter: &Letter,
    ) -> Result<(), sqlx::Error> {
        letters::insert(connection, letter).await?;
        appended.letters += 1;
        Ok(())
    }

    pub(crate) async fn sent_letters(
        &self,
        connection: &mut SqliteConnection,
        appended: &mut Appended,
        up_to: i64,
    ) -> Result<(), sqlx::Error> {
        appended.letters -= letters::remove(connection, up_to).await?;
        Ok(())
    }

    pub(crate) async fn mark(
        &self,
        connection: &mut SqliteConnection,
        appended: &mut Appended,
        up_to: i64,
    ) -> Result<(), OutboxError> {
        rows::confirm(connection, up_to).await?;
        rows::prune(connection, up_to - KEEP).await?;
        appended.confirmed = up_to;
        Ok(())
    }
}
