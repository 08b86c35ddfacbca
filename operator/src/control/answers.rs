//! Who follows what is set, by their answers on `edalab.control-ack`. Pure.

use std::collections::BTreeMap;

use schemas::control::ControlAck;
use uuid::Uuid;

use crate::build::Component;

/// The last answer of each service.
#[derive(Debug, Default)]
pub(super) struct Answers {
    by_service: BTreeMap<&'static str, Uuid>,
}

/// What the answers come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All follow.
    Followed,
    /// Answers may still come; nothing can be said yet.
    Open,
    /// These have not answered anything yet: they start.
    Awaited(Vec<&'static str>),
    /// These do not follow, and some of them have answered before.
    NotAnswered(Vec<&'static str>),
}

impl Answers {
    /// Takes an answer. Those of others than a lab's services are nobody's.
    pub(super) fn take(&mut self, answer: &ControlAck) {
        let service = Component::SERVICES.into_iter().find(|service| service.as_str() == answer.service);
        if let Some(service) = service {
            self.by_service.insert(service.as_str(), answer.control);
        }
    }

    /// The services are not there any more; whoever comes later is new.
    pub(super) fn forget(&mut self) {
        self.by_service.clear();
    }

    /// Whether all services follow this control. `overdue`: they have had their time.
    pub(super) fn judge(&self, control: Uuid, overdue: bool) -> Verdict {
        let last = |service: &&'static str| self.by_service.get(service);
        let missing: Vec<&'static str> = Component::SERVICES
            .into_iter()
            .map(Component::as_str)
            .filter(|service| last(service) != Some(&control))
            .collect();
        if missing.is_empty() {
            Verdict::Followed
        } else if !overdue {
            Verdict::Open
        } else if missing.iter().any(|service| last(service).is_some()) {
            Verdict::NotAnswered(missing)
        } else {
            Verdict::Awaited(missing)
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    const OLD: Uuid = Uuid::from_u128(1);
    const NEW: Uuid = Uuid::from_u128(2);

    fn answers(given: &[(&str, Uuid)]) -> Answers {
        let mut answers = Answers::default();
        for (service, control) in given {
            answers.take(&ControlAck {
                service: (*service).to_owned(),
                instance: format!("lab-{service}-0"),
                control: *control,
                applied_at: Timestamp::UNIX_EPOCH,
            });
        }
        answers
    }

    #[test]
    fn all_follow_when_the_last_answer_of_each_is_about_it() {
        let mut given: Vec<_> = Component::SERVICES.map(|service| (service.as_str(), NEW)).to_vec();
        given.insert(0, ("quotation", OLD));
        assert_eq!(answers(&given).judge(NEW, false), Verdict::Followed);
        assert_eq!(answers(&given).judge(OLD, false), Verdict::Open);
    }

    #[test]
    fn one_that_answered_before_is_late_and_one_that_never_did_is_awaited() {
        let some =
            answers(&[("quotation", NEW), ("souscription", OLD), ("reclamation", NEW), ("dashboard", NEW)]);
        assert_eq!(some.judge(NEW, false), Verdict::Open);
        assert_eq!(some.judge(NEW, true), Verdict::NotAnswered(vec!["souscription", "simulator"]));
        let start = answers(&[("quotation", NEW), ("reclamation", NEW)]);
        assert_eq!(start.judge(NEW, true), Verdict::Awaited(vec!["souscription", "simulator", "dashboard"]));
    }

    #[test]
    fn what_is_forgotten_is_new_again_and_strangers_count_for_nothing() {
        let mut given = answers(&[("quotation", OLD), ("stranger", OLD)]);
        assert_eq!(given.by_service.len(), 1);
        given.forget();
        assert!(matches!(given.judge(NEW, true), Verdict::Awaited(missing) if missing.len() == 5));
    }
}
