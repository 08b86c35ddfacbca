//! A real Kafka: one broker in KRaft mode.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
};
use schemas::TopicName;
use tempfile::TempDir;

use super::{
    java::Java,
    parts::Parts,
    ports::{self, NoFreePort},
    process::{self, Process, ProcessError},
};
use crate::wait::{self, TimedOut};

/// How long a broker may take until it answers. On an idle machine it takes 2 s.
const START: Duration = Duration::from_secs(90);
/// How long one question to the broker may take.
const ANSWER: Duration = Duration::from_secs(5);

/// Kafka does not do what the test needs.
#[derive(Debug, thiserror::Error)]
pub enum KafkaRigError {
    #[error(transparent)]
    Port(#[from] NoFreePort),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error("Kafka's folder: {0}")]
    Folder(#[from] io::Error),
    #[error(transparent)]
    Late(#[from] TimedOut),
    #[error("Kafka: {0}")]
    Kafka(#[from] KafkaError),
    #[error("Kafka refuses topic {topic}: {code}")]
    Topic { topic: String, code: rdkafka::types::RDKafkaErrorCode },
}

/// A broker with its data in a temporary folder. It keeps its port and its data through stops and kills; dropping it
/// ends both.
#[derive(Debug)]
pub struct Kafka {
    java: Java,
    class_path: String,
    folder: TempDir,
    port: u16,
    back_door: u16,
    process: Option<Process>,
}

impl Kafka {
    /// Formats the storage, starts the broker, and creates the topics of the catalogue.
    pub async fn start(parts: &Parts) -> Result<Self, KafkaRigError> {
        Self::start_behind(parts, None).await
    }

    /// Starts one that tells clients which come by its back door to come by `door`, which leads there.
    pub async fn start_behind(parts: &Parts, door: Option<SocketAddr>) -> Result<Self, KafkaRigError> {
        let mut kafka = Self {
            java: Java::new(parts.path("java")).await?,
            class_path: class_path(&parts.path("kafka").join("libs"))?,
            folder: tempfile::Builder::new().prefix("edalab-kafka-").tempdir()?,
            port: ports::free()?,
            back_door: ports::free()?,
            process: None,
        };
        let door = door.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, kafka.back_door)));
        let settings = settings(kafka.port, kafka.back_door, door, ports::free()?, kafka.folder.path());
        std::fs::write(kafka.settings(), settings)?;
        // Each broker is a cluster of its own, as those of labs are.
        let cluster = process::output(kafka.command("kafka.tools.StorageTool").arg("random-uuid")).await?;
        let mut format = kafka.command("kafka.tools.StorageTool");
        format.args(["format", "--standalone", "-t", cluster.trim(), "-c"]).arg(kafka.settings());
        process::output(&format).await?;
        kafka.restart().await?;
        kafka.create_topics().await?;
        Ok(kafka)
    }

    /// Host and port.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The port of the back door.
    pub const fn back_door(&self) -> u16 {
        self.back_door
    }

    /// Stops the broker the ordinary way.
    pub async fn stop(&mut self) -> Result<(), KafkaRigError> {
        if let Some(mut process) = self.process.take() {
            process.stop().await?;
        }
        Ok(())
    }

    /// Kills the broker with SIGKILL.
    pub async fn kill9(&mut self) -> Result<(), KafkaRigError> {
        if let Some(mut process) = self.process.take() {
            process.kill9().await?;
        }
        Ok(())
    }

    /// Starts a stopped broker over the same data, and waits until every partition has a leader.
    pub async fn restart(&mut self) -> Result<(), KafkaRigError> {
        let mut broker = self.command("kafka.Kafka");
        broker.arg(self.settings());
        let mut process = Process::start("Kafka", &broker, &self.folder.path().join("broker.log"))?;
        let client: BaseConsumer = self.client().create()?;
        wait::until("Kafka to answer", START, async || {
            process.must_run().map_err(|problem| problem.to_string())?;
            led_partitions(&client, None)
        })
        .await?;
        self.process = Some(process);
        Ok(())
    }

    /// Raises a topic's number of partitions, and waits until the broker tells of the new ones: a producer that asks
    /// earlier does not ask again for minutes.
    pub async fn raise_partitions(&self, topic: TopicName, count: usize) -> Result<(), KafkaRigError> {
        let admin: AdminClient<DefaultClientContext> = self.client().create()?;
        let options = AdminOptions::new().operation_timeout(Some(ANSWER));
        let wanted = NewPartitions::new(topic.as_str(), count);
        for result in admin.create_partitions([&wanted], &options).await? {
            result.map_err(|(topic, code)| KafkaRigError::Topic { topic, code })?;
        }
        let client: BaseConsumer = self.client().create()?;
        wait::until("the new partitions to be led", START, async || {
            let found = led_partitions(&client, Some(topic))?;
            if found == count { Ok(()) } else { Err(format!("{found} of {count}")) }
        })
        .await?;
        Ok(())
    }

    async fn create_topics(&self) -> Result<(), KafkaRigError> {
        let admin: AdminClient<DefaultClientContext> = self.client().create()?;
        let configs: Vec<_> = schemas::required_topics().map(schemas::Topic::config).collect();
        let topics: Vec<NewTopic<'_>> = schemas::required_topics()
            .zip(&configs)
            .map(|(topic, config)| {
                let new = NewTopic::new(topic.name.as_str(), topic.partitions, TopicReplication::Fixed(1));
                config.iter().fold(new, |new, (key, value)| new.set(key, value))
            })
            .collect();
        let options = AdminOptions::new().operation_timeout(Some(ANSWER));
        for result in admin.create_topics(&topics, &options).await? {
            result.map_err(|(topic, code)| KafkaRigError::Topic { topic, code })?;
        }
        Ok(())
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.bootstrap());
        config
    }

