//! Trying again: pauses that double, and telling what lasts once.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

const FIRST: Duration = Duration::from_millis(100);
pub(crate) const LONGEST: Duration = Duration::from_secs(2);

/// The attempts at one thing, until one succeeds.
#[derive(Debug)]
pub(crate) struct Backoff {
    pause: Duration,
    told: Option<&'static str>,
}

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self { pause: FIRST, told: None }
    }

    /// An attempt failed for that reason. Whether it is to be told: what lasts is told once for each reason.
    pub(crate) fn is_news(&mut self, reason: &'static str) -> bool {
        self.told.replace(reason) != Some(reason)
    }

    /// How long to wait for the next attempt.
    pub(crate) fn pause(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = LONGEST.min(pause * 2);
        pause
    }

    /// Waits for the next attempt, or until told to stop.
    pub(crate) async fn wait(&mut self, stop: &CancellationToken) {
        tokio::select! {
            () = tokio::time::sleep(self.pause()) => {}
            () = stop.cancelled() => {}
        }
    }

    /// An attempt succeeded. Whether a failure had been told before.
    pub(crate) fn succeeded(&mut self) -> bool {
        std::mem::replace(self, Self::new()).told.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_a_lasting_reason_is_told_once() {
        let mut backoff = Backoff::new();
        assert!(!backoff.succeeded());
        assert!(backoff.is_news("a") && !backoff.is_news("a") && backoff.is_news("b"));
        let pauses: Vec<_> = (0..7).map(|_| backoff.pause().as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1_600, 2_000, 2_000]);
        assert!(backoff.succeeded() && !backoff.succeeded());
        assert_eq!(backoff.pause(), FIRST);
    }
}
