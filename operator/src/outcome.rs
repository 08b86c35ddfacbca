//! How far a reconciliation came, and what it saw; the status is computed from it.

use std::time::Duration;

use crds::{EdaLab, Endpoint, Phase};
use kube::runtime::controller::Action;

use crate::{
    apply::Applied,
    dereference,
    observe::Part,
    retry::{Again, Retries},
    validate,
};

/// When a lab that is well is looked at again: Kafka tells nobody that a topic was deleted.
const WELL: Duration = Duration::from_mins(1);
/// When a lab that is on its way is looked at again; most of what it waits for is watched.
const ON_ITS_WAY: Duration = Duration::from_secs(10);

/// Everything that a reconciliation has to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub generation: Option<i64>,
    pub asked: Phase,
    pub paused: bool,
    /// Why the reconciliation stopped before it touched the cluster.
    pub stopped: Option<Stop>,
    pub parts: Vec<Part>,
    /// When writes are tried again that failed.
    pub failed: Option<Again>,
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
    pub again: Again,
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
        self.failed = applied.failures.iter().map(|(_, error)| error.again()).min();
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
    pub fn next_action(&self, lab: &str, retries: &Retries) -> Action {
        let again = self.stopped.as_ref().map(|stop| stop.again).or(self.failed);
        if let Some(again) = again {
            return retries.action(lab, again);
        }
        retries.over(lab);
        Action::requeue(if self.is_well() { WELL } else { ON_ITS_WAY })
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
        Self { reason: error.reason(), message: error.to_string(), again: Again::Backoff }
    }
}

impl From<validate::Error> for Stop {
    fn from(error: validate::Error) -> Self {
        Self { reason: error.reason(), message: error.to_string(), again: Again::OnChange }
    }
}
