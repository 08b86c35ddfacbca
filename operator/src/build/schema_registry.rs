//! The schema registry: Apicurio Registry, which keeps its schemas in a topic of the lab's Kafka.

use std::iter;

use k8s_openapi::api::{apps::v1::Deployment, core::v1::Container};
use schemas::REGISTRY_TOPICS;

use super::{
    Component, Kind, Object, deployment,
    names::kafka_bootstrap,
    pod::{Pace, container, env, http_probe, port, template},
    service,
};
use crate::validate::ValidatedLab;

const REGISTRY: Component = Component::SchemaRegistry;
const API_PORT: (&str, i32) = ("http", 8085);
const API_NODE_PORT: i32 = 30085;
/// Apicurio serves its health on a port of its own (Quarkus' management interface).
const MANAGEMENT_PORT: i32 = 9000;
/// The command of the services' image that waits, and the name of the container that runs it.
const WAIT_FOR_TOPICS: &str = "wait-for-topics";

/// Deployment and Services of the registry.
pub(super) fn build(lab: &ValidatedLab) -> Vec<Object> {
    let mut objects = vec![
        Object::new(Kind::Deployment, REGISTRY, &registry(lab)),
        Object::new(Kind::Service, REGISTRY, &service::cluster(lab, REGISTRY, &[API_PORT])),
    ];
    objects.extend(
        service::host(lab, REGISTRY, API_PORT, API_NODE_PORT)
            .map(|host| Object::new(Kind::Service, REGISTRY, &host)),
    );
    objects
}

/// Waits until Kafka has the registry's topics. Where the registry has to make them itself and the broker is slow to
/// know of them, it can end in a state that it never leaves.
fn wait_for_topics(lab: &ValidatedLab) -> Container {
    let mut container = container(lab, REGISTRY, &lab.services.image, &lab.registry.resources, Vec::new());
    let topics = REGISTRY_TOPICS.iter().map(|topic| topic.name.as_str());
    container.args = Some(iter::once(WAIT_FOR_TOPICS).chain(topics).map(str::to_owned).collect());
    container.env = Some(vec![env("KAFKA_BOOTSTRAP_SERVERS", kafka_bootstrap(&lab.name, &lab.namespace))]);
    Container { name: WAIT_FOR_TOPICS.to_owned(), ..container }
}

fn command(lab: &ValidatedLab) -> Vec<String> {
    let heap = format!("-Xmx{}m", lab.registry.heap_mebibytes);
    let words = [
        "java",
        // A start takes what it takes at most, idling little: the heap begins small.
        "-Xms64m",
        &heap,
        // One core does the collecting: on a small heap nothing else pays.
        "-XX:+UseSerialGC",
        // The first compiler only: the registry starts faster and in less memory, and answers rarely, because
        // services keep the ids that they looked up.
        "-XX:TieredStopAtLevel=1",
        "-XX:+ExitOnOutOfMemoryError",
        // No file of counters in /tmp that nobody reads.
        "-XX:-UsePerfData",
        "-jar",
        "/deployments/quarkus-run.jar",
    ];
    words.map(str::to_owned).into()
}

fn registry(lab: &ValidatedLab) -> Deployment {
    let mut container = container(lab, REGISTRY, &lab.registry.image, &lab.registry.resources, Vec::new());
    container.command = Some(command(lab));
    container.env = Some(vec![
        env("APICURIO_STORAGE_KIND", "kafkasql"),
        env("APICURIO_KAFKASQL_BOOTSTRAP_SERVERS", kafka_bootstrap(&lab.name, &lab.namespace)),
        env("QUARKUS_HTTP_HOST", "0.0.0.0"),
        env("QUARKUS_HTTP_PORT", API_PORT.1.to_string()),
        env("QUARKUS_MANAGEMENT_PORT", MANAGEMENT_PORT.to_string()),
        // Connections to its in-memory database; 20 by default, each with memory of its own.
        env("APICURIO_DATASOURCE_JDBC_INITIAL_SIZE", "2"),
        env("APICURIO_DATASOURCE_JDBC_MIN_SIZE", "2"),
        // How long the poll of an empty topic waits at the start; 5 s by default, which is most of a start.
        env("APICURIO_KAFKASQL_CONSUMER_POLL_TIMEOUT", "200"),
        // The log is for what happens, not for each probe.
        env("QUARKUS_HTTP_ACCESS_LOG_ENABLED", "false"),
        // glibc keeps an arena of memory for each of many threads otherwise.
        env("MALLOC_ARENA_MAX", "2"),
    ]);
    container.ports = Some(vec![port(API_PORT.0, API_PORT.1), port("management", MANAGEMENT_PORT)]);
    // Ready means that it has read its topic. The start is a JVM's on a busy laptop, plus Kafka's.
    container.startup_probe = Some(http_probe("management", "/health/ready", Pace::start_within(420)));
    container.readiness_probe = Some(http_probe("management", "/health/ready", Pace::every(5, 3)));
    container.liveness_probe = Some(http_probe("management", "/health/live", Pace::every(15, 8)));
    let mut pod = template(lab, REGISTRY, container, Vec::new(), 30);
    pod.spec.get_or_insert_default().init_containers = Some(vec![wait_for_topics(lab)]);
    // Between two pods, services go by the ids that they looked up.
    deployment::of(lab, REGISTRY, pod)
}
