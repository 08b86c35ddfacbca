//! The operator killed at each of its writes to Kafka and to the registry.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use edalab_tests::{
    edalabs,
    reader::raw,
    rig::{
        cluster::Space,
        door::{Door, Protocol},
        kafka::Kafka,
        kubelet::Kubelet,
        operator::Operator,
        parts::Parts,
        registry::Registry,
    },
    suite::Outcome,
    wait,
};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, ConfigSource, NewTopic, ResourceSpecifier, TopicReplication},
    client::DefaultClientContext,
    types::RDKafkaErrorCode,
};
use schemas::{CATALOGUE, topics};
use serde_json::{Value, json};

use crate::{
    kill::{Doorkeeper, Kill, Moment, Tally},
    plane::{Fallible, LAB, Plane, delete, set},
};

/// The ports that a lab's Kafka and registry have in the cluster.
const PORTS: (u16, u16) = (9092, 8085);
/// How long the operator may take for topics, schemas and the record on edalab.control: it takes about three seconds.
const WHOLE: Duration = Duration::from_secs(90);
/// How long Kafka may take for one request.
const ANSWER: Duration = Duration::from_secs(10);
/// Namespaces whose labs find the Kafka and the registry.
const NAMESPACES: usize = 64;
/// The topic that is there already, with another setting than ours.
const OTHERWISE: (&str, &str, &str) = ("quotation.devis-genere", "retention.ms", "1000");

/// An address of this machine that no lab and no other run of these tests listens on.
fn door() -> Ipv4Addr {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 77, high, low)
}

/// One warm Kafka and one registry, behind doors. Whichever lab is there has them.
#[derive(Debug)]
pub(crate) struct Brokers {
    doorkeeper: Arc<Doorkeeper>,
    // Ended in this order.
    _doors: [Door; 2],
    registry: Registry,
    kafka: Kafka,
}

/// What the operator makes of Kafka and the registry.
#[derive(Debug, PartialEq)]
struct Made {
    /// Partitions and own settings of each topic of the catalogue.
    topics: BTreeMap<String, (usize, BTreeMap<String, String>)>,
    schemas: Value,
    /// What was said on edalab.control, without what is new each time.
    said: Vec<Value>,
}

impl Brokers {
    pub(crate) async fn start() -> Fallible<Self> {
        let parts = Parts::find(&["kafka", "schema-registry", "java"]).await?;
        let (kafka_door, registry_door) =
            (SocketAddr::from((door(), PORTS.0)), SocketAddr::from((door(), PORTS.1)));
        let kafka = Kafka::start_behind(&parts, Some(kafka_door)).await?;
        let registry = Registry::start(&parts, &kafka).await?;
        let doorkeeper = Arc::new(Doorkeeper::default());
        let doors = [
            Door::open(kafka_door, kafka.back_door(), Protocol::Kafka, doorkeeper.clone()).await?,
            Door::open(registry_door, registry.port(), Protocol::Http, doorkeeper.clone()).await?,
        ];
        Ok(Self { doorkeeper, _doors: doors, registry, kafka })
    }

    /// The names by which the operator finds both, for labs of namespaces `<prefix>0` and so on.
    pub(crate) fn hosts(prefix: &str) -> String {
        let names = |number: usize| {
            let service = |name: &str| format!("{} {LAB}-{name}.{prefix}{number}.svc\n", door());
            service("kafka") + &service("schema-registry")
        };
        (0..NAMESPACES).map(names).collect()
    }