    fn settings(&self) -> PathBuf {
        self.folder.path().join("server.properties")
    }

    fn command(&self, class: &str) -> Command {
        let mut java = self.java.command("256m");
        java.args(["-cp", &self.class_path, class]);
        java
    }
}

/// Every jar of the folder, sorted, joined as Java wants it.
fn class_path(libs: &Path) -> io::Result<String> {
    let mut jars: Vec<String> = std::fs::read_dir(libs)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "jar"))
        .filter_map(|path| Some(path.to_str()?.to_owned()))
        .collect();
    jars.sort();
    Ok(jars.join(":"))
}

/// As a lab's broker is set, with the ports and the folder of a test. Groups are not kept waiting for members that
/// may still come (`group.initial.rebalance.delay.ms`): the registry's start has three groups of one member each.
fn settings(port: u16, back_door: u16, door: SocketAddr, controller: u16, folder: &Path) -> String {
    let data = folder.join("data");
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.bootstrap.servers=127.0.0.1:{controller}\n\
         controller.listener.names=CONTROLLER\n\
         listeners=PLAINTEXT://127.0.0.1:{port},DOOR://127.0.0.1:{back_door},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port},DOOR://{door}\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,DOOR:PLAINTEXT\n\
         auto.create.topics.enable=false\n\
         controlled.shutdown.enable=false\n\
         offsets.topic.num.partitions=1\n\
         offsets.topic.replication.factor=1\n\
         transaction.state.log.num.partitions=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         group.initial.rebalance.delay.ms=0\n\
         log.dirs={}\n",
        data.display()
    )
}

/// How many partitions `topic` has, or all topics together; an error that tells what is missing, as long as the broker
/// or a partition's leader is.
fn led_partitions(client: &BaseConsumer, topic: Option<TopicName>) -> Result<usize, String> {
    let topic = topic.map(TopicName::as_str);
    let metadata = client.fetch_metadata(topic, ANSWER).map_err(|problem| problem.to_string())?;
    if metadata.brokers().is_empty() {
        return Err("no broker".to_owned());
    }
    let mut led = 0;
    for topic in metadata.topics() {
        for partition in topic.partitions() {
            if partition.leader() < 0 {
                return Err(format!("{} {} has no leader", topic.name(), partition.id()));
            }
            led += 1;
        }
    }
    Ok(led)
}
