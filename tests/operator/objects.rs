//! The objects that the operator made for a lab, as far as they follow from its custom resource.

use std::{collections::BTreeMap, fmt::Write};

use edalab_operator::{
    build::{DESIRED_HASH, Kind},
    dereference::api_resource,
};
use edalab_tests::rig::cluster::Space;
use kube::{
    Api, ResourceExt,
    api::{DynamicObject, ListParams},
};
use serde_json::Value;

/// What the API server and Kubernetes' controllers add, which differs between two objects that are the same to us.
const ADDED: [&str; 5] = ["uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"];
const REVISION: &str = "deployment.kubernetes.io/revision";
/// Hashes of the operator's, over the namespace and the lab's uid among others.
const HASHES: [&str; 2] = [DESIRED_HASH, "edalab.dev/config-hash"];

/// A lab's objects at one moment, by kind and name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Objects(BTreeMap<String, Value>);

impl Objects {
    /// The objects of a lab now.
    pub(crate) async fn of(space: &Space, lab: &str) -> Result<Self, kube::Error> {
        let of_lab = ListParams::default().labels(&format!("app.kubernetes.io/instance={lab}"));
        let mut all = BTreeMap::new();
        for kind in Kind::ALL {
            let kind = api_resource(kind);
            let api: Api<DynamicObject> = Api::namespaced_with(space.client.clone(), &space.name, &kind);
            for object in api.list(&of_lab).await? {
                let name = format!("{} {}", kind.kind, object.name_any());
                all.insert(name, as_made(&object));
            }
        }
        Ok(Self(all))
    }

    /// The same objects as a lab of this name would have them in another namespace.
    #[must_use]
    pub(crate) fn anywhere(&self, namespace: &str) -> Self {
        let moved = |object: &Value| {
            let text = object.to_string().replace(namespace, "NAMESPACE");
            let mut object: Value =
                serde_json::from_str(&text).expect("a name within JSON text was replaced");
            for place in ["/metadata", "/spec/template/metadata"] {
                let annotations = object.pointer_mut(&format!("{place}/annotations"));
                if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
                    annotations.retain(|key, _| !HASHES.contains(&key.as_str()));
                }
            }
            object
        };
        Self(self.0.iter().map(|(name, object)| (name.clone(), moved(object))).collect())
    }

    /// What `other` has otherwise, as text for people; empty where both are the same.
    pub(crate) fn differences(&self, other: &Self) -> String {
        let mut told = String::new();
        let none = Value::Null;
        let names: std::collections::BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        for name in names {
            let [here, there] = [self, other].map(|objects| objects.0.get(name).unwrap_or(&none));
            compare(name, here, there, &mut told);
        }
        told
    }

    /// The components whose pods are other pods after the change to `after`: another template, another number of pods,
    /// or none.
    pub(crate) fn restarted(&self, lab: &str, after: &Self) -> Vec<String> {
        let workloads = |objects: &Self| -> BTreeMap<String, Value> {
            let has_pods = |name: &str| name.starts_with("StatefulSet ") || name.starts_with("Deployment ");
            let pods = |object: &Value| {
                // Without pods, what the template says restarts nobody.
                let replicas = object["spec"]["replicas"].as_u64().unwrap_or(1);
                let template = if replicas == 0 { &Value::Null } else { &object["spec"]["template"] };
                serde_json::json!([replicas, template])
            };
            let all = objects.0.iter().filter(|(name, _)| has_pods(name));
            all.map(|(name, object)| (name.clone(), pods(object))).collect()
        };
        let (before, after) = (workloads(self), workloads(after));
        let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
        let changed = names.filter(|name| before.get(*name) != after.get(*name));
        let component = |name: &String| {
            let (_, object) = name.split_once(' ').unwrap_or_default();
            object.strip_prefix(&format!("{lab}-")).unwrap_or(object).to_owned()
        };
        changed.map(component).collect()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

/// The object as the operator made it.
fn as_made(object: &DynamicObject) -> Value {
    let mut made = serde_json::to_value(object).expect("an object is JSON");
    if let Some(all) = made.as_object_mut() {
        all.remove("status");
    }
    if let Some(metadata) = made["metadata"].as_object_mut() {
        metadata.retain(|key, _| !ADDED.contains(&key.as_str()));
    }
    for owner in made["metadata"]["ownerReferences"].as_array_mut().into_iter().flatten() {
        owner["uid"] = Value::Null;
    }
    if let Some(annotations) = made["metadata"]["annotations"].as_object_mut() {
        annotations.remove(REVISION);
    }
    // An address that the API server chose.
    if made["spec"]["clusterIP"].as_str().is_some_and(|ip| ip != "None") {
        made["spec"]["clusterIP"] = Value::Null;
        made["spec"]["clusterIPs"] = Value::Null;
    }
    made
}

fn compare(path: &str, here: &Value, there: &Value, told: &mut String) {
    match (here, there) {
        _ if here == there => {}
        (Value::Object(one), Value::Object(other)) => {
            for key in one.keys().chain(other.keys().filter(|key| !one.contains_key(*key))) {
                compare(&format!("{path}.{key}"), &here[key.as_str()], &there[key.as_str()], told);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (number, (one, other)) in one.iter().zip(other).enumerate() {
                compare(&format!("{path}[{number}]"), one, other, told);
            }
        }
        // writing to a String cannot fail
        _ => drop(writeln!(told, "{path}: {here} | {there}")),
    }
}
