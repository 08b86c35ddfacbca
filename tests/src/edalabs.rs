//! Labs as the API server takes them, without our own types: what is wrong by them must be sayable too.

use std::path::Path;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
    core::{GroupVersionKind, Status},
};
use serde::de::DeserializeOwned;
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
    definition_of(Path::new(ROOT))
}

/// The definition, as that checkout has it.
pub fn definition_of(checkout: &Path) -> CustomResourceDefinition {
    read(&checkout.join("crds/edalab.yaml"))
}

/// The spec of that checkout's example.
pub fn example_of(checkout: &Path) -> Value {
    read::<Value>(&checkout.join("examples/lab.yaml"))["spec"].clone()
}

fn read<T: DeserializeOwned>(path: &Path) -> T {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
    serde_yaml_ng::from_str(&text).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()))
}

/// The schema of `spec`.
pub fn spec_schema(definition: &CustomResourceDefinition) -> Value {
    let definition = serde_json::to_value(definition).expect("a definition is JSON");
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clone()
}

/// The condition of that type, where it is told of the spec that the lab has now; else null.
pub fn condition(lab: &DynamicObject, kind: &str) -> Value {
    let all = lab.data["status"]["conditions"].as_array().into_iter().flatten();
    let now = lab.metadata.generation;
    let mut told = all.filter(|condition| condition["observedGeneration"].as_i64() == now);
    told.find(|condition| condition["type"] == kind).cloned().unwrap_or_default()
}

/// Whether the API server keeps what it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Really {
    Yes,
    No,
}

/// The object as it was taken, or the refusal.
pub type Said = Result<Box<DynamicObject>, Box<Status>>;

/// What `kubectl apply` does with a lab of this `spec`.
pub async fn apply(
    labs: &Api<DynamicObject>,
    name: &str,
    spec: &Value,
    really: Really,
) -> Result<Said, kube::Error> {
    let mut patch = PatchParams::apply("tests").force().validation_strict();
    patch.dry_run = really == Really::No;
    answer(labs.patch(name, &patch, &Patch::Apply(manifest(name, spec))).await)
}

/// Tells a refusal from a server that does not work. Server-side apply compares types before anything is validated, and
/// the API server answers 500 to what does not fit, with the field named.
pub fn answer(said: Result<DynamicObject, kube::Error>) -> Result<Said, kube::Error> {
    match said {
        Ok(object) => Ok(Ok(Box::new(object))),
        Err(kube::Error::Api(status))
            if (400..500).contains(&status.code)
                || status.message.starts_with("failed to create typed patch object") =>
        {
            Ok(Err(status))
        }
        Err(other) => Err(other),
    }
}
