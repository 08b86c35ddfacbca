//! Numbers that look random, and are the same for the same seed on every machine and with every compiler.

use uuid::Uuid;

/// SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
#[derive(Debug, Clone)]
pub(crate) struct Dice {
    state: u64,
}

/// The golden ratio's fraction in 64 bits, as in the paper.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

impl Dice {
    /// Those of one story of a run. Each story has its own, so that a change in how one is told does not change others.
    pub(crate) const fn of(seed: u64, story: u64) -> Self {
        Self { state: mix(mix(seed).wrapping_add(story)) }
    }

    /// A number from 0 to before `end`. Ends are tiny beside 2^64: no number is favoured by what the division leaves.
    pub(crate) const fn below(&mut self, end: u64) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        mix(self.state) % end
    }

    /// A number within bounds that are both part of it.
    pub(crate) const fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    /// True in so many of a thousand cases.
    pub(crate) const fn chance(&mut self, of_thousand: u64) -> bool {
        self.below(1_000) < of_thousand
    }

    /// An id that nobody gave.
    pub(crate) const fn id(&mut self) -> Uuid {
        Uuid::from_u64_pair(self.below(u64::MAX), self.below(u64::MAX))
    }

    pub(crate) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        let index = self.below(u64::try_from(all.len()).unwrap_or(u64::MAX));
        all[usize::try_from(index).unwrap_or_default()]
    }
}

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_splitmix64() {
        // The first numbers of Java's SplittableRandom for the seed 0.
        let mut dice = Dice { state: 0 };
        let first: Vec<u64> = (0..3).map(|_| dice.below(u64::MAX)).collect();
        assert_eq!(first, [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F]);
    }

    #[test]
    fn stories_of_a_run_and_runs_differ() {
        let first = |seed, story| Dice::of(seed, story).below(u64::MAX);
        assert_eq!(first(1, 7), first(1, 7));
        assert_ne!(first(1, 7), first(1, 8));
        assert_ne!(first(1, 7), first(2, 7));
        assert_ne!(first(1, 7), first(2, 6), "runs are not shifted against each other");
    }
}
