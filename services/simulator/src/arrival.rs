//! How many stories, or mistakes, begin in a stretch of time. Open loop: what is due depends on the clock alone, never on how the lab
//! keeps up. Pure.

use std::time::Duration;

use crate::plan::COMMANDS_OF_A_MILLION;

/// The longest stretch that is caught up with: beyond it, a process that was held up would send everything at once.
pub(crate) const BURST: Duration = Duration::from_millis(250);
/// Between two looks at the clock: what is due comes in small batches, and the end of a peak is seen soon.
pub(crate) const SHORTEST_PAUSE: Duration = Duration::from_millis(2);
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Events in a stretch of time, in hundredths a second: a share in percent of a whole rate is a whole number of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rate(u64);

impl Rate {
    /// So many of a hundred of these events.
    pub(crate) fn of(events_per_second: u32, percent: u32) -> Self {
        Self(u64::from(events_per_second) * u64::from(percent))
    }
}

/// Counts what is due, in whole numbers: nothing is lost to rounding, however short the stretches are.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    /// What the next one takes: nanoseconds at a rate of 1.
    each: u128,
    /// What of it has come together.
    begun: u128,
}

/// What a stretch of time brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    /// How many begin now.
    pub(crate) now: u64,
    /// How many were due in a stretch too long to be caught up with.
    pub(crate) missed: u64,
}

/// One event in nanoseconds at a hundredth of an event a second.
const EVENT: u128 = 100 * 1_000_000_000;
/// A story comes to more than one event.
const STORY: u128 = EVENT / 1_000_000 * COMMANDS_OF_A_MILLION as u128;

impl Arrival {
    /// Of stories.
    pub(crate) const fn of_stories() -> Self {
        Self { each: STORY, begun: 0 }
    }

    /// Of what comes to one event each.
    pub(crate) const fn of_events() -> Self {
        Self { each: EVENT, begun: 0 }
    }

    /// What is due after another stretch of time at that rate.
    pub(crate) fn due(&mut self, Rate(rate): Rate, elapsed: Duration) -> Due {
        let rate = u128::from(rate);
        self.begun += rate * elapsed.min(BURST).as_nanos();
        let now = whole(self.begun / self.each);
        self.begun %= self.each;
        let missed = whole(rate.saturating_mul(elapsed.saturating_sub(BURST).as_nanos()) / self.each);
        Due { now, missed }
    }

    /// How long it is to the next one at that rate, which is above 0.
    pub(crate) fn next(&self, Rate(rate): Rate) -> Duration {
        let nanos = (self.each - self.begun).div_ceil(u128::from(rate.max(1)));
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
        // 2,008 events a second are a thousand stories.
        for (mut arrival, rate, wanted) in [
            (Arrival::of_stories(), Rate::of(2_008, 100), 1_000),
            (Arrival::of_events(), Rate::of(2_000, 100), 2_000),
            (Arrival::of_events(), Rate::of(2_000, 10), 200),
            (Arrival::of_events(), Rate::of(2_000, 0), 0),
        ] {
            let begun: u64 = (0..1_000).map(|_| arrival.due(rate, Duration::from_millis(1)).now).sum();
            assert_eq!(begun, wanted);
            assert_eq!(arrival.due(Rate::default(), Duration::from_millis(100)), Due { now: 0, missed: 0 });
        }
        assert_eq!(Arrival::of_stories().next(Rate::of(2_008, 100)), Duration::from_millis(1));
    }

    #[test]
    fn a_long_pause_is_not_caught_up_with_and_not_forgotten() {
        let due = Arrival::of_stories().due(Rate::of(2_008, 100), Duration::from_secs(10));
        assert_eq!(due, Due { now: 250, missed: 9_750 });
        let forever = Arrival::of_stories().due(Rate::of(u32::MAX, 100), Duration::MAX);
        assert!(forever.missed > 1_000_000_000, "and nothing overflows");
    }

    proptest! {
        /// However a time is cut into ticks, what is due comes to what the rates ask for, to one story.
        #[test]
        fn nothing_is_lost_between_ticks(ticks in proptest::collection::vec((0..=10_000_000_u64, 0..250_000_000_u64), 1..200)) {
            let mut arrival = Arrival::of_stories();
            let mut owed = 0;
            let mut begun = 0;
            for (rate, nanos) in ticks {
                let due = arrival.due(Rate(rate), Duration::from_nanos(nanos));
                prop_assert_eq!(due.missed, 0);
                begun += u128::from(due.now);
                owed += u128::from(rate) * u128::from(nanos);
            }
            prop_assert_eq!(begun, owed / STORY);
        }

        #[test]
        fn the_next_one_is_due_when_it_is_said_to_be(rate in 1..=10_000_000_u64, before in 0..250_000_000_u64) {
            let (mut arrival, rate) = (Arrival::of_stories(), Rate(rate));
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
