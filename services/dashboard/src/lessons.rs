//! Guided situations, and how far the lab has come in each. Pure: what is seen goes in.

use crate::{
    broker::offsets::Lags,
    health::{State, States},
    lab::Lab,
};

/// The service that the situations are about.
pub(crate) const TARGET: &str = "souscription";
/// Events a second of the fast situation, and how many of them must be seen to pass.
pub(crate) const FAST: u32 = 50;
const FAST_SEEN: f64 = 35.0;
/// From when on records that wait are a queue, and until when that is over: a running lab always has a few on their way.
const QUEUE: i64 = 10;
const FEW: i64 = 3;

/// A situation that somebody brings about, after saying what will happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lesson {
    /// A consumer is taken away.
    Outage,
    /// Many more events.
    Speed,
    /// A consumer takes its time.
    Late,
}

impl Lesson {
    pub(crate) const ALL: [Self; 3] = [Self::Outage, Self::Speed, Self::Late];
}

/// How far it has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// Nobody has brought it about.
    #[default]
    Before,
    /// It is in force.
    Begun,
    /// What it does was seen.
    Seen,
    /// It was ended, and its traces are gone.
    Over,
}

/// What is seen of the lab at one moment.
#[derive(Debug)]
pub(crate) struct Moment<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) lags: &'a Lags,
    pub(crate) states: &'a States,
    /// Records that came onto topics in the last second.
    pub(crate) rate: f64,
}

impl Moment<'_> {
    fn waiting(&self, service: &str) -> i64 {
        self.lags.get(service).map_or(0, |topics| topics.values().sum())
    }

    /// What waits longest of those that are left alone.
    fn waiting_elsewhere(&self) -> i64 {
        self.lags
            .keys()
            .filter(|service| **service != TARGET)
            .map(|service| self.waiting(service))
            .max()
            .unwrap_or(0)
    }

    fn in_force(&self, lesson: Lesson) -> bool {
        let Some(view) = &self.lab.seen else { return false };
        let scenario = |name| {
            view.in_force.scenario.as_deref() == Some(name) && view.asked.scenario_parameters.target == TARGET
        };
        match lesson {
            Lesson::Outage => scenario("SERVICE_EN_PANNE"),
            Lesson::Speed => {
                view.in_force.simulation.is_some_and(|now| now.running && now.events_per_second == FAST)
            }
            Lesson::Late => scenario("CONSOMMATEUR_LENT"),
        }
    }

    fn shows(&self, lesson: Lesson) -> bool {
        let waiting = self.waiting(TARGET);
        match lesson {
            Lesson::Outage => self.states.get(TARGET) == Some(&State::Down) && waiting >= QUEUE,
            Lesson::Speed => self.rate >= FAST_SEEN,
            Lesson::Late => waiting >= QUEUE && self.waiting_elsewhere() < waiting,
        }
    }

    fn is_over(&self, lesson: Lesson) -> bool {
        match lesson {
            Lesson::Outage | Lesson::Late => {
                self.waiting(TARGET) <= FEW && self.states.get(TARGET) == Some(&State::Up)
            }
            Lesson::Speed => self.rate < FAST_SEEN,
        }
    }
}

/// The step after this one, if what is seen leads there.
pub(crate) fn next(lesson: Lesson, step: Step, moment: &Moment<'_>) -> Step {
    let in_force = moment.in_force(lesson);
    match step {
        Step::Before | Step::Over if in_force => Step::Begun,
        Step::Begun if in_force && moment.shows(lesson) => Step::Seen,
        // Called off before it could show anything.
        Step::Begun if !in_force => Step::Before,
        Step::Seen if !in_force && moment.is_over(lesson) => Step::Over,
        step => step,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::{Asked, InForce, Parameters, Simulation, View};

    fn lab(scenario: &str, target: &str, rate: u32) -> Lab {
        let in_force = InForce {
            scenario: Some(scenario.to_owned()),
            simulation: Some(Simulation { running: true, events_per_second: rate }),
        };
        let parameters = Parameters { target: target.to_owned(), ..Parameters::default() };
        let asked = Asked { scenario_parameters: parameters, ..Asked::default() };
        Lab { seen: Some(View { asked, in_force, ..View::default() }), trouble: None }
    }

    /// The steps that a lesson takes through such moments: the lab, what waits for the target and for another, whether the
    /// target is up, and the rate.
    fn steps(lesson: Lesson, moments: &[(&Lab, i64, i64, State, f64)]) -> Vec<Step> {
        let mut step = Step::default();
        let walk = moments.iter().map(|(lab, waiting, elsewhere, state, rate)| {
            let lags: Lags =
                [(TARGET, [("t", *waiting)].into()), ("reclamation", [("t", *elsewhere)].into())].into();
            let states: States = [(TARGET, *state)].into();
            step = next(lesson, step, &Moment { lab, lags: &lags, states: &states, rate: *rate });
            step
        });
        walk.collect()
    }

    #[test]
    fn an_outage_is_seen_by_its_queue_and_over_when_that_is_gone() {
        use State::{Down, Up};
        let (normal, down) = (lab("NORMAL", TARGET, 5), lab("SERVICE_EN_PANNE", TARGET, 5));
        let walk = [
            (&normal, 0, 0, Up, 5.0),
            (&down, 2, 0, Down, 5.0),
            (&down, 12, 0, Down, 5.0),
            (&normal, 20, 0, Down, 5.0),
            (&normal, 9, 0, Up, 5.0),
            (&normal, 1, 0, Up, 5.0),
            (&down, 1, 0, Up, 5.0),
        ];
        let wanted = [Step::Before, Step::Begun, Step::Seen, Step::Seen, Step::Seen, Step::Over, Step::Begun];
        assert_eq!(steps(Lesson::Outage, &walk), wanted);
        let other = lab("SERVICE_EN_PANNE", "reclamation", 5);
        assert_eq!(steps(Lesson::Outage, &[(&other, 50, 0, Down, 5.0)]), [Step::Before], "another's");
        assert_eq!(
            steps(Lesson::Outage, &[(&down, 1, 0, Up, 5.0), (&normal, 1, 0, Up, 5.0)])[1],
            Step::Before
        );
    }

    #[test]
    fn a_speed_is_seen_by_what_passes() {
        let (usual, fast) = (lab("NORMAL", TARGET, 5), lab("NORMAL", TARGET, FAST));
        let up = State::Up;
        let walk = [
            (&fast, 0, 0, up, 6.0),
            (&fast, 0, 0, up, 44.0),
            (&usual, 0, 0, up, 40.0),
            (&usual, 0, 0, up, 5.0),
        ];
        assert_eq!(steps(Lesson::Speed, &walk), [Step::Begun, Step::Seen, Step::Seen, Step::Over]);
    }

    #[test]
    fn a_slow_consumer_is_one_that_others_are_not() {
        let (normal, late) = (lab("NORMAL", TARGET, 5), lab("CONSOMMATEUR_LENT", TARGET, 5));
        let up = State::Up;
        let walk = [
            (&late, 11, 30, up, 5.0),
            (&late, 31, 2, up, 5.0),
            (&normal, 31, 2, up, 5.0),
            (&normal, 0, 2, up, 5.0),
        ];
        assert_eq!(steps(Lesson::Late, &walk), [Step::Begun, Step::Seen, Step::Seen, Step::Over]);
        let unseen = Lab::default();
        assert_eq!(steps(Lesson::Late, &[(&unseen, 99, 0, up, 5.0)]), [Step::Before]);
    }
}
