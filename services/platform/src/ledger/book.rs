//! The ledger's entries of one transaction.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{Anomaly, AnomalyKind, Ranges, block_of};
use schemas::CloudEvent;
use sqlx::SqliteConnection;

use super::rows::{self, Kind};

/// Sources and topics, and ranges of each, that are kept. A lab has some; a stream of made-up sources or numbers ends
/// here, and is counted. A service that catches up has some thousands of ranges: as many events as it is further on one
/// partition than on another.
const MOST_STREAMS: i64 = 200;
const MOST_RANGES: usize = 50_000;
/// Anomalies of each stream that are kept by id.
const MOST_ANOMALIES: u64 = 100;

/// A place on a topic.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'r> {
    pub(crate) topic: &'r str,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

/// The ledger as the database has it, and what a transaction adds. A stream is read when it is first needed, and kept: whoever
/// holds the book throws it away where the transaction was not committed.
#[derive(Debug, Default)]
pub(crate) struct Book {
    streams: BTreeMap<String, BTreeMap<String, Open>>,
    letters: BTreeMap<(String, i32), Ranges>,
    untracked: i64,
}

/// A stream, and what of it is not written yet.
#[derive(Debug)]
struct Open {
    id: i64,
    now: Stream,
    applied: BTreeSet<i64>,
    buried: BTreeSet<i64>,
    last: BTreeSet<i32>,
    anomalies: Option<Vec<Anomaly>>,
}

/// A stream's row and what belongs to it.
#[derive(Debug, Clone, Default)]
pub(super) struct Stream {
    pub(super) applied: Ranges,
    pub(super) buried: Ranges,
    pub(super) last: BTreeMap<i32, i64>,
    pub(super) twice: u64,
    pub(super) out_of_order: u64,
}

impl Book {
    /// An event's effect has happened.
    pub(crate) async fn applied(
        &mut self,
        connection: &mut SqliteConnection,
        event: &CloudEvent,
        at: Place<'_>,
    ) -> Result<(), sqlx::Error> {
        let number = event.topic_sequence.0;
        let stream = self.stream(connection, &event.source, at.topic).await?;
        let Some(stream) = stream.filter(|stream| stream.has_room(number)) else {
            self.untracked += 1;
            return Ok(());
        };
        if !stream.now.applied.insert(number) {
            stream.now.twice += 1;
            stream.tell(AnomalyKind::Twice, event, at);
        } else if stream.now.last.get(&at.partition).is_some_and(|last| number < *last)
            // A letter that was sent again comes late, and is no surprise.
            && !stream.now.buried.contains(number)
        {
            stream.now.out_of_order += 1;
            stream.tell(AnomalyKind::OutOfOrder, event, at);
        }
        stream.applied.insert(block_of(number));
        stream.passed(at.partition, number);
        Ok(())
    }

    /// A record has become a dead letter; `event` is what it says of itself, where that can be read.
    pub(crate) async fn buried(
        &mut self,
        connection: &mut SqliteConnection,
        event: Option<&CloudEvent>,
        at: Place<'_>,
    ) -> Result<(), sqlx::Error> {
        self.letters.entry((at.topic.to_owned(), at.partition)).or_default().insert(at.offset);
        let Some(event) = event else { return Ok(()) };
        let number = event.topic_sequence.0;
        let stream = self.stream(connection, &event.source, at.topic).await?;
        if let Some(stream) = stream.filter(|stream| stream.has_room(number)) {
            stream.now.buried.insert(number);
            stream.buried.insert(block_of(number));
            stream.passed(at.partition, number);
        }
        Ok(())
    }

    /// Writes what the transaction has added.
    pub(crate) async fn store(&mut self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        for stream in self.streams.values_mut().flat_map(BTreeMap::values_mut) {
            stream.store(connection).await?;
        }
        for ((topic, partition), offsets) in std::mem::take(&mut self.letters) {
            rows::add_letters(connection, &topic, partition, &offsets).await?;
        }
        match std::mem::take(&mut self.untracked) {
            0 => Ok(()),
            events => rows::add_untracked(connection, events).await,
        }
    }

    /// The stream of that source and topic; nothing where there are too many.
    async fn stream(
        &mut self,
        connection: &mut SqliteConnection,
        source: &str,
        topic: &str,
    ) -> Result<Option<&mut Open>, sqlx::Error> {
        let known = self.streams.get(topic).is_some_and(|sources| sources.contains_key(source));
        if !known {
            let Some((id, now)) = rows::stream(connection, source, topic, MOST_STREAMS).await? else {
                return Ok(None);
            };
            self.streams.entry(topic.to_owned()).or_default().insert(source.to_owned(), Open::new(id, now));
        }
        Ok(self.streams.get_mut(topic).and_then(|sources| sources.get_mut(source)))
    }
}

impl Open {
    const fn new(id: i64, now: Stream) -> Self {
        Self {
            id,
            now,
            applied: BTreeSet::new(),
            buried: BTreeSet::new(),
            last: BTreeSet::new(),
            anomalies: None,
        }
    }

    async fn store(&mut self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let Stream { applied, buried, last, twice, out_of_order } = &self.now;
        let blocks = std::mem::take(&mut self.applied);
        rows::set_blocks(connection, self.id, Kind::Applied, applied, &blocks).await?;
        let blocks = std::mem::take(&mut self.buried);
        rows::set_blocks(connection, self.id, Kind::Buried, buried, &blocks).await?;
        for partition in std::mem::take(&mut self.last) {
            if let Some(number) = last.get(&partition) {
                rows::set_last(connection, self.id, partition, *number).await?;
            }
        }
        match self.anomalies.take() {
            Some(anomalies) => {
                rows::set_anomalies(connection, self.id, *twice, *out_of_order, &anomalies).await
            }
            None => Ok(()),
        }
    }

    /// Whether the number can be kept: a new range only where there are not too many, what closes a gap always.
    fn has_room(&self, number: i64) -> bool {
        let Stream { applied, buried, .. } = &self.now;
        let beside = |set: &Ranges| {
            set.contains(number)
                || set.contains(number.saturating_sub(1))
                || set.contains(number.saturating_add(1))
        };
        applied.len() + buried.len() < MOST_RANGES || beside(applied) || beside(buried)
    }

    fn passed(&mut self, partition: i32, number: i64) {
        let last = self.now.last.entry(partition).or_default();
        if number > *last {
            *last = number;
            self.last.insert(partition);
        }
    }

    fn tell(&mut self, kind: AnomalyKind, event: &CloudEvent, at: Place<'_>) {
        let number = event.topic_sequence.0;
        tracing::error!(kind = kind.as_str(), ce_id = %event.id, source = event.source, number, topic = at.topic,
            partition = at.partition, offset = at.offset, "an effect that should not have been");
        let anomalies = self.anomalies.get_or_insert_default();
        if self.now.twice + self.now.out_of_order <= MOST_ANOMALIES {
            let Place { partition, offset, .. } = at;
            anomalies.push(Anomaly { kind, number, event_id: event.id.to_string(), partition, offset });
        }
    }
}
