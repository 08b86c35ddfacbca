//! What is to be said next on `edalab.control`. Pure.

use crds::{EdaLabSpec, ScenarioParameters};
use jiff::{SignedDuration, Timestamp};
use schemas::control::{Control, Peak, Scenario, Simulation};
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
        scenario: match wanted.scenario {
            crds::Scenario::Normal => Scenario::Normal,
            crds::Scenario::PicCharge => Scenario::PicCharge,
        },
        simulation: Simulation {
            running: wanted.simulation.running,
            events_per_second: wanted.simulation.events_per_second,
        },
        peak: peak(previous, wanted, now),
    };
    let said = |previous: &Control| {
        (previous.scenario, previous.simulation, previous.peak) == (next.scenario, next.simulation, next.peak)
    };
    if previous.is_some_and(said) { None } else { Some(next) }
}

/// A peak begins when the scenario becomes PIC_CHARGE, and when the counter has risen since. A counter that was set back
/// is taken over, so that the next rise counts from there.
fn peak(previous: Option<&Control>, wanted: &Wanted, now: Timestamp) -> Option<Peak> {
    let ScenarioParameters { peak_factor: factor, peak_seconds, run } = wanted.parameters;
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
