//! A lab's control channel, through its Kafka: the record on `edalab.control`, and the answers on `edalab.control-ack`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use prometheus::IntGauge;
use rdkafka::{
    ClientConfig, ClientContext, Message, Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{Consumer, ConsumerContext, StreamConsumer},
    error::{KafkaError, RDKafkaErrorCode},
    message::BorrowedMessage,
    producer::{FutureProducer, FutureRecord, Producer as _},
};
use schemas::{
    TopicName,
    control::{Control, ControlAck, KEY},
    topics,
};
use serde::de::DeserializeOwned;

use crate::{kafka, metrics::Metrics};

/// How long Kafka may take to hand out what is on the topic.
const OPEN: Duration = Duration::from_secs(10);
/// How long a record may take to be on the topic.
const PUBLISH: Duration = Duration::from_secs(5);
/// How long a look may take, during which nothing is said.
const LOOK: Duration = Duration::from_secs(2);
/// How long Kafka may give no answer before other clients take the place of these.
const SILENCE: Duration = Duration::from_secs(30);
/// Both topics have one partition.
const PARTITION: i32 = 0;

/// Why nothing can be said or heard.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("Kafka at {bootstrap} does not answer within {} s", OPEN.as_secs())]
    Unreachable { bootstrap: String },
    #[error("the topic {topic} is not there yet")]
    NoTopic { topic: TopicName },
    #[error("Kafka does not take the record: {0}")]
    Publish(#[source] KafkaError),
    #[error("Kafka: {0}")]
    Client(#[from] KafkaError),
    #[error("Kafka has not answered for {} s", SILENCE.as_secs())]
    Silent,
    #[error("the record is not on {} any more; it is brought there again", topics::CONTROL)]
    Lost,
}

impl Error {
    /// One word for conditions, Events and metrics.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } | Self::Silent => "KafkaUnreachable",
            Self::NoTopic { .. } => "WaitingForTopics",
            Self::Publish(_) => "ControlNotPublished",
            Self::Client(_) => "KafkaRequestFailed",
            Self::Lost => "ControlLost",
        }
    }
}

/// Two clients of one Kafka, of which neither holds more than a few records. Dropping them ends their connections and their
/// threads.
pub(super) struct Channel {
    /// There until it is dropped.
    clients: Option<Arc<Clients>>,
    /// Where the last record lies.
    offset: Option<i64>,
    /// When Kafka answered a look last.
    heard: Instant,
    open: IntGauge,
}

struct Clients {
    producer: FutureProducer<Quiet>,
    answers: StreamConsumer<Quiet>,
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").field("offset", &self.offset).finish_non_exhaustive()
    }
}

impl Channel {
    /// Connects, and reads what was said last. The answers begin with those that are on their topic already.
    pub(super) async fn open(bootstrap: &str, metrics: &Metrics) -> Result<(Self, Option<Control>), Error> {
        let answers: StreamConsumer<Quiet> = client(bootstrap)
            // Every consumer must name a group; this one joins none and commits nothing.
            .set("group.id", "edalab-operator-control")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            // What is not read yet is little, and reading on is not put off because of it.
            .set("queued.min.messages", "100")
            .set("queued.max.messages.kbytes", "64")
            .set("fetch.queue.backoff.ms", "10")
            .create_with_context(Quiet)?;
        let producer: FutureProducer<Quiet> = client(bootstrap)
            .set("acks", "all")
            .set("linger.ms", "0")
            // One at a time: what comes later is never overtaken by what came before.
            .set("max.in.flight.requests.per.connection", "1")
            .set("message.timeout.ms", PUBLISH.as_millis().to_string())
            .set("queue.buffering.max.messages", "10")
            .set("queue.buffering.max.kbytes", "64")
            .create_with_context(Quiet)?;
        let open = metrics.control_channels();
        open.inc();
        let clients = Some(Arc::new(Clients { producer, answers }));
        let mut channel = Self { clients, offset: None, heard: Instant::now(), open };
        channel.assign(topics::CONTROL)?;
        let late = |_| Error::Unreachable { bootstrap: bootstrap.to_owned() };
        let last = tokio::time::timeout(OPEN, channel.last()).await.map_err(late)??;
        channel.assign(topics::CONTROL_ACK)?;
        Ok((channel, last))
    }

    fn clients(&self) -> &Arc<Clients> {
        self.clients.as_ref().expect("a channel that is not dropped")
    }

