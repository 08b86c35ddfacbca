//! The outbox's SQL.

use jiff::Timestamp;
use schemas::{CloudEvent, EventId, Sequence, TopicName};
use sqlx::{Row as _, SqliteConnection, SqlitePool, sqlite::SqliteRow};
use uuid::Uuid;

use super::Outgoing;

/// A stored event as the relay reads it.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) topic: String,
    pub(super) envelope: CloudEvent,
    pub(super) subject: String,
    pub(super) schema: String,
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

pub(super) async fn insert(
    connection: &mut SqliteConnection,
    event: &Outgoing,
    schema: i64,
) -> Result<i64, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO outbox \
         (topic_seq, event_id, event_type, topic, key, schema_id, occurred_at, traceparent, body) \
         VALUES ((SELECT last + 1 FROM outbox_topic WHERE topic = ?), ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(event.topic.as_str())
    .bind(event.id.uuid().as_bytes().as_slice())
    .bind(event.event_type)
    .bind(event.topic.as_str())
    .bind(event.key.as_str())
    .bind(schema)
    .bind(event.occurred_at.as_millisecond())
    .bind(event.traceparent.as_deref())
    .bind(event.body.as_slice())
    .execute(connection)
    .await?;
    Ok(done.last_insert_rowid())
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
        "SELECT seq, topic_seq, event_id, event_type, topic, key, occurred_at, traceparent, body, s.subject, s.schema \
         FROM outbox JOIN outbox_schema AS s ON s.id = schema_id WHERE seq > ? ORDER BY seq LIMIT ?",
    )
    .bind(number)
    .bind(limit)
    .fetch_all(readers)
    .await?;
    rows.iter().map(|row| stored(row, source)).collect()
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
        subject: row.try_get("subject")?,
        schema: row.try_get("schema")?,
        body: row.try_get("body")?,
    })
}
