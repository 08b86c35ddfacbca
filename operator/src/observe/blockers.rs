//! What keeps a component's pods from running, in the words of whoever says it: kubelet, scheduler, controllers.

use k8s_openapi::api::core::v1::{
    ContainerStateTerminated, ContainerStatus, Event, PersistentVolumeClaim, Pod,
};
use kube::ResourceExt;

use super::{Blocker, shorten};

/// Waiting reasons of a pod that is simply being set up.
const ON_ITS_WAY: [&str; 2] = ["ContainerCreating", "PodInitializing"];
/// So many restarts are no accident any more.
const CRASH_LOOP: i32 = 3;
/// The highest exit code of a process that ended by itself; beyond it a signal ended it, and what it said last is not
/// why.
const OWN_EXIT_CODES: i32 = 128;
/// How much of a container's last words is told, in characters.
const LAST_WORDS: usize = 400;

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
        .or_else(|| alive().find_map(|pod| not_made(pod, warnings)))
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
    // One that came before the others and is done stands in nobody's way.
    let done = |container: &&ContainerStatus| {
        let ended = container.state.as_ref().and_then(|state| state.terminated.as_ref());
        ended.is_some_and(|ended| ended.exit_code == 0)
    };
    let before = status.init_container_statuses.iter().flatten().filter(|container| !done(container));
    before
        .chain(status.container_statuses.iter().flatten())
        .find_map(|container| container_blocker(&pod.name_any(), container))
}

/// What a container says of itself. A kubelet alternates between words while it tries the same thing again and
/// again (ErrImagePull and ImagePullBackOff; Error and CrashLoopBackOff): they are one blocker here, because
/// nothing new has happened.
fn container_blocker(pod: &str, container: &ContainerStatus) -> Option<Blocker> {
    let state = container.state.as_ref()?;
    if let Some(waiting) = &state.waiting {
        let reason = waiting.reason.as_deref().unwrap_or("Waiting");
        let said = waiting.message.as_deref().unwrap_or_default();
        return match reason {
            _ if ON_ITS_WAY.contains(&reason) => None,
            "ErrImagePull" | "ImagePullBackOff" => {
                let cause = said.split_once("ErrImagePull: ").map_or(said, |(_, cause)| cause);
                Some(blocker("ImagePullBackOff", pod, &format!("{}: {cause}", container.image)))
            }
            "CrashLoopBackOff" => Some(crash(pod, container, said)),
            _ => Some(blocker(reason, pod, said)),
        };
    }
    let ended = state.terminated.is_some();
    let again = state.running.is_some() && !container.ready && container.restart_count >= CRASH_LOOP;
    (ended || again).then(|| crash(pod, container, ""))
}

/// How the container ended says more than how long the kubelet waits before it starts again.
fn crash(pod: &str, container: &ContainerStatus, otherwise: &str) -> Blocker {
    let state = container.state.as_ref().and_then(|state| state.terminated.as_ref());
    let before = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    let detail = state.or(before).map_or_else(|| otherwise.to_owned(), |ended| ending(pod, ended));
    blocker("CrashLoopBackOff", pod, &detail)
}

/// How a container ended: in its own last words where it gave up by itself, else in the kubelet's.
fn ending(pod: &str, ended: &ContainerStateTerminated) -> String {
    let reason = ended.reason.as_deref().unwrap_or("an error");
    let gave_up = (1..=OWN_EXIT_CODES).contains(&ended.exit_code) && reason != "OOMKilled";
    let words = ended.message.as_deref().and_then(last_words).filter(|_| gave_up);
    words.unwrap_or_else(|| {
        let code = ended.exit_code;
        format!(
            "the container ended with {reason} (exit code {code}); kubectl logs --previous {pod} says why"
        )
    })
}

/// The last line of what a container left, or the one that the last lines belong to where these are indented, as a
/// stack trace's are. A kubelet takes it from the end of the log.
fn last_words(message: &str) -> Option<String> {
    let lines = || message.lines().rev().map(|line| (line.starts_with(char::is_whitespace), printable(line)));
    let (_, words) = lines()
        .find(|(indented, words)| !indented && !words.is_empty())
        .or_else(|| lines().find(|(_, words)| !words.is_empty()))?;
    Some(shorten(&words, LAST_WORDS))
}

/// A line without what would move a terminal's cursor.
fn printable(line: &str) -> String {
    line.replace(char::is_control, " ").trim().to_owned()
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

/// What keeps a scheduled pod's container from being made: a volume that does not mount, a network that fails. Such
/// warnings are told only while a container waits and none runs; they outlive what they are about.
fn not_made(pod: &Pod, warnings: &[Event]) -> Option<Blocker> {
    let status = pod.status.as_ref()?;
    let containers = status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
    let current: Vec<_> = containers.filter_map(|container| container.state.as_ref()).collect();
    if current.iter().any(|state| state.running.is_some())
        || current.iter().all(|state| state.waiting.is_none())
    {
        return None;
    }
    let name = pod.name_any();
    let about_pod = warnings.iter().filter(|event| {
        event.involved_object.kind.as_deref() == Some("Pod")
            && event.involved_object.name.as_deref() == Some(&name)
            && event.involved_object.uid == pod.uid()
            && matches!(
                event.reason.as_deref(),
                Some("FailedMount" | "FailedAttachVolume" | "FailedCreatePodSandBox")
            )
    });
    let said = newest(about_pod)?;
    Some(blocker(said.reason.as_deref()?, &name, said.message.as_deref().unwrap_or_default()))
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