    /// From now on the consumer reads this topic, from its beginning.
    fn assign(&self, topic: TopicName) -> Result<(), KafkaError> {
        let mut all = TopicPartitionList::new();
        all.add_partition_offset(topic.as_str(), PARTITION, Offset::Beginning)?;
        self.clients().answers.assign(&all)
    }

    /// The last record of the topic, read to its end.
    async fn last(&mut self) -> Result<Option<Control>, Error> {
        let clients = Arc::clone(self.clients());
        let mut last = None;
        loop {
            match clients.answers.recv().await {
                Ok(record) if record.key() == Some(KEY.as_bytes()) => {
                    self.offset = Some(record.offset());
                    last = record.payload().and_then(|value| read(&record, value));
                }
                Ok(_) => {}
                Err(KafkaError::PartitionEOF(_)) => return Ok(last),
                Err(error) if is_unknown_topic(&error) => {
                    return Err(Error::NoTopic { topic: topics::CONTROL });
                }
                // The client goes on by itself.
                Err(error) => tracing::debug!(%error, "edalab.control"),
            }
        }
    }

    /// Returns when the record is on the topic.
    pub(super) async fn publish(&mut self, control: &Control) -> Result<(), Error> {
        let value = serde_json::to_vec(control).expect("a control is JSON");
        let record = FutureRecord::to(topics::CONTROL.as_str()).partition(PARTITION).key(KEY).payload(&value);
        let delivery = self.clients().producer.send(record, PUBLISH).await;
        let delivery = delivery.map_err(|(error, _)| Error::Publish(error))?;
        self.offset = Some(delivery.offset);
        Ok(())
    }

    /// The next answer of a service.
    pub(super) async fn answer(&self) -> ControlAck {
        loop {
            match self.clients().answers.recv().await {
                Ok(record) => {
                    if let Some(answer) = record.payload().and_then(|value| read(&record, value)) {
                        return answer;
                    }
                }
                Err(KafkaError::PartitionEOF(_)) => {}
                Err(error) => tracing::debug!(%error, "edalab.control-ack"),
            }
        }
    }

    /// Fails where the last record is on the topic no more, because somebody made that anew. A Kafka that cannot be asked
    /// has lost nothing as far as is known; one that cannot be asked for long may have told its clients that there is no
    /// broker, after which librdkafka looks for none any more (confluentinc/librdkafka issue 5301).
    pub(super) async fn look(&mut self) -> Result<(), Error> {
        let Some(offset) = self.offset else { return Ok(()) };
        let clients = Arc::clone(self.clients());
        let asked = tokio::task::spawn_blocking(move || {
            let topic = topics::CONTROL.as_str();
            clients.producer.client().fetch_metadata(Some(topic), LOOK)?;
            clients.answers.fetch_watermarks(topic, PARTITION, LOOK)
        });
        match asked.await {
            Ok(Ok((_, end))) if end <= offset => return Err(Error::Lost),
            Ok(Err(error)) if is_unknown_topic(&error) => return Err(Error::Lost),
            Ok(Ok(_)) => self.heard = Instant::now(),
            _ => {}
        }
        if self.heard.elapsed() < SILENCE { Ok(()) } else { Err(Error::Silent) }
    }
}

impl Drop for Channel {
    /// Closing joins librdkafka's threads, so it happens on a thread for that.
    fn drop(&mut self) {
        self.open.dec();
        let clients = self.clients.take();
        std::thread::spawn(move || drop(clients));
    }
}

/// Settings of both clients.
fn client(bootstrap: &str) -> ClientConfig {
    let mut config = kafka::client(bootstrap, "edalab-operator-control");
    // A broker closes what is idle for long; it is connected to again when there is something to say.
    config.set("log.connection.close", "false").set_log_level(RDKafkaLogLevel::Warning);
    config
}

/// A record's value; one that cannot be read is told in the log and nowhere else, as others may write to the topics too.
fn read<T: DeserializeOwned>(record: &BorrowedMessage<'_>, value: &[u8]) -> Option<T> {
    let read = serde_json::from_slice(value);
    if let Err(error) = &read {
        tracing::warn!(topic = record.topic(), offset = record.offset(), %error, "a record cannot be read");
    }
    read.ok()
}

fn is_unknown_topic(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition
        )
    )
}

/// That a broker is away is told in the lab's status, not line by line.
struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(?level, facility, message, "librdkafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "Kafka client");
    }
}

impl ConsumerContext for Quiet {}
