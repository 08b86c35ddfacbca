//! The lab's custom resource, watched: what is asked for, and what is in force.

use std::time::Duration;

use futures::StreamExt as _;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject},
    core::GroupVersionKind,
    runtime::{WatchStreamExt as _, watcher},
};
use serde::Deserialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How long to wait before the client is made again.
const AGAIN: Duration = Duration::from_secs(5);

/// What is known of the lab.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lab {
    /// What was seen last; nothing where there is no such object, or it was never seen.
    pub seen: Option<View>,
    /// Why it cannot be seen now.
    pub trouble: Option<Trouble>,
}

/// Why the lab is not seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The API answers, and has no such object.
    Absent,
    /// The API does not answer, or refuses; in its words.
    Unseen(String),
}

/// The part of the resource that the page shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    pub asked: Asked,
    /// What every service has answered; nothing where the operator has not said.
    pub in_force: InForce,
    /// What the condition ScenarioApplied says where it is False.
    pub not_applied: Option<String>,
    pub health: Health,
}

/// What the operator says of the lab's parts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Health {
    pub components: Vec<Component>,
    pub conditions: Vec<Condition>,
    pub endpoints: Vec<Endpoint>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Component {
    pub name: String,
    pub ready: bool,
    #[serde(default)]
    pub reason: String,
    #[serde(default)]
    pub message: String,
    #[serde(default)]
    pub image: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Condition {
    #[serde(rename = "type")]
    pub kind: String,
    pub status: String,
    #[serde(default)]
    pub message: String,
}

impl Condition {
    pub fn holds(&self) -> bool {
        self.status == "True"
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    pub name: String,
    #[serde(default)]
    pub host_url: Option<String>,
    #[serde(default)]
    pub port_forward: String,
}

impl Endpoint {
    /// Its address on the machine that runs the cluster, or the command that gives it one.
    pub fn reached_at(&self) -> &str {
        self.host_url.as_deref().unwrap_or(&self.port_forward)
    }
}

/// What the spec asks for, with the defaults of the definition where a field is not there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Asked {
    pub scenario: String,
    pub simulation: Simulation,
    pub scenario_parameters: Parameters,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InForce {
    pub scenario: Option<String>,
    pub simulation: Option<Simulation>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Simulation {
    pub running: bool,
    pub events_per_second: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Parameters {
    pub peak_factor: u32,
    pub peak_seconds: u32,
    pub error_percent: u32,
    pub target: String,
    pub delay_milliseconds: u32,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            scenario: "NORMAL".to_owned(),
            simulation: Simulation::default(),
            scenario_parameters: Parameters::default(),
        }
    }
}

impl Default for Simulation {
    fn default() -> Self {
        Self { running: false, events_per_second: 5 }
    }
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            peak_factor: 10,
            peak_seconds: 30,
            error_percent: 10,
            target: "reclamation".to_owned(),
            delay_milliseconds: 500,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Object {
    spec: Asked,
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    #[serde(flatten)]
    in_force: InForce,
    #[serde(flatten)]
    health: Health,
}

/// Reads the object's JSON.
fn view(data: serde_json::Value) -> Result<View, serde_json::Error> {
    let Object { spec, status } = serde_json::from_value(data)?;
    let Status { in_force, health } = status;
    let applied = health.conditions.iter().find(|condition| condition.kind == "ScenarioApplied");
    let not_applied = applied.filter(|condition| condition.status == "False");
    let not_applied = not_applied.map(|condition| condition.message.clone());
    Ok(View { asked: spec, in_force, not_applied, health })
}

/// Watches the lab until told to stop.
pub async fn watch(
    name: String,
    namespace: Option<String>,
    lab: watch::Sender<Lab>,
    stop: CancellationToken,
) {
    let watching = async {
        loop {
            match Client::try_default().await {
                Ok(client) => follow(client, &name, namespace.as_deref(), &lab).await,
                Err(error) => trouble(&lab, error.to_string()),
            }
            tokio::time::sleep(AGAIN).await;
        }
    };
    tokio::select! {
        () = watching => {}
        () = stop.cancelled() => {}
    }
}

async fn follow(client: Client, name: &str, namespace: Option<&str>, lab: &watch::Sender<Lab>) {
    let kind = GroupVersionKind::gvk("edalab.dev", "v1alpha1", "EdaLab");
    let resource = ApiResource::from_gvk(&kind);
    let namespace = namespace.unwrap_or_else(|| client.default_namespace()).to_owned();
    let labs: Api<DynamicObject> = Api::namespaced_with(client, &namespace, &resource);
    let mut seen = std::pin::pin!(watcher::watch_object(labs, name).default_backoff());
    while let Some(word) = seen.next().await {
        match word {
            Ok(Some(object)) => match view(object.data) {
                Ok(view) => {
                    let _ = lab.send_replace(Lab { seen: Some(view), trouble: None });
                }
                Err(error) => trouble(lab, error.to_string()),
            },
            Ok(None) => {
                let _ = lab.send_replace(Lab { seen: None, trouble: Some(Trouble::Absent) });
            }
            Err(error) => trouble(lab, error.to_string()),
        }
    }
}

/// Keeps what was seen last beside why it is not seen now.
fn trouble(lab: &watch::Sender<Lab>, why: String) {
    tracing::debug!(why, "the lab cannot be watched");
    lab.send_if_modified(|lab| {
        let trouble = Some(Trouble::Unseen(why));
        let news = lab.trouble != trouble;
        lab.trouble = trouble;
        news
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_asked_for_and_what_is_in_force() {
        let object = json!({
            "spec": {
                "phase": "ProducteurConsommateur",
                "scenario": "PIC_CHARGE",
                "simulation": {"running": true, "eventsPerSecond": 50},
                "scenarioParameters": {"peakFactor": 20, "peakSeconds": 10, "run": 3},
            },
            "status": {
                "phase": "ProducteurConsommateur",
                "scenario": "NORMAL",
                "simulation": {"running": true, "eventsPerSecond": 5},
                "conditions": [
                    {"type": "Ready", "status": "False", "message": "x"},
                    {"type": "ScenarioApplied", "status": "False", "reason": "NotAnswered", "message": "quotation"},
                ],
            },
        });
        let view = view(object).expect("a lab");
        assert_eq!(view.asked.scenario, "PIC_CHARGE");
        let parameters = Parameters { peak_factor: 20, peak_seconds: 10, ..Parameters::default() };
        assert_eq!(view.asked.scenario_parameters, parameters);
        assert_eq!(view.in_force.scenario.as_deref(), Some("NORMAL"));
        assert_eq!(view.in_force.simulation, Some(Simulation { running: true, events_per_second: 5 }));
        assert_eq!(view.not_applied.as_deref(), Some("quotation"));
    }

    #[test]
    fn an_empty_spec_asks_for_the_defaults_and_nothing_is_in_force() {
        let view = view(json!({"spec": {}})).expect("a lab");
        assert_eq!(view, View::default());
        assert_eq!((view.asked.scenario.as_str(), view.asked.simulation.events_per_second), ("NORMAL", 5));
    }

    #[test]
    fn what_was_seen_last_stays_beside_the_trouble() {
        let (lab, _told) = watch::channel(Lab { seen: Some(View::default()), trouble: None });
        trouble(&lab, "refused".to_owned());
        let wanted =
            Lab { seen: Some(View::default()), trouble: Some(Trouble::Unseen("refused".to_owned())) };
        assert_eq!(*lab.borrow(), wanted);
    }
}
