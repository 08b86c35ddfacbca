//! Who follows what is set, by their answers on `edalab.control-ack`. Pure.

use std::collections::BTreeMap;

use schemas::{
    Service,
    control::{Control, ControlAck},
};
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

    /// This one is not there any more.
    pub(super) fn forget_one(&mut self, service: Service) {
        self.by_service.remove(service.as_str());
    }

    /// Whether all services follow this control, but for the one that is not to be there. `overdue`: they have had their
    /// time.
    pub(super) fn judge(&self, control: &Control, overdue: bool) -> Verdict {
        let last = |service: &&'static str| self.by_service.get(service);
        let down = control.down.map(Service::as_str);
        let missing: Vec<&'static str> = Component::SERVICES
            .into_iter()
            .map(Component::as_str)
            .filter(|service| last(service) != Some(&control.id) && down != Some(*service))
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
    use schemas::control::{Scenario, Simulation};

    use super::*;

    const OLD: Uuid = Uuid::from_u128(1);
    const NEW: Uuid = Uuid::from_u128(2);

    fn control(id: Uuid) -> Control {
        let simulation = Simulation { running: true, events_per_second: 5 };
        Control {
            id,
            generation: 1,
            scenario: Scenario::Normal,
            simulation,
            peak: None,
            error_percent: None,
            slow: None,
            down: None,
        }
    }

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
        assert_eq!(answers(&given).judge(&control(NEW), false), Verdict::Followed);
        assert_eq!(answers(&given).judge(&control(OLD), false), Verdict::Open);
    }

    #[test]
    fn one_that_answered_before_is_late_and_one_that_never_did_is_awaited() {
        let some =
            answers(&[("quotation", NEW), ("souscription", OLD), ("reclamation", NEW), ("dashboard", NEW)]);
        assert_eq!(some.judge(&control(NEW), false), Verdict::Open);
        assert_eq!(some.judge(&control(NEW), true), Verdict::NotAnswered(vec!["souscription", "simulator"]));
        let start = answers(&[("quotation", NEW), ("reclamation", NEW)]);
        assert_eq!(
            start.judge(&control(NEW), true),
            Verdict::Awaited(vec!["souscription", "simulator", "dashboard"])
        );
    }

    #[test]
    fn one_that_is_not_to_be_there_is_not_waited_for_and_starts_anew_after_it() {
        let mut given = answers(&Component::SERVICES.map(|service| (service.as_str(), OLD)));
        let down = Control { down: Some(Service::Reclamation), ..control(NEW) };
        given.forget_one(Service::Reclamation);
        for service in ["quotation", "souscription", "simulator", "dashboard"] {
            assert_eq!(given.judge(&down, false), Verdict::Open);
            given.by_service.insert(service, NEW);
        }
        assert_eq!(given.judge(&down, false), Verdict::Followed);
        assert_eq!(given.judge(&control(NEW), true), Verdict::Awaited(vec!["reclamation"]));
    }

    #[test]
    fn what_is_forgotten_is_new_again_and_strangers_count_for_nothing() {
        let mut given = answers(&[("quotation", OLD), ("stranger", OLD)]);
        assert_eq!(given.by_service.len(), 1);
        given.forget();
        assert!(matches!(given.judge(&control(NEW), true), Verdict::Awaited(missing) if missing.len() == 5));
    }
}
