//! From a validated lab to the objects that make it. Pure, and it cannot fail: validation came before.
//!
//! A component is one file with one `build`; the services are entries of one table.

mod account;
mod deployment;
pub mod endpoints;
mod kafka;
pub mod names;
mod pod;
mod schema_registry;
mod service;
mod services;

use k8s_openapi::{
    Resource as Described,
    api::{
        apps::v1::{Deployment, StatefulSet},
        core::v1::{ConfigMap, Service, ServiceAccount},
        rbac::v1::{Role, RoleBinding},
    },
};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use endpoints::endpoints;
pub use names::Component;

use crate::validate::ValidatedLab;

/// Annotation with the hash of what the operator last wanted of an object.
pub const DESIRED_HASH: &str = "edalab.dev/desired-hash";
/// Annotation of a pod template with the hash of the configuration that its pods read when they start.
const CONFIG_HASH: &str = "edalab.dev/config-hash";

/// The kinds that labs consist of, in the order in which they are applied: what a pod needs comes before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    ServiceAccount,
    Role,
    RoleBinding,
    ConfigMap,
    Service,
    StatefulSet,
    Deployment,
}

impl Kind {
    pub const ALL: [Self; 7] = [
        Self::ServiceAccount,
        Self::Role,
        Self::RoleBinding,
        Self::ConfigMap,
        Self::Service,
        Self::StatefulSet,
        Self::Deployment,
    ];

    /// The kind as the Kubernetes API spells it; also a metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServiceAccount => ServiceAccount::KIND,
            Self::Role => Role::KIND,
            Self::RoleBinding => RoleBinding::KIND,
            Self::ConfigMap => ConfigMap::KIND,
            Self::Service => Service::KIND,
            Self::StatefulSet => StatefulSet::KIND,
            Self::Deployment => Deployment::KIND,
        }
    }
}

/// One object of a lab as it should be, without what the API server adds.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    pub kind: Kind,
    pub component: Component,
    pub name: String,
    /// The whole manifest, with its [`DESIRED_HASH`].
    pub manifest: Value,
}

impl Object {
    fn new<K: Serialize>(kind: Kind, component: Component, typed: &K) -> Self {
        let mut manifest = serde_json::to_value(typed).expect("Kubernetes types serialize to JSON");
        // An empty status comes with some types; it is not ours to set.
        if let Some(map) = manifest.as_object_mut() {
            map.remove("status");
        }
        let name = manifest["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        manifest["metadata"]["annotations"][DESIRED_HASH] = Value::String(hash(&manifest));
        Self { kind, component, name, manifest }
    }
}

/// All objects of a lab, in the order in which they are applied.
pub fn build(lab: &ValidatedLab) -> Vec<Object> {
    let mut objects = kafka::build(lab);
    objects.extend(schema_registry::build(lab));
    objects.extend(services::build(lab));
    objects.sort_by_key(|object| object.kind);
    objects
}

/// The first 16 hex digits of a SHA-256: short enough to read, long enough for one lab's objects.
fn hash<T: Serialize>(value: &T) -> String {
    use std::fmt::Write;
    let bytes = serde_json::to_vec(value).expect("what is hashed is JSON");
    Sha256::digest(&bytes).iter().take(8).fold(String::new(), |mut text, byte| {
        // writing to a String cannot fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
