//! Who a component is to the Kubernetes API, where it speaks to it: an account that may do a few things with its own lab's
//! EdaLab, and nothing else.

use k8s_openapi::api::{
    core::v1::{PodTemplateSpec, ServiceAccount},
    rbac::v1::{PolicyRule, Role, RoleBinding, RoleRef, Subject},
};

use super::{Component, Kind, Object, names::owned};
use crate::validate::ValidatedLab;

/// The group of the objects that say who may do what.
const RBAC: &str = "rbac.authorization.k8s.io";

/// The account, and the right to these verbs on the one EdaLab. The operator grants what it holds itself, as the API
/// server demands.
pub(super) fn build(lab: &ValidatedLab, component: Component, verbs: &[&str]) -> [Object; 3] {
    let name = component.object_name(&lab.name);
    let account = ServiceAccount {
        metadata: owned(lab, component, name.clone()),
        // The component's own pod asks for the token.
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    };
    let role = Role {
        metadata: owned(lab, component, name.clone()),
        rules: Some(vec![PolicyRule {
            api_groups: Some(vec![crds::GROUP.to_owned()]),
            resources: Some(vec!["edalabs".to_owned()]),
            resource_names: Some(vec![lab.name.clone()]),
            verbs: verbs.iter().map(|&verb| verb.to_owned()).collect(),
            ..PolicyRule::default()
        }]),
    };
    let binding = RoleBinding {
        metadata: owned(lab, component, name.clone()),
        role_ref: RoleRef { api_group: RBAC.to_owned(), kind: "Role".to_owned(), name: name.clone() },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".to_owned(),
            name,
            namespace: Some(lab.namespace.clone()),
            ..Subject::default()
        }]),
    };
    [
        Object::new(Kind::ServiceAccount, component, &account),
        Object::new(Kind::Role, component, &role),
        Object::new(Kind::RoleBinding, component, &binding),
    ]
}

/// The pod runs as the component's account and finds its token where clients look for it.
pub(super) fn run_as(lab: &ValidatedLab, component: Component, mut pod: PodTemplateSpec) -> PodTemplateSpec {
    let spec = pod.spec.get_or_insert_default();
    spec.service_account_name = Some(component.object_name(&lab.name));
    spec.automount_service_account_token = Some(true);
    pod
}
