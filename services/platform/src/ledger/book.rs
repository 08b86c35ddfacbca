//! The ledger's entries of one transaction.

use std::collections::{BTreeMap, btree_map::Entry};

use ledger::{Anomaly, AnomalyKind, Ranges};
use schemas::CloudEvent;
use sqlx::SqliteConnection;

use super::rows::{self, Kind};

/// Sources and topics, and ranges of each, that are kept. A lab has some; a stream of made-up sources or numbers ends
/// here, and is counted.
const MOST_STREAMS: i64 = 200;
const MOST_RANGES: usize = 10_000;
/// Anomalies of each stream that are kept by id.
const MOST_ANOMALIES: u64 = 100;

/// A place on a topic.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'r> {
    pub(crate) topic: &'r str,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

/// What a transaction adds to the ledger. Streams are read when they are first needed, and written at the end.
#[derive(Debug, Default)]
pub(crate) struct Book {
    streams: BTreeMap<(String, String), Option<Open>>,
    letters: BTreeMap<(String, i32), Ranges>,
    untracked: i64,
}

/// A stream as it was read, and as it is to be.
#[derive(Debug)]
struct Open {
    id: i64,
    before: Stream,
    now: Stream,
    anomalies: Vec<Anomaly>,
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
            stream.now.buried.insert(event.topic_sequence.0);
            stream.passed(at.partition, event.topic_sequence.0);
        }
        Ok(())
    }

    /// Writes what the transaction has added.
    pub(crate) async fn store(self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        for Open { id, before, now, anomalies } in self.streams.into_values().flatten() {
            rows::replace(connection, id, Kind::Applied, &before.applied, &now.applied).await?;
            rows::replace(connection, id, Kind::Buried, &before.buried, &now.buried).await?;
            for (partition, number) in
                now.last.iter().filter(|(partition, last)| before.last.get(partition) != Some(last))
            {
                rows::set_last(connection, id, *partition, *number).await?;
            }
            if (now.twice, now.out_of_order) != (before.twice, before.out_of_order) {
                rows::set_anomalies(connection, id, now.twice, now.out_of_order, &anomalies).await?;
            }
        }
        for ((topic, partition), offsets) in self.letters {
            rows::add_letters(connection, &topic, partition, &offsets).await?;
        }
        if self.untracked > 0 {
            rows::add_untracked(connection, self.untracked).await?;
        }
        Ok(())
    }

    /// The stream of that source and topic; nothing where there are too many.
    async fn stream(
        &mut self,
        connection: &mut SqliteConnection,
        source: &str,
        topic: &str,
    ) -> Result<Option<&mut Open>, sqlx::Error> {
        let found = match self.streams.entry((source.to_owned(), topic.to_owned())) {
            Entry::Occupied(found) => found.into_mut(),
            Entry::Vacant(place) => {
                let found = rows::stream(connection, source, topic, MOST_STREAMS).await?;
                let open = |(id, before): (i64, Stream)| Open {
                    id,
                    now: before.clone(),
                    before,
                    anomalies: Vec::new(),
                };
                place.insert(found.map(open))
            }
        };
        Ok(found.as_mut())
    }
}

impl Open {
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
        *last = number.max(*last);
    }

    fn tell(&mut self, kind: AnomalyKind, event: &CloudEvent, at: Place<'_>) {
        let number = event.topic_sequence.0;
        tracing::error!(kind = kind.as_str(), ce_id = %event.id, source = event.source, number, topic = at.topic,
            partition = at.partition, offset = at.offset, "an effect that should not have been");
        if self.now.twice + self.now.out_of_order <= MOST_ANOMALIES {
            let Place { partition, offset, .. } = at;
            self.anomalies.push(Anomaly { kind, number, event_id: event.id.to_string(), partition, offset });
        }
    }
}
