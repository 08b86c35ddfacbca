//! The ledger's SQL.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{Anomaly, AnomalyKind, Heard, LastNumber, LetterTally, Numbered, Offset, Ranges};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use super::book::Stream;
use crate::store::undecodable;

/// What a stream's numbers are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Applied,
    Buried,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Buried => "buried",
        }
    }
}

/// The stream of a source and a topic with its number, made where it is missing; nothing where there are `most` already.
pub(super) async fn stream(
    connection: &mut SqliteConnection,
    source: &str,
    topic: &str,
    most: i64,
) -> Result<Option<(i64, Stream)>, sqlx::Error> {
    sqlx::query(
        "INSERT INTO ledger_stream (source, topic) SELECT ?, ? WHERE (SELECT COUNT(*) FROM ledger_stream) < ? \
         ON CONFLICT DO NOTHING",
    )
    .bind(source)
    .bind(topic)
    .bind(most)
    .execute(&mut *connection)
    .await?;
    let row = sqlx::query("SELECT id, twice, out_of_order FROM ledger_stream WHERE source = ? AND topic = ?")
        .bind(source)
        .bind(topic)
        .fetch_optional(&mut *connection)
        .await?;
    match row {
        Some(row) => Ok(Some(whole(connection, &row).await?)),
        None => Ok(None),
    }
}

async fn whole(connection: &mut SqliteConnection, row: &SqliteRow) -> Result<(i64, Stream), sqlx::Error> {
    let id: i64 = row.try_get("id")?;
    let last = sqlx::query_as::<_, (i32, i64)>("SELECT partition, number FROM ledger_last WHERE stream = ?")
        .bind(id)
        .fetch_all(&mut *connection)
        .await?;
    let stream = Stream {
        applied: ranges(connection, id, Kind::Applied).await?,
        buried: ranges(connection, id, Kind::Buried).await?,
        last: last.into_iter().collect(),
        twice: count(row, "twice")?,
        out_of_order: count(row, "out_of_order")?,
    };
    Ok((id, stream))
}

async fn ranges(connection: &mut SqliteConnection, stream: i64, kind: Kind) -> Result<Ranges, sqlx::Error> {
    let blocks = sqlx::query_as::<_, (i64, Vec<u8>)>(
        "SELECT block, bits FROM ledger_block WHERE stream = ? AND kind = ? ORDER BY block",
    )
    .bind(stream)
    .bind(kind.as_str())
    .fetch_all(connection)
    .await?;
    let mut ranges = Ranges::default();
    for (block, bits) in blocks {
        ranges.add_bits(block, &bits).map_err(undecodable)?;
    }
    Ok(ranges)
}

