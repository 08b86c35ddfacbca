//! What became of the commands: for Prometheus, for the status, for the log.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use platform::metrics::Metrics;
use prometheus::{Histogram, IntCounter, IntGauge};
use serde::Serialize;
use utoipa::ToSchema;

use crate::plan::Kind;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The command was carried out: an event is on its way.
    Answered,
    /// It came too early and is given again later.
    Retried,
    /// The service said that it cannot be.
    Refused,
    /// No answer, or one that the service could not.
    Failed,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Answered, Self::Retried, Self::Refused, Self::Failed];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Retried => "retried",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// The counts. Cheap to clone; all clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    outcomes: [[IntCounter; 4]; Kind::COUNT],
    durations: [Histogram; Kind::COUNT],
    not_sent: [IntCounter; Kind::COUNT],
    /// Events a second that are wanted at this moment.
    pub(crate) wanted: IntGauge,
    /// Requests without an answer so far.
    pub(crate) open: IntGauge,
    /// Commands that are due later.
    pub(crate) waiting: IntGauge,
}

impl Tally {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let commands = metrics.counters(
            "simulator_commands_total",
            "Commands given, by kind and by what came of it: answered, retried (too early, given again), refused, failed.",
            &["kind", "outcome"],
        );
        let durations = metrics.durations(
            "simulator_request_duration_seconds",
            "Time from a request to its answer, by kind of command.",
            &["kind"],
        );
        let not_sent = metrics.counters(
            "simulator_not_sent_total",
            "Commands that were due and not given, because too many were open, by kind.",
            &["kind"],
        );
        Self {
            outcomes: Kind::ALL.map(|kind| {
                Outcome::ALL.map(|outcome| commands.with_label_values(&[kind.as_str(), outcome.as_str()]))
            }),
            durations: Kind::ALL.map(|kind| durations.with_label_values(&[kind.as_str()])),
            not_sent: Kind::ALL.map(|kind| not_sent.with_label_values(&[kind.as_str()])),
            wanted: metrics.gauge("simulator_wanted_per_second", "Events a second that are wanted now."),
            open: metrics.gauge("simulator_open_requests", "Requests without an answer so far."),
            waiting: metrics.gauge("simulator_waiting", "Commands that are due later."),
        }
    }

    /// A request ended.
    pub(crate) fn ended(&self, kind: Kind, outcome: Outcome, took: Duration) {
        self.outcomes[kind as usize][outcome as usize].inc();
        self.durations[kind as usize].observe(took.as_secs_f64());
    }

    /// So many commands were due and are not given.
    pub(crate) fn not_sent(&self, kind: Kind, count: u64) {
        self.not_sent[kind as usize].inc_by(count);
    }

    /// What the status shows.
    pub(crate) fn counts(&self) -> Counts {
        let of = |kind: Kind| {
            let [answered, retried, refused, failed] = &self.outcomes[kind as usize];
            Outcomes {
                answered: answered.get(),
                retried: retried.get(),
                refused: refused.get(),
                failed: failed.get(),
                not_sent: self.not_sent[kind as usize].get(),
            }
        };
        let open = u64::try_from(self.open.get()).unwrap_or_default();
        let by_kind: BTreeMap<_, _> = Kind::ALL.map(|kind| (kind.as_str(), of(kind))).into();
        let all = by_kind.values().fold(Outcomes::default(), |all, kind| Outcomes {
            answered: all.answered + kind.answered,
            retried: all.retried + kind.retried,
            refused: all.refused + kind.refused,
            failed: all.failed + kind.failed,
            not_sent: all.not_sent + kind.not_sent,
        });
        Counts {
            sent: all.answered + all.retried + all.refused + all.failed + open,
            outcomes: all,
            open,
            waiting: u64::try_from(self.waiting.get()).unwrap_or_default(),
            by_kind,
        }
    }
}

/// What became of the commands of this run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Counts {
    /// Requests begun: those that ended, whatever came of them, and the open ones.
    sent: u64,
    #[serde(flatten)]
    outcomes: Outcomes,
    /// Requests without an answer so far.
    open: u64,
    /// Commands that are due later: what follows a quote comes after a while.
    waiting: u64,
    /// By kind of command: devis, conversion, sinistre, evaluation, indemnisation, modification, resiliation.
    #[schema(value_type = BTreeMap<String, Outcomes>)]
    by_kind: BTreeMap<&'static str, Outcomes>,
}

