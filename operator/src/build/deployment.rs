//! The Deployment of a component that keeps nothing in its pod.

use k8s_openapi::api::{
    apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy},
    core::v1::PodTemplateSpec,
};

use super::names::{Component, owned, selector};
use crate::validate::ValidatedLab;

/// One pod, and never two at once: a second JVM is much for a laptop, and two simulators would be twice the customers.
pub(super) fn of(lab: &ValidatedLab, component: Component, pod: PodTemplateSpec) -> Deployment {
    Deployment {
        metadata: owned(lab, component, component.object_name(&lab.name)),
        spec: Some(DeploymentSpec {
            replicas: Some(1),
            selector: selector(lab, component),
            strategy: Some(DeploymentStrategy {
                type_: Some("Recreate".to_owned()),
                ..DeploymentStrategy::default()
            }),
            revision_history_limit: Some(2),
            template: pod,
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}
