//! The custom resource `EdaLab`: the one object that describes a lab.
//!
//! The types here are the source of `crds/edalab.yaml` (`cargo run -p generate`), of what
//! `kubectl explain edalab.spec --recursive` prints, and of what the operator reads and writes. Their doc comments
//! are therefore written for the person who runs a lab.

mod quantity;
mod scenario;
mod schema;
mod services;
mod spec;
mod status;

pub use quantity::Quantity;
pub use scenario::{Scenario, ScenarioParameters, Simulation, Target};
pub use schema::{crd, yaml};
pub use services::{Dashboard, Quotation, Reclamation, Services, Simulator, Souscription};
pub use spec::{
    DeletionPolicy, EdaLab, EdaLabSpec, HostAccess, ImageDefaults, Kafka, KafkaStorage, Phase, PullPolicy,
    PullSecret, ResourceAmounts, Resources, SchemaRegistry,
};
pub use status::{Component, Condition, ConditionStatus, EdaLabStatus, Endpoint};

/// The API group of the lab's resources; annotations and labels of our own carry it as prefix.
pub const GROUP: &str = "edalab.dev";
