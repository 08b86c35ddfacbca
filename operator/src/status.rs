//! What the lab's status says, but for what is set while it runs, which [`crate::control`] tells. Computing it is pure;
//! publishing it is one write, and only when it changed.

use crds::{Component, Condition, ConditionStatus, EdaLab, EdaLabStatus};
use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, Client, Resource,
    api::{Patch, PatchParams},
};
use serde_json::json;

use crate::{
    build::{Component as Of, names::MANAGER},
    metrics::Metrics,
    observe::{Part, shorten},
    outcome::{Check, Outcome},
};

/// The conditions that Ready sums up, in the order in which their reasons are told.
pub const PARTS: [&str; 5] =
    ["KafkaReady", "TopicsReady", "SchemaRegistryReady", "SchemasReady", "ServicesReady"];
/// The condition that sums up the others.
pub const READY: &str = "Ready";
/// What the CRD lets a message hold.
const MESSAGE_LIMIT: usize = 2048;

/// The status after a reconciliation. Where nothing changed it equals [`ours`] of the old one, times included.
pub fn compute(old: Option<&EdaLabStatus>, outcome: &Outcome, now: Timestamp) -> EdaLabStatus {
    let old = ours(old);
    let stamp = |told: Told| stamp(old.condition(told.type_), outcome.generation, told, now);
    if let Some(stop) = &outcome.stopped {
        // Nothing was looked at: what is known of the parts stays as it was.
        let ready = stamp(Told::new(READY, ConditionStatus::False, stop.reason, &stop.message));
        let others = old.conditions.iter().filter(|condition| condition.type_ != READY).cloned();
        let conditions = std::iter::once(ready).chain(others).collect();
        return EdaLabStatus { observed_generation: outcome.generation, conditions, ..old };
    }
    let parts = [
        of_parts("KafkaReady", &outcome.parts, &[Of::Kafka]),
        of_check("TopicsReady", outcome.topics.as_ref(), &old),
        of_parts("SchemaRegistryReady", &outcome.parts, &[Of::SchemaRegistry]),
        of_check("SchemasReady", outcome.schemas.as_ref(), &old),
        of_parts("ServicesReady", &outcome.parts, &Of::SERVICES),
    ];
    let conditions = std::iter::once(ready(&parts, outcome.paused)).chain(parts.clone()).map(stamp).collect();
    let in_force = !outcome.paused && outcome.failed.is_none() && outcome.parts.iter().all(|part| part.ready);
    EdaLabStatus {
        observed_generation: outcome.generation,
        phase: if in_force { Some(outcome.asked) } else { old.phase },
        scenario: None,
        simulation: None,
        conditions,
        components: outcome.parts.iter().filter(|part| part.wanted).map(component).collect(),
        endpoints: outcome.endpoints.clone(),
    }
}

/// The part of a status that is told here. The rest has a field manager of its own, and stays as it is.
fn ours(status: Option<&EdaLabStatus>) -> EdaLabStatus {
    let mut ours = status.cloned().unwrap_or_default();
    ours.conditions.retain(|condition| condition.type_ == READY || PARTS.contains(&condition.type_.as_str()));
    EdaLabStatus { scenario: None, simulation: None, ..ours }
}

/// A condition before it is compared with what was told before.
#[derive(Clone)]
pub(crate) struct Told {
    type_: &'static str,
    status: ConditionStatus,
    reason: String,
    message: String,
}

impl Told {
    pub(crate) fn new(type_: &'static str, status: ConditionStatus, reason: &str, message: &str) -> Self {
        Self { type_, status, reason: reason.to_owned(), message: shorten(message, MESSAGE_LIMIT) }
    }
}

/// True when all of these parts are ready; else the reason of the first that is not, and what each of them says.
fn of_parts(type_: &'static str, parts: &[Part], of: &[Of]) -> Told {
    let mine = || parts.iter().filter(|part| of.contains(&part.component));
    let ready = mine().all(|part| part.ready);
    let telling: Vec<&Part> = mine().filter(|part| part.ready == ready).collect();
    let Some(first) = telling.first() else {
        return Told::new(type_, ConditionStatus::Unknown, "NotSeen", "not looked at yet");
    };
    let mut messages: Vec<&str> = telling.iter().map(|part| part.message.as_str()).collect();
    messages.dedup();
    Told::new(type_, truth(Some(ready)), &first.reason, &messages.join("; "))
}

fn of_check(type_: &'static str, check: Option<&Check>, old: &EdaLabStatus) -> Told {
    match (check, old.condition(type_)) {
        (Some(check), _) => Told::new(type_, truth(check.holds), check.reason, &check.message),
        (None, Some(before)) => Told::new(type_, before.status, &before.reason, &before.message),
        (None, None) => Told::new(type_, ConditionStatus::Unknown, "NotSeen", "not looked at yet"),
    }
}

/// True when all parts are; else the first that is not, for its own reason.
fn ready(parts: &[Told], paused: bool) -> Told {
    let first = parts.iter().find(|part| part.status != ConditionStatus::True);
    let (status, reason, message) = match first {
        Some(part) => (ConditionStatus::False, part.reason.as_str(), part.message.clone()),
        None => (ConditionStatus::True, "Ready", "everything that the lab asks for works".to_owned()),
    };
    if paused {
        let message = format!("paused, nothing is changed until spec.paused is false; {message}");
        return Told::new(READY, status, "Paused", &message);
    }
    Told::new(READY, status, reason, &message)
}

fn truth(holds: Option<bool>) -> ConditionStatus {
    match holds {
        Some(true) => ConditionStatus::True,
        Some(false) => ConditionStatus::False,
        None => ConditionStatus::Unknown,
    }
}

/// The condition with its time: since when its status is what it is.
pub(crate) fn stamp(
    before: Option<&Condition>,
    generation: Option<i64>,
    told: Told,
    now: Timestamp,
) -> Condition {
    let since = before.filter(|before| before.status == told.status).map_or_else(
        || now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        |before| before.last_transition_time.clone(),
    );
    Condition {
        type_: told.type_.to_owned(),
        status: told.status,
        observed_generation: generation,
        last_transition_time: since,
        reason: told.reason,
        message: told.message,
    }
}

fn component(part: &Part) -> Component {
    Component {
        name: part.component.as_str().to_owned(),
        ready: part.ready,
        reason: part.reason.clone(),
        message: shorten(&part.message, MESSAGE_LIMIT),
        image: part.image.clone(),
    }
}

/// Writes the status, when it is not what the lab says already. A lab that is gone is no error.
pub async fn publish(
    client: &Client,
    lab: &EdaLab,
    status: &EdaLabStatus,
    metrics: &Metrics,
) -> Result<(), kube::Error> {
    if lab.status.is_some() && ours(lab.status.as_ref()) == *status {
        return Ok(());
    }
    metrics.wrote("EdaLab", "status");
    let namespace = lab.meta().namespace.as_deref().unwrap_or_default();
    let name = lab.meta().name.as_deref().unwrap_or_default();
    let labs: Api<EdaLab> = Api::namespaced(client.clone(), namespace);
    let patch = json!({
        "apiVersion": EdaLab::api_version(&()),
        "kind": EdaLab::kind(&()),
        "status": status,
    });
    match labs.patch_status(name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&patch)).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(answer)) if answer.code == 404 => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
