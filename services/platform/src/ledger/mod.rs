//! What this service reports to the lab's ledger (crate `ledger`).
//!
//! - [`Book`] is written in the transactions of the effects: which numbers of which source had theirs.
//! - [`auditor`] reads the topics that this service publishes to, and the dead letters of its group, as anybody could.
//! - [`report`] answers at `/internal/ledger/...`.

mod auditor;
mod book;
mod report;
mod rows;
mod tally;
#[cfg(test)]
mod tests;

pub(crate) use auditor::{Audited, Auditor};
pub(crate) use book::{Book, Place};
pub(crate) use report::{Reporter, routes};
