//! Topics and schemas of a lab, through the Kafka and registry APIs.
//!
//! Both are looked at when a pod behind them is new or restarted, and once a minute after that. A client of Kafka
//! lives for one look: an idle operator holds no connection to any broker.

pub mod compatibility;
pub mod registry;
pub mod topics;

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use kube::ResourceExt;
use rdkafka::ClientConfig;
use tokio::sync::Mutex;

use crate::{
    build::{
        Component,
        names::{kafka_bootstrap, registry_url},
    },
    dereference::Refs,
    metrics::Metrics,
    observe::Part,
    outcome::Check,
    validate::ValidatedLab,
};

/// How long what was found to hold is taken to hold; nobody tells the operator when somebody deletes a topic.
const LASTS: Duration = Duration::from_secs(55);
/// What is not asked for any longer belongs to a lab that is gone.
const FORGOTTEN: Duration = Duration::from_mins(10);

/// What every client is set to, so that it finds a broker again within seconds of its return: a connection that is on its
/// way to the address of a pod that is gone hears nothing, for 30 s by default.
pub fn client(bootstrap: &str, id: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("client.id", id)
        .set("broker.address.family", "v4")
        .set("socket.connection.setup.timeout.ms", "5000")
        .set("reconnect.backoff.max.ms", "1000");
    config
}

/// The operator's way to the Kafkas and registries of all labs, with what it found there last.
#[derive(Debug)]
pub struct Kafka {
    http: reqwest::Client,
    /// By lab uid and what was looked at.
    found: Mutex<HashMap<(String, &'static str), Found>>,
}

#[derive(Clone, Debug)]
struct Found {
    /// The pods that it was found through.
    behind: String,
    at: Instant,
    check: Check,
}

impl Kafka {
    /// Nothing found yet.
    pub fn new() -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            // One registry for each lab, asked once a minute: connections are not worth keeping.
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(Self { http, found: Mutex::default() })
    }

    /// Brings topics and schemas to the catalogue, and tells of both whether they are there.
    pub async fn sync(
        &self,
        lab: &ValidatedLab,
        parts: &[Part],
        refs: &Refs,
        metrics: &Metrics,
    ) -> (Check, Check) {
        let is_ready = |component| parts.iter().any(|part| part.component == component && part.ready);
        if !is_ready(Component::Kafka) {
            let waiting = |what: &str| Check::waiting("WaitingForKafka", format!("{what} wait for Kafka"));
            return (waiting("topics"), waiting("schemas"));
        }
        let topics = self
            .look(lab, "topics", &behind(refs, Component::Kafka), metrics, async {
                topics::sync(&kafka_bootstrap(&lab.name, &lab.namespace)).await
            })
            .await;
        if !is_ready(Component::SchemaRegistry) {
            let message = "schemas wait for the schema registry";
            return (topics, Check::waiting("WaitingForSchemaRegistry", message));
        }
        let schemas = self
            .look(lab, "schemas", &behind(refs, Component::SchemaRegistry), metrics, async {
                registry::sync(&self.http, &registry_url(&lab.name, &lab.namespace)).await
            })
            .await;
        (topics, schemas)
    }

    /// What was found last, while it holds; else what is found now.
    async fn look(
        &self,
        lab: &ValidatedLab,
        what: &'static str,
        behind: &str,
        metrics: &Metrics,
        look: impl Future<Output = Check>,
    ) -> Check {
        let key = (lab.uid.clone(), what);
        if let Some(found) = self.found.lock().await.get(&key)
            && found.behind == behind
            && found.at.elapsed() < LASTS
            && found.check.holds == Some(true)
        {
            return found.check.clone();
        }
        let check = look.await;
        metrics.checked(what, check.reason);
        let mut all = self.found.lock().await;
        all.retain(|_, found| found.at.elapsed() < FORGOTTEN);
        all.insert(key, Found { behind: behind.to_owned(), at: Instant::now(), check: check.clone() });
        check
    }
}

/// Which pods, and which of their containers' lives, answer for a component.
fn behind(refs: &Refs, component: Component) -> String {
    let mut lives: Vec<String> = refs
        .pods
        .iter()
        .filter(|pod| {
            pod.labels().get("app.kubernetes.io/name").map(String::as_str) == Some(component.as_str())
        })
        .map(|pod| {
            let containers = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
            let restarts: i32 = containers.map(|container| container.restart_count).sum();
            format!("{}/{restarts}", pod.uid().unwrap_or_default())
        })
        .collect();
    lives.sort();
    lives.join(" ")
}
