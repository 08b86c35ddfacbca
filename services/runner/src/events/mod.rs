//! `edalab-services events`: prints every record of the lab's topics, decoded, as one JSON line.

mod line;
mod source;

use std::io::{self, Write as _};

use platform::{
    config::KafkaConfig,
    registry::{RegistryClient, RegistryError},
};
use rdkafka::error::KafkaError;

use source::{Source, Start};

/// What to print
#[derive(Debug, clap::Args)]
pub(crate) struct Config {
    #[command(flatten)]
    kafka: KafkaConfig,

    /// Topic to read; may be repeated. Without it: every topic of events, and dlq.errors
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

/// Why events cannot be printed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EventsError {
    #[error("Kafka at {servers} does not answer: {source}")]
    Unreachable { servers: String, source: KafkaError },
    #[error("there is no topic {topic}")]
    NoTopic { topic: String },
    #[error("none of the lab's topics exists yet")]
    NoTopics,
    #[error("Kafka has stopped answering: nothing came for {seconds} s, and there is more to read")]
    Silent { seconds: u64 },
    #[error("Kafka: {0}")]
    Kafka(#[from] KafkaError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error("the output cannot be written: {0}")]
    Output(io::Error),
}

/// Prints what the topics held, or was on its way to them, when it started, or goes on for ever with `--follow`. A reader
/// that closes the pipe ends it quietly.
pub(crate) async fn print(config: Config) -> Result<(), EventsError> {
    let registry = RegistryClient::new(&config.kafka.schema_registry_url)?;
    let start = if config.from_end { Start::End } else { Start::Beginning };
    let servers = config.kafka.kafka_bootstrap_servers;
    let mut source = tokio::task::spawn_blocking(move || Source::open(&servers, &config.topics, start))
        .await
        .unwrap_or(Err(EventsError::Kafka(KafkaError::Canceled)))?;
    let mut left = config.max.unwrap_or(u64::MAX);
    while left > 0 {
        let Some(record) = source.next(config.follow).await? else { break };
        let line = line::describe(&record, &registry).await;
        if !write_line(&line)? {
            break;
        }
        left -= 1;
    }
    Ok(())
}

/// `false` when nobody reads any more.
fn write_line(line: &line::Line) -> Result<bool, EventsError> {
    let text = serde_json::to_string(line).map_err(|error| EventsError::Output(error.into()))?;
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(EventsError::Output(error)),
    }
}
