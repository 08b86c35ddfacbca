//! `edalab-services events`: reads the lab's topics without a consumer group, so it disturbs no one's offsets, and
//! prints every record, decoded, as one JSON line.

mod line;

use std::{
    collections::HashSet,
    io::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use platform::{
    config::KafkaConfig,
    kafka::log_line,
    registry::{RegistryClient, RegistryError},
};
use rdkafka::{
    ClientConfig, ClientContext, Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{Consumer as _, ConsumerContext, StreamConsumer},
    error::KafkaError,
};
use schemas::CATALOGUE;

/// How long a question to the broker may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What to print
#[derive(Debug, clap::Args)]
pub(crate) struct Config {
    #[command(flatten)]
    kafka: KafkaConfig,

    /// Topic to read; may be repeated. Without it: every topic of the lab
    #[arg(long = "topic", value_name = "TOPIC")]
    topics: Vec<String>,

    /// Wait for more when everything is printed
    #[arg(long)]
    follow: bool,

    /// Start with the oldest record (this is the default)
    #[arg(long, conflicts_with = "from_end")]
    from_beginning: bool,

    /// Start behind the newest record; only useful with --follow
    #[arg(long)]
    from_end: bool,

    /// Stop after that many records
    #[arg(long, value_name = "N")]
    max: Option<u64>,
}

/// Why events cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EventsError {
    #[error("Kafka at {servers} does not answer: {source}")]
    Unreachable { servers: String, source: KafkaError },
    #[error("there is no topic {topic}")]
    NoTopic { topic: String },
    #[error("none of the lab's topics exists yet")]
    NoTopics,
    #[error("Kafka: {0}")]
    Kafka(#[from] KafkaError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error("the output cannot be written: {0}")]
    Output(io::Error),
}

/// librdkafka's log lines go where ours go: for a tool, nowhere unless somebody asks.
struct QuietContext;

impl ClientContext for QuietContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_line(level, facility, message);
    }
}

impl ConsumerContext for QuietContext {}

/// Prints until the topics' ends, or for ever with `--follow`. A reader that closes the pipe ends it quietly.
pub(crate) async fn print(config: Config) -> Result<(), EventsError> {
    let registry = Arc::new(RegistryClient::new(&config.kafka.schema_registry_url)?);
    let start = if config.from_end { Offset::End } else { Offset::Beginning };
    let servers = config.kafka.kafka_bootstrap_servers.clone();
    let topics = config.topics.clone();
    let opened = tokio::task::spawn_blocking(move || open(&servers, &topics, start)).await;
    let (consumer, mut unfinished) = opened.unwrap_or(Err(EventsError::Kafka(KafkaError::Canceled)))?;

    let mut left = config.max;
    while left != Some(0) && (config.follow || !unfinished.is_empty()) {
        match consumer.recv().await {
            Ok(record) => {
                let line = line::describe(&record, &registry).await;
                if !write_line(&line)? {
                    return Ok(());
                }
                left = left.map(|left| left - 1);
            }
            Err(KafkaError::PartitionEOF(partition)) => {
                // The error names the partition only; each topic's end is told once, so counting them is enough.
                if let Some(open) = unfinished.iter().find(|(_, number)| *number == partition).cloned() {
                    unfinished.remove(&open);
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A consumer that has every partition of the topics, and the list of these partitions. Blocks.
fn open(
    servers: &str,
    topics: &[String],
    start: Offset,
) -> Result<(StreamConsumer<QuietContext>, HashSet<(String, i32)>), EventsError> {
    let consumer: StreamConsumer<QuietContext> = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("client.id", "edalab-events")
        .set("group.id", "edalab-events") // demanded by the client, and never used: nothing is committed
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "earliest")
        .set("queued.max.messages.kbytes", "16384")
        .set_log_level(RDKafkaLogLevel::Emerg)
        .create_with_context(QuietContext)?;
    let metadata = consumer
        .fetch_metadata(None, TIMEOUT)
        .map_err(|source| EventsError::Unreachable { servers: servers.to_owned(), source })?;
    let wanted: Vec<&str> = if topics.is_empty() {
        CATALOGUE.iter().map(|topic| topic.name.as_str()).collect()
    } else {
        topics.iter().map(String::as_str).collect()
    };
    let mut assignment = TopicPartitionList::new();
    let mut unfinished = HashSet::new();
    for name in wanted {
        let found = metadata.topics().iter().find(|topic| topic.name() == name);
        let partitions = found.map_or(&[][..], |topic| topic.partitions());
        if partitions.is_empty() && !topics.is_empty() {
            return Err(EventsError::NoTopic { topic: name.to_owned() });
        }
        for partition in partitions {
            assignment.add_partition_offset(name, partition.id(), start)?;
            unfinished.insert((name.to_owned(), partition.id()));
        }
    }
    if unfinished.is_empty() {
        return Err(EventsError::NoTopics);
    }
    consumer.assign(&assignment)?;
    Ok((consumer, unfinished))
}

/// `false` when nobody reads any more.
fn write_line(line: &serde_json::Value) -> Result<bool, EventsError> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(EventsError::Output(error)),
    }
}
