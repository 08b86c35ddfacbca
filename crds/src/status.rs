//! What the operator tells: `EdaLab.status`.

// `KubeSchema` expands to a copy of each struct inside a function, on which the lint would fire.
#![allow(unreachable_pub)]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Phase, Scenario, Simulation};

/// What the operator sees and has done. Nothing in it changes when nothing has happened.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EdaLabStatus {
    /// The `metadata.generation` that this status is about; lower than the object's means that the operator has
    /// not come to the last edit yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The phase in force. It follows `spec.phase` when everything that the phase asks for is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// The scenario in force: every service that runs has answered that it follows. While it is not `spec.scenario`,
    /// a change is on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<Scenario>,
    /// The simulation in force, told as the scenario is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulation: Option<Simulation>,
    /// Ready, KafkaReady, SchemaRegistryReady, TopicsReady, SchemasReady, ServicesReady and ScenarioApplied. Ready is
    /// true when the others are, ScenarioApplied left aside; when it is not, its reason and message are those of the
    /// first that is in the way. ScenarioApplied is true when every service that runs follows what the lab is set to;
    /// when it is not, its message names who does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The parts of the lab.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub components: Vec<Component>,
    /// Where the parts of the lab are reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub endpoints: Vec<Endpoint>,
}

impl EdaLabStatus {
    /// The condition of this type, if the operator has told it.
    pub fn condition(&self, type_: &str) -> Option<&Condition> {
        self.conditions.iter().find(|c| c.type_ == type_)
    }
}

/// One thing that holds or does not, with the reason.
#[derive(KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What the condition is about, such as KafkaReady.
    #[serde(rename = "type")]
    #[schemars(length(max = 64))]
    pub type_: String,
    /// True, False or Unknown.
    pub status: ConditionStatus,
    /// The `metadata.generation` that the condition was set for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Since when the status is what it is (RFC 3339).
    #[schemars(length(max = 40), extend("format" = "date-time"))]
    pub last_transition_time: String,
    /// Why, in one word for programs.
    #[schemars(length(min = 1, max = 64))]
    pub reason: String,
    /// Why, in words for people: what is in the way and where.
    #[schemars(length(max = 2048))]
    pub message: String,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ConditionStatus {
    True,
    False,
    Unknown,
}

/// One part of the lab.
#[derive(KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Name of the part, such as kafka.
    #[schemars(length(max = 64))]
    pub name: String,
    /// Whether it works.
    pub ready: bool,
    /// Why it does or does not, in one word.
    #[schemars(length(max = 64))]
    pub reason: String,
    /// Why, in words: the pod and what it waits for.
    #[schemars(length(max = 2048))]
    pub message: String,
    /// The image that it runs.
    #[schemars(length(max = 512))]
    pub image: String,
}

/// Where one part of the lab is reached.
#[derive(KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// Name of the part, such as quotation.
    #[schemars(length(max = 64))]
    pub name: String,
    /// Where pods of the cluster reach it: an address for Kafka, a URL for the others.
    #[schemars(length(max = 512))]
    pub url: String,
    /// Where programs on the host reach it; only where `spec.hostAccess` is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub host_url: Option<String>,
    /// A command that makes it reachable on localhost, wherever kubectl works.
    #[schemars(length(max = 512))]
    pub port_forward: String,
}
