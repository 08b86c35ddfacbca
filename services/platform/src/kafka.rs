//! What services and tools need of the Kafka client: the relay's producer, logs, and whether a topic is there.

mod detached;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use prometheus::IntGauge;
use rdkafka::{
    ClientConfig, ClientContext, Statistics,
    client::Client,
    config::{FromClientConfigAndContext, RDKafkaLogLevel},
    consumer::ConsumerContext,
    error::KafkaError,
    producer::FutureProducer,
};

pub use detached::Detached;

use crate::metrics::Metrics;

/// How long a question about a topic may take.
const METADATA_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a client may hear of no broker before another takes its place. A restart takes a lab's Kafka half of it.
const SILENCE: Duration = Duration::from_secs(30);
/// Between two looks whether a client hears of one, and how long a look may take.
const LOOK: Duration = Duration::from_secs(5);
const LOOK_TIME: Duration = Duration::from_secs(2);

/// Gauges that librdkafka's statistics feed. A broker count and two sums: nothing grows with topics or brokers.
#[derive(Debug, Clone)]
pub struct ProducerGauges {
    queued_messages: IntGauge,
    queued_bytes: IntGauge,
    brokers_up: IntGauge,
}

impl ProducerGauges {
    pub fn new(metrics: &Metrics) -> Self {
        Self {
            queued_messages: metrics
                .gauge("kafka_producer_queue_messages", "Messages waiting in the Kafka client."),
            queued_bytes: metrics.gauge("kafka_producer_queue_bytes", "Bytes waiting in the Kafka client."),
            brokers_up: metrics
                .gauge("kafka_producer_brokers_up", "Brokers that the Kafka client is connected to."),
        }
    }
}

/// Feeds the gauges and writes librdkafka's log lines into ours.
#[derive(Debug, Clone)]
pub struct ProducerContext {
    gauges: ProducerGauges,
}

impl ClientContext for ProducerContext {
    fn stats(&self, statistics: Statistics) {
        let up =
            statistics.brokers.values().filter(|broker| broker.nodeid >= 0 && broker.state == "UP").count();
        self.gauges.queued_messages.set(i64::try_from(statistics.msg_cnt).unwrap_or(i64::MAX));
        self.gauges.queued_bytes.set(i64::try_from(statistics.msg_size).unwrap_or(i64::MAX));
        self.gauges.brokers_up.set(i64::try_from(up).unwrap_or(i64::MAX));
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "Kafka client");
    }
}

/// For tools and observers: librdkafka's log lines go where ours go, and a broker that is away, of which it tells at every
/// attempt, is no news.
#[derive(Debug)]
pub struct QuietContext;

impl ClientContext for QuietContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "Kafka client");
    }
}

impl ConsumerContext for QuietContext {}

/// One of librdkafka's log lines, at our level.
pub(crate) fn log_line(level: RDKafkaLogLevel, facility: &str, message: &str) {
    // A connection that fails is told by the error callback too.
    if facility == "FAIL" {
        tracing::debug!(facility, message, "librdkafka");
        return;
    }
    match level {
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error
        | RDKafkaLogLevel::Warning => tracing::warn!(facility, message, "librdkafka"),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => tracing::info!(facility, message, "librdkafka"),
        RDKafkaLogLevel::Debug => tracing::debug!(facility, message, "librdkafka"),
    }
}

/// What every client of the lab's Kafka is set to, so that it finds a broker again within seconds of its return.
///
/// A connection that is being made while a broker's pod is replaced can be on its way to an address that is gone, and would
/// hear nothing for the 30 s that librdkafka waits by default. Between attempts the pause grows to 2 s, not to 10.
pub fn client(bootstrap_servers: &str, id: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap_servers)
        .set("client.id", id)
        .set("socket.connection.setup.timeout.ms", "5000")
        .set("reconnect.backoff.max.ms", "2000")
        .set_log_level(RDKafkaLogLevel::Warning);
    config
}

/// A consumer that is told its partitions and commits nothing. The client demands a group all the same; it joins none.
pub fn reader(bootstrap_servers: &str, id: &str) -> ClientConfig {
    let mut config = client(bootstrap_servers, id);
    config.set("group.id", id).set("enable.auto.commit", "false").set("auto.offset.reset", "earliest");
    config
}

