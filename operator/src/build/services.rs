//! The services of the insurance company; all run from one image, each with a database of its own on a volume.

use k8s_openapi::api::{
    apps::v1::{StatefulSet, StatefulSetSpec},
    core::v1::{Container, EnvVar, EnvVarSource, ObjectFieldSelector},
};

use super::{
    Component, Kind, Object,
    names::{kafka_bootstrap, owned, registry_url, selector},
    pod::{DATA, Pace, claim, claim_retention, container, env, http_probe, mount, port, template},
    service,
};
use crate::validate::{FilledResources, ValidatedLab};

/// Name of every service's port.
const HTTP: &str = "http";
/// Room for some millions of quotes or contracts.
const DATABASE_SIZE: &str = "1Gi";

/// What tells one service from another.
pub(super) struct LabService<'a> {
    pub(super) component: Component,
    /// Where it listens.
    pub(super) port: u16,
    node_port: i32,
    resources: &'a FilledResources,
    /// What it reads beside what every service reads.
    settings: Vec<EnvVar>,
}

/// The services of a lab. Another one is another entry here.
pub(super) fn of(lab: &ValidatedLab) -> [LabService<'_>; Component::SERVICES.len()] {
    let (quotation, souscription) = (&lab.services.quotation, &lab.services.souscription);
    [
        LabService {
            component: Component::Quotation,
            port: 8081,
            node_port: 30081,
            resources: &quotation.resources,
            settings: vec![env("QUOTE_VALIDITY", &quotation.quote_validity)],
        },
        LabService {
            component: Component::Souscription,
            port: 8082,
            node_port: 30082,
            resources: &souscription.resources,
            settings: Vec::new(),
        },
    ]
}

/// StatefulSets and Services of the services.
pub(super) fn build(lab: &ValidatedLab) -> Vec<Object> {
    of(lab).into_iter().flat_map(|service| objects(lab, service)).collect()
}

/// In a phase without services the StatefulSet stays, with no pod: removing it would remove its volume, and the
/// quotes and contracts that a learner made are to be there when the phase comes back.
fn objects(lab: &ValidatedLab, service: LabService<'_>) -> Vec<Object> {
    let (component, node_port) = (service.component, service.node_port);
    let http = (HTTP, i32::from(service.port));
    let mut objects = vec![
        Object::new(Kind::StatefulSet, component, &stateful_set(lab, service)),
        Object::new(Kind::Service, component, &service::headless(lab, component, &[http])),
    ];
    if lab.services.running {
        objects.push(Object::new(Kind::Service, component, &service::cluster(lab, component, &[http])));
        objects.extend(
            service::host(lab, component, http, node_port)
                .map(|host| Object::new(Kind::Service, component, &host)),
        );
    }
    objects
}

fn stateful_set(lab: &ValidatedLab, service: LabService<'_>) -> StatefulSet {
    let component = service.component;
    let name = component.object_name(&lab.name);
    StatefulSet {
        metadata: owned(lab, component, name.clone()),
        spec: Some(StatefulSetSpec {
            // One writer per database.
            replicas: Some(i32::from(lab.services.running)),
            service_name: Some(format!("{name}-headless")),
            selector: selector(lab, component),
            // A pod that cannot start is replaced when its image is corrected; in order, it would be waited for.
            pod_management_policy: Some("Parallel".to_owned()),
            template: template(lab, component, program(lab, service), Vec::new(), 30),
            persistent_volume_claim_retention_policy: Some(claim_retention(lab)),
            volume_claim_templates: Some(vec![claim(lab, component, DATABASE_SIZE)]),
            ..StatefulSetSpec::default()
        }),
        ..StatefulSet::default()
    }
}

/// The one container of a service's pod.
fn program(lab: &ValidatedLab, service: LabService<'_>) -> Container {
    let LabService { component, port: number, resources, settings, .. } = service;
    let mut container = container(lab, component, &lab.services.image, resources, vec![mount(DATA, "/data")]);
    container.args = Some(vec![component.as_str().to_owned()]);
    let mut variables = vec![
        env("HTTP_ADDR", format!("0.0.0.0:{number}")),
        env("KAFKA_BOOTSTRAP_SERVERS", kafka_bootstrap(&lab.name, &lab.namespace)),
        env("SCHEMA_REGISTRY_URL", registry_url(&lab.name, &lab.namespace)),
        env("DATA_DIR", "/data"),
        env("EDALAB_LAB", &lab.name),
        pod_name(),
        env("RUST_LOG", "info"),
    ];
    variables.extend(settings);
    container.env = Some(variables);
    container.ports = Some(vec![port(HTTP, i32::from(number))]);
    container.startup_probe = Some(http_probe(HTTP, "/health", Pace::start_within(120)));
    container.readiness_probe = Some(http_probe(HTTP, "/ready", Pace::every(2, 2)));
    container.liveness_probe = Some(http_probe(HTTP, "/health", Pace::every(10, 6)));
    container
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
