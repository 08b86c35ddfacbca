//! Labs as the API server takes them, without our own types: what is wrong by them must be sayable too.

use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject},
    core::GroupVersionKind,
};
use serde_json::{Value, json};

/// The labs of a namespace.
pub fn of(client: Client, namespace: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("edalab.dev", "v1alpha1", "EdaLab");
    Api::namespaced_with(client, namespace, &ApiResource::from_gvk(&kind))
}

/// A lab to apply.
pub fn manifest(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "edalab.dev/v1alpha1", "kind": "EdaLab", "metadata": {"name": name}, "spec": spec})
}