/// How requests ended, and those that were not begun.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Outcomes {
    /// Carried out: as many events.
    answered: u64,
    /// Too early, and given again later.
    retried: u64,
    /// The service said that it cannot be.
    refused: u64,
    /// No answer, or one that the service could not.
    failed: u64,
    /// Due and not given, because too many were open or the process was held up.
    not_sent: u64,
}

/// Tells trouble in the log, however much there is, every few seconds at most.
#[derive(Debug)]
pub(crate) struct Teller {
    told: Trouble,
    last: Option<Instant>,
}

/// What the log tells of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) not_sent: u64,
    pub(crate) refused: u64,
    pub(crate) failed: u64,
}

impl Counts {
    pub(crate) const fn trouble(&self) -> Trouble {
        let Outcomes { refused, failed, not_sent, .. } = self.outcomes;
        Trouble { not_sent, refused, failed }
    }
}

impl Teller {
    const BETWEEN: Duration = Duration::from_secs(5);

    pub(crate) const fn new() -> Self {
        Self { told: Trouble { not_sent: 0, refused: 0, failed: 0 }, last: None }
    }

    /// Whether it is time to look.
    pub(crate) fn may_tell(&self, now: Instant) -> bool {
        self.last.is_none_or(|last| now.duration_since(last) >= Self::BETWEEN)
    }

    /// What came since it was told last, where that is anything.
    pub(crate) fn news(&mut self, now: Instant, all: Trouble) -> Option<Trouble> {
        if all == self.told {
            return None;
        }
        let before = std::mem::replace(&mut self.told, all);
        self.last = Some(now);
        Some(Trouble {
            not_sent: all.not_sent - before.not_sent,
            refused: all.refused - before.refused,
            failed: all.failed - before.failed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_adds_up() {
        let metrics = Metrics::new();
        let tally = Tally::new(&metrics);
        for (kind, outcome, times) in [
            (Kind::Devis, Outcome::Answered, 5),
            (Kind::Conversion, Outcome::Retried, 2),
            (Kind::Conversion, Outcome::Answered, 3),
            (Kind::Modification, Outcome::Refused, 1),
            (Kind::Resiliation, Outcome::Failed, 1),
        ] {
            for _ in 0..times {
                tally.ended(kind, outcome, Duration::from_millis(3));
            }
        }
        tally.open.set(4);
        tally.not_sent(Kind::Devis, 7);
        tally.not_sent(Kind::Conversion, 2);
        let counts = serde_json::to_value(tally.counts()).expect("JSON");
        let none = serde_json::json!({"answered": 0, "retried": 0, "refused": 0, "failed": 0, "notSent": 0});
        let expected = serde_json::json!({
            "sent": 16, "answered": 8, "retried": 2, "refused": 1, "failed": 1, "open": 4, "waiting": 0, "notSent": 9,
            "byKind": {
                "devis": {"answered": 5, "retried": 0, "refused": 0, "failed": 0, "notSent": 7},
                "conversion": {"answered": 3, "retried": 2, "refused": 0, "failed": 0, "notSent": 2},
                "sinistre": none,
                "evaluation": none,
                "indemnisation": none,
                "modification": {"answered": 0, "retried": 0, "refused": 1, "failed": 0, "notSent": 0},
                "resiliation": {"answered": 0, "retried": 0, "refused": 0, "failed": 1, "notSent": 0},
            },
        });
        assert_eq!(counts, expected);
        let text = metrics.render().expect("metrics");
        assert!(
            text.contains(r#"simulator_commands_total{kind="conversion",outcome="answered"} 3"#),
            "{text}"
        );
        assert!(text.contains(r#"simulator_request_duration_seconds_count{kind="devis"} 5"#), "{text}");
    }

    #[test]
    fn trouble_is_told_every_few_seconds_with_what_came_since() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut teller = Teller::new();
        let trouble = |not_sent, failed| Trouble { not_sent, refused: 0, failed };
        assert!(teller.may_tell(at(0)));
        assert_eq!(teller.news(at(0), trouble(0, 0)), None);
        assert_eq!(teller.news(at(0), trouble(3, 1)), Some(trouble(3, 1)));
        assert!(!teller.may_tell(at(4)) && teller.may_tell(at(5)));
        assert_eq!(teller.news(at(5), trouble(3, 1)), None);
        assert_eq!(teller.news(at(6), trouble(10, 1)), Some(trouble(7, 0)));
        assert!(!teller.may_tell(at(7)));
    }
}