/// Bytes that a client which follows topics takes of a partition at a time.
const FETCH: usize = 128 * 1024;
/// Bytes of a batch at most. Of a batch that is larger than [`FETCH`], a broker hands out nothing unless its partition comes
/// first in the answer: a consumer that catches up would read one partition to its end, then the next, and hear of effects
/// long before causes.
const BATCH: usize = FETCH / 2;

/// For a client that follows topics, however far behind it is: some batches are fetched ahead, and no more memory is taken;
/// the next are asked for as soon as there is room, where by default a second goes by.
pub(crate) fn fetch_ahead(config: &mut ClientConfig) -> &mut ClientConfig {
    config
        .set("queued.max.messages.kbytes", "512")
        .set("fetch.message.max.bytes", FETCH.to_string())
        .set("fetch.queue.backoff.ms", "5")
}

/// A client of these settings: every one is made here, so that nobody waits for its end.
pub fn create<C, T>(config: &ClientConfig, context: C) -> Result<Detached<T>, KafkaError>
where
    C: ClientContext,
    T: FromClientConfigAndContext<C> + Send + 'static,
{
    config.create_with_context(context).map(Detached::new)
}

pub type Producer = Arc<Detached<FutureProducer<ProducerContext>>>;

/// A producer that neither loses, doubles nor reorders within its own life.
///
/// - `enable.idempotence` with `acks=all`: retries inside the client make no repeats and keep the order.
/// - `message.timeout.ms=0`: a message waits for the broker as long as it takes. The default of five minutes would
///   let a long outage fail message k and deliver k+1.
/// - `linger.ms`: the relay hands over a batch at once, and nothing more comes before it is confirmed; the client waits just
///   long enough not to send the first row alone.
/// - `batch.size`: what a consumer can take at a time ([`BATCH`]).
/// - The client's queue is bounded well above one relay batch, so it is never what refuses.
pub fn producer(bootstrap_servers: &str, gauges: ProducerGauges) -> Result<Producer, KafkaError> {
    let mut config = client(bootstrap_servers, "edalab-relay");
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("message.timeout.ms", "0")
        .set("linger.ms", "1")
        .set("batch.size", BATCH.to_string())
        .set("compression.type", "none")
        // A dead letter holds a whole record and more.
        .set("message.max.bytes", "2097152")
        .set("queue.buffering.max.messages", "10000")
        .set("queue.buffering.max.kbytes", "16384")
        .set("statistics.interval.ms", "5000");
    create(&config, ProducerContext { gauges }).map(Arc::new)
}

/// Whether a client still hears of a broker. Where one that starts or is in distress told that its cluster has none,
/// librdkafka drops every address, those that it began with too, and looks for no other for as long as it lives
/// (confluentinc/librdkafka issue 5301): only another client finds the broker that came back.
#[derive(Debug)]
pub struct Hearing {
    last: Instant,
}

impl Hearing {
    pub fn begin() -> Self {
        Self { last: Instant::now() }
    }

    /// Takes note of a look. Whether the client has heard nothing for so long that another must take its place.
    pub fn is_lost(&mut self, heard: bool) -> bool {
        if heard {
            self.last = Instant::now();
        }
        self.last.elapsed() >= SILENCE
    }
}

/// Whether the client hears of a broker now. It blocks for at most two seconds.
pub(crate) fn hears<C: ClientContext>(client: &Client<C>, topic: &str) -> bool {
    client.fetch_metadata(Some(topic), LOOK_TIME).is_ok_and(|metadata| !metadata.brokers().is_empty())
}

/// Ends when a client must be replaced, by looks of [`hears`].
pub(crate) async fn falls_silent(look: impl Fn() -> bool + Clone + Send + 'static) {
    let mut hearing = Hearing::begin();
    loop {
        tokio::time::sleep(LOOK).await;
        let heard = tokio::task::spawn_blocking(look.clone()).await.unwrap_or(false);
        if hearing.is_lost(heard) {
            return;
        }
    }
}

/// Whether the topic exists. It blocks for at most five seconds.
pub fn topic_exists<C: ClientContext>(client: &Client<C>, topic: &str) -> Result<bool, KafkaError> {
    let metadata = client.fetch_metadata(Some(topic), METADATA_TIMEOUT)?;
    Ok(metadata.topics().iter().any(|found| found.name() == topic && !found.partitions().is_empty()))
}
