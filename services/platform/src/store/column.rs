//! Ids and instants as databases hold them: 16 bytes, and milliseconds since 1970.

use jiff::Timestamp;
use sqlx::{Row as _, sqlite::SqliteRow};
use uuid::Uuid;

use super::undecodable;

/// An id, to bind.
pub fn bytes(uuid: Uuid) -> Vec<u8> {
    uuid.into_bytes().to_vec()
}

/// An id that was read.
pub fn uuid(bytes: &[u8]) -> Result<Uuid, sqlx::Error> {
    Uuid::from_slice(bytes).map_err(undecodable)
}

/// The instant in that column.
pub fn instant(row: &SqliteRow, column: &str) -> Result<Timestamp, sqlx::Error> {
    Timestamp::from_millisecond(row.try_get(column)?).map_err(undecodable)
}
