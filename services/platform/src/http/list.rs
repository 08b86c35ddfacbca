//! What paths and queries name: one thing by its id, or a client's things, a page at a time.

use std::str::FromStr;

use axum::extract::{Path, rejection::PathRejection};
use schemas::{ClientId, ClientIdError};

use super::Problem;
use crate::store::Cursor;

/// The `{id}` of a path, as it came.
pub type PathId = Result<Path<String>, PathRejection>;

/// The id that a path names. What is no id is nobody's.
pub fn named<T: FromStr>(id: PathId) -> Option<T> {
    id.ok().and_then(|Path(id)| id.parse().ok())
}

/// What a list is asked for.
#[derive(Debug)]
pub struct ListQuery {
    pub client_id: ClientId,
    /// Items on a page.
    pub limit: u16,
    pub cursor: Option<Cursor>,
}

const DEFAULT_LIMIT: u16 = 20;
const HIGHEST_LIMIT: u16 = 100;

impl ListQuery {
    /// Reads the query `clientId=...&limit=...&cursor=...`; a fault names its parameter.
    pub fn parse(query: &str) -> Result<Self, Problem> {
        let mut client_id = None;
        let mut limit = None;
        let mut cursor = None;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let slot = match name.as_ref() {
                "clientId" => &mut client_id,
                "limit" => &mut limit,
                "cursor" => &mut cursor,
                other => {
                    let name: String = other.chars().take(64).collect();
                    return Err(Problem::parameter(&name, "is not a parameter of this request"));
                }
            };
            if slot.replace(value.into_owned()).is_some() {
                return Err(Problem::parameter(&name, "is given more than once"));
            }
        }
        let client_id = client_id.ok_or_else(|| Problem::parameter("clientId", "is missing"))?;
        let wrong = |error: ClientIdError| Problem::parameter("clientId", error.to_string());
        Ok(Self {
            client_id: client_id.parse().map_err(wrong)?,
            limit: limit.map_or(Ok(DEFAULT_LIMIT), |text| parse_limit(&text))?,
            cursor: cursor.map(|text| parse_cursor(&text)).transpose()?,
        })
    }
}

fn parse_limit(text: &str) -> Result<u16, Problem> {
    let limit = text.parse().ok().filter(|limit| (1..=HIGHEST_LIMIT).contains(limit));
    limit.ok_or_else(|| {
        Problem::parameter("limit", format!("must be a whole number from 1 to {HIGHEST_LIMIT}"))
    })
}

fn parse_cursor(text: &str) -> Result<Cursor, Problem> {
    let row = text.parse().ok().filter(|row| *row > 0);
    row.map(Cursor).ok_or_else(|| Problem::parameter("cursor", "must be the nextCursor of another page"))
}
