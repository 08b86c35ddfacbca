//! Sets of numbers, kept as ranges.

use rangemap::RangeInclusiveSet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A set of numbers. In JSON, a list of `[first, last]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges(RangeInclusiveSet<i64>);

impl Ranges {
    /// Adds a number; `false` where it is there already.
    pub fn insert(&mut self, number: i64) -> bool {
        let new = !self.0.contains(&number);
        if new {
            self.0.insert(number..=number);
        }
        new
    }

    /// Adds the numbers from `first` to `last`, both included.
    pub(crate) fn add(&mut self, first: i64, last: i64) {
        self.0.insert(first..=last);
    }

    pub fn contains(&self, number: i64) -> bool {
        self.0.contains(&number)
    }

    /// How many numbers.
    pub fn count(&self) -> u64 {
        self.pairs().map(|(first, last)| last.abs_diff(first) + 1).sum()
    }

    /// How many ranges.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each range's first and last number, rising.
    pub fn pairs(&self) -> impl Iterator<Item = (i64, i64)> {
        self.0.iter().map(|range| (*range.start(), *range.end()))
    }

    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.iter().chain(other.0.iter()).cloned().collect())
    }

    /// The numbers that the other set does not have.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut rest = self.0.clone();
        other.0.iter().for_each(|range| rest.remove(range.clone()));
        Self(rest)
    }

    /// The numbers from `first` to `last`, both included.
    #[must_use]
    pub fn within(&self, first: i64, last: i64) -> Self {
        if first > last {
            return Self::default();
        }
        let cut = self.0.overlapping(first..=last);
        Self(cut.map(|range| (*range.start()).max(first)..=(*range.end()).min(last)).collect())
    }
}

impl FromIterator<(i64, i64)> for Ranges {
    /// Of pairs of a first and a last number; a pair whose last is below its first holds nothing.
    fn from_iter<I: IntoIterator<Item = (i64, i64)>>(pairs: I) -> Self {
        let ranges = pairs.into_iter().filter(|(first, last)| first <= last);
        Self(ranges.map(|(first, last)| first..=last).collect())
    }
}

impl Serialize for Ranges {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.pairs())
    }
}

impl<'de> Deserialize<'de> for Ranges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<(i64, i64)>::deserialize(deserializer)?.into_iter().collect())
    }
}
