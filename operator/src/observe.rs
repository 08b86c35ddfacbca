//! Whether the parts of a lab work, and what is in the way where they do not. Pure.

mod blockers;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::Value;

use crate::{
    apply::Applied,
    build::{Component, Kind},
    dereference::Refs,
    validate::ValidatedLab,
};

/// One component as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub component: Component,
    /// Whether the phase has it. A part that it has not is ready when it is gone.
    pub wanted: bool,
    pub ready: bool,
    pub reason: String,
    pub message: String,
    pub image: String,
}

/// What stands between a component and being ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blocker {
    pub(crate) reason: String,
    pub(crate) message: String,
}

/// The parts of the lab, in the order in which they start.
pub fn observe(lab: &ValidatedLab, refs: &Refs, applied: &Applied) -> Vec<Part> {
    Component::ALL
        .into_iter()
        .map(|component| {
            let wanted = component.is_wanted(lab);
            let image = match component {
                Component::Kafka => &lab.kafka.image,
                Component::SchemaRegistry => &lab.registry.image,
                Component::Quotation
                | Component::Souscription
                | Component::Reclamation
                | Component::Simulator
                | Component::Dashboard => &lab.services.image,
            };
            let (ready, reason, message) = standing(lab, component, wanted, refs, applied);
            Part { component, wanted, ready, reason, message, image: image.clone() }
        })
        .collect()
}

fn standing(
    lab: &ValidatedLab,
    component: Component,
    wanted: bool,
    refs: &Refs,
    applied: &Applied,
) -> (bool, String, String) {
    if let Some((_, error)) = applied.failures.iter().find(|(of, _)| *of == component) {
        return (false, error.reason().to_owned(), error.to_string());
    }
    let name = component.object_name(&lab.name);
    let pods = pods_of(component, refs);
    if !wanted {
        return match pods.first() {
            Some(pod) => (false, "Stopping".to_owned(), format!("{} is stopping", pod.name_any())),
            None if lab.services.running => {
                (true, "TakenAway".to_owned(), "scenario SERVICE_EN_PANNE does not have it".to_owned())
            }
            None => {
                (true, "NotInThisPhase".to_owned(), format!("phase {} does not have it", lab.phase.as_str()))
            }
        };
    }
    let workload = [Kind::StatefulSet, Kind::Deployment]
        .into_iter()
        .find_map(|kind| applied.seen.get(&(kind, name.clone())));
    let extra = extra_replica(&name, &pods);
    if extra.is_none() && workload.is_some_and(rolled_out) {
        return (true, "Ready".to_owned(), format!("{name} is ready"));
    }
    let found = blockers::find(&name, &pods, &refs.claims, &refs.warnings);
    let blocker = found.or(extra).unwrap_or_else(|| Blocker {
        reason: "Starting".to_owned(),
        message: match pods.first() {
            Some(pod) => format!("{} is starting", pod.name_any()),
            None => format!("{name} has no pod yet"),
        },
    });
    (false, blocker.reason, blocker.message)
}

/// Pods of the component that are not on their way out, the newest first.
fn pods_of(component: Component, refs: &Refs) -> Vec<&Pod> {
    let mut pods: Vec<&Pod> = refs
        .pods
        .iter()
        .filter(|pod| {
            pod.labels().get("app.kubernetes.io/name").map(String::as_str) == Some(component.as_str())
        })
        .collect();
    pods.sort_by_key(|pod| {
        (pod.metadata.deletion_timestamp.is_some(), std::cmp::Reverse(pod.creation_timestamp()))
    });
    pods
}

/// A pod of a StatefulSet beyond the one that a lab has of each. Somebody scaled it; the operator has scaled it back,
/// unless the lab is paused, and until the pod is gone its name says why the component is not as it should be.
fn extra_replica(workload: &str, pods: &[&Pod]) -> Option<Blocker> {
    let beyond_the_first = |pod: &String| {
        let number = pod.strip_prefix(workload).and_then(|rest| rest.strip_prefix('-'));
        number.and_then(|number| number.parse::<u32>().ok()).is_some_and(|number| number > 0)
    };
    let pod = pods.iter().map(|pod| pod.name_any()).find(beyond_the_first)?;
    Some(Blocker {
        reason: "ExtraReplica".to_owned(),
        message: format!("{pod} is beyond the one replica that the lab has of {workload}"),
    })
}

/// Whether a StatefulSet or Deployment runs what it was last told, all of it ready.
fn rolled_out(workload: &Value) -> bool {
    let status = &workload["status"];
    let number = |field: &str| status[field].as_i64().unwrap_or(0);
    let replicas = workload["spec"]["replicas"].as_i64().unwrap_or(1);
    let seen = number("observedGeneration") >= workload["metadata"]["generation"].as_i64().unwrap_or(0);
    seen && ["updatedReplicas", "readyReplicas", "replicas"]
        .into_iter()
        .all(|field| number(field) == replicas)
}

/// The text, cut where it is longer than so many characters.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests;
