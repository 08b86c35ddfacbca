//! The ledger: what became of every event, from the database that it was made in to the databases that it had its effect
//! in. Pure: services report ([`Applied`], [`OnTopic`], [`Emitted`]), and [`judge`] adds up.
//!
//! Events are counted by their number within source and topic (`ce_topicsequence`), which is dense. What a service knows
//! is a set of ranges, whose size does not grow with the events.
//!
//! No instant exists at which all services could be asked at once. So they are asked in the direction against the
//! events': first what was applied, then what is on the topics, then what was emitted. Whatever happens in between makes
//! the later answers larger, never the earlier ones, and shows as "in flight".

mod blocks;
mod judgement;
mod ranges;
mod reports;
#[cfg(test)]
mod tests;

pub use blocks::{NoBlock, block_of};
pub use judgement::{ConsumerLine, Ledger, LetterLine, Line, judge};
pub use ranges::Ranges;
pub use reports::{
    Anomaly, AnomalyKind, Applied, Emitted, Heard, LastNumber, LetterTally, Numbered, Offset, OnTopic,
    Stream, Tally,
};
