//! What the lab's status says of its control: `scenario`, `simulation` and the condition ScenarioApplied. Computing it is
//! pure; writing it is one apply by a field manager of its own, so that this and the rest of the status leave each other
//! alone.

use std::time::Duration;

use crds::{Condition, ConditionStatus, EdaLab, EdaLabStatus};
use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, Resource,
    api::{Patch, PatchParams},
    runtime::events::{Event, EventType},
};
use schemas::control::Control;
use serde_json::json;

use super::answers::Verdict;
use crate::{
    events,
    metrics::Metrics,
    status::{Told, stamp},
};

/// The condition that says whether all services follow.
pub const APPLIED: &str = "ScenarioApplied";
/// Who we are to server-side apply, beside the rest of the operator.
const MANAGER: &str = "edalab-operator-control";
/// How long the API server may take.
const WRITE: Duration = Duration::from_secs(5);

/// The part of a lab's status that is told here.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct InForce {
    pub(super) scenario: Option<crds::Scenario>,
    pub(super) simulation: Option<crds::Simulation>,
    pub(super) condition: Option<Condition>,
}

/// How it stands with what is wanted.
#[derive(Clone, Debug)]
pub(super) enum Standing<'a> {
    /// It is on the topic, and this is what the services say.
    Said(&'a Control, Verdict),
    /// It is on the topic, and the phase has no services.
    NobodyToFollow(&'a Control),
    /// It cannot be brought to the topic.
    CutOff { reason: &'static str, message: String },
}

impl InForce {
    /// What a status says.
    pub(super) fn of(status: Option<&EdaLabStatus>) -> Self {
        status.map_or_else(Self::default, |status| Self {
            scenario: status.scenario,
            simulation: status.simulation,
            condition: status.condition(APPLIED).cloned(),
        })
    }

    /// What the status is to say after `self`. Where nothing changed it equals that, times included.
    pub(super) fn after(&self, standing: &Standing<'_>, generation: i64, now: Timestamp) -> Self {
        let told = |status, reason, message: &str| {
            let told = Told::new(APPLIED, status, reason, message);
            Some(stamp(self.condition.as_ref(), Some(generation), told, now))
        };
        let followed = |control, reason, message: &str| Self {
            scenario: Some(scenario(control)),
            simulation: Some(simulation(control)),
            condition: told(ConditionStatus::True, reason, message),
        };
        let not =
            |status, reason, message: &str| Self { condition: told(status, reason, message), ..self.clone() };
        match standing {
            Standing::Said(control, Verdict::Followed) => {
                followed(control, "Applied", &format!("every service follows: {}", words(control)))
            }
            Standing::NobodyToFollow(control) => {
                let message = format!("the phase has no services; they will follow: {}", words(control));
                followed(control, "NoServices", &message)
            }
            Standing::Said(_, Verdict::Open) => self.clone(),
            Standing::Said(control, Verdict::Awaited(missing)) => {
                let message =
                    format!("waiting for {} to start and follow: {}", missing.join(", "), words(control));
                not(ConditionStatus::Unknown, "WaitingForServices", &message)
            }
            Standing::Said(control, Verdict::NotAnswered(missing)) => {
                let message = format!("no answer from {} to: {}", missing.join(", "), words(control));
                not(ConditionStatus::False, "NotAnswered", &message)
            }
            // Before anything was in force there is nothing that no longer is.
            Standing::CutOff { reason, message } if self.scenario.is_none() => {
                not(ConditionStatus::Unknown, reason, message)
            }
            Standing::CutOff { reason, message } => not(ConditionStatus::False, reason, message),
        }
    }

    /// The Events between `self` and what came after it.
    pub(super) fn changes(&self, after: &Self) -> Vec<Event> {
        let (before, Some(now)) = (self.condition.as_ref(), &after.condition) else { return Vec::new() };
        let same = before.is_some_and(|before| before.status == now.status && before.reason == now.reason);
        let type_ = match now.status {
            ConditionStatus::True if !same || self.scenario != after.scenario => EventType::Normal,
            ConditionStatus::False if !same => EventType::Warning,
            _ => return Vec::new(),
        };
        vec![events::event(type_, &now.reason, APPLIED, &now.message)]
    }

    /// Writes it; what the status says then, of this. `None` where the lab is gone.
    pub(super) async fn publish(
        &self,
        labs: &Api<EdaLab>,
        name: &str,
        metrics: &Metrics,
    ) -> Result<Option<Self>, PublishError> {
        metrics.wrote("EdaLab", "status");
        let status = EdaLabStatus {
            scenario: self.scenario,
            simulation: self.simulation,
            conditions: self.condition.iter().cloned().collect(),
            ..EdaLabStatus::default()
        };
        let patch = Patch::Apply(json!({
            "apiVersion": EdaLab::api_version(&()),
            "kind": EdaLab::kind(&()),
            "status": status,
        }));
        let params = PatchParams::apply(MANAGER).force();
        match tokio::time::timeout(WRITE, labs.patch_status(name, &params, &patch)).await {
            Ok(Ok(lab)) => Ok(Some(Self::of(lab.status.as_ref()))),
            Ok(Err(kube::Error::Api(answer))) if answer.code == 404 => Ok(None),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(PublishError::Late),
        }
    }
}

/// The status could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum PublishError {
    #[error("write the status: {0}")]
    Api(#[from] kube::Error),
    #[error("write the status: the API server does not answer within {} s", WRITE.as_secs())]
    Late,
}

fn scenario(control: &Control) -> crds::Scenario {
    match control.scenario {
        schemas::control::Scenario::Normal => crds::Scenario::Normal,
        schemas::control::Scenario::PicCharge => crds::Scenario::PicCharge,
        schemas::control::Scenario::Erreurs => crds::Scenario::Erreurs,
        schemas::control::Scenario::ConsommateurLent => crds::Scenario::ConsommateurLent,
        schemas::control::Scenario::ServiceEnPanne => crds::Scenario::ServiceEnPanne,
    }
}

fn simulation(control: &Control) -> crds::Simulation {
    crds::Simulation {
        running: control.simulation.running,
        events_per_second: control.simulation.events_per_second,
    }
}

/// What is set, in a few words.
fn words(control: &Control) -> String {
    let rate = control.simulation.events_per_second;
    let simulation = if control.simulation.running { "runs" } else { "does not run" };
    format!("{}, the simulation {simulation}, {rate} events a second", control.scenario)
}

#[cfg(test)]
mod tests {
    use schemas::control::{Scenario, Simulation};
    use uuid::Uuid;

    use super::*;

    fn control(scenario: Scenario) -> Control {
        Control {
            id: Uuid::from_u128(1),
            generation: 1,
            scenario,
            simulation: Simulation { running: true, events_per_second: 5 },
            peak: None,
            error_percent: None,
            slow: None,
            down: None,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).expect("a time")
    }

    fn said(scenario: Scenario, verdict: Verdict) -> (Control, Verdict) {
        (control(scenario), verdict)
    }

    fn after(before: &InForce, (control, verdict): &(Control, Verdict), second: i64) -> InForce {
        before.after(&Standing::Said(control, verdict.clone()), 1, at(second))
    }

    fn standing(of: &InForce) -> (ConditionStatus, &str, &str) {
        let condition = of.condition.as_ref().expect("a condition");
        (condition.status, &condition.reason, &condition.message)
    }

    fn normal() -> InForce {
        after(&InForce::default(), &said(Scenario::Normal, Verdict::Followed), 0)
    }

    #[test]
    fn what_all_follow_is_in_force() {
        let now = normal();
        assert_eq!(now.scenario, Some(crds::Scenario::Normal));
        assert_eq!(now.simulation, Some(crds::Simulation { running: true, events_per_second: 5 }));
        let told = "every service follows: NORMAL, the simulation runs, 5 events a second";
        assert_eq!(standing(&now), (ConditionStatus::True, "Applied", told));
        assert_eq!(after(&now, &said(Scenario::Normal, Verdict::Followed), 9), now, "nothing has happened");
    }

    #[test]
    fn what_not_all_follow_is_not_in_force_and_names_who() {
        let before = normal();
        let open = after(&before, &said(Scenario::PicCharge, Verdict::Open), 1);
        assert_eq!(open, before, "they have their time");
        let late = Verdict::NotAnswered(vec!["souscription"]);
        let late = after(&before, &said(Scenario::PicCharge, late), 2);
        assert_eq!(late.scenario, Some(crds::Scenario::Normal));
        let (status, reason, message) = standing(&late);
        assert_eq!((status, reason), (ConditionStatus::False, "NotAnswered"));
        assert!(message.starts_with("no answer from souscription to: PIC_CHARGE"), "{message}");
        let followed = after(&late, &said(Scenario::PicCharge, Verdict::Followed), 3);
        assert_eq!(followed.scenario, Some(crds::Scenario::PicCharge));
        assert_eq!(standing(&followed).0, ConditionStatus::True);
    }

    #[test]
    fn a_start_is_waited_for() {
        let awaited = Verdict::Awaited(vec!["quotation", "dashboard"]);
        let now = after(&InForce::default(), &said(Scenario::Normal, awaited), 0);
        let (status, reason, message) = standing(&now);
        assert_eq!((status, reason), (ConditionStatus::Unknown, "WaitingForServices"));
        assert!(message.contains("quotation, dashboard"), "{message}");
        assert_eq!(now.scenario, None);
        assert!(InForce::default().changes(&now).is_empty(), "an Event is for what happened");
    }

    #[test]
    fn a_kafka_that_does_not_answer_is_unknown_at_first_and_bad_later() {
        let cut_off = Standing::CutOff { reason: "KafkaUnreachable", message: "no".to_owned() };
        let first = InForce::default().after(&cut_off, 1, at(0));
        assert_eq!(standing(&first), (ConditionStatus::Unknown, "KafkaUnreachable", "no"));
        let later = normal().after(&cut_off, 1, at(1));
        assert_eq!(standing(&later), (ConditionStatus::False, "KafkaUnreachable", "no"));
        assert_eq!(later.scenario, normal().scenario);
    }

    #[test]
    fn a_phase_without_services_has_nobody_to_follow() {
        let control = control(Scenario::PicCharge);
        let now = normal().after(&Standing::NobodyToFollow(&control), 1, at(1));
        assert_eq!((standing(&now).0, standing(&now).1), (ConditionStatus::True, "NoServices"));
        assert_eq!(now.scenario, Some(crds::Scenario::PicCharge));
    }

    #[test]
    fn events_tell_of_scenarios_and_of_those_who_do_not_follow() {
        let reasons = |before: &InForce, after: &InForce| -> Vec<String> {
            before.changes(after).into_iter().map(|event| event.reason).collect()
        };
        let normal = normal();
        let peak = after(&normal, &said(Scenario::PicCharge, Verdict::Followed), 1);
        let late = after(&peak, &said(Scenario::Normal, Verdict::NotAnswered(vec!["quotation"])), 2);
        let more =
            after(&peak, &said(Scenario::Normal, Verdict::NotAnswered(vec!["quotation", "simulator"])), 3);
        assert_eq!(reasons(&InForce::default(), &normal), ["Applied"]);
        assert_eq!(reasons(&normal, &peak), ["Applied"]);
        assert_eq!(reasons(&peak, &late), ["NotAnswered"]);
        assert!(reasons(&peak, &peak).is_empty() && reasons(&late, &more).is_empty());
    }
}
