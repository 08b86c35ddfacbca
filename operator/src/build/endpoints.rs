//! Where the parts of a lab are reached: `status.endpoints`.

use crds::Endpoint;

use super::{
    names::{Component, http_url, kafka_bootstrap},
    services,
};
use crate::validate::ValidatedLab;

/// One endpoint for each part that the lab has, with its host address where `hostAccess` is on.
pub fn endpoints(lab: &ValidatedLab) -> Vec<Endpoint> {
    let mut endpoints = vec![kafka(lab), http(lab, Component::SchemaRegistry, 8085, "/apis/ccompat/v7")];
    if lab.services.running {
        endpoints.extend(services::of(lab).map(|service| http(lab, service.component, service.port, "")));
    }
    endpoints
}

/// Port-forwarding goes to the listener HOST, which advertises the forwarded address.
fn kafka(lab: &ValidatedLab) -> Endpoint {
    let host = &lab.host_access;
    Endpoint {
        name: Component::Kafka.as_str().to_owned(),
        url: kafka_bootstrap(&lab.name, &lab.namespace),
        host_url: host.enabled.then(|| format!("{}:{}", host.advertised_host, host.kafka_port)),
        port_forward: port_forward(lab, Component::Kafka, host.kafka_port, 9094),
    }
}

fn http(lab: &ValidatedLab, component: Component, port: u16, path: &str) -> Endpoint {
    let host = &lab.host_access;
    let url = format!("{}{path}", http_url(component, port, &lab.name, &lab.namespace));
    let host_port = port.saturating_add(host.port_offset);
    Endpoint {
        name: component.as_str().to_owned(),
        url,
        host_url: host.enabled.then(|| format!("http://{}:{host_port}{path}", host.advertised_host)),
        port_forward: port_forward(lab, component, port, port),
    }
}

fn port_forward(lab: &ValidatedLab, component: Component, local: u16, remote: u16) -> String {
    let service = component.object_name(&lab.name);
    format!("kubectl --namespace {} port-forward service/{service} {local}:{remote}", lab.namespace)
}
