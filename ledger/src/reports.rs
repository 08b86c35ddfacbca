//! What a service reports of itself, at `/internal/ledger/applied`, `/on-topic` and `/emitted`.

use serde::{Deserialize, Serialize};

use crate::Ranges;

/// What a service has applied of others' events, and how far its own have come. Asked first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// The service as its events name it: `/edalab/<lab>/<service>`.
    pub service: String,
    /// Its consumer group.
    pub group: String,
    /// The topics that it listens to.
    pub topics: Vec<Heard>,
    pub streams: Vec<Stream>,
    /// Records that became dead letters, by where they lay.
    pub buried: Vec<LetterTally>,
    /// Dead letters that wait for the broker.
    pub letters_waiting: u64,
    /// For each topic that the service publishes to, the number up to which the broker has confirmed its events.
    pub confirmed: Vec<Numbered>,
    /// Events with an effect and without a place in the ledger: their sources or gaps were too many to keep.
    pub untracked: u64,
}

/// Events of one source on one topic, as a consumer has dealt with them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stream {
    pub source: String,
    pub topic: String,
    /// Numbers whose effect is in the database.
    pub applied: Ranges,
    /// Numbers that became dead letters.
    pub buried: Ranges,
    /// The highest number that was dealt with on each partition.
    pub last: Vec<LastNumber>,
    pub twice: u64,
    pub out_of_order: u64,
    /// The first of those, by id.
    pub anomalies: Vec<Anomaly>,
}

/// A topic that a consumer listens to, and the next offset of each partition that it has dealt with records of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Heard {
    pub topic: String,
    pub next: Vec<Offset>,
}

/// A place on a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Offset {
    pub partition: i32,
    pub offset: i64,
}

/// A partition, and a number of an event on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastNumber {
    pub partition: i32,
    pub number: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AnomalyKind {
    /// An effect that happened a second time.
    Twice,
    /// An effect that happened after a later event's of the same partition.
    OutOfOrder,
}

impl AnomalyKind {
    /// As the database and the JSON write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Twice => "twice",
            Self::OutOfOrder => "outOfOrder",
        }
    }
}

/// An effect that should not have happened so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Anomaly {
    pub kind: AnomalyKind,
    pub number: i64,
    /// The event's `ce_id`.
    pub event_id: String,
    pub partition: i32,
    pub offset: i64,
}

/// What lies on the topics that a service publishes to, read to their end. Asked second.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OnTopic {
    pub service: String,
    pub topics: Vec<Tally>,
    /// The dead letters of the service's own group, by where the original lay.
    pub letters: Vec<LetterTally>,
    /// Records of a letter beyond its first.
    pub letters_repeated: u64,
    /// Whether retention has removed letters, so that one that is not there need not be missing.
    pub letters_cut: bool,
    /// Records that are not read yet: until it is 0, the topics hold more than this report.
    pub behind: u64,
}

/// A service's events on one topic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    pub topic: String,
    /// The number from which on the topic is known whole; what is below it, retention may have removed.
    pub known_from: i64,
    pub distinct: Ranges,
    /// Records beyond the first of their event.
    pub repeated: u64,
    /// First records that lie behind a later event's on their partition.
    pub out_of_order: u64,
    /// The offset after the last record of each partition.
    pub ends: Vec<Offset>,
}

/// Offsets of a partition whose records are dead letters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LetterTally {
    pub topic: String,
    pub partition: i32,
    pub offsets: Ranges,
}

/// What a service has emitted: its outbox's last numbers. Asked last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Emitted {
    pub service: String,
    pub topics: Vec<Numbered>,
}

/// A topic and a number on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Numbered {
    pub topic: String,
    pub number: i64,
}
