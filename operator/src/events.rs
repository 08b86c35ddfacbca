//! Kubernetes Events of a lab: what changed, for `kubectl describe`.

use crds::{ConditionStatus, EdaLabStatus};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Client,
    runtime::events::{Event, EventType, Recorder, Reporter},
};

use crate::{build::names::MANAGER, outcome::Outcome, status::READY};

/// What the API server lets a note hold, less than its limit of 1 kB.
const NOTE_LIMIT: usize = 900;

/// A recorder that reports as this operator.
pub fn recorder(client: Client, pod_name: &str) -> Recorder {
    Recorder::new(client, Reporter { controller: MANAGER.to_owned(), instance: Some(pod_name.to_owned()) })
}

/// The Events between two statuses. Pure.
pub fn changes(old: Option<&EdaLabStatus>, new: &EdaLabStatus, outcome: &Outcome) -> Vec<Event> {
    let mut events: Vec<Event> = new
        .conditions
        .iter()
        .filter(|now| {
            let before = old.and_then(|old| old.condition(&now.type_));
            before.is_none_or(|before| before.status != now.status || before.reason != now.reason)
        })
        // That something starts or waits is in the status; an Event is for what happened.
        .filter(|now| now.status != ConditionStatus::Unknown && !is_on_its_way(&now.reason))
        // Ready sums up: while it is false its reason is another condition's, which has an Event of its own.
        .filter(|now| now.type_ != READY || now.status == ConditionStatus::True || outcome.stopped.is_some())
        .map(|now| {
            let bad = now.status == ConditionStatus::False;
            let type_ = if bad { EventType::Warning } else { EventType::Normal };
            event(type_, &now.reason, &now.type_, &now.message)
        })
        .collect();
    if let (Some(phase), true) = (new.phase, old.and_then(|old| old.phase) != new.phase) {
        let note = format!("phase {} is in force", phase.as_str());
        events.push(event(EventType::Normal, "PhaseChanged", "Phase", &note));
    }
    for (object, paths) in &outcome.evicted {
        let note = format!("{object}: took out what the lab does not have: {}", paths.join(", "));
        events.push(event(EventType::Warning, "AdditionRemoved", "Apply", &note));
    }
    events
}

fn is_on_its_way(reason: &str) -> bool {
    reason == "Starting" || reason == "Stopping" || reason.starts_with("Waiting")
}

pub(crate) fn event(type_: EventType, reason: &str, action: &str, note: &str) -> Event {
    Event {
        type_,
        reason: reason.to_owned(),
        note: Some(note.chars().take(NOTE_LIMIT).collect()),
        action: action.to_owned(),
        secondary: None,
    }
}

/// The Event of a lab that this operator cannot read, for one because the CRD is newer.
pub fn unreadable(error: &str) -> Event {
    let note = format!("this operator cannot read the lab and leaves it alone: {error}");
    event(EventType::Warning, "Unreadable", "Read", &note)
}

/// Sends Events. One that is lost is logged: the status says the same.
pub async fn publish(recorder: &Recorder, lab: &ObjectReference, events: &[Event]) {
    for event in events {
        if let Err(error) = recorder.publish(event, lab).await {
            tracing::warn!(%error, reason = event.reason, "an Event was not taken");
        }
    }
}
