//! `edalab-services wait-for-topics`: ends when Kafka has the topics. The registry's pod begins with it.

use std::{thread, time::Duration};

use platform::{
    config::KafkaConfig,
    kafka::{self, Detached, QuietContext, topic_exists},
    shutdown,
};
use rdkafka::{
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _},
};
use tokio_util::sync::CancellationToken;

/// Between two looks.
const PERIOD: Duration = Duration::from_millis(200);

/// What to wait for
#[derive(Debug, clap::Args)]
pub(crate) struct Config {
    #[command(flatten)]
    kafka: KafkaConfig,

    /// Topics that must be there
    #[arg(required = true, value_name = "TOPIC")]
    topics: Vec<String>,
}

/// Returns when every topic is there. Told to stop before, it fails: whoever waits behind it must not start.
pub(crate) async fn wait(config: Config) -> anyhow::Result<()> {
    let stop = shutdown::on_signal()?;
    tokio::task::spawn_blocking(move || look_until_there(&config, &stop)).await?
}

/// Looks again and again, and says what it waits for where that changes.
fn look_until_there(config: &Config, stop: &CancellationToken) -> anyhow::Result<()> {
    let servers = &config.kafka.kafka_bootstrap_servers;
    let mut settings = kafka::client(servers, "edalab-wait-for-topics");
    settings.set_log_level(RDKafkaLogLevel::Emerg);
    let consumer: Detached<BaseConsumer<_>> = kafka::create(&settings, QuietContext)?;
    let missing = |topic: &String| match topic_exists(consumer.client(), topic) {
        Ok(true) => None,
        Ok(false) => Some(format!("there is no topic {topic} yet")),
        Err(error) => Some(format!("Kafka at {servers} does not answer: {error}")),
    };
    let mut told = String::new();
    while let Some(reason) = config.topics.iter().find_map(missing) {
        anyhow::ensure!(!stop.is_cancelled(), "stopped: {reason}");
        if told != reason {
            println!("{reason}");
            told = reason;
        }
        thread::sleep(PERIOD);
    }
    Ok(())
}
