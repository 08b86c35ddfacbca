//! How long records wait where the lab makes this service slow (scenario CONSOMMATEUR_LENT).

use std::time::Duration;

use crate::control::Controls;

/// A batch that was gathered before the scenario began is not waited for longer than that.
const LONGEST: Duration = Duration::from_secs(10);

/// What the lab asks of this service.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    controls: Controls,
    service: &'static str,
}

impl Pace {
    pub(crate) fn new(controls: Controls, service: &'static str) -> Self {
        Self { controls, service }
    }

    /// Whether records are to be taken one by one.
    pub(super) fn is_slow(&self) -> bool {
        !self.of(1).is_zero()
    }

    /// Waits before so many records are applied: outside of any transaction, and while the session goes on polling.
    /// Whatever is set for the lab meanwhile ends the wait.
    pub(super) async fn wait(&self, records: usize) {
        let wait = self.of(records);
        if wait.is_zero() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = self.controls.next_change() => {}
        }
    }

    /// How long so many records wait.
    fn of(&self, records: usize) -> Duration {
        let control = self.controls.current();
        let slow = control.and_then(|control| control.slow);
        let slow = slow.filter(|slow| slow.service.as_str() == self.service);
        let one = slow.map_or(Duration::ZERO, |slow| Duration::from_millis(slow.delay_milliseconds.into()));
        one.saturating_mul(u32::try_from(records).unwrap_or(u32::MAX)).min(LONGEST.max(one))
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Instant};

    use schemas::{
        Service,
        control::{Control, Scenario, Simulation, Slow},
    };
    use tokio::sync::watch;
    use uuid::Uuid;

    use super::*;

    fn control(slow: Option<Slow>) -> Arc<Control> {
        Arc::new(Control {
            id: Uuid::nil(),
            generation: 1,
            scenario: if slow.is_some() { Scenario::ConsommateurLent } else { Scenario::Normal },
            simulation: Simulation { running: true, events_per_second: 5 },
            peak: None,
            error_percent: None,
            slow,
            down: None,
        })
    }

    fn slow(delay_milliseconds: u32) -> Arc<Control> {
        control(Some(Slow { service: Service::Reclamation, delay_milliseconds }))
    }

    #[test]
    fn only_the_one_that_is_named_waits() {
        let (say, told) = watch::channel(None);
        let [one, other] =
            ["reclamation", "quotation"].map(|service| Pace::new(Controls::of(told.clone()), service));
        assert!(!one.is_slow(), "nothing is set yet");
        say.send_replace(Some(slow(500)));
        assert!(one.is_slow() && !other.is_slow());
        assert_eq!([1, 3].map(|records| one.of(records).as_millis()), [500, 1_500]);
        assert_eq!(one.of(1_000), LONGEST);
        say.send_replace(Some(slow(60_000)));
        assert_eq!(one.of(1_000), Duration::from_secs(60));
        say.send_replace(Some(control(None)));
        assert!(!one.is_slow());
    }

    #[tokio::test]
    async fn what_is_set_meanwhile_ends_the_wait() {
        let (say, told) = watch::channel(Some(slow(60_000)));
        let pace = Pace::new(Controls::of(told), "reclamation");
        let began = Instant::now();
        tokio::join!(pace.wait(1), async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            say.send_replace(Some(control(None)));
        });
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    }
}
