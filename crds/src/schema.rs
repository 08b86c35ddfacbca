//! The CRD as Kubernetes takes it: the derived schema with what the derive cannot say.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{CustomResourceExt, core::Rule};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use crate::EdaLab;

const HEADER: &str = "# Generated from the types in crds/src by `cargo run -p generate`; do not edit.\n";

/// The CustomResourceDefinition of [`EdaLab`].
pub fn crd() -> CustomResourceDefinition {
    let mut crd = EdaLab::crd();
    crd.metadata.annotations.get_or_insert_default().insert(
        // Volumes hang on labs: removing the chart must not remove the labs with the CRD.
        "helm.sh/resource-policy".to_owned(),
        "keep".to_owned(),
    );
    for version in &mut crd.spec.versions {
        if let Some(schema) = version.schema.as_mut().and_then(|s| s.open_api_v3_schema.as_mut()) {
            let plain = tidy(serde_json::to_value(&*schema).expect("a schema is JSON"));
            *schema = serde_json::from_value(plain).expect("tidying keeps a schema a schema");
        }
    }
    crd
}

/// The CRD as the YAML file that is committed and installed.
pub fn yaml() -> Result<String, serde_yaml_ng::Error> {
    Ok(format!("{HEADER}{}", serde_yaml_ng::to_string(&crd())?))
}

/// Takes out what the derive adds and Kubernetes does not want: `nullable` (an explicit null is better pruned, so
/// that the default applies), and number formats that Kubernetes does not know and warns about.
fn tidy(schema: Value) -> Value {
    match schema {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(key, value)| !is_foreign_to_kubernetes(key, value))
                .map(|(key, value)| (key, tidy(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(tidy).collect()),
        other => other,
    }
}

fn is_foreign_to_kubernetes(key: &str, value: &Value) -> bool {
    match key {
        "nullable" => value.is_boolean(),
        "format" => value.as_str().is_some_and(|format| format.starts_with("uint")),
        _ => false,
    }
}

/// An image reference: registry, path, tag or digest.
pub(crate) fn image(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[a-zA-Z0-9][-a-zA-Z0-9._:/@]*$" })
}

/// A registry's host and port, and a path below it.
pub(crate) fn image_registry(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[a-zA-Z0-9]([-a-zA-Z0-9._:/]*[a-zA-Z0-9])?$" })
}

/// CPUs: an integer, or a string such as 500m or 0.5.
pub(crate) fn cpu(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "x-kubernetes-int-or-string": true,
        "maxLength": 8,
        "pattern": r"^([0-9]{1,3}(\.[0-9]{1,3})?|[0-9]{1,6}m)$",
        "x-kubernetes-validations": [{
            "rule": "quantity(string(self)).compareTo(quantity('1m')) >= 0 && quantity(string(self)).compareTo(quantity('64')) <= 0",
            "message": "cpu: from 1m to 64",
        }],
    })
}

/// Bytes: an integer, or a string such as 512Mi.
pub(crate) fn memory(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "x-kubernetes-int-or-string": true,
        "maxLength": 14,
        "pattern": r"^[0-9]{1,12}(\.[0-9]{1,3})?(k|M|G|Ki|Mi|Gi)?$",
        "x-kubernetes-validations": [{
            "rule": "quantity(string(self)).compareTo(quantity('16Mi')) >= 0 && quantity(string(self)).compareTo(quantity('64Gi')) <= 0",
            "message": "memory: from 16Mi to 64Gi",
        }],
    })
}

/// The least memory that a container's limit may be, where somebody sets one. `part` is the path below `spec` of what
/// has the `resources`, and `advice` what a refusal says after the field's name.
pub(crate) fn memory_floor(part: &str, least: &str, advice: &str) -> Rule {
    let rule = format!(
        "!has(self.resources.limits) || !has(self.resources.limits.memory) || \
         quantity(string(self.resources.limits.memory)).compareTo(quantity('{least}')) >= 0"
    );
    Rule::new(rule).message(format!("{part}.resources.limits.memory: {advice}").as_str())
}
