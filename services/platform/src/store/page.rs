//! Pages of long lists: keyed by the row's number, so that a page costs the same wherever it is.

use sqlx::{Row as _, sqlite::SqliteRow};

/// A place in a list: the next page starts before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(pub i64);

/// One page of a list, newest first.
#[derive(Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page starts, if there is one.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Makes a page of at most `limit` items from rows that are read newest first, one more than `limit` where there are
    /// more. Rows carry their number as `row_id`.
    pub fn of(
        mut rows: Vec<SqliteRow>,
        limit: u16,
        read: impl Fn(&SqliteRow) -> Result<T, sqlx::Error>,
    ) -> Result<Self, sqlx::Error> {
        let more = rows.len() > usize::from(limit);
        rows.truncate(usize::from(limit));
        let next = match rows.last() {
            Some(last) if more => Some(Cursor(last.try_get("row_id")?)),
            _ => None,
        };
        Ok(Self { items: rows.iter().map(read).collect::<Result<_, _>>()?, next })
    }
}

/// A row that does not hold what its table should.
pub fn undecodable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}
