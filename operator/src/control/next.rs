//! What is to be said next on `edalab.control`. Pure.

use crds::{EdaLabSpec, ScenarioParameters, Target};
use jiff::{SignedDuration, Timestamp};
use schemas::{
    Service,
    control::{Control, Peak, Scenario, Simulation, Slow},
};
use uuid::Uuid;

/// What a lab is to be set to, as its spec says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) scenario: crds::Scenario,
    pub(super) simulation: crds::Simulation,
    pub(super) parameters: ScenarioParameters,
}

impl Wanted {
    pub(super) fn of(spec: &EdaLabSpec) -> Self {
        Self { scenario: spec.scenario, simulation: spec.simulation, parameters: spec.scenario_parameters }
    }
}

/// The record that makes of `previous`, the last one, what is wanted; `None` where that says it already. It is called
/// `new_id`, and was made from this `generation` of the EdaLab.
pub(super) fn next_control(
    previous: Option<&Control>,
    wanted: &Wanted,
    generation: i64,
    now: Timestamp,
    new_id: Uuid,
) -> Option<Control> {
    let next = Control {
        id: new_id,
        generation,
        scenario: scenario(wanted.scenario),
        simulation: Simulation {
            running: wanted.simulation.running,
            events_per_second: wanted.simulation.events_per_second,
        },
        peak: peak(previous, wanted, now),
        error_percent: (wanted.scenario == crds::Scenario::Erreurs)
            .then_some(wanted.parameters.error_percent),
        slow: (wanted.scenario == crds::Scenario::ConsommateurLent).then(|| Slow {
            service: service(wanted.parameters.target),
            delay_milliseconds: wanted.parameters.delay_milliseconds,
        }),
        down: (wanted.scenario == crds::Scenario::ServiceEnPanne).then(|| service(wanted.parameters.target)),
    };
    let said = |previous: &Control| {
        let as_before = Control { id: next.id, generation: next.generation, ..previous.clone() };
        as_before == next
    };
    if previous.is_some_and(said) { None } else { Some(next) }
}

fn scenario(scenario: crds::Scenario) -> Scenario {
    match scenario {
        crds::Scenario::Normal => Scenario::Normal,
        crds::Scenario::PicCharge => Scenario::PicCharge,
        crds::Scenario::Erreurs => Scenario::Erreurs,
        crds::Scenario::ConsommateurLent => Scenario::ConsommateurLent,
        crds::Scenario::ServiceEnPanne => Scenario::ServiceEnPanne,
    }
}

fn service(target: Target) -> Service {
    match target {
        Target::Quotation => Service::Quotation,
        Target::Souscription => Service::Souscription,
        Target::Reclamation => Service::Reclamation,
    }
}

