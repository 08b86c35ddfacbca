//! How far a reconciliation came, and what it saw; the status is computed from it.

use std::time::Duration;

use crds::{EdaLab, Endpoint, Phase};
use kube::runtime::controller::Action;

use crate::{apply::Applied, dereference, observe::Part, validate};

/// When a lab that is well is looked at again: Kafka tells nobody that a topic was deleted.
const WELL: Duration = Duration::from_mins(1);
/// When a lab that is on its way is looked at again; most of what it waits for is watched.
const ON_ITS_WAY: Duration = Duration::from_secs(10);
/// When what was refused is tried again.
const REFUSED: Duration = Duration::from_secs(30);
/// When what passes by itself is tried again.
const SOON: Duration = Duration::from_secs(2);

/// Everything that a reconciliation has to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub generation: Option<i64>,
    pub asked: Phase,
    pub paused: bool,
    /// Why the reconciliation stopped before it touched the cluster.
    pub stopped: Option<Stop>,
    pub parts: Vec<Part>,
    /// Whether a write failed that passes by itself (true) or may not (false).
    pub failed: Option<bool>,
    /// `None` where nobody looked, as for a paused lab: what was known stays.
    pub topics: Option<Check>,
    pub schemas: Option<Check>,
    pub endpoints: Vec<Endpoint>,
    /// What others had added to the lab's objects and was taken out.
    pub evicted: Vec<(String, Vec<String>)>,
}

/// A reason to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    pub reason: &'static str,
    pub message: String,
    /// Whether trying again helps without anybody doing something.
    pub retry: bool,
}

/// A look at something in Kafka or the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// `None`: it could not be looked at.
    pub holds: Option<bool>,
    pub reason: &'static str,
    pub message: String,
}

impl Check {
    /// It could not be looked at, because of what it waits for.
    pub fn waiting(reason: &'static str, message: impl Into<String>) -> Self {
        Self { holds: None, reason, message: message.into() }
    }

    /// It is as it should be.
    pub fn holds(reason: &'static str, message: impl Into<String>) -> Self {
        Self { holds: Some(true), reason, message: message.into() }
    }

    /// It is not as it should be.
    pub fn fails(reason: &'static str, message: impl Into<String>) -> Self {
        Self { holds: Some(false), reason, message: message.into() }
    }
}

impl Outcome {
    /// Nothing done yet.
    pub fn begin(lab: &EdaLab) -> Self {
        Self {
            generation: lab.metadata.generation,
            asked: lab.spec.phase,
            paused: lab.spec.paused,
            stopped: None,
            parts: Vec::new(),
            failed: None,
            topics: None,
            schemas: None,
            endpoints: Vec::new(),
            evicted: Vec::new(),
        }
    }

    /// Takes over what the writes came to.
    pub fn record(&mut self, applied: Applied) {
        for (_, error) in &applied.failures {
            tracing::warn!(reason = error.reason(), %error, "an object could not be applied");
        }
        if !applied.failures.is_empty() {
            self.failed = Some(applied.failures.iter().all(|(_, error)| error.passes()));
        }
        self.evicted = applied.evicted;
    }

    /// Whether everything that the lab asks for works.
    pub fn is_well(&self) -> bool {
        self.stopped.is_none()
            && self.failed.is_none()
            && self.parts.iter().all(|part| part.ready)
            && [&self.topics, &self.schemas].into_iter().flatten().all(|check| check.holds == Some(true))
    }

    /// When to look again, if nothing that is watched changes before.
    pub fn next_action(&self) -> Action {
        match (&self.stopped, self.failed) {
            (Some(stop), _) if stop.retry => Action::requeue(SOON),
            (Some(_), _) => Action::await_change(),
            (None, Some(true)) => Action::requeue(SOON),
            (None, Some(false)) => Action::requeue(REFUSED),
            (None, None) if self.is_well() => Action::requeue(WELL),
            (None, None) => Action::requeue(ON_ITS_WAY),
        }
    }

    /// One of the code's own words for how it ended; a metric's label.
    pub fn word(&self) -> &'static str {
        match (&self.stopped, self.failed) {
            (Some(stop), _) => stop.reason,
            (None, Some(_)) => "WriteFailed",
            (None, None) if self.is_well() => "Ready",
            (None, None) => "OnItsWay",
        }
    }
}

impl From<dereference::Error> for Stop {
    fn from(error: dereference::Error) -> Self {
        Self { reason: error.reason(), message: error.to_string(), retry: true }
    }
}

impl From<validate::Error> for Stop {
    fn from(error: validate::Error) -> Self {
        Self { reason: error.reason(), message: error.to_string(), retry: false }
    }
}
