//! What every service is made of, wired: database, relay, consumer, HTTP, and a stop in the right order.

use std::{pin::Pin, sync::Arc};

use axum::Router;
use rdkafka::error::KafkaError;
use schemas::{CATALOGUE, Topic, TopicName};
use sqlx::migrate::Migrator;
use tokio::{net::TcpListener, sync::Semaphore, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Identity, ServiceConfig, StatelessConfig},
    consumer::{Consumer, Handlers, Membership, Pace},
    control::{self, Controls, Follower},
    http::{self, Guard, Limits, Readiness},
    ledger::{self, Audited, Auditor, Reporter},
    metrics::Metrics,
    outbox::Relay,
    registry::{RegistryClient, RegistryError},
    store::{DataFolder, Store, StoreError},
};

/// Who may ask for the ledger at the same time.
const LEDGER_ASKERS: usize = 4;

/// Why a service cannot start, or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(
        "pod {pod} is a second replica: a service that keeps its data in SQLite runs in one, so scale its StatefulSet back \
         to 1"
    )]
    SecondReplica { pod: String },
    #[error("the task {name} ended badly: {error}")]
    Task { name: &'static str, error: String },
    #[error("the task that writes the database ended by a bug of a command")]
    Writer,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error("Kafka: {0}")]
    Kafka(#[from] KafkaError),
}

impl ServeError {
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::SecondReplica { .. } => "SecondReplica",
            Self::Task { .. } | Self::Writer => "TaskFailed",
            Self::Store(error) => error.reason(),
            Self::Registry(error) => error.reason(),
            Self::Kafka(_) => "Kafka",
        }
    }
}

/// A service that has its database, and does not serve yet.
#[derive(Debug)]
pub struct Service {
    pub store: Store,
    pub metrics: Metrics,
    /// What is set for the whole lab.
    pub controls: Controls,
    name: &'static str,
    config: ServiceConfig,
    registry: Arc<RegistryClient>,
    follower: Follower,
}