    /// As before any lab, but for one topic that somebody made otherwise.
    async fn empty(&self) -> Fallible<()> {
        let admin = self.admin()?;
        let names: Vec<&str> = CATALOGUE.iter().map(|topic| topic.name.as_str()).collect();
        for result in admin.delete_topics(&names, &options()).await? {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::UnknownTopicOrPartition)) => {}
                Err((topic, code)) => return Err(format!("{topic} is not deleted: {code}").into()),
            }
        }
        let (name, setting, value) = OTHERWISE;
        let topic = NewTopic::new(name, 3, TopicReplication::Fixed(1)).set(setting, value);
        wait::until("a topic to be made otherwise", ANSWER, async || {
            let made =
                admin.create_topics([&topic], &options()).await.map_err(|problem| problem.to_string())?;
            made.into_iter().collect::<Result<Vec<_>, _>>().map_err(|(_, code)| code.to_string())
        })
        .await?;
        self.registry.empty().await?;
        Ok(())
    }

    async fn made(&self) -> Fallible<Made> {
        let admin = self.admin()?;
        let names: Vec<_> =
            CATALOGUE.iter().map(|topic| ResourceSpecifier::Topic(topic.name.as_str())).collect();
        let metadata = admin.inner().fetch_metadata(None, ANSWER)?;
        let mut topics = BTreeMap::new();
        for (topic, resource) in CATALOGUE.iter().zip(admin.describe_configs(&names, &options()).await?) {
            let own = resource.map_err(|code| format!("{}: {code}", topic.name))?.entries;
            let own = own.into_iter().filter(|entry| entry.source == ConfigSource::DynamicTopic);
            let settings = own.map(|entry| (entry.name, entry.value.unwrap_or_default())).collect();
            let found = metadata.topics().iter().find(|found| found.name() == topic.name.as_str());
            let partitions = found.map(|found| found.partitions().len()).unwrap_or_default();
            topics.insert(topic.name.to_string(), (partitions, settings));
        }
        let said = raw(&self.kafka.bootstrap(), topics::CONTROL)?.into_iter().map(|record| {
            let mut said: Value =
                serde_json::from_slice(&record.value.unwrap_or_default()).unwrap_or_default();
            for new in ["id", "generation"] {
                said[new] = Value::Null;
            }
            for new in ["start", "end"] {
                if !said["peak"].is_null() {
                    said["peak"][new] = Value::Null;
                }
            }
            said
        });
        Ok(Made { topics, schemas: self.registry.versions().await?, said: said.collect() })
    }

    fn admin(&self) -> Fallible<AdminClient<DefaultClientContext>> {
        Ok(ClientConfig::new().set("bootstrap.servers", self.kafka.bootstrap()).create()?)
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(ANSWER)).operation_timeout(Some(ANSWER))
}

/// A lab without services, whose condition ScenarioApplied waits for nobody, and an edit that is said on edalab.control.
fn specs() -> [Value; 2] {
    [json!({"phase": "Infrastructure"}), json!({"phase": "Infrastructure", "scenario": "PIC_CHARGE"})]
}

pub(crate) async fn a_kill_at_any_write(plane: Arc<Plane>) -> Outcome {
    let brokers = plane.brokers().await?;
    let _kubelet = Kubelet::start(plane.server.client()?);
    let mut operator = Operator::new("brokers", &plane.server.url(), &Brokers::hosts("b-")).await?;
    operator.start().await?;

    let space = plane.namespace("b-0").await?;
    brokers.empty().await?;
    let mut unharmed = Vec::new();
    for spec in specs() {
        brokers.doorkeeper.count_anew(None);
        whole(&space, &spec).await?;
        unharmed.push((brokers.made().await?, brokers.doorkeeper.seen()));
    }
    delete(&space).await?;

    let writes = [unharmed[0].1, unharmed[1].1];
    let mut tally = Tally::begin();
    for (turn, (number, moment)) in (1..).zip(Moment::at_each_of(writes[0].max(writes[1]))) {
        let space = plane.namespace(&format!("b-{turn}")).await?;
        brokers.empty().await?;
        for (step, (spec, (wanted, writes))) in specs().iter().zip(&unharmed).enumerate() {
            let kill = Kill { number, moment, victim: operator.victim() };
            let here = number < *writes;
            brokers.doorkeeper.count_anew(here.then_some(kill));
            set(&space, spec).await?;
            if here {
                let ended = wait::until("the kill", ANSWER, async || match operator.has_ended() {
                    Ok(true) => Ok(()),
                    other => Err(format!("{other:?}")),
                });
                tally.killed(ended.await.is_ok());
                brokers.doorkeeper.count_anew(None);
                operator.kill9().await?;
                operator.start().await?;
            }
            whole(&space, spec).await?;
            let found = brokers.made().await?;
            if found != *wanted {
                tally.differs(format!(
                    "step {step}, killed at write {number}, {moment:?}:\n  {found:?}\n  {wanted:?}"
                ));
            }
        }
        delete(&space).await?;
    }
    operator.stop().await?;
    tally.close(writes, 8)
}

/// Applies the spec and waits until the lab is ready and set to what it says.
pub(crate) async fn whole(space: &Space, spec: &Value) -> Fallible<()> {
    set(space, spec).await?;
    let services = spec["phase"] != "Infrastructure";
    wait::until(format!("the lab of {} to be whole", space.name), WHOLE, async || {
        let lab = space.labs().get(LAB).await.map_err(|problem| problem.to_string())?;
        let holds = |kind: &str, status: &str| edalabs::condition(&lab, kind)["status"] == status;
        // Nobody runs the services, so they do not follow.
        if holds("Ready", "True") && holds("ScenarioApplied", if services { "Unknown" } else { "True" }) {
            Ok(())
        } else {
            Err(lab.data["status"]["conditions"].to_string())
        }
    })
    .await?;
    Ok(())
}