/// A peak begins when the scenario becomes PIC_CHARGE, and when the counter has risen since. A counter that was set back
/// is taken over, so that the next rise counts from there.
fn peak(previous: Option<&Control>, wanted: &Wanted, now: Timestamp) -> Option<Peak> {
    let ScenarioParameters { peak_factor: factor, peak_seconds, run, .. } = wanted.parameters;
    if wanted.scenario != crds::Scenario::PicCharge {
        return None;
    }
    match previous.filter(|previous| previous.scenario == Scenario::PicCharge).and_then(|p| p.peak) {
        Some(before) if run <= before.run => Some(Peak { run, ..before }),
        _ => {
            let end = now.saturating_add(SignedDuration::from_secs(peak_seconds.into()));
            Some(Peak { run, factor, start: now, end: end.unwrap_or(Timestamp::MAX) })
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::samples::lab;

    const FIRST: Uuid = Uuid::from_u128(1);
    const SECOND: Uuid = Uuid::from_u128(2);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn wanted(spec: &Value) -> Wanted {
        Wanted::of(&lab(spec).spec)
    }

    fn peak(run: u32) -> Value {
        json!({ "scenario": "PIC_CHARGE", "scenarioParameters": { "run": run, "peakFactor": 4, "peakSeconds": 60 } })
    }

    /// What the first record says where this is wanted at second 100.
    fn first(spec: &Value) -> Control {
        next_control(None, &wanted(spec), 1, at(100), FIRST).expect("nothing was said before")
    }

    /// What the next one says at second 1000.
    fn then(previous: &Control, spec: &Value) -> Option<Control> {
        next_control(Some(previous), &wanted(spec), 2, at(1_000), SECOND)
    }

    #[test]
    fn a_lab_that_says_nothing_is_set_to_its_defaults() {
        let control = first(&json!({}));
        assert_eq!((control.id, control.generation), (FIRST, 1));
        assert_eq!((control.scenario, control.peak), (Scenario::Normal, None));
        assert_eq!(control.simulation, Simulation { running: false, events_per_second: 5 });
    }

    #[test]
    fn what_is_said_already_is_not_said_again() {
        for spec in [json!({}), peak(0), json!({ "simulation": { "running": true } })] {
            assert_eq!(then(&first(&spec), &spec), None, "{spec}");
        }
        // What holds for the next peak only, or for no peak, and what others go by.
        let unlike = [
            (
                peak(3),
                json!({ "scenario": "PIC_CHARGE", "scenarioParameters": { "run": 3, "peakFactor": 9 } }),
            ),
            (json!({}), json!({ "scenarioParameters": { "run": 7 } })),
            (json!({}), json!({ "phase": "Infrastructure", "paused": true })),
        ];
        for (before, after) in unlike {
            assert_eq!(then(&first(&before), &after), None, "{after}");
        }
    }

    #[test]
    fn a_change_has_an_id_of_its_own_and_its_generation() {
        let control =
            then(&first(&json!({})), &json!({ "simulation": { "eventsPerSecond": 9 } })).expect("a change");
        assert_eq!((control.id, control.generation), (SECOND, 2));
        assert_eq!(control.simulation, Simulation { running: false, events_per_second: 9 });
    }

    #[test]
    fn a_slow_consumer_and_a_missing_service_are_named_only_where_they_are_asked_for() {
        let slow = |delay: u32| {
            json!({
                "scenario": "CONSOMMATEUR_LENT",
                "scenarioParameters": { "target": "souscription", "delayMilliseconds": delay },
            })
        };
        let control = first(&slow(200));
        assert_eq!(control.slow, Some(Slow { service: Service::Souscription, delay_milliseconds: 200 }));
        assert_eq!((control.down, then(&control, &slow(200))), (None, None));
        let slower = then(&control, &slow(300)).expect("a change").slow.expect("slow");
        assert_eq!(slower.delay_milliseconds, 300);
        let down = then(&control, &json!({ "scenario": "SERVICE_EN_PANNE" })).expect("a change");
        assert_eq!((down.slow, down.down), (None, Some(Service::Reclamation)));
        let normal = then(&down, &json!({})).expect("a change");
        assert_eq!((normal.scenario, normal.slow, normal.down), (Scenario::Normal, None, None));
        let parameters_alone =
            json!({ "scenarioParameters": { "target": "quotation", "delayMilliseconds": 9 } });
        assert_eq!(then(&normal, &parameters_alone), None);
    }

    #[test]
    fn how_many_mistakes_there_are_is_told_only_where_they_are_asked_for() {
        let errors = |percent: u32| json!({ "scenario": "ERREURS", "scenarioParameters": { "errorPercent": percent } });
        let control = first(&errors(20));
        assert_eq!((control.scenario, control.error_percent), (Scenario::Erreurs, Some(20)));
        assert_eq!(then(&control, &errors(20)), None);
        assert_eq!(then(&control, &errors(30)).expect("a change").error_percent, Some(30));
        let normal = json!({ "scenarioParameters": { "errorPercent": 30 } });
        assert_eq!(then(&control, &normal).expect("a change").error_percent, None);
        assert_eq!(first(&json!({ "scenario": "ERREURS" })).error_percent, Some(10), "the default");
    }

    #[test]
    fn a_peak_begins_when_it_is_asked_for() {
        let whole = |run, start: i64| Peak { run, factor: 4, start: at(start), end: at(start + 60) };
        assert_eq!(first(&peak(3)).peak, Some(whole(3, 100)));
        assert_eq!(then(&first(&json!({})), &peak(3)).expect("a change").peak, Some(whole(3, 1_000)));
        // Asked for once more, also while one is on.
        assert_eq!(then(&first(&peak(3)), &peak(4)).expect("a change").peak, Some(whole(4, 1_000)));
        // Called off, and asked for anew by the scenario alone.
        let off = then(&first(&peak(3)), &json!({ "scenarioParameters": { "run": 3 } })).expect("a change");
        assert_eq!(off.peak, None);
        assert_eq!(then(&off, &peak(3)).expect("a change").peak, Some(whole(3, 1_000)));
    }

    #[test]
    fn a_peak_does_not_begin_again_by_itself() {
        let mut faster = peak(3);
        faster["simulation"] = json!({ "running": true, "eventsPerSecond": 50 });
        let before = first(&peak(3));
        let after = then(&before, &faster).expect("the simulation changed");
        assert_eq!(after.peak, before.peak);
        assert_eq!(then(&after, &faster), None, "a restart of the operator");
    }

    #[test]
    fn a_counter_that_was_set_back_counts_from_there() {
        let before = first(&peak(8));
        let back = then(&before, &peak(1)).expect("the counter changed");
        assert_eq!(back.peak, before.peak.map(|peak| Peak { run: 1, ..peak }), "no peak begins");
        let again = then(&back, &peak(2)).expect("a change").peak.expect("a peak");
        assert_eq!((again.run, again.start), (2, at(1_000)));
    }
}
