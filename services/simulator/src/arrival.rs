//! How many stories begin in a stretch of time. Open loop: what is due depends on the clock alone, never on how the lab
//! keeps up. Pure.

use std::time::Duration;

use crate::plan::COMMANDS_OF_A_MILLION;

/// The longest stretch that is caught up with: beyond it, a process that was held up would send everything at once.
pub(crate) const BURST: Duration = Duration::from_millis(250);

/// Counts what is due, in whole numbers: nothing is lost to rounding, however short the stretches are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arrival {
    /// What of the next story has come together, in [`STORY`]s' parts.
    begun: u128,
}

/// What a stretch of time brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    /// Stories that begin now.
    pub(crate) now: u64,
    /// Stories that were due in a stretch too long to be caught up with.
    pub(crate) missed: u64,
}

/// A story in nanoseconds at one event a second: a story comes to more than one event.
const STORY: u128 = COMMANDS_OF_A_MILLION as u128 * 1_000;

impl Arrival {
    /// What is due after another stretch of time at that rate.
    pub(crate) fn due(&mut self, events_per_second: u32, elapsed: Duration) -> Due {
        let rate = u128::from(events_per_second);
        self.begun += rate * elapsed.min(BURST).as_nanos();
        let now = whole(self.begun / STORY);
        self.begun %= STORY;
        let missed = whole(rate * elapsed.saturating_sub(BURST).as_nanos() / STORY);
        Due { now, missed }
    }

    /// How long it is to the next story at that rate, which is above 0.
    pub(crate) fn next(&self, events_per_second: u32) -> Duration {
        let nanos = (STORY - self.begun).div_ceil(u128::from(events_per_second.max(1)));
        Duration::from_nanos(whole(nanos))
    }
}

fn whole(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_second_brings_the_rate_s_events() {
        let mut arrival = Arrival::default();
        // 2,008 events a second are a thousand stories.
        let stories: u64 = (0..1_000).map(|_| arrival.due(2_008, Duration::from_millis(1)).now).sum();
        assert_eq!(stories, 1_000);
        assert_eq!(arrival.next(2_008), Duration::from_millis(1));
        assert_eq!(arrival.due(0, Duration::from_millis(100)), Due { now: 0, missed: 0 });
    }

    #[test]
    fn a_long_pause_is_not_caught_up_with_and_not_forgotten() {
        let due = Arrival::default().due(2_008, Duration::from_secs(10));
        assert_eq!(due, Due { now: 250, missed: 9_750 });
        let forever = Arrival::default().due(u32::MAX, Duration::MAX);
        assert!(forever.missed > 1_000_000_000, "and nothing overflows");
    }

    proptest! {
        /// However a time is cut into ticks, what is due comes to what the rates ask for, to one story.
        #[test]
        fn nothing_is_lost_between_ticks(ticks in proptest::collection::vec((0..=100_000_u32, 0..250_000_000_u64), 1..200)) {
            let mut arrival = Arrival::default();
            let mut owed = 0;
            let mut begun = 0;
            for (rate, nanos) in ticks {
                let due = arrival.due(rate, Duration::from_nanos(nanos));
                prop_assert_eq!(due.missed, 0);
                begun += u128::from(due.now);
                owed += u128::from(rate) * u128::from(nanos);
            }
            prop_assert_eq!(begun, owed / STORY);
        }

        #[test]
        fn the_next_one_is_due_when_it_is_said_to_be(rate in 1..=100_000_u32, before in 0..250_000_000_u64) {
            let mut arrival = Arrival::default();
            arrival.due(rate, Duration::from_nanos(before));
            let next = arrival.next(rate);
            if next <= BURST {
                let mut early = arrival.clone();
                prop_assert_eq!(early.due(rate, next.saturating_sub(Duration::from_nanos(1))).now, 0);
                prop_assert_eq!(arrival.due(rate, next).now, 1);
            }
        }
    }
}
