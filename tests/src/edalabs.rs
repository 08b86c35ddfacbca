//! Labs as the API server takes them, without our own types: what is wrong by them must be sayable too.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject},
    core::GroupVersionKind,
};
use serde_json::{Value, json};

use crate::rig::program::ROOT;

/// The labs of a namespace.
pub fn of(client: Client, namespace: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("edalab.dev", "v1alpha1", "EdaLab");
    Api::namespaced_with(client, namespace, &ApiResource::from_gvk(&kind))
}

/// A lab to apply.
pub fn manifest(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "edalab.dev/v1alpha1", "kind": "EdaLab", "metadata": {"name": name}, "spec": spec})
}

/// The definition, as the checkout has it.
pub fn definition() -> CustomResourceDefinition {
    let path = format!("{ROOT}/crds/edalab.yaml");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|problem| panic!("{path}: {problem}"));
    serde_yaml_ng::from_str(&text).unwrap_or_else(|problem| panic!("{path}: {problem}"))
}
