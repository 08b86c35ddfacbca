//! Kubernetes Services of a lab's components.

use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::names::{Component, owned, selector_labels};
use crate::validate::ValidatedLab;

/// The Service inside the cluster, `<lab>-<component>`: ports by name and number, each to the container port of
/// that name.
pub(super) fn cluster(lab: &ValidatedLab, component: Component, ports: &[(&str, i32)]) -> Service {
    Service {
        metadata: owned(lab, component, component.object_name(&lab.name)),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            selector: Some(selector_labels(lab, component)),
            ports: Some(ports.iter().map(|(name, number)| port(name, *number, None)).collect()),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

/// The Service that a StatefulSet must name, `<lab>-<component>-headless`: it gives each pod a DNS name, before it is
/// ready too, for a person who wants to ask that pod.
pub(super) fn headless(lab: &ValidatedLab, component: Component, ports: &[(&str, i32)]) -> Service {
    Service {
        metadata: owned(lab, component, format!("{}-headless", component.object_name(&lab.name))),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            cluster_ip: Some("None".to_owned()),
            publish_not_ready_addresses: Some(true),
            selector: Some(selector_labels(lab, component)),
            ports: Some(ports.iter().map(|(name, number)| port(name, *number, None)).collect()),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

/// The node port, `<lab>-<component>-host`, where `hostAccess` is on. It is a Service of its own, so that a node
/// port which another lab holds takes nothing but itself away.
pub(super) fn host(
    lab: &ValidatedLab,
    component: Component,
    (name, number): (&str, i32),
    node_port: i32,
) -> Option<Service> {
    lab.host_access.enabled.then(|| Service {
        metadata: owned(lab, component, format!("{}-host", component.object_name(&lab.name))),
        spec: Some(ServiceSpec {
            type_: Some("NodePort".to_owned()),
            selector: Some(selector_labels(lab, component)),
            ports: Some(vec![port(name, number, Some(node_port))]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    })
}

fn port(name: &str, number: i32, node_port: Option<i32>) -> ServicePort {
    ServicePort {
        name: Some(name.to_owned()),
        port: number,
        target_port: Some(IntOrString::String(name.to_owned())),
        protocol: Some("TCP".to_owned()),
        node_port,
        ..ServicePort::default()
    }
}