/// Writes blocks of a stream's numbers.
pub(super) async fn set_blocks(
    connection: &mut SqliteConnection,
    stream: i64,
    kind: Kind,
    numbers: &Ranges,
    blocks: &BTreeSet<i64>,
) -> Result<(), sqlx::Error> {
    for block in blocks {
        sqlx::query("INSERT OR REPLACE INTO ledger_block (stream, kind, block, bits) VALUES (?, ?, ?, ?)")
            .bind(stream)
            .bind(kind.as_str())
            .bind(block)
            .bind(numbers.bits(*block))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

pub(super) async fn set_last(
    connection: &mut SqliteConnection,
    stream: i64,
    partition: i32,
    number: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT OR REPLACE INTO ledger_last (stream, partition, number) VALUES (?, ?, ?)")
        .bind(stream)
        .bind(partition)
        .bind(number)
        .execute(connection)
        .await
        .map(drop)
}

pub(super) async fn set_anomalies(
    connection: &mut SqliteConnection,
    stream: i64,
    twice: u64,
    out_of_order: u64,
    anomalies: &[Anomaly],
) -> Result<(), sqlx::Error> {
    let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    sqlx::query("UPDATE ledger_stream SET twice = ?, out_of_order = ? WHERE id = ?")
        .bind(whole(twice))
        .bind(whole(out_of_order))
        .bind(stream)
        .execute(&mut *connection)
        .await?;
    for anomaly in anomalies {
        sqlx::query(
            "INSERT INTO ledger_anomaly (stream, kind, number, event_id, partition, offset) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(stream)
        .bind(anomaly.kind.as_str())
        .bind(anomaly.number)
        .bind(anomaly.event_id.as_str())
        .bind(anomaly.partition)
        .bind(anomaly.offset)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Adds offsets to those of a partition's letters.
pub(super) async fn add_letters(
    connection: &mut SqliteConnection,
    topic: &str,
    partition: i32,
    offsets: &Ranges,
) -> Result<(), sqlx::Error> {
    for (first, last) in offsets.pairs() {
        // Records are given up one after the other, so what is new mostly goes on where the last range ended.
        let grown =
            sqlx::query("UPDATE ledger_letter SET last = ? WHERE topic = ? AND partition = ? AND last = ?")
                .bind(last)
                .bind(topic)
                .bind(partition)
                .bind(first - 1)
                .execute(&mut *connection)
                .await?;
        if grown.rows_affected() == 0 {
            sqlx::query(
                "INSERT INTO ledger_letter (topic, partition, first, last) VALUES (?, ?, ?, ?) \
                 ON CONFLICT DO UPDATE SET last = MAX(last, excluded.last)",
            )
            .bind(topic)
            .bind(partition)
            .bind(first)
            .bind(last)
            .execute(&mut *connection)
            .await?;
        }
    }
    Ok(())
}

pub(super) async fn add_untracked(connection: &mut SqliteConnection, events: i64) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE ledger_untracked SET events = events + ?")
        .bind(events)
        .execute(connection)
        .await
        .map(drop)
}

pub(super) async fn streams(connection: &mut SqliteConnection) -> Result<Vec<ledger::Stream>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT id, source, topic, twice, out_of_order FROM ledger_stream ORDER BY topic, source",
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut streams = Vec::with_capacity(rows.len());
    for row in rows {
        let (id, Stream { applied, buried, last, twice, out_of_order }) = whole(connection, &row).await?;
        streams.push(ledger::Stream {
            source: row.try_get("source")?,
            topic: row.try_get("topic")?,
            applied,
            buried,
            last: last.into_iter().map(|(partition, number)| LastNumber { partition, number }).collect(),
            twice,
            out_of_order,
            anomalies: anomalies(connection, id).await?,
        });
    }
    Ok(streams)
}

async fn anomalies(connection: &mut SqliteConnection, stream: i64) -> Result<Vec<Anomaly>, sqlx::Error> {
    let rows =
        sqlx::query("SELECT kind, number, event_id, partition, offset FROM ledger_anomaly WHERE stream = ?")
            .bind(stream)
            .fetch_all(connection)
            .await?;
    let read = |row: &SqliteRow| {
        let twice = row.try_get::<&str, _>("kind")? == AnomalyKind::Twice.as_str();
        Ok(Anomaly {
            kind: if twice { AnomalyKind::Twice } else { AnomalyKind::OutOfOrder },
            number: row.try_get("number")?,
            event_id: row.try_get("event_id")?,
            partition: row.try_get("partition")?,
            offset: row.try_get("offset")?,
        })
    };
    rows.iter().map(read).collect()
}

/// The next offsets of a topic's partitions.
pub(super) async fn heard(connection: &mut SqliteConnection, topic: &str) -> Result<Heard, sqlx::Error> {
    let next = sqlx::query_as::<_, (i32, i64)>(
        "SELECT partition, next_offset FROM consumer_offset WHERE topic = ? ORDER BY partition",
    )
    .bind(topic)
    .fetch_all(connection)
    .await?;
    let next = next.into_iter().map(|(partition, offset)| Offset { partition, offset }).collect();
    Ok(Heard { topic: topic.to_owned(), next })
}

pub(super) async fn letters(connection: &mut SqliteConnection) -> Result<Vec<LetterTally>, sqlx::Error> {
    let rows = sqlx::query_as::<_, (String, i32, i64, i64)>(
        "SELECT topic, partition, first, last FROM ledger_letter",
    )
    .fetch_all(connection)
    .await?;
    let mut tallies: BTreeMap<(String, i32), Vec<(i64, i64)>> = BTreeMap::new();
    for (topic, partition, first, last) in rows {
        tallies.entry((topic, partition)).or_default().push((first, last));
    }
    let tally = |((topic, partition), pairs): ((String, i32), Vec<_>)| LetterTally {
        topic,
        partition,
        offsets: pairs.into_iter().collect(),
    };
    Ok(tallies.into_iter().map(tally).collect())
}

pub(super) async fn untracked(connection: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    let row = sqlx::query("SELECT events FROM ledger_untracked").fetch_one(connection).await?;
    count(&row, "events")
}

pub(super) async fn letters_waiting(connection: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    let row = sqlx::query("SELECT COUNT(*) AS letters FROM dead_letter").fetch_one(connection).await?;
    count(&row, "letters")
}

/// The last number of each of these topics.
pub(super) async fn emitted(
    connection: &mut SqliteConnection,
    topics: &[&str],
) -> Result<Vec<Numbered>, sqlx::Error> {
    numbered(connection, topics, "SELECT last FROM outbox_topic WHERE topic = ?").await
}

/// The number up to which the broker has confirmed the events of each of these topics.
pub(super) async fn confirmed(
    connection: &mut SqliteConnection,
    topics: &[&str],
) -> Result<Vec<Numbered>, sqlx::Error> {
    let query = "SELECT t.last - (SELECT COUNT(*) FROM outbox AS o \
                 WHERE o.topic = t.topic AND o.seq > (SELECT confirmed FROM outbox_relay)) \
                 FROM outbox_topic AS t WHERE t.topic = ?";
    numbered(connection, topics, query).await
}

async fn numbered(
    connection: &mut SqliteConnection,
    topics: &[&str],
    query: &'static str,
) -> Result<Vec<Numbered>, sqlx::Error> {
    let mut numbers = Vec::with_capacity(topics.len());
    for topic in topics {
        let number = sqlx::query_scalar(query).bind(*topic).fetch_one(&mut *connection).await?;
        numbers.push(Numbered { topic: (*topic).to_owned(), number });
    }
    Ok(numbers)
}

fn count(row: &SqliteRow, column: &str) -> Result<u64, sqlx::Error> {
    Ok(u64::try_from(row.try_get::<i64, _>(column)?).unwrap_or(0))
}
