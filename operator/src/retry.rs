//! When a lab that could not be brought on is tried again.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use kube::runtime::controller::Action;

/// What passes by itself, such as the removal of an object.
const SOON: Duration = Duration::from_secs(2);
/// What somebody has to do something about, such as a quota.
const RARELY: Duration = Duration::from_secs(30);
/// Pauses for an API server in trouble double from the first to the last.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What trying again depends on. Of several, the first counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Again {
    /// The API server, or the way to it, is in trouble: more and more rarely.
    Backoff,
    /// It passes by itself.
    Soon,
    /// Somebody has to do something that the operator is not told of.
    Rarely,
    /// The lab has to be changed.
    OnChange,
}

/// How often each lab failed in a row, by its uid.
#[derive(Debug, Default)]
pub struct Retries(Mutex<HashMap<String, u32>>);

impl Retries {
    /// When the lab is tried again, if nothing that is watched changes before.
    pub fn action(&self, lab: &str, again: Again) -> Action {
        if again != Again::Backoff {
            self.over(lab);
        }
        match again {
            Again::Backoff => Action::requeue(self.next(lab)),
            Again::Soon => Action::requeue(SOON),
            Again::Rarely => Action::requeue(RARELY),
            Again::OnChange => Action::await_change(),
        }
    }

    /// The API server answers for this lab.
    pub fn over(&self, lab: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(lab);
    }

    fn next(&self, lab: &str) -> Duration {
        let mut failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = failed.entry(lab.to_owned()).or_insert(0);
        let pause = PAUSES.0.saturating_mul(2_u32.saturating_pow(*before));
        *before = before.saturating_add(1);
        pause.min(PAUSES.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_for_each_lab_until_it_is_over() {
        let retries = Retries::default();
        let after = |seconds| Action::requeue(Duration::from_secs(seconds));
        let all: Vec<_> = (0..7).map(|_| retries.action("a", Again::Backoff)).collect();
        assert_eq!(all, [1, 2, 4, 8, 16, 30, 30].map(after));
        assert_eq!(retries.action("b", Again::Backoff), after(1));
        assert_eq!(retries.action("a", Again::Soon), Action::requeue(SOON));
        assert_eq!(retries.action("a", Again::Backoff), after(1));
        assert_eq!(retries.action("a", Again::OnChange), Action::await_change());
    }

    #[test]
    fn trouble_of_the_api_server_goes_before_what_else_there_is() {
        assert_eq!([Again::Rarely, Again::Backoff, Again::Soon].into_iter().min(), Some(Again::Backoff));
    }
}
