//! Rigs that start the lab's real parts as child processes, and what the end-to-end tests share.
//!
//! The tests themselves lie beside this folder, one file for each suite: they start the programs that people run and
//! look at them from outside. Nothing here stands in for Kafka, the registry, SQLite or the API server.

pub mod cases;
pub mod clients;
pub mod documents;
pub mod edalabs;
pub mod judge;
pub mod link;
pub mod reader;
pub mod rig;
pub mod rights;
pub mod scrape;
pub mod sse;
pub mod suite;
pub mod texts;
pub mod usage;
pub mod wait;

use std::time::{Duration, SystemTime};

/// Up to half a second.
pub fn random_moment() -> Duration {
    let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.subsec_nanos());
    Duration::from_millis(u64::from(nanos / 1000 % 500))
}
