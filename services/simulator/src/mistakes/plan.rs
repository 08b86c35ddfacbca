//! Which mistake comes next. Pure: a seed gives the same ones whenever they are made, but for the ids that a registry gives.

use super::{
    record::{self, Spoilt},
    request,
};
use crate::{
    dice::Dice,
    request::{Request, Target},
};

/// What is wrong. Half of them are requests' flaws, half are records'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// A body that is not JSON.
    Json,
    /// A field of another type.
    Type,
    /// A value that cannot be.
    Value,
    /// Something that nobody has heard of.
    Unknown,
    /// A value that is not in the wire format, as of a publisher without its serializer.
    NoMagicByte,
    /// A schema that the registry does not have.
    UnknownSchema,
    /// Half of an Avro body.
    Truncated,
    /// An Avro body that can be read, and says what cannot be.
    Impossible,
}

impl Flaw {
    pub(crate) const COUNT: usize = 8;
    pub(crate) const ALL: [Self; Self::COUNT] = [
        Self::Json,
        Self::Type,
        Self::Value,
        Self::Unknown,
        Self::NoMagicByte,
        Self::UnknownSchema,
        Self::Truncated,
        Self::Impossible,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Type => "type",
            Self::Value => "value",
            Self::Unknown => "unknown",
            Self::NoMagicByte => "no_magic_byte",
            Self::UnknownSchema => "unknown_schema",
            Self::Truncated => "truncated",
            Self::Impossible => "impossible",
        }
    }
}

/// A mistake to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mistake {
    /// A request that is to be refused.
    Request(Target, Request),
    /// A record that is to become a dead letter.
    Record(Spoilt),
}

/// The mistakes of a run, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    seed: u64,
    made: u64,
}

impl Plan {
    pub(super) const fn new(seed: u64) -> Self {
        // Other dice than those of the stories.
        Self { seed: !seed, made: 0 }
    }

    /// The next mistake.
    pub(super) fn next(&mut self) -> (Flaw, Mistake) {
        let mut dice = Dice::of(self.seed, self.made);
        self.made += 1;
        let flaw = dice.one_of(&Flaw::ALL);
        let mistake = match flaw {
            Flaw::Json | Flaw::Type | Flaw::Value | Flaw::Unknown => {
                let (target, request) = request::flawed(flaw, &mut dice);
                Mistake::Request(target, request)
            }
            Flaw::NoMagicByte | Flaw::UnknownSchema | Flaw::Truncated | Flaw::Impossible => {
                Mistake::Record(record::spoilt(flaw, &mut dice))
            }
        };
        (flaw, mistake)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(seed: u64, count: usize) -> Vec<(Flaw, Mistake)> {
        let mut plan = Plan::new(seed);
        std::iter::repeat_with(|| plan.next()).take(count).collect()
    }

    #[test]
    fn a_seed_makes_the_same_mistakes_and_every_one_has_its_turn() {
        assert_eq!(made(1, 200), made(1, 200));
        assert_ne!(made(1, 20), made(2, 20));
        let all = made(1, 8_000);
        for flaw in Flaw::ALL {
            let count = all.iter().filter(|(found, _)| *found == flaw).count();
            assert!((850..1_150).contains(&count), "{flaw:?}: {count} of 8,000");
        }
        let requests = all.iter().filter(|(_, mistake)| matches!(mistake, Mistake::Request(..))).count();
        assert!((3_750..4_250).contains(&requests), "{requests} of 8,000 are requests");
    }
}
