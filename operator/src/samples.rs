//! Labs for tests: the smallest, and one with every field set.

use crds::EdaLab;
use serde_json::{Value, json};

use crate::{
    config::RelatedImages,
    validate::{ValidatedLab, validate},
};

/// The operator's default images.
pub(crate) fn images() -> RelatedImages {
    RelatedImages {
        kafka: "docker.io/apache/kafka:4.1.0".to_owned(),
        schema_registry: "docker.io/apicurio/apicurio-registry:3.3.3".to_owned(),
        services: "edalab.local/services:1".to_owned(),
    }
}

/// A lab of this spec, as the API server hands it out.
pub(crate) fn lab(spec: &Value) -> EdaLab {
    serde_json::from_value(json!({
        "apiVersion": "edalab.dev/v1alpha1",
        "kind": "EdaLab",
        "metadata": {
            "name": "lab",
            "namespace": "classroom",
            "uid": "5f0d9c1e-0000-4000-8000-000000000001",
            "generation": 1,
        },
        "spec": spec,
    }))
    .expect("a sample is an EdaLab")
}

/// `spec: {}`.
pub(crate) fn minimal() -> EdaLab {
    lab(&json!({}))
}

/// Every field set to something that is not its default.
pub(crate) fn full() -> EdaLab {
    lab(&json!({
        "phase": "Infrastructure",
        "scenario": "PIC_CHARGE",
        "simulation": { "running": true, "eventsPerSecond": 50 },
        "scenarioParameters": { "peakFactor": 4, "peakSeconds": 60, "run": 3 },
        "kafka": {
            "image": "registry.example/kafka:4.1.0-custom",
            "storage": { "ephemeral": true, "size": "8Gi" },
            "resources": {
                "requests": { "cpu": "250m", "memory": "1Gi" },
                "limits": { "cpu": 3, "memory": "1536Mi" },
            },
        },
        "schemaRegistry": {
            "resources": { "limits": { "memory": "640Mi" } },
        },
        "services": {
            "image": "registry.example/services:2",
            "quotation": {
                "quoteValidity": "90s",
                "resources": { "requests": { "memory": "256Mi" } },
            },
            "souscription": { "resources": { "limits": { "cpu": "500m" } } },
            "reclamation": { "resources": { "limits": { "memory": "160Mi" } } },
            "simulator": { "resources": { "limits": { "memory": "128Mi" } } },
            "dashboard": { "resources": { "requests": { "cpu": "50m" } } },
        },
        "hostAccess": { "enabled": true, "advertisedHost": "lab.example", "portOffset": 1000 },
        "images": {
            "registry": "mirror.example/hub",
            "pullPolicy": "Always",
            "pullSecrets": [{ "name": "mirror-login" }],
        },
        "deletionPolicy": "Retain",
    }))
}

/// A sample after validation.
pub(crate) fn validated(lab: &EdaLab) -> ValidatedLab {
    validate(lab, &images()).expect("a sample is valid")
}
