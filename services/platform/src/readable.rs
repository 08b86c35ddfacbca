//! A record's value as people read it.

use schemas::{Content, DecodeError, SchemaId, topic, wire};
use serde_json::Value as Json;

use crate::registry::{RegistryClient, RegistryError};

/// Why a value is shown as bytes only.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error(transparent)]
    Wire(#[from] wire::WireError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl Unreadable {
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Wire(error) => error.reason(),
            Self::Registry(error) => error.reason(),
            Self::Decode(error) => error.reason(),
        }
    }
}

/// The value of a record on that topic, and its schema's id where it has one. Topics without schema hold JSON (control) or
/// anything (dead letters, which may also be framed events).
pub async fn json(
    name: &str,
    value: &[u8],
    registry: &RegistryClient,
) -> Result<(Option<SchemaId>, Json), Unreadable> {
    let opaque = topic(name).is_some_and(|topic| topic.content == Content::Opaque);
    if opaque && let Ok(json) = serde_json::from_slice(value) {
        return Ok((None, json));
    }
    let (id, body) = wire::parse(value)?;
    let schema = registry.schema(id).await?;
    Ok((Some(id), schemas::to_json(&schema, body)?))
}
