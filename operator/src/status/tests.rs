use crds::Phase;
use serde_json::json;

use super::*;
use crate::{
    observe::Part,
    outcome::Stop,
    retry::Again,
    samples::{lab, minimal},
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).expect("a time")
}

fn part(component: Of, ready: bool, reason: &str, message: &str) -> Part {
    Part {
        component,
        wanted: true,
        ready,
        reason: reason.to_owned(),
        message: message.to_owned(),
        image: format!("image-of-{}", component.as_str()),
    }
}

fn well() -> Outcome {
    let ready = |component| part(component, true, "Ready", "is ready");
    Outcome {
        parts: Of::ALL.map(ready).to_vec(),
        topics: Some(Check::holds("TopicsAsInCatalogue", "11 topics")),
        schemas: Some(Check::holds("SchemasAsInCatalogue", "2 schemas")),
        ..Outcome::begin(&minimal())
    }
}

fn standing(status: &EdaLabStatus, type_: &str) -> (ConditionStatus, String) {
    let condition = status.condition(type_).unwrap_or_else(|| panic!("{type_} in {status:?}"));
    (condition.status, condition.reason.clone())
}

#[test]
fn ready_when_all_parts_are() {
    let status = compute(None, &well(), at(0));
    assert_eq!(standing(&status, READY), (ConditionStatus::True, "Ready".to_owned()));
    assert_eq!(status.phase, Some(Phase::ProducteurConsommateur));
    assert_eq!(status.observed_generation, Some(1));
    assert_eq!(status.components.len(), Of::ALL.len());
    let types: Vec<_> = status.conditions.iter().map(|c| c.type_.as_str()).collect();
    assert_eq!(
        types,
        [READY, "KafkaReady", "TopicsReady", "SchemaRegistryReady", "SchemasReady", "ServicesReady"]
    );
}

#[test]
fn nothing_changes_when_nothing_has_happened() {
    let before = compute(None, &well(), at(0));
    assert_eq!(compute(Some(&before), &well(), at(100)), before);
}

#[test]
fn a_time_moves_with_its_status_only() {
    let before = compute(None, &well(), at(0));
    let mut worse = well();
    worse.parts[0] = part(Of::Kafka, false, "Starting", "lab-kafka-0 is starting");
    let down = compute(Some(&before), &worse, at(10));
    assert_ne!(
        down.condition("KafkaReady").unwrap().last_transition_time,
        before.condition("KafkaReady").unwrap().last_transition_time
    );
    assert_eq!(down.condition("SchemasReady"), before.condition("SchemasReady"));
    worse.parts[0] =
        part(Of::Kafka, false, "ImagePullBackOff", "lab-kafka-0: ImagePullBackOff: no such image");
    let other_reason = compute(Some(&down), &worse, at(20));
    let (was, is) = (down.condition("KafkaReady").unwrap(), other_reason.condition("KafkaReady").unwrap());
    assert_eq!(was.last_transition_time, is.last_transition_time);
    assert_ne!(was.reason, is.reason);
}

#[test]
fn ready_tells_the_first_thing_in_the_way() {
    let mut outcome = well();
    outcome.topics = Some(Check::fails("TopicRefused", "no"));
    outcome.parts[2] = part(Of::Quotation, false, "ImagePullBackOff", "lab-quotation-0: ImagePullBackOff");
    let status = compute(None, &outcome, at(0));
    assert_eq!(standing(&status, READY), (ConditionStatus::False, "TopicRefused".to_owned()));
    outcome.topics = well().topics;
    let status = compute(None, &outcome, at(0));
    assert_eq!(standing(&status, READY), (ConditionStatus::False, "ImagePullBackOff".to_owned()));
    assert_eq!(status.condition(READY).unwrap().message, "lab-quotation-0: ImagePullBackOff");
    assert_eq!(status.phase, None);
}

#[test]
fn a_condition_of_several_parts_tells_of_each_that_is_not_ready() {
    let mut outcome = well();
    let message = |outcome: &Outcome| {
        let status = compute(None, outcome, at(0));
        status.condition("ServicesReady").unwrap().message.clone()
    };
    outcome.parts[2].message = "lab-quotation is ready".to_owned();
    outcome.parts[3] = part(Of::Souscription, false, "Unschedulable", "lab-souscription-0: Unschedulable");
    assert_eq!(message(&outcome), "lab-souscription-0: Unschedulable");
    outcome.parts[2] = part(Of::Quotation, false, "Starting", "lab-quotation-0 is starting");
    assert_eq!(message(&outcome), "lab-quotation-0 is starting; lab-souscription-0: Unschedulable");
    let status = compute(None, &outcome, at(0));
    assert_eq!(standing(&status, "ServicesReady"), (ConditionStatus::False, "Starting".to_owned()));
    assert_eq!(message(&well()), "is ready", "what both say is said once");
}

