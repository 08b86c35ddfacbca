//! What is in force, and what can be asked for.

use askama::Template;

use super::rendered;
use crate::{
    lab::{Lab, Trouble, View},
    texts::{Lang, Texts, filled},
};

#[derive(Template)]
#[template(path = "force.html")]
struct Force {
    t: &'static Texts,
    view: Option<Shown>,
    trouble: Option<String>,
}

/// What is in force, and what is not yet.
struct Shown {
    running: Option<bool>,
    rate: Option<String>,
    scenario: Option<String>,
    pending: Option<String>,
    not_applied: Option<String>,
}

#[derive(Template)]
#[template(path = "steer.html")]
struct Steer {
    groups: [Group; 3],
}

struct Group {
    label: &'static str,
    choices: Vec<Choice>,
}

/// A button with what to watch for.
struct Choice {
    id: String,
    action: &'static str,
    field: Option<(&'static str, String)>,
    label: &'static str,
    hint: String,
    /// Whether it stays pressed while it is in force; otherwise pressing it again asks again.
    toggles: bool,
    in_force: bool,
    pending: bool,
}

/// What is in force, what is asked for beside it, and what is in the way.
pub(crate) fn force(lang: Lang, lab: &Lab) -> String {
    let t = lang.texts();
    let trouble = lab.trouble.as_ref().map(|trouble| match trouble {
        Trouble::Absent => t.lab_absent.to_owned(),
        Trouble::Unseen(why) => filled(t.lab_unseen, &[("why", why)]),
    });
    rendered(&Force { t, view: lab.seen.as_ref().map(|view| shown(lang, view)), trouble })
}

fn shown(lang: Lang, view: &View) -> Shown {
    let t = lang.texts();
    let (asked, in_force) = (&view.asked, &view.in_force);
    let rate = |rate: u32| filled(t.per_second, &[("n", &lang.number(rate))]);
    let mut pending = Vec::new();
    if in_force.simulation.is_none_or(|simulation| simulation.running != asked.simulation.running) {
        pending.push(if asked.simulation.running { t.running } else { t.stopped }.to_owned());
    }
    let per_second = asked.simulation.events_per_second;
    if in_force.simulation.is_none_or(|simulation| simulation.events_per_second != per_second) {
        pending.push(rate(per_second));
    }
    if in_force.scenario.as_ref() != Some(&asked.scenario) {
        pending.push(scenario(t, &asked.scenario));
    }
    let pending =
        (!pending.is_empty()).then(|| filled(t.pending, &[("what", &pending.join(", ").to_lowercase())]));
    Shown {
        running: in_force.simulation.map(|simulation| simulation.running),
        rate: in_force.simulation.map(|simulation| rate(simulation.events_per_second)),
        scenario: in_force.scenario.as_ref().map(|name| scenario(t, name)),
        pending,
        not_applied: view.not_applied.as_ref().map(|why| filled(t.not_applied, &[("why", why)])),
    }
}

/// The scenario's name for people; one that this version does not know keeps its own.
fn scenario(t: &Texts, name: &str) -> String {
    match name {
        "NORMAL" => t.normal.to_owned(),
        "PIC_CHARGE" => t.peak.to_owned(),
        "ERREURS" => t.errors.to_owned(),
        "CONSOMMATEUR_LENT" => t.late.to_owned(),
        "SERVICE_EN_PANNE" => t.outage.to_owned(),
        other => other.to_owned(),
    }
}

/// The buttons: pressed is what is in force.
pub(crate) fn steer(lang: Lang, lab: &Lab) -> String {
    let t = lang.texts();
    let view = lab.seen.clone().unwrap_or_default();
    let (asked, in_force) = (&view.asked, &view.in_force);
    let running = in_force.simulation.map(|simulation| simulation.running);
    let run = |id: &str, wanted: bool, action, label, hint: &str| Choice {
        id: id.to_owned(),
        action,
        field: None,
        label,
        hint: hint.to_owned(),
        toggles: true,
        in_force: running == Some(wanted),
        pending: lab.seen.is_some() && asked.simulation.running == wanted && running != Some(wanted),
    };
    let rate = in_force.simulation.map(|simulation| simulation.events_per_second);
    let speed = |id: &str, wanted: u32, label, hint: &str| Choice {
        id: id.to_owned(),
        action: "/steer/speed",
        field: Some(("eventsPerSecond", wanted.to_string())),
        label,
        hint: hint.to_owned(),
        toggles: true,
        in_force: rate == Some(wanted),
        pending: lab.seen.is_some() && asked.simulation.events_per_second == wanted && rate != Some(wanted),
    };
    let scenario = |id: &str, wanted: &'static str, label, hint: String| Choice {
        id: id.to_owned(),
        action: "/steer/scenario",
        field: Some(("scenario", wanted.to_owned())),
        label,
        hint,
        toggles: true,
        in_force: in_force.scenario.as_deref() == Some(wanted),
        pending: lab.seen.is_some()
            && asked.scenario == wanted
            && in_force.scenario.as_deref() != Some(wanted),
    };
    let parameters = &asked.scenario_parameters;
    let target = &parameters.target;
    let errors = filled(t.errors_hint, &[("n", &lang.number(parameters.error_percent))]);
    let slow = filled(t.late_hint, &[("target", target), ("n", &lang.number(parameters.delay_milliseconds))]);
    let down = filled(t.outage_hint, &[("target", target)]);
    let peak = filled(
        t.peak_hint,
        &[
            ("factor", &lang.number(parameters.peak_factor)),
            ("seconds", &lang.number(parameters.peak_seconds)),
        ],
    );
    rendered(&Steer {
        groups: [
            Group {
                label: t.simulation,
                choices: vec![
                    run("start", true, "/steer/start", t.start, t.start_hint),
                    run("stop", false, "/steer/stop", t.stop, t.stop_hint),
                ],
            },
            Group {
                label: t.speed,
                choices: vec![
                    speed("slow", 1, t.slow, t.slow_hint),
                    speed("usual", 5, t.usual, t.usual_hint),
                    speed("fast", 50, t.fast, t.fast_hint),
                ],
            },
            Group {
                label: t.scenario,
                choices: vec![
                    scenario("normal", "NORMAL", t.normal, t.normal_hint.to_owned()),
                    scenario("peak", "PIC_CHARGE", t.peak, peak),
                    scenario("errors", "ERREURS", t.errors, errors),
                    scenario("late", "CONSOMMATEUR_LENT", t.late, slow),
                    scenario("outage", "SERVICE_EN_PANNE", t.outage, down),
                ],
            },
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::{InForce, Simulation};

    fn lab(running: bool, rate: u32, scenario: &str) -> Lab {
        let in_force = InForce {
            scenario: Some(scenario.to_owned()),
            simulation: Some(Simulation { running, events_per_second: rate }),
        };
        let view = View { in_force, ..View::default() };
        Lab { seen: Some(view), trouble: None }
    }

    fn pressed(html: &str) -> Vec<String> {
        let buttons = html.split("<button id=\"").skip(1);
        let pressed = buttons.filter(|button| button.contains("aria-pressed=\"true\""));
        pressed.filter_map(|button| Some(button.split_once('"')?.0.to_owned())).collect()
    }

    #[test]
    fn what_is_in_force_is_pressed_and_what_is_asked_for_is_pending() {
        // Asked for: not running, 5 a second, NORMAL.
        let same = lab(false, 5, "NORMAL");
        assert_eq!(pressed(&steer(Lang::En, &same)), ["stop", "usual", "normal"]);
        assert!(!steer(Lang::En, &same).contains("data-pending"));
        let text = force(Lang::En, &same);
        assert!(
            text.contains("Stopped") && text.contains("5 events/s") && !text.contains("pending"),
            "{text}"
        );

        let down = lab(true, 5, "SERVICE_EN_PANNE");
        assert_eq!(pressed(&steer(Lang::En, &down)), ["start", "usual", "outage"]);
        assert!(steer(Lang::Fr, &down).contains("reclamation met 500 ms de plus"));

        let other = lab(true, 50, "PIC_CHARGE");
        assert_eq!(pressed(&steer(Lang::En, &other)), ["start", "fast", "peak"]);
        assert_eq!(steer(Lang::En, &other).matches("data-pending").count(), 3);
        let text = force(Lang::Fr, &other);
        assert!(
            text.contains("Demandé, pas encore en vigueur : à l’arrêt, 5 événements/s, normal"),
            "{text}"
        );
    }

    #[test]
    fn what_is_not_known_is_not_shown_as_known() {
        let nothing = Lab { seen: None, trouble: Some(Trouble::Unseen("<refused>".to_owned())) };
        assert!(pressed(&steer(Lang::En, &nothing)).is_empty());
        assert!(!steer(Lang::En, &nothing).contains("data-pending"));
        let text = force(Lang::En, &nothing);
        assert!(text.contains("refused") && !text.contains("<refused>"), "{text}");
        let silent = Lab { seen: Some(View::default()), trouble: None };
        assert!(force(Lang::En, &silent).contains("not known"), "the operator has not answered");
    }
}
