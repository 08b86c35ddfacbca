//! The relay: publishes the outbox's rows in order, and marks them once the broker has confirmed.
//!
//! A process that is killed between confirmation and mark publishes those rows again, with the same `ce_id` and
//! `ce_sequence`: at most one batch of them.

mod letters;

use std::{
    collections::{HashMap, HashSet},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use futures::future::join_all;
use prometheus::{IntCounter, IntCounterVec, IntGauge};
use rdkafka::{
    error::KafkaError,
    message::{Header, OwnedHeaders},
    producer::{FutureRecord, Producer as _, PurgeConfig},
};
use schemas::{SchemaId, wire};
use sqlx::SqlitePool;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{
    Outbox, OutboxError,
    rows::{self, Stored},
};
use crate::{
    backoff::Backoff,
    crash,
    kafka::{self, Producer, ProducerGauges},
    metrics::Metrics,
    registry::{RegistryClient, RegistryError},
    store::{Store, WriteError, Writer},
    telemetry,
};

/// Rows that are handed to Kafka before any is marked: the most that a killed process repeats.
const BATCH: u16 = 500;
/// From the beginning of one batch to that of the next, at least: under load, fewer and larger ones cost less, and nobody
/// who waits for an event sees so little. An event that comes alone is published at once.
const PACE: Duration = Duration::from_millis(20);
/// How long a stopping service goes on publishing what is stored; the rest waits for the next start.
const DRAIN: Duration = Duration::from_secs(5);

/// Why rows could not be published for now. The relay tries again for ever; the backlog tells.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error("topic {topic} does not exist (the operator creates it)")]
    NoTopic { topic: String },
    #[error("Kafka: {0}")]
    Kafka(#[from] KafkaError),
    #[error("Kafka did not take a dead letter: {0}")]
    Letter(KafkaError),
    #[error("dead letters cannot be removed: {0}")]
    Remove(#[from] WriteError<sqlx::Error>),
    #[error("Kafka did not take row {number} to {topic}: {source}")]
    Delivery { number: i64, topic: String, source: KafkaError },
    #[error("the outbox cannot be read: {0}")]
    Read(sqlx::Error),
    #[error("the mark cannot be moved: {0}")]
    Mark(#[from] WriteError<OutboxError>),
}

impl RelayError {
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Registry(error) => error.reason(),
            Self::NoTopic { .. } => "TopicMissing",
            Self::Kafka(_) => "KafkaUnreachable",
            Self::Delivery { .. } | Self::Letter(_) => "DeliveryFailed",
            Self::Read(_) => "OutboxUnreadable",
            Self::Mark(_) | Self::Remove(_) => "MarkFailed",
        }
    }
}

#[derive(Debug)]
struct RelayMetrics {
    published: IntCounter,
    repeats: IntCounter,
    failures: IntCounterVec,
    oldest: IntGauge,
}

/// Publishes one service's outbox.
#[expect(missing_debug_implementations, reason = "the Kafka client has no Debug")]
pub struct Relay {
    outbox: Outbox,
    writer: Writer,
    readers: SqlitePool,
    registry: Arc<RegistryClient>,
    /// The registry's ids, by the rows of the schemas.
    schemas: HashMap<i64, SchemaId>,
    bootstrap_servers: String,
    /// CloudEvents `source`.
    source: String,
    connection: Option<Connection>,
    gauges: ProducerGauges,
    metrics: RelayMetrics,
    /// The last row that may be on its topic already, because this process or the one before handed it over.
    maybe_sent: i64,
    /// The last row, and the last letter, that the broker has confirmed to this process. Where a mark cannot be written,
    /// it is the mark that is tried again: a full disk must not fill the topic with repeats.
    delivered: i64,
    delivered_letter: i64,
}

/// A producer and the topics that it has seen.
struct Connection {
    producer: Producer,
    topics: HashSet<String>,
}

impl Relay {
    pub fn new(
        store: &Store,
        registry: Arc<RegistryClient>,
        bootstrap_servers: &str,
        source: String,
        metrics: &Metrics,
    ) -> Self {
        let progress = store.outbox.appended();
        // The process before may have been killed with one batch confirmed and not marked.
        let maybe_sent = progress.last.min(progress.confirmed + i64::from(BATCH));
        if maybe_sent > progress.confirmed {
            tracing::info!(
                rows = maybe_sent - progress.confirmed,
                "the last process left rows unmarked; these may be published a second time"
            );
        }
        Self {
            outbox: store.outbox.clone(),
            writer: store.writer.clone(),
            readers: store.readers.clone(),
            registry,
            schemas: HashMap::new(),
            bootstrap_servers: bootstrap_servers.to_owned(),
            source,
            connection: None,
            gauges: ProducerGauges::new(metrics),
            metrics: RelayMetrics {
                published: metrics
                    .counter("outbox_relay_published_total", "Events that the broker has confirmed."),
                repeats: metrics.counter(
                    "outbox_relay_repeats_total",
                    "Events that were handed to Kafka although an earlier attempt may have published them.",
                ),
                failures: metrics.counters(
                    "outbox_relay_failures_total",
                    "Attempts to publish that failed, by reason.",
                    &["reason"],
                ),
                oldest: metrics.gauge(
                    "outbox_oldest_timestamp_milliseconds",
                    "When the oldest unconfirmed event happened, in milliseconds since 1970; 0 when none waits.",
                ),
            },
            maybe_sent,
            delivered: progress.confirmed,
            delivered_letter: 0,
        }
    }

    /// Publishes until told to stop and nothing is left, or a few seconds after it was told.
    pub async fn run(mut self, stop: CancellationToken) {
        let outbox = self.outbox.clone();
        let patience_ends = async {
            stop.cancelled().await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::select! {
            () = self.publish_until(&stop) => {}
            () = patience_ends => {}
        }
        tracing::info!(backlog = outbox.backlog(), "the relay has stopped");
    }

    async fn publish_until(&mut self, stop: &CancellationToken) {
        let mut progress = self.outbox.progress.subscribe();
        let mut backoff = Backoff::new();
        let mut pace = tokio::time::interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            tokio::select! {
                biased; // what is stored goes first, the wish to stop second
                _ = progress.wait_for(|progress| progress.anything_waits()) => {}
                () = stop.cancelled() => return,
            }
            let Err(error) = self.publish_next().await else {
                if backoff.succeeded() {
                    tracing::info!(backlog = self.outbox.backlog(), "publishing again");
                }
                continue;
            };
            self.metrics.failures.with_label_values(&[error.reason()]).inc();
            // The counter above goes on.
            if backoff.is_news(error.reason()) {
                tracing::warn!(reason = error.reason(), %error, backlog = self.outbox.backlog(), "cannot publish");
            }
            tokio::select! {
                () = tokio::time::sleep(backoff.pause()) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Publishes the next batch of events, and of letters.
    async fn publish_next(&mut self) -> Result<(), RelayError> {
        let events = self.publish_events().await;
        // Letters go without the registry, and the other way round.
        let letters = self.publish_letters().await;
        events.and(letters)
    }

    /// Publishes the next batch of events and marks it.
    async fn publish_events(&mut self) -> Result<(), RelayError> {
        let confirmed = self.outbox.appended().confirmed;
        if self.delivered > confirmed {
            return self.mark(self.delivered).await;
        }
        let rows = rows::after(&self.readers, confirmed, BATCH, &self.source).await;
        let rows = rows.map_err(RelayError::Read)?;
        self.metrics.oldest.set(rows.first().map_or(0, |row| row.envelope.time.as_millisecond()));
        if rows.is_empty() {
            return Ok(());
        }
        crash::pass(crash::COMMITTED);
        let ids = self.ids_of(&rows).await?;
        let producer = self.connect(rows.iter().map(|row| row.topic.as_str())).await?;
        let delivered = self.send(&producer, &rows, &ids).await;
        crash::pass(crash::CONFIRMED);
        self.mark_delivered(&rows, delivered).await?;
        self.metrics.oldest.set(0);
        Ok(())
    }

    /// The registry's id of each row's schema.
    async fn ids_of(&mut self, rows: &[Stored]) -> Result<Vec<SchemaId>, RelayError> {
        let mut ids = Vec::with_capacity(rows.len());
        for row in rows {
            if !self.schemas.contains_key(&row.schema) {
                let stored = rows::schema(&self.readers, row.schema).await;
                let (subject, schema) = stored.map_err(RelayError::Read)?;
                self.schemas.insert(row.schema, self.registry.id_of(&subject, &schema).await?);
            }
            ids.extend(self.schemas.get(&row.schema));
        }
        Ok(ids)
    }

    /// A producer that has seen every one of the topics: one that meets a missing topic gives up on a row after a
    /// while and could take the next one, out of order.
    async fn connect<'t>(&mut self, topics: impl Iterator<Item = &'t str>) -> Result<Producer, RelayError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(Connection {
                producer: kafka::producer(&self.bootstrap_servers, self.gauges.clone())?,
                topics: HashSet::new(),
            }),
        };
        for topic in topics {
            if !connection.topics.contains(topic) {
                let (producer, name) = (connection.producer.clone(), topic.to_owned());
                let asked =
                    tokio::task::spawn_blocking(move || kafka::topic_exists(producer.client(), &name)).await;
                match asked.unwrap_or(Err(KafkaError::Canceled)) {
                    Ok(true) => drop(connection.topics.insert(topic.to_owned())),
                    Ok(false) => return Err(RelayError::NoTopic { topic: topic.to_owned() }),
                    Err(error) => {
                        self.connection = None;
                        return Err(error.into());
                    }
                }
            }
        }
        Ok(connection.producer.clone())
    }

    /// Hands all rows to the producer, and waits for all answers, in the rows' order.
    async fn send(
        &mut self,
        producer: &Producer,
        rows: &[Stored],
        ids: &[SchemaId],
    ) -> Vec<Result<(), KafkaError>> {
        let mut refused = None;
        let mut pending = Vec::with_capacity(rows.len());
        for (row, id) in rows.iter().zip(ids) {
            if row.number() <= self.maybe_sent {
                self.metrics.repeats.inc();
            }
            let span = publish_span(row);
            let value = wire::frame(*id, &row.body);
            let record = FutureRecord::to(&row.topic)
                .key(&row.envelope.subject)
                .payload(&value)
                .timestamp(row.envelope.time.as_millisecond())
                .headers(headers(row));
            match producer.send_result(record) {
                Ok(delivery) => pending.push(delivery.instrument(span)),
                // What follows a row that was not taken stays behind it.
                Err((error, _)) => {
                    refused = Some(Err(error));
                    break;
                }
            }
            self.maybe_sent = self.maybe_sent.max(row.number());
        }
        let topic = rows.first().map_or("", |row| &row.topic);
        let mut answers = answers(producer, topic, pending).await;
        answers.extend(refused);
        answers
    }

    async fn mark(&self, up_to: i64) -> Result<(), RelayError> {
        Ok(self.writer.run(move |batch| Box::pin(async move { batch.confirm(up_to).await })).await?)
    }

    /// Marks the rows before the first one that failed. After a failure the producer is replaced: an idempotent
    /// one that has lost a message refuses everything after it.
    async fn mark_delivered(
        &mut self,
        rows: &[Stored],
        answers: Vec<Result<(), KafkaError>>,
    ) -> Result<(), RelayError> {
        let confirmed = answers.iter().take_while(|answer| answer.is_ok()).count();
        if let Some(last) = rows[..confirmed].last() {
            self.delivered = last.number();
            self.metrics.published.inc_by(confirmed as u64);
            self.mark(self.delivered).await?;
        }
        match answers.into_iter().nth(confirmed) {
            None => Ok(()),
            Some(answer) => {
                self.connection = None;
                let row = &rows[confirmed];
                let source = answer.err().unwrap_or(KafkaError::Canceled);
                Err(RelayError::Delivery { number: row.number(), topic: row.topic.clone(), source })
            }
        }
    }
}

type Answer =
    Result<rdkafka::producer::future_producer::OwnedDeliveryResult, futures::channel::oneshot::Canceled>;

/// Waits for all answers, as long as the producer hears of a broker. One that does not any more gives up what it has, and
/// each answer says so: as after a kill, rows may be published again.
async fn answers(
    producer: &Producer,
    topic: &str,
    pending: Vec<impl Future<Output = Answer>>,
) -> Vec<Result<(), KafkaError>> {
    let (asked, topic) = (producer.clone(), topic.to_owned());
    let silence = kafka::falls_silent(move || kafka::hears(asked.client(), &topic));
    let mut pending = pin!(join_all(pending));
    let answers = tokio::select! {
        answers = &mut pending => answers,
        () = silence => {
            tracing::warn!("the producer hears of no broker; another takes its place");
            producer.purge(PurgeConfig::default().queue().inflight());
            pending.await
        }
    };
    delivered(answers)
}

fn delivered(answers: Vec<Answer>) -> Vec<Result<(), KafkaError>> {
    let flatten = |answer: Answer| match answer {
        Ok(Ok(_)) => Ok(()),
        Ok(Err((error, _))) => Err(error),
        Err(_) => Err(KafkaError::Canceled),
    };
    answers.into_iter().map(flatten).collect()
}

fn headers(row: &Stored) -> OwnedHeaders {
    row.envelope
        .headers()
        .iter()
        .fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: Some(value) }))
}

/// A span that lasts until the broker has confirmed the row, under the command's own.
fn publish_span(row: &Stored) -> tracing::Span {
    let span = tracing::debug_span!(
        "publish",
        otel.kind = "producer",
        messaging.system = "kafka",
        messaging.destination.name = %row.topic,
        ce_id = %row.envelope.id,
        trace_id = tracing::field::Empty,
    );
    telemetry::continue_trace(&span, row.envelope.traceparent.as_deref());
    telemetry::log_trace_id(&span);
    span
}
