//! The services of the insurance company; all run from one image, each with a database of its own on a volume.

use k8s_openapi::api::{
    apps::v1::{StatefulSet, StatefulSetSpec},
    core::v1::{EnvVar, EnvVarSource, ObjectFieldSelector},
};

use super::{
    Component, Kind, Object,
    names::{kafka_bootstrap, owned, registry_url, selector},
    pod::{DATA, Pace, claim, claim_retention, container, env, http_probe, mount, port, template},
    service,
};
use crate::validate::ValidatedLab;

const QUOTATION: Component = Component::Quotation;
const HTTP_PORT: (&str, i32) = ("http", 8081);
const NODE_PORT: i32 = 30081;
/// Room for some millions of quotes.
const DATABASE_SIZE: &str = "1Gi";

/// StatefulSet and Services of quotation.
///
/// In a phase without services the StatefulSet stays, with no pod: removing it would remove its volume, and the
/// quotes that a learner made are to be there when the phase comes back.
pub(super) fn quotation(lab: &ValidatedLab) -> Vec<Object> {
    let mut objects = vec![
        Object::new(Kind::StatefulSet, QUOTATION, &stateful_set(lab)),
        Object::new(Kind::Service, QUOTATION, &service::headless(lab, QUOTATION, &[HTTP_PORT])),
    ];
    if lab.quotation.running {
        objects.push(Object::new(Kind::Service, QUOTATION, &service::cluster(lab, QUOTATION, &[HTTP_PORT])));
        objects.extend(
            service::host(lab, QUOTATION, HTTP_PORT, NODE_PORT)
                .map(|host| Object::new(Kind::Service, QUOTATION, &host)),
        );
    }
    objects
}

fn stateful_set(lab: &ValidatedLab) -> StatefulSet {
    let settings = &lab.quotation;
    let mut container =
        container(lab, QUOTATION, &lab.services_image, &settings.resources, vec![mount(DATA, "/data")]);
    container.args = Some(vec!["quotation".to_owned()]);
    container.env = Some(vec![
        env("HTTP_ADDR", format!("0.0.0.0:{}", HTTP_PORT.1)),
        env("KAFKA_BOOTSTRAP_SERVERS", kafka_bootstrap(&lab.name, &lab.namespace)),
        env("SCHEMA_REGISTRY_URL", registry_url(&lab.name, &lab.namespace)),
        env("DATA_DIR", "/data"),
        env("QUOTE_VALIDITY", &settings.quote_validity),
        env("EDALAB_LAB", &lab.name),
        pod_name(),
        env("RUST_LOG", "info"),
    ]);
    container.ports = Some(vec![port(HTTP_PORT.0, HTTP_PORT.1)]);
    container.startup_probe = Some(http_probe("http", "/health", Pace::start_within(120)));
    container.readiness_probe = Some(http_probe("http", "/ready", Pace::every(2, 2)));
    container.liveness_probe = Some(http_probe("http", "/health", Pace::every(10, 6)));
    let name = QUOTATION.object_name(&lab.name);
    StatefulSet {
        metadata: owned(lab, QUOTATION, name.clone()),
        spec: Some(StatefulSetSpec {
            // One writer per database.
            replicas: Some(i32::from(settings.running)),
            service_name: Some(format!("{name}-headless")),
            selector: selector(lab, QUOTATION),
            // A pod that cannot start is replaced when its image is corrected; in order, it would be waited for.
            pod_management_policy: Some("Parallel".to_owned()),
            template: template(lab, QUOTATION, container, Vec::new(), 30),
            persistent_volume_claim_retention_policy: Some(claim_retention(lab)),
            volume_claim_templates: Some(vec![claim(lab, QUOTATION, DATABASE_SIZE)]),
            ..StatefulSetSpec::default()
        }),
        ..StatefulSet::default()
    }
}

/// The pod's own name, which services report under.
fn pod_name() -> EnvVar {
    EnvVar {
        name: "POD_NAME".to_owned(),
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                api_version: Some("v1".to_owned()),
                field_path: "metadata.name".to_owned(),
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }
}
