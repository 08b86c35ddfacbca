//! The services; all run from one image. Those of the insurance company keep a database each, on a volume; those that play
//! its customers and show what happens keep nothing.

use k8s_openapi::api::{
    apps::v1::{StatefulSet, StatefulSetSpec},
    core::v1::{Container, EnvVar, EnvVarSource, ObjectFieldSelector, PodTemplateSpec},
};

use super::{
    Component, Kind, Object,
    account::{self, Rights},
    deployment,
    names::{http_url, kafka_bootstrap, owned, registry_url, selector},
    pod::{DATA, Pace, claim, claim_retention, container, env, http_probe, mount, port, template},
    service,
};
use crate::validate::{FilledResources, ValidatedLab};

/// Name of every service's port.
const HTTP: &str = "http";
const DASHBOARD_PORT: u16 = 8080;
const QUOTATION_PORT: u16 = 8081;
const SOUSCRIPTION_PORT: u16 = 8082;
const RECLAMATION_PORT: u16 = 8083;
const SIMULATOR_PORT: u16 = 8084;
/// Room for some millions of quotes, contracts or claims.
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
    keeps: Keeps,
}

/// What a service keeps, and so what holds its pod.
#[derive(Clone, Copy)]
enum Keeps {
    /// A database: a StatefulSet with a volume.
    Database,
    /// Nothing: a Deployment. Such a service speaks to the Kubernetes API, and may do this there.
    Nothing { rights: Rights },
}

/// The services of a lab. Another one is another entry here.
pub(super) fn of(lab: &ValidatedLab) -> [LabService<'_>; Component::SERVICES.len()] {
    let services = &lab.services;
    let url = |name, component, port| env(name, http_url(component, port, &lab.name, &lab.namespace));
    let outside = || {
        vec![
            env("EDALAB_NAMESPACE", &lab.namespace),
            url("QUOTATION_URL", Component::Quotation, QUOTATION_PORT),
            url("SOUSCRIPTION_URL", Component::Souscription, SOUSCRIPTION_PORT),
            url("RECLAMATION_URL", Component::Reclamation, RECLAMATION_PORT),
        ]
    };
    let mut watching = outside();
    watching.push(url("SIMULATOR_URL", Component::Simulator, SIMULATOR_PORT));
    // Told also while host access is off: turning it on restarts nothing then.
    watching.push(env("ALLOWED_HOSTS", &lab.host_access.advertised_host));
    [
        LabService {
            component: Component::Quotation,
            port: QUOTATION_PORT,
            node_port: 30081,
            resources: &services.quotation.resources,
            settings: vec![env("QUOTE_VALIDITY", &services.quotation.quote_validity)],
            keeps: Keeps::Database,
        },
        LabService {
            component: Component::Souscription,
            port: SOUSCRIPTION_PORT,
            node_port: 30082,
            resources: &services.souscription,
            settings: Vec::new(),
            keeps: Keeps::Database,
        },
        LabService {
            component: Component::Reclamation,
            port: RECLAMATION_PORT,
            node_port: 30083,
            resources: &services.reclamation,
            settings: Vec::new(),
            keeps: Keeps::Database,
        },
        LabService {
            component: Component::Simulator,
            port: SIMULATOR_PORT,
            node_port: 30084,
            resources: &services.simulator,
            settings: outside(),
            // Its API changes the lab by changing its EdaLab.
            keeps: Keeps::Nothing { rights: Rights { lab: &["get", "patch"], logs: false } },
        },
        LabService {
            component: Component::Dashboard,
            port: DASHBOARD_PORT,
            node_port: 30080,
            resources: &services.dashboard,
            settings: watching,
            // It shows what the EdaLab says and what pods write; what it changes, it asks the simulator for.
            keeps: Keeps::Nothing { rights: Rights { lab: &["get", "list", "watch"], logs: true } },
        },
    ]
}

/// Workloads and Services of the services, and the accounts of those that need one.
pub(super) fn build(lab: &ValidatedLab) -> Vec<Object> {
    of(lab).into_iter().flat_map(|service| objects(lab, service)).collect()
}

fn objects(lab: &ValidatedLab, service: LabService<'_>) -> Vec<Object> {
    let (component, node_port, keeps) = (service.component, service.node_port, service.keeps);
    let http = (HTTP, i32::from(service.port));
    let pod = template(lab, component, program(lab, service), Vec::new(), 30);
    let mut objects = Vec::new();
    match keeps {
        // In a phase without services the StatefulSet stays, with no pod: removing it would remove its volume, and the
        // quotes, contracts and claims that a learner made are to be there when the phase comes back.
        Keeps::Database => objects.extend([
            Object::new(Kind::StatefulSet, component, &stateful_set(lab, component, pod)),
            Object::new(Kind::Service, component, &service::headless(lab, component, &[http])),
        ]),
        Keeps::Nothing { rights } if lab.services.running => {
            let pod = account::run_as(lab, component, pod);
            objects.extend(account::build(lab, component, rights));
            objects.push(Object::new(Kind::Deployment, component, &deployment::of(lab, component, pod)));
        }
        Keeps::Nothing { .. } => {}
    }
    if lab.services.running {
        objects.push(Object::new(Kind::Service, component, &service::cluster(lab, component, &[http])));
        objects.extend(
            service::host(lab, component, http, node_port)
                .map(|host| Object::new(Kind::Service, component, &host)),
        );
    }
    objects
}

fn stateful_set(lab: &ValidatedLab, component: Component, pod: PodTemplateSpec) -> StatefulSet {
    let name = component.object_name(&lab.name);
    StatefulSet {
        metadata: owned(lab, component, name.clone()),
        spec: Some(StatefulSetSpec {
            // One writer per database.
            replicas: Some(i32::from(component.is_wanted(lab))),
            service_name: Some(format!("{name}-headless")),
            selector: selector(lab, component),
            // A pod that cannot start is replaced when its image is corrected; in order, it would be waited for.
            pod_management_policy: Some("Parallel".to_owned()),
            template: pod,
            persistent_volume_claim_retention_policy: Some(claim_retention(lab)),
            volume_claim_templates: Some(vec![claim(lab, component, DATABASE_SIZE)]),
            ..StatefulSetSpec::default()
        }),
        ..StatefulSet::default()
    }
}

/// The one container of a service's pod.
fn program(lab: &ValidatedLab, service: LabService<'_>) -> Container {
    let LabService { component, port: number, resources, settings, keeps, .. } = service;
    let (mounts, data) = match keeps {
        Keeps::Database => (vec![mount(DATA, "/data")], Some(env("DATA_DIR", "/data"))),
        Keeps::Nothing { .. } => (Vec::new(), None),
    };
    let mut container = container(lab, component, &lab.services.image, resources, mounts);
    container.args = Some(vec![component.as_str().to_owned()]);
    let mut variables = vec![
        env("HTTP_ADDR", format!("0.0.0.0:{number}")),
        env("KAFKA_BOOTSTRAP_SERVERS", kafka_bootstrap(&lab.name, &lab.namespace)),
        env("SCHEMA_REGISTRY_URL", registry_url(&lab.name, &lab.namespace)),
    ];
    variables.extend(data);
    variables.extend([env("EDALAB_LAB", &lab.name), pod_name(), env("RUST_LOG", "info")]);
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
