//! SQL of the dead letters that wait for the relay.

use sqlx::{Row as _, SqliteConnection, SqlitePool};

use crate::consumer::Letter;

/// Letters that the relay takes at a time, in number and in bytes; one letter may go beyond the bytes.
const MOST: i64 = 500;
const BYTES: i64 = 4 * 1024 * 1024;

pub(super) async fn count(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT COUNT(*) FROM dead_letter").fetch_one(connection).await
}

pub(super) async fn insert(connection: &mut SqliteConnection, letter: &Letter) -> Result<(), sqlx::Error> {
    let done = sqlx::query("INSERT INTO dead_letter (bytes, key, value) VALUES (?, ?, ?)")
        .bind(i64::try_from(letter.size()).unwrap_or(i64::MAX))
        .bind(letter.key.as_deref())
        .bind(letter.value.as_deref())
        .execute(&mut *connection)
        .await?;
    for (position, (name, value)) in (0_i64..).zip(&letter.headers) {
        sqlx::query("INSERT INTO dead_letter_header (letter, position, name, value) VALUES (?, ?, ?, ?)")
            .bind(done.last_insert_rowid())
            .bind(position)
            .bind(name.as_str())
            .bind(value.as_deref())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// The first letters, each with its number.
pub(super) async fn first(readers: &SqlitePool) -> Result<Vec<(i64, Letter)>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT id, key, value FROM (SELECT *, SUM(bytes) OVER (ORDER BY id) - bytes AS before \
         FROM dead_letter ORDER BY id LIMIT ?) WHERE before < ? ORDER BY id",
    )
    .bind(MOST)
    .bind(BYTES)
    .fetch_all(readers)
    .await?;
    let mut letters = Vec::with_capacity(rows.len());
    for row in rows {
        let id = row.try_get("id")?;
        let headers =
            sqlx::query("SELECT name, value FROM dead_letter_header WHERE letter = ? ORDER BY position")
                .bind(id)
                .fetch_all(readers)
                .await?;
        let headers = headers.iter().map(|row| Ok((row.try_get("name")?, row.try_get("value")?)));
        let headers = headers.collect::<Result<_, sqlx::Error>>()?;
        letters.push((id, Letter { key: row.try_get("key")?, value: row.try_get("value")?, headers }));
    }
    Ok(letters)
}

/// Removes letters up to that number; returns how many. Their headers go with them.
pub(super) async fn remove(connection: &mut SqliteConnection, up_to: i64) -> Result<i64, sqlx::Error> {
    let done = sqlx::query("DELETE FROM dead_letter WHERE id <= ?").bind(up_to).execute(connection).await?;
    Ok(i64::try_from(done.rows_affected()).unwrap_or(i64::MAX))
}
