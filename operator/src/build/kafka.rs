//! Apache Kafka: one broker in combined mode (KRaft), from the upstream image or ours.

use std::collections::BTreeMap;

use k8s_openapi::api::{
    apps::v1::{StatefulSet, StatefulSetSpec},
    core::v1::{ConfigMap, ConfigMapVolumeSource, EmptyDirVolumeSource, Volume},
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::{
    CONFIG_HASH, Component, Kind, Object, hash,
    names::{kafka_bootstrap, owned, selector},
    pod::{DATA, Pace, claim, claim_retention, container, env, mount, port, tcp_probe, template},
    service,
};
use crate::validate::{Storage, ValidatedLab};

const KAFKA: Component = Component::Kafka;
const CONFIG: &str = "config";
/// Listener for pods (9092) and for the host (9094); 9093 is the controller's and leaves the pod to nobody.
const CLIENT_PORT: (&str, i32) = ("kafka", 9092);
const HOST_PORT: (&str, i32) = ("host", 9094);
const HOST_NODE_PORT: i32 = 30092;
/// A broker that is told to stop hands over and flushes; a laptop's disk may take its time.
const GRACE_SECONDS: i64 = 45;

/// Formats the storage once, then becomes the broker.
///
/// The cluster id is drawn when a volume is formatted and lives on the volume from then on, so that clients which
/// keep it beside their offsets see whether they talk to the same Kafka. meta.properties is the last file that
/// formatting writes: without it, formatting did not end, and starts again.
/// The class path is spelled out in sorted order, because the image's class-data archive holds for exactly that
/// list; without an archive the JVM starts as well, slower.
const START: &str = r#"set -eu
class_path=$(echo /opt/kafka/libs/*.jar | tr ' ' ':')
if [ ! -f /var/lib/kafka/data/log/meta.properties ]; then
  cluster_id=$(head -c 16 /dev/urandom | base64 | tr '+/' 'AB' | tr -d '=\n')
  java -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:SharedArchiveFile=/opt/kafka/kafka.jsa \
    -Dlog4j2.configurationFile=/etc/kafka/log4j2.properties -cp "$class_path" \
    kafka.tools.StorageTool format --standalone --ignore-formatted --cluster-id "$cluster_id" \
    --config /etc/kafka/server.properties
fi
exec java $JVM_OPTIONS -cp "$class_path" kafka.Kafka /etc/kafka/server.properties
"#;

const LOG4J2: &str = "status = warn
appender.stdout.type = Console
appender.stdout.name = stdout
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = [%d] %p %m (%c)%n
rootLogger.level = info
rootLogger.appenderRef.stdout.ref = stdout
";

/// ConfigMap, Services and StatefulSet of the broker.
pub(super) fn build(lab: &ValidatedLab) -> Vec<Object> {
    let config = config_map(lab);
    let mut clients = service::cluster(lab, KAFKA, &[CLIENT_PORT, HOST_PORT]);
    // A broker that starts refuses who comes, who asks again at once. Behind an address that leads nowhere until the broker
    // is ready, the connection is tried again more and more slowly.
    clients.spec.get_or_insert_default().publish_not_ready_addresses = Some(true);
    let mut objects = vec![
        Object::new(Kind::StatefulSet, KAFKA, &stateful_set(lab, &config)),
        Object::new(Kind::ConfigMap, KAFKA, &config),
        Object::new(Kind::Service, KAFKA, &clients),
        Object::new(Kind::Service, KAFKA, &service::headless(lab, KAFKA, &[CLIENT_PORT])),
    ];
    objects.extend(
        service::host(lab, KAFKA, HOST_PORT, HOST_NODE_PORT)
            .map(|host| Object::new(Kind::Service, KAFKA, &host)),
    );
    objects
}

fn config_map(lab: &ValidatedLab) -> ConfigMap {
    ConfigMap {
        metadata: owned(lab, KAFKA, KAFKA.object_name(&lab.name)),
        data: Some(BTreeMap::from([
            ("server.properties".to_owned(), server_properties(lab)),
            ("log4j2.properties".to_owned(), LOG4J2.to_owned()),
        ])),
        ..ConfigMap::default()
    }
}

/// The broker's configuration, with the reason of each setting where a person who reads the ConfigMap sees it.
fn server_properties(lab: &ValidatedLab) -> String {
    let service = kafka_bootstrap(&lab.name, &lab.namespace);
    let host = &lab.host_access;
    format!(
        "\
# One broker that is its own controller. Pods reach it by its Service, whose address outlives the pod: a pod's own
# name leads to the address of the pod before it for as long as DNS servers remember. Programs on the host reach it by
# the listener HOST; the controller is reached by nobody else, so that it waits for no DNS entry.
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://:9092,CONTROLLER://:9093,HOST://:9094
advertised.listeners=PLAINTEXT://{service},CONTROLLER://localhost:9093,HOST://{}:{}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,HOST:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=localhost:9093
# A folder below the volume's root, which may hold a lost+found that is no partition.
log.dirs=/var/lib/kafka/data/log

# Topics are made by the operator; a typing error in a client must not make another one.
auto.create.topics.enable=false
num.partitions=1
# One broker holds one replica.
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1

# With no second broker there is nobody to hand leadership to. A controlled shutdown would tell the clients, just before
# the end, that there is no broker; librdkafka 2.10 and later can take that for the last word and never ask again.
controlled.shutdown.enable=false

# Sized for a laptop: a handful of clients, not thousands.
offsets.topic.num.partitions=5
transaction.state.log.num.partitions=5
share.coordinator.state.topic.num.partitions=5
num.network.threads=2
num.io.threads=4
background.threads=4
# 128 MiB by default, half of the heap.
log.cleaner.dedupe.buffer.size=16777216
# Index files are made at full size for each partition; a segment of 16 MiB needs some 50 KiB.
log.index.size.max.bytes=1048576
# A consumer that starts is given its partitions at once, not after 3 s of waiting for others; the schema registry
# starts several.
group.initial.rebalance.delay.ms=0
",
        host.advertised_host, host.kafka_port
    )
}

/// Hash of what the broker reads; a comment that changes restarts no broker.
fn settings_hash(config: &ConfigMap) -> String {
    let files = config.data.iter().flatten().map(|(_, text)| text.as_str());
    let settings: Vec<&str> =
        files.flat_map(str::lines).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    hash(&settings)
}

/// Options of the broker's JVM; the text is a shell's, split at blanks.
fn jvm_options(lab: &ValidatedLab) -> String {
    let heap = lab.kafka.heap_mebibytes;
    [
        // Fixed size: the broker's memory is known, and growing costs pauses.
        &format!("-Xms{heap}m -Xmx{heap}m"),
        // One core does the collecting: with a heap this small G1's threads and tables cost more than they save.
        "-XX:+UseSerialGC",
        // Better a restart than a broker that lingers.
        "-XX:+ExitOnOutOfMemoryError",
        // No file of counters in /tmp that nobody reads.
        "-XX:-UsePerfData",
        // Kafka's classes as the image has parsed them: a start in 2 s rather than 4; ignored when it is missing.
        "-XX:SharedArchiveFile=/opt/kafka/kafka.jsa",
        "-Dlog4j2.configurationFile=/etc/kafka/log4j2.properties",
    ]
    .join(" ")
}

fn stateful_set(lab: &ValidatedLab, config: &ConfigMap) -> StatefulSet {
    let name = KAFKA.object_name(&lab.name);
    let mut container = container(
        lab,
        KAFKA,
        &lab.kafka.image,
        &lab.kafka.resources,
        vec![mount(DATA, "/var/lib/kafka/data"), mount(CONFIG, "/etc/kafka")],
    );
    container.command = Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), START.to_owned()]);
    container.env = Some(vec![
        env("JVM_OPTIONS", jvm_options(lab)),
        // glibc keeps an arena of memory for each of many threads otherwise.
        env("MALLOC_ARENA_MAX", "2"),
    ]);
    container.ports = Some(vec![port("kafka", 9092), port("controller", 9093), port("host", 9094)]);
    // The broker opens this port when its logs are recovered and it may take requests; whether its API answers, the
    // operator sees by itself when it describes the topics.
    container.startup_probe = Some(tcp_probe("kafka", Pace::start_within(300)));
    container.readiness_probe = Some(tcp_probe("kafka", Pace::every(5, 2)));
    container.liveness_probe = Some(tcp_probe("kafka", Pace::every(10, 6)));

    let mut volumes = vec![Volume {
        name: CONFIG.to_owned(),
        config_map: Some(ConfigMapVolumeSource { name, ..ConfigMapVolumeSource::default() }),
        ..Volume::default()
    }];
    let claims = match &lab.kafka.storage {
        Storage::Claim(size) => Some(vec![claim(lab, KAFKA, size)]),
        Storage::Ephemeral(size) => {
            volumes.push(Volume {
                name: DATA.to_owned(),
                empty_dir: Some(EmptyDirVolumeSource {
                    size_limit: Some(Quantity(size.clone())),
                    ..EmptyDirVolumeSource::default()
                }),
                ..Volume::default()
            });
            None
        }
    };
    let mut pod = template(lab, KAFKA, container, volumes, GRACE_SECONDS);
    pod.metadata
        .get_or_insert_default()
        .annotations
        .get_or_insert_default()
        .insert(CONFIG_HASH.to_owned(), settings_hash(config));

    let name = KAFKA.object_name(&lab.name);
    StatefulSet {
        metadata: owned(lab, KAFKA, name.clone()),
        spec: Some(StatefulSetSpec {
            replicas: Some(1),
            service_name: Some(format!("{name}-headless")),
            selector: selector(lab, KAFKA),
            // Brokers of a quorum wait for each other: started one by one, they would wait for ever.
            pod_management_policy: Some("Parallel".to_owned()),
            template: pod,
            persistent_volume_claim_retention_policy: claims.is_some().then(|| claim_retention(lab)),
            volume_claim_templates: claims,
            ..StatefulSetSpec::default()
        }),
        ..StatefulSet::default()
    }
}
