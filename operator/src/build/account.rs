//! Who a component is to the Kubernetes API, where it speaks to it: an account that may do a few things with its own lab's
//! EdaLab, or read logs, and nothing else.

use k8s_openapi::api::{
    core::v1::{PodTemplateSpec, ServiceAccount},
    rbac::v1::{PolicyRule, Role, RoleBinding, RoleRef, Subject},
};

use super::{Component, Kind, Object, names::owned};
use crate::validate::ValidatedLab;

/// The group of the objects that say who may do what.
const RBAC: &str = "rbac.authorization.k8s.io";

/// What a component may do.
#[derive(Clone, Copy)]
pub(super) struct Rights {
    /// With the one EdaLab.
    pub(super) lab: &'static [&'static str],
    /// Read what pods write. Rights know no labels, so that it is those of the namespace.
    pub(super) logs: bool,
}

/// The account, and its rights. The operator grants what it holds itself, as the API server demands.
pub(super) fn build(lab: &ValidatedLab, component: Component, rights: Rights) -> [Object; 3] {
    let name = component.object_name(&lab.name);
    let account = ServiceAccount {
        metadata: owned(lab, component, name.clone()),
        // The component's own pod asks for the token.
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    };
    let role = Role { metadata: owned(lab, component, name.clone()), rules: Some(rules(lab, rights)) };
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

fn rules(lab: &ValidatedLab, rights: Rights) -> Vec<PolicyRule> {
    let rule = |group: &str, resource: &str, verbs: &[&str]| PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(vec![resource.to_owned()]),
        verbs: verbs.iter().map(|&verb| verb.to_owned()).collect(),
        ..PolicyRule::default()
    };
    let own = rule(crds::GROUP, "edalabs", rights.lab);
    let mut rules = vec![PolicyRule { resource_names: Some(vec![lab.name.clone()]), ..own }];
    if rights.logs {
        rules.extend([rule("", "pods", &["list"]), rule("", "pods/log", &["get"])]);
    }
    rules
}

/// The pod runs as the component's account and finds its token where clients look for it.
pub(super) fn run_as(lab: &ValidatedLab, component: Component, mut pod: PodTemplateSpec) -> PodTemplateSpec {
    let spec = pod.spec.get_or_insert_default();
    spec.service_account_name = Some(component.object_name(&lab.name));
    spec.automount_service_account_token = Some(true);
    pod
}
