//! What every pod of a lab shares: Pod Security "restricted", and no way to the Kubernetes API.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::apps::v1::StatefulSetPersistentVolumeClaimRetentionPolicy,
    api::core::v1::{
        Capabilities, Container, ContainerPort, EmptyDirVolumeSource, EnvVar, HTTPGetAction,
        LocalObjectReference, PersistentVolumeClaim, PersistentVolumeClaimSpec, PodSecurityContext, PodSpec,
        PodTemplateSpec, Probe, ResourceRequirements, SeccompProfile, SecurityContext, TCPSocketAction,
        Volume, VolumeMount, VolumeResourceRequirements,
    },
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta, util::intstr::IntOrString},
};

use super::names::{Component, labels};
use crate::validate::{FilledResources, ValidatedLab};

/// The user of every container, who owns what images write and volumes hold (the images allow any).
const USER: i64 = 1000;

/// Name of the volume that a component's data lies on; claims are `data-<pod>`.
pub(super) const DATA: &str = "data";

/// A pod with one container and a `/tmp`, the only places that it may write to besides its data.
pub(super) fn template(
    lab: &ValidatedLab,
    component: Component,
    container: Container,
    volumes: Vec<Volume>,
    grace_seconds: i64,
) -> PodTemplateSpec {
    let mut all_volumes = vec![Volume {
        name: "tmp".to_owned(),
        empty_dir: Some(EmptyDirVolumeSource {
            size_limit: Some(Quantity("256Mi".to_owned())),
            ..EmptyDirVolumeSource::default()
        }),
        ..Volume::default()
    }];
    all_volumes.extend(volumes);
    let pull_secrets: Vec<_> =
        lab.pull_secrets.iter().map(|name| LocalObjectReference { name: name.clone() }).collect();
    PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: Some(labels(lab, component)), ..ObjectMeta::default() }),
        spec: Some(PodSpec {
            automount_service_account_token: Some(false),
            // One variable for each Service of the namespace would slow nothing but the reader of `env`.
            enable_service_links: Some(false),
            security_context: Some(PodSecurityContext {
                run_as_non_root: Some(true),
                run_as_user: Some(USER),
                run_as_group: Some(USER),
                fs_group: Some(USER),
                // Without it, a volume with a million files is walked at every start.
                fs_group_change_policy: Some("OnRootMismatch".to_owned()),
                seccomp_profile: Some(SeccompProfile {
                    type_: "RuntimeDefault".to_owned(),
                    ..SeccompProfile::default()
                }),
                ..PodSecurityContext::default()
            }),
            termination_grace_period_seconds: Some(grace_seconds),
            image_pull_secrets: (!pull_secrets.is_empty()).then_some(pull_secrets),
            containers: vec![container],
            volumes: Some(all_volumes),
            ..PodSpec::default()
        }),
    }
}

/// A container with its image, security context and `/tmp`; the caller adds what is the component's own.
pub(super) fn container(
    lab: &ValidatedLab,
    component: Component,
    image: &str,
    resources: &FilledResources,
    mounts: Vec<VolumeMount>,
) -> Container {
    let mut all_mounts = vec![mount("tmp", "/tmp")];
    all_mounts.extend(mounts);
    Container {
        name: component.as_str().to_owned(),
        image: Some(image.to_owned()),
        image_pull_policy: Some(lab.pull_policy.as_str().to_owned()),
        resources: Some(requirements(resources)),
        // Where a container ends badly, the end of its log is kept with its state: the status quotes it.
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            run_as_non_root: Some(true),
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".to_owned()]),
                ..Capabilities::default()
            }),
            ..SecurityContext::default()
        }),
        volume_mounts: Some(all_mounts),
        ..Container::default()
    }
}

fn requirements(resources: &FilledResources) -> ResourceRequirements {
    let amounts = |cpu: &crds::Quantity, memory: &crds::Quantity| {
        BTreeMap::from([
            ("cpu".to_owned(), Quantity(cpu.to_string())),
            ("memory".to_owned(), Quantity(memory.to_string())),
        ])
    };
    ResourceRequirements {
        requests: Some(amounts(&resources.requests.cpu, &resources.requests.memory)),
        limits: Some(amounts(&resources.limits.cpu, &resources.limits.memory)),
        ..ResourceRequirements::default()
    }
}

/// A claim for a component's data. Its labels select it together with the lab's other objects.
pub(super) fn claim(lab: &ValidatedLab, component: Component, size: &str) -> PersistentVolumeClaim {
    PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(DATA.to_owned()),
            labels: Some(labels(lab, component)),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            resources: Some(VolumeResourceRequirements {
                requests: Some(BTreeMap::from([("storage".to_owned(), Quantity(size.to_owned()))])),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }
}

/// Volumes outlive a scale to zero (phase Infrastructure), and the lab when its deletionPolicy says so.
pub(super) fn claim_retention(lab: &ValidatedLab) -> StatefulSetPersistentVolumeClaimRetentionPolicy {
    let when_deleted = match lab.deletion_policy {
        crds::DeletionPolicy::Delete => "Delete",
        crds::DeletionPolicy::Retain => "Retain",
    };
    StatefulSetPersistentVolumeClaimRetentionPolicy {
        when_deleted: Some(when_deleted.to_owned()),
        when_scaled: Some("Retain".to_owned()),
    }
}

pub(super) fn mount(volume: &str, path: &str) -> VolumeMount {
    VolumeMount { name: volume.to_owned(), mount_path: path.to_owned(), ..VolumeMount::default() }
}

pub(super) fn env(name: &str, value: impl Into<String>) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value.into()), ..EnvVar::default() }
}

pub(super) fn port(name: &str, number: i32) -> ContainerPort {
    ContainerPort { name: Some(name.to_owned()), container_port: number, ..ContainerPort::default() }
}

/// How often a probe asks, and how many failures in a row it takes.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    pub(super) period_seconds: i32,
    pub(super) failures: i32,
}

impl Pace {
    /// Once a second while a component starts, for as many seconds: readiness shows without delay.
    pub(super) fn start_within(seconds: i32) -> Self {
        Self { period_seconds: 1, failures: seconds }
    }

    pub(super) fn every(period_seconds: i32, failures: i32) -> Self {
        Self { period_seconds, failures }
    }

    fn probe(self) -> Probe {
        Probe {
            period_seconds: Some(self.period_seconds),
            failure_threshold: Some(self.failures),
            timeout_seconds: Some(3),
            ..Probe::default()
        }
    }
}

pub(super) fn tcp_probe(port: &str, pace: Pace) -> Probe {
    Probe {
        tcp_socket: Some(TCPSocketAction { port: IntOrString::String(port.to_owned()), host: None }),
        ..pace.probe()
    }
}

pub(super) fn http_probe(port: &str, path: &str, pace: Pace) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String(port.to_owned()),
            ..HTTPGetAction::default()
        }),
        ..pace.probe()
    }
}
