//! What came of the mistakes.

use std::collections::BTreeMap;

use platform::metrics::Metrics;
use prometheus::IntCounter;
use serde::Serialize;
use utoipa::ToSchema;

use super::plan::Flaw;

/// What came of a mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    /// What it was to come to: a service refused the request, or the record is on its topic.
    Made,
    /// A service carried out a request that it should have refused.
    Accepted,
    /// No answer, or one that the service could not; or the record did not come onto its topic.
    Failed,
    /// It was due, and too many were under way.
    NotMade,
}

impl Came {
    const ALL: [Self; 4] = [Self::Made, Self::Accepted, Self::Failed, Self::NotMade];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Accepted => "accepted",
            Self::Failed => "failed",
            Self::NotMade => "not_made",
        }
    }
}

/// The counts. Cheap to clone; all clones count together.
#[derive(Debug, Clone)]
pub(crate) struct MistakeTally {
    counters: [[IntCounter; 4]; Flaw::COUNT],
}

impl MistakeTally {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let counters = metrics.counters(
            "simulator_mistakes_total",
            "Mistakes made on purpose (ERREURS), by flaw and by what came of it: made (refused by a service, or put on a \
             topic), accepted, failed, not_made (too many under way).",
            &["flaw", "outcome"],
        );
        let of =
            |flaw: Flaw| Came::ALL.map(|came| counters.with_label_values(&[flaw.as_str(), came.as_str()]));
        Self { counters: Flaw::ALL.map(of) }
    }

    pub(super) fn count(&self, flaw: Flaw, came: Came) {
        self.counters[flaw as usize][came as usize].inc();
    }

    /// What the status shows.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, MistakesCame> {
        let of = |flaw: Flaw| {
            let [made, accepted, failed, not_made] = &self.counters[flaw as usize];
            let (made, accepted) = (made.get(), accepted.get());
            MistakesCame { made, accepted, failed: failed.get(), not_made: not_made.get() }
        };
        Flaw::ALL.map(|flaw| (flaw.as_str(), of(flaw))).into()
    }
}

/// What came of the mistakes with one flaw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MistakesCame)]
pub(crate) struct MistakesCame {
    /// Refused by a service, or put on a topic.
    made: u64,
    /// Carried out by a service that should have refused it.
    accepted: u64,
    /// Not answered, or not put on its topic.
    failed: u64,
    /// Due, and not made, because too many were under way.
    not_made: u64,
}
