//! The outbox's SQL.

use std::collections::HashMap;

use jiff::Timestamp;
use schemas::{CloudEvent, EventId, Sequence, TopicName};
use sqlx::{QueryBuilder, Row as _, SqliteConnection, SqlitePool, sqlite::SqliteRow};
use uuid::Uuid;

use super::Queued;

/// A stored event as the relay reads it.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) topic: String,
    pub(super) envelope: CloudEvent,
    /// The row of its schema.
    pub(super) schema: i64,
    pub(super) body: Vec<u8>,
}

impl Stored {
    pub(super) fn number(&self) -> i64 {
        self.envelope.sequence.0
    }
}

pub(super) async fn intern_schema(
    connection: &mut SqliteConnection,
    subject: &str,
    schema: &str,
) -> Result<i64, sqlx::Error> {
    sqlx::query("INSERT INTO outbox_schema (subject, schema) VALUES (?, ?) ON CONFLICT DO NOTHING")
        .bind(subject)
        .bind(schema)
        .execute(&mut *connection)
        .await?;
    sqlx::query_scalar("SELECT id FROM outbox_schema WHERE subject = ? AND schema = ?")
        .bind(subject)
        .bind(schema)
        .fetch_one(connection)
        .await
}

/// Prepares the count of a topic's events.
pub(super) async fn number_topic(
    connection: &mut SqliteConnection,
    topic: TopicName,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO outbox_topic (topic, last) VALUES (?, 0) ON CONFLICT DO NOTHING")
        .bind(topic.as_str())
        .execute(connection)
        .await
        .map(drop)
}

/// The last row's number and the last confirmed one's. The last number comes from SQLite's own counter, because
/// the row itself may have been pruned.
pub(super) async fn progress(connection: &mut SqliteConnection) -> Result<(i64, i64), sqlx::Error> {
    let row = sqlx::query(
        "SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0) AS last, confirmed \
         FROM outbox_relay",
    )
    .fetch_one(connection)
    .await?;
    Ok((row.try_get("last")?, row.try_get("confirmed")?))
}

/// Stores events in their order, in one statement; the last one's number.
pub(super) async fn insert(connection: &mut SqliteConnection, events: &[Queued]) -> Result<i64, sqlx::Error> {
    let mut insert = QueryBuilder::new(
        "INSERT INTO outbox \
         (topic_seq, event_id, event_type, topic, key, schema_id, occurred_at, traceparent, body) ",
    );
    // Where the table has a trigger, SQLite reads what it counts from before the first row is there.
    let mut of_topic: HashMap<TopicName, i64> = HashMap::new();
    insert.push_values(events, |mut row, Queued { event, schema, .. }| {
        let number = of_topic.entry(event.topic).or_default();
        *number += 1;
        row.push("(SELECT last + ")
            .push_bind_unseparated(*number)
            .push_unseparated(" FROM outbox_topic WHERE topic = ")
            .push_bind_unseparated(event.topic.as_str())
            .push_unseparated(")")
            .push_bind(event.id.uuid().as_bytes().as_slice())
            .push_bind(event.event_type)
            .push_bind(event.topic.as_str())
            .push_bind(event.key.as_str())
            .push_bind(*schema)
            .push_bind(event.occurred_at.as_millisecond())
            .push_bind(event.traceparent.as_deref())
            .push_bind(event.body.as_slice());
    });
    Ok(insert.build().execute(connection).await?.last_insert_rowid())
}

pub(super) async fn confirm(connection: &mut SqliteConnection, up_to: i64) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE outbox_relay SET confirmed = ?").bind(up_to).execute(connection).await.map(drop)
}

/// Removes rows up to that number: as many as were confirmed since the last time, so never a long list.
pub(super) async fn prune(connection: &mut SqliteConnection, up_to: i64) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM outbox WHERE seq <= ?").bind(up_to).execute(connection).await.map(drop)
}

/// The next rows after that number, in order.
pub(super) async fn after(
    readers: &SqlitePool,
    number: i64,
    limit: u16,
    source: &str,
) -> Result<Vec<Stored>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT seq, topic_seq, event_id, event_type, topic, key, schema_id, occurred_at, traceparent, body \
         FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?",
    )
    .bind(number)
    .bind(limit)
    .fetch_all(readers)
    .await?;
    rows.iter().map(|row| stored(row, source)).collect()
}

/// Subject and text of the schema in that row.
pub(super) async fn schema(readers: &SqlitePool, row: i64) -> Result<(String, String), sqlx::Error> {
    sqlx::query_as("SELECT subject, schema FROM outbox_schema WHERE id = ?")
        .bind(row)
        .fetch_one(readers)
        .await
}

fn stored(row: &SqliteRow, source: &str) -> Result<Stored, sqlx::Error> {
    let id: &[u8] = row.try_get("event_id")?;
    let id = Uuid::from_slice(id).map_err(|error| sqlx::Error::Decode(error.into()))?;
    let time = Timestamp::from_millisecond(row.try_get("occurred_at")?);
    Ok(Stored {
        topic: row.try_get("topic")?,
        envelope: CloudEvent {
            id: EventId::from_uuid(id),
            source: source.to_owned(),
            event_type: row.try_get("event_type")?,
            time: time.map_err(|error| sqlx::Error::Decode(error.into()))?,
            subject: row.try_get("key")?,
            sequence: Sequence(row.try_get("seq")?),
            topic_sequence: Sequence(row.try_get("topic_seq")?),
            traceparent: row.try_get("traceparent")?,
        },
        schema: row.try_get("schema_id")?,
        body: row.try_get("body")?,
    })
}
