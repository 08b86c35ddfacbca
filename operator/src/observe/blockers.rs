//! What keeps a component's pods from running, in the words of whoever says it: kubelet, scheduler, controllers.

use k8s_openapi::api::core::v1::{ContainerStatus, Event, PersistentVolumeClaim, Pod};
use kube::ResourceExt;

use super::Blocker;

/// Waiting reasons of a pod that is simply being set up.
const ON_ITS_WAY: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// The first thing in the way of the workload of this name; `None` when there is only time to pass.
pub(super) fn find(
    workload: &str,
    pods: &[&Pod],
    claims: &[PersistentVolumeClaim],
    warnings: &[Event],
) -> Option<Blocker> {
    let alive = || pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
    alive()
        .find_map(|pod| container_trouble(pod))
        .or_else(|| alive().find_map(|pod| unschedulable(pod, workload, claims, warnings)))
        .or_else(|| alive().find_map(|pod| warned(&pod.name_any(), "Pod", warnings)))
        .or_else(|| if pods.is_empty() { not_created(workload, warnings) } else { None })
        .or_else(|| claim_trouble(workload, claims, warnings))
}

fn blocker(reason: &str, subject: &str, detail: &str) -> Blocker {
    let message = if detail.is_empty() {
        format!("{subject}: {reason}")
    } else {
        format!("{subject}: {reason}: {detail}")
    };
    Blocker { reason: reason.to_owned(), message }
}

fn container_trouble(pod: &Pod) -> Option<Blocker> {
    let status = pod.status.as_ref()?;
    status
        .init_container_statuses
        .iter()
        .chain(&status.container_statuses)
        .flatten()
        .find_map(|container| container_blocker(&pod.name_any(), container))
}

fn container_blocker(pod: &str, container: &ContainerStatus) -> Option<Blocker> {
    let state = container.state.as_ref()?;
    if let Some(waiting) = &state.waiting {
        let reason = waiting.reason.as_deref().unwrap_or("Waiting");
        if ON_ITS_WAY.contains(&reason) {
            return None;
        }
        let ended = last_end(container);
        // What the kubelet says of a crash loop is how long it waits; how the container ended says more.
        let detail = ended.unwrap_or_else(|| waiting.message.clone().unwrap_or_default());
        return Some(blocker(reason, pod, &detail));
    }
    state.terminated.as_ref().map(|ended| {
        let reason = ended.reason.as_deref().unwrap_or("Terminated");
        blocker(reason, pod, &format!("the container ended with exit code {}", ended.exit_code))
    })
}

fn last_end(container: &ContainerStatus) -> Option<String> {
    let ended = container.last_state.as_ref()?.terminated.as_ref()?;
    Some(format!(
        "the container ended with {}, exit code {}; its log says why (kubectl logs --previous)",
        ended.reason.as_deref().unwrap_or("an error"),
        ended.exit_code
    ))
}

fn unschedulable(
    pod: &Pod,
    workload: &str,
    claims: &[PersistentVolumeClaim],
    warnings: &[Event],
) -> Option<Blocker> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let condition = conditions.iter().find(|condition| {
        condition.type_ == "PodScheduled"
            && condition.status == "False"
            && condition.reason.as_deref() == Some("Unschedulable")
    })?;
    // A volume that does not come is why the scheduler waits, and says more.
    let volume = claim_trouble(workload, claims, warnings);
    Some(volume.unwrap_or_else(|| {
        blocker("Unschedulable", &pod.name_any(), condition.message.as_deref().unwrap_or_default())
    }))
}

/// Why a claim of the workload has no volume: what its provisioner or the binder says.
fn claim_trouble(workload: &str, claims: &[PersistentVolumeClaim], warnings: &[Event]) -> Option<Blocker> {
    let prefix = format!("data-{workload}-");
    claims
        .iter()
        .filter(|claim| claim.name_any().starts_with(&prefix))
        .filter(|claim| claim.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Pending"))
        .find_map(|claim| {
            let said = latest(&claim.name_any(), "PersistentVolumeClaim", warnings)?;
            let subject = format!("volume claim {}", claim.name_any());
            let detail =
                format!("{}: {}", said.reason.as_deref()?, said.message.as_deref().unwrap_or_default());
            Some(blocker("VolumePending", &subject, &detail))
        })
}

/// Why a controller could not create a pod: a quota, Pod Security. A Deployment's word is its ReplicaSet's.
fn not_created(workload: &str, warnings: &[Event]) -> Option<Blocker> {
    let replica_set = format!("{workload}-");
    let said = newest(warnings.iter().filter(|event| {
        let (kind, name) = (event.involved_object.kind.as_deref(), event.involved_object.name.as_deref());
        event.reason.as_deref() == Some("FailedCreate")
            && match kind {
                Some("StatefulSet" | "Deployment") => name == Some(workload),
                Some("ReplicaSet") => name.is_some_and(|name| name.starts_with(&replica_set)),
                _ => false,
            }
    }))?;
    Some(blocker("FailedCreate", workload, said.message.as_deref().unwrap_or_default()))
}

/// A warning that hinders a pod before its container runs, such as a volume that does not mount.
fn warned(name: &str, kind: &str, warnings: &[Event]) -> Option<Blocker> {
    let said = latest(name, kind, warnings)?;
    let reason = said.reason.as_deref()?;
    reason.starts_with("Failed").then(|| blocker(reason, name, said.message.as_deref().unwrap_or_default()))
}

fn latest<'a>(name: &str, kind: &str, warnings: &'a [Event]) -> Option<&'a Event> {
    newest(warnings.iter().filter(|event| {
        event.involved_object.name.as_deref() == Some(name)
            && event.involved_object.kind.as_deref() == Some(kind)
    }))
}

fn newest<'a>(events: impl Iterator<Item = &'a Event>) -> Option<&'a Event> {
    events.max_by_key(|event| event.last_timestamp.as_ref().map(|time| time.0))
}
