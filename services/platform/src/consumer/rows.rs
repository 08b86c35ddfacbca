//! The consumer's SQL.

use std::collections::HashMap;

use schemas::EventId;
use sqlx::{QueryBuilder, Row as _, SqliteConnection};

/// Offsets behind a partition's next one that the inbox remembers events of. A repeat follows its event within one batch
/// of the relay, so this is a hundred times what is needed.
const REMEMBERED: i64 = 50_000;

/// A partition's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) id: i64,
    pub(super) next_offset: i64,
}

pub(super) async fn cluster(connection: &mut SqliteConnection) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT cluster_id FROM consumer_cluster").fetch_optional(connection).await
}

pub(super) async fn adopt(connection: &mut SqliteConnection, cluster: &str) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO consumer_cluster (only_row, cluster_id) VALUES (1, ?)")
        .bind(cluster)
        .execute(connection)
        .await
        .map(drop)
}

pub(super) async fn offsets(
    connection: &mut SqliteConnection,
) -> Result<HashMap<(String, i32), i64>, sqlx::Error> {
    let rows = sqlx::query("SELECT topic, partition, next_offset FROM consumer_offset")
        .fetch_all(connection)
        .await?;
    let read = |row: &sqlx::sqlite::SqliteRow| {
        Ok(((row.try_get("topic")?, row.try_get("partition")?), row.try_get("next_offset")?))
    };
    rows.iter().map(read).collect()
}

/// How far a partition has come; it starts at 0.
pub(super) async fn progress(
    connection: &mut SqliteConnection,
    topic: &str,
    partition: i32,
) -> Result<Progress, sqlx::Error> {
    sqlx::query(
        "INSERT INTO consumer_offset (topic, partition, next_offset) VALUES (?, ?, 0) ON CONFLICT DO NOTHING",
    )
    .bind(topic)
    .bind(partition)
    .execute(&mut *connection)
    .await?;
    let row = sqlx::query("SELECT id, next_offset FROM consumer_offset WHERE topic = ? AND partition = ?")
        .bind(topic)
        .bind(partition)
        .fetch_one(connection)
        .await?;
    Ok(Progress { id: row.try_get("id")?, next_offset: row.try_get("next_offset")? })
}

/// Moves a partition, and forgets events far behind it.
pub(super) async fn advance(connection: &mut SqliteConnection, to: Progress) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE consumer_offset SET next_offset = ? WHERE id = ?")
        .bind(to.next_offset)
        .bind(to.id)
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM inbox WHERE partition = ? AND offset < ?")
        .bind(to.id)
        .bind(to.next_offset - REMEMBERED)
        .execute(connection)
        .await
        .map(drop)
}

/// A partition whose offset is not on its topic, and where it goes on: nowhere, where that would hand out more than the
/// inbox remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Realigned {
    pub(super) from: i64,
    pub(super) to: Option<i64>,
}

/// Moves a partition whose next offset is not between the topic's first and its end; nothing where it is.
pub(super) async fn realign(
    connection: &mut SqliteConnection,
    topic: &str,
    partition: i32,
    (first, end): (i64, i64),
) -> Result<Option<Realigned>, sqlx::Error> {
    let progress = progress(connection, topic, partition).await?;
    let from = progress.next_offset;
    if (first..=end).contains(&from) {
        return Ok(None);
    }
    if from - first > REMEMBERED {
        return Ok(Some(Realigned { from, to: None }));
    }
    advance(connection, Progress { next_offset: first, ..progress }).await?;
    Ok(Some(Realigned { from, to: Some(first) }))
}

/// An event, and the record that brought it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Remembered {
    pub(super) event: EventId,
    /// The partition's [`Progress::id`].
    pub(super) partition: i64,
    pub(super) offset: i64,
}

/// Puts events into the inbox; `false` where one of them was there already, or is among them twice.
pub(super) async fn remember(
    connection: &mut SqliteConnection,
    events: &[Remembered],
) -> Result<bool, sqlx::Error> {
    if events.is_empty() {
        return Ok(true);
    }
    let mut insert = QueryBuilder::new("INSERT INTO inbox (event_id, partition, offset) ");
    insert.push_values(events, |mut row, remembered| {
        row.push_bind(remembered.event.uuid().as_bytes().to_vec())
            .push_bind(remembered.partition)
            .push_bind(remembered.offset);
    });
    let done = insert.push(" ON CONFLICT DO NOTHING").build().execute(connection).await?;
    Ok(done.rows_affected() == events.len() as u64)
}