#[test]
fn the_phase_in_force_is_the_old_one_until_everything_follows() {
    let before = compute(None, &well(), at(0));
    let infrastructure = lab(&json!({ "phase": "Infrastructure" }));
    let mut outcome = Outcome { asked: infrastructure.spec.phase, ..well() };
    let gone = |component| Part { wanted: false, ..part(component, true, "NotInThisPhase", "") };
    outcome.parts[2] =
        Part { wanted: false, ..part(Of::Quotation, false, "Stopping", "lab-quotation-0 is stopping") };
    outcome.parts[3] = gone(Of::Souscription);
    outcome.parts[4] = gone(Of::Reclamation);
    outcome.parts[5] = gone(Of::Simulator);
    outcome.parts[6] = gone(Of::Dashboard);
    let during = compute(Some(&before), &outcome, at(1));
    assert_eq!(during.phase, Some(Phase::ProducteurConsommateur));
    outcome.parts[2] = gone(Of::Quotation);
    let after = compute(Some(&during), &outcome, at(2));
    assert_eq!(after.phase, Some(Phase::Infrastructure));
    assert_eq!(standing(&after, READY).0, ConditionStatus::True);
    assert_eq!(standing(&after, "ServicesReady"), (ConditionStatus::True, "NotInThisPhase".to_owned()));
    assert_eq!(after.components.len(), 2);
}

#[test]
fn a_stop_is_told_and_what_was_known_stays() {
    let before = compute(None, &well(), at(0));
    let stop = Stop { reason: "NoImage", message: "no image".to_owned(), again: Again::OnChange };
    let outcome = Outcome { stopped: Some(stop), generation: Some(2), ..Outcome::begin(&minimal()) };
    let status = compute(Some(&before), &outcome, at(1));
    assert_eq!(standing(&status, READY), (ConditionStatus::False, "NoImage".to_owned()));
    assert_eq!(status.condition("KafkaReady"), before.condition("KafkaReady"));
    assert_eq!(status.observed_generation, Some(2));
    assert_eq!(status.phase, before.phase);
    assert_eq!(status.endpoints, before.endpoints);
}

#[test]
fn a_paused_lab_says_so_and_keeps_what_was_known_of_topics() {
    let before = compute(None, &well(), at(0));
    let outcome =
        Outcome { paused: true, topics: None, schemas: None, asked: Phase::Infrastructure, ..well() };
    let status = compute(Some(&before), &outcome, at(1));
    assert_eq!(standing(&status, READY), (ConditionStatus::True, "Paused".to_owned()));
    assert_eq!(standing(&status, "TopicsReady"), (ConditionStatus::True, "TopicsAsInCatalogue".to_owned()));
    assert_eq!(status.phase, Some(Phase::ProducteurConsommateur));
}

/// Two field managers, each of which would take the other's part over by naming it.
#[test]
fn what_is_set_while_the_lab_runs_is_told_elsewhere() {
    let before = compute(None, &well(), at(0));
    let mut both = before.clone();
    both.scenario = Some(crds::Scenario::PicCharge);
    both.simulation = Some(crds::Simulation::default());
    let theirs = Condition { type_: crate::control::APPLIED.to_owned(), ..before.conditions[0].clone() };
    both.conditions.push(theirs);
    assert_eq!(compute(Some(&both), &well(), at(1)), before);
    let stop = Stop { reason: "NoImage", message: "no image".to_owned(), again: Again::OnChange };
    let stopped = compute(Some(&both), &Outcome { stopped: Some(stop), ..well() }, at(2));
    assert_eq!(stopped.condition(crate::control::APPLIED), None);
    assert_eq!((stopped.scenario, stopped.simulation), (None, None));
    assert_eq!(ours(Some(&both)), before, "so that nothing is written");
}

#[test]
fn a_write_that_failed_keeps_the_phase() {
    let outcome = Outcome { failed: Some(Again::Rarely), ..well() };
    assert_eq!(compute(None, &outcome, at(0)).phase, None);
}

#[test]
fn messages_fit_what_the_crd_lets_through() {
    let mut outcome = well();
    outcome.parts[0] = part(Of::Kafka, false, "X", &"é".repeat(5000));
    let status = compute(None, &outcome, at(0));
    assert!(status.conditions.iter().all(|c| c.message.chars().count() <= 2048));
    assert!(status.components.iter().all(|c| c.message.chars().count() <= 2048));
}