/// A task of a service's own, with its name. It ends when it is told to stop.
pub type Task = (&'static str, Pin<Box<dyn Future<Output = ()> + Send>>);

impl Service {
    /// Takes the data folder and opens the database. `name` is the service's in its database, its group and its events'
    /// source.
    pub async fn open(
        name: &'static str,
        config: ServiceConfig,
        migrations: &Migrator,
    ) -> Result<Self, ServeError> {
        only_replica(&config.identity)?;
        let metrics = Metrics::new();
        let folder =
            DataFolder::own(&config.data_dir, &config.identity.pod_name).map_err(StoreError::from)?;
        let store = Store::open(folder, name, migrations, config.outbox_capacity, &metrics).await?;
        let registry = Arc::new(RegistryClient::new(&config.kafka.schema_registry_url)?);
        let servers = &config.kafka.kafka_bootstrap_servers;
        let (follower, controls) = Follower::new(name, &config.identity, servers, &metrics);
        Ok(Self { store, metrics, controls, name, config, registry, follower })
    }

    /// Serves until told to stop, and then ends in order: requests and batches that have begun are finished, and stored
    /// events are published for a few seconds more. `tasks` are told by the same token.
    pub async fn run(
        self,
        listener: TcpListener,
        api: Router,
        handlers: Handlers,
        tasks: Vec<Task>,
        stop: CancellationToken,
    ) -> Result<(), ServeError> {
        let Self { store, metrics, controls, name, config, registry, follower } = self;
        let source = format!("/edalab/{}/{name}", config.identity.lab);
        let servers = config.kafka.kafka_bootstrap_servers;
        let membership = Membership {
            group: format!("{name}-service"),
            instance: config.identity.pod_name,
            service: source.clone(),
            bootstrap_servers: servers.clone(),
        };
        let relay_stop = CancellationToken::new();
        let published = published_by(name);
        let audited = Audited {
            source: source.clone(),
            group: membership.group.clone(),
            topics: published.clone(),
            bootstrap_servers: servers.clone(),
        };
        let reporter = Reporter {
            readers: store.readers.clone(),
            auditor: Auditor::start(audited, relay_stop.clone()),
            service: source.clone(),
            group: membership.group.clone(),
            published,
            heard: handlers.topics().map(TopicName::as_str).collect(),
            askers: Arc::new(Semaphore::new(LEDGER_ASKERS)),
        };
        let pace = Pace::new(controls.clone(), name);
        let consumer = Consumer::new(membership, handlers, &store, Arc::clone(&registry), pace, &metrics);
        let relay = Relay::new(&store, registry, &servers, source, &metrics);
        let guarded = Guard::new(Limits::default(), &metrics).protect(api);
        let operations = http::operations(Readiness::of(store.clone()), metrics);
        let internal = ledger::routes(reporter).merge(control::routes(controls));
        let routes = operations.merge(internal).merge(guarded);

        let relay = watched(relay.run(relay_stop.clone()), &stop);
        let consumer: Task = ("consumer", Box::pin(consumer.run(stop.clone())));
        let follower: Task = ("control", Box::pin(follower.run(stop.clone())));
        let tasks = watch_all(tasks.into_iter().chain([consumer, follower]), &stop);
        let ends = end_with(store.writer.stopped(), &stop);
        http::serve(listener, routes, stop).await;
        let mut failed = end_all(tasks).await;
        if store.writer.stopped().is_cancelled() {
            failed = failed.or(Some(ServeError::Writer));
        }
        ends.abort();
        // Requests, batches and tasks write events; the relay stops after them.
        relay_stop.cancel();
        failed = failed.or(end(relay, "relay").await);
        store.close().await;
        failed.map_or(Ok(()), Err)
    }
}

/// A service that keeps nothing: no database, no events of its own.
#[derive(Debug)]
pub struct StatelessService {
    pub metrics: Metrics,
    /// What is set for the whole lab.
    pub controls: Controls,
    follower: Follower,
}

impl StatelessService {
    pub fn new(name: &'static str, config: &StatelessConfig) -> Self {
        let metrics = Metrics::new();
        let servers = &config.kafka.kafka_bootstrap_servers;
        let (follower, controls) = Follower::new(name, &config.identity, servers, &metrics);
        Self { metrics, controls, follower }
    }

    /// Serves until told to stop; requests that have begun are finished. `tasks` are told by the same token.
    pub async fn run(
        self,
        listener: TcpListener,
        api: Router,
        tasks: Vec<Task>,
        stop: CancellationToken,
    ) -> Result<(), ServeError> {
        let Self { metrics, controls, follower } = self;
        let operations = http::operations(Readiness::without_store(), metrics);
        let routes = operations.merge(control::routes(controls)).merge(api);
        let follower: Task = ("control", Box::pin(follower.run(stop.clone())));
        let tasks = watch_all(tasks.into_iter().chain([follower]), &stop);
        http::serve(listener, routes, stop).await;
        end_all(tasks).await.map_or(Ok(()), Err)
    }
}

/// Starts tasks, each watched.
fn watch_all(
    tasks: impl Iterator<Item = Task>,
    stop: &CancellationToken,
) -> Vec<(&'static str, JoinHandle<()>)> {
    tasks.map(|(name, task)| (name, watched(task, stop))).collect()
}

/// Waits for tasks; the first error of those that ended badly.
async fn end_all(tasks: Vec<(&'static str, JoinHandle<()>)>) -> Option<ServeError> {
    let mut failed = None;
    for (name, task) in tasks {
        failed = failed.or(end(task, name).await);
    }
    failed
}

/// Stops the service when its writer has stopped: nothing that it is asked for could happen any more.
fn end_with(writer: &CancellationToken, stop: &CancellationToken) -> JoinHandle<()> {
    let (writer, stop) = (writer.clone(), stop.clone());
    tokio::spawn(async move {
        writer.cancelled().await;
        stop.cancel();
    })
}

/// Runs a task of the service. Its end is the service's: one that is gone by a bug would otherwise be missed by nobody.
fn watched(task: impl Future<Output = ()> + Send + 'static, stop: &CancellationToken) -> JoinHandle<()> {
    let ended = stop.clone().drop_guard();
    tokio::spawn(async move {
        task.await;
        drop(ended);
    })
}

/// The topics that the catalogue says the service publishes its events to.
fn published_by(name: &str) -> Vec<&'static str> {
    let of = |topic: &&Topic| {
        topic.event().is_some() && topic.publishers.iter().any(|service| service.as_str() == name)
    };
    CATALOGUE.iter().filter(of).map(|topic| topic.name.as_str()).collect()
}

/// The pods of a StatefulSet are numbered from 0. Another one has another volume, and so another, empty database: what it
/// answered and applied would be known to nobody else.
fn only_replica(identity: &Identity) -> Result<(), ServeError> {
    let pod = &identity.pod_name;
    match pod.rsplit_once('-').map(|(_, ordinal)| ordinal.parse::<u32>()) {
        Some(Ok(ordinal)) if ordinal > 0 => Err(ServeError::SecondReplica { pod: pod.clone() }),
        _ => Ok(()),
    }
}

/// Waits for a task; an error where it ended by a panic.
async fn end(task: JoinHandle<()>, name: &'static str) -> Option<ServeError> {
    task.await.err().map(|error| ServeError::Task { name, error: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_replica_is_refused_in_words() {
        let replica = |pod_name: &str| {
            let identity =
                Identity { lab: "lab".to_owned(), pod_name: pod_name.to_owned(), otlp_endpoint: None };
            only_replica(&identity)
        };
        for first in ["local", "lab-quotation-0", "lab-quotation", "quotation-abc12"] {
            assert!(replica(first).is_ok(), "{first}");
        }
        let refused = replica("lab-quotation-1").expect_err("the second of two");
        assert_eq!(refused.reason(), "SecondReplica");
        assert!(refused.to_string().starts_with("pod lab-quotation-1 is a second replica"), "{refused}");
    }
}
