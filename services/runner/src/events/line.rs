//! One record as JSON.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use platform::registry::{RegistryClient, RegistryError};
use rdkafka::{
    Message as _,
    message::{Headers as _, OwnedMessage},
};
use schemas::{Content, DecodeError, topic, wire};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

/// Why a value is shown as bytes.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error(transparent)]
    Wire(#[from] wire::WireError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl Unreadable {
    const fn reason(&self) -> &'static str {
        match self {
            Self::Wire(error) => error.reason(),
            Self::Registry(error) => error.reason(),
            Self::Decode(error) => error.reason(),
        }
    }
}

/// A record. It has `event`, or, where the value cannot be read, `unreadable`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Line {
    topic: String,
    partition: i32,
    offset: i64,
    /// The record's own, in milliseconds since 1970.
    timestamp: Option<i64>,
    key: Json,
    headers: Json,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_id: Option<u32>,
    /// The decoded value; null for a record without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<UnreadableValue>,
}

#[derive(Debug, Serialize)]
struct UnreadableValue {
    reason: &'static str,
    detail: String,
    base64: String,
}

/// Describes a record, asking the registry for its schema.
pub(super) async fn describe(record: &OwnedMessage, registry: &RegistryClient) -> Line {
    let mut line = Line {
        topic: record.topic().to_owned(),
        partition: record.partition(),
        offset: record.offset(),
        timestamp: record.timestamp().to_millis(),
        key: record.key().map_or(Json::Null, text_or_base64),
        headers: headers(record),
        schema_id: None,
        event: None,
        unreadable: None,
    };
    let Some(value) = record.payload() else {
        return Line { event: Some(Json::Null), ..line };
    };
    match read(record.topic(), value, registry).await {
        Ok((schema_id, event)) => {
            line.schema_id = schema_id;
            line.event = Some(event);
        }
        Err(error) => {
            line.unreadable = Some(UnreadableValue {
                reason: error.reason(),
                detail: error.to_string(),
                base64: BASE64.encode(value),
            });
        }
    }
    line
}

/// The value, and its schema's id where it has one. Topics without schema hold JSON (control) or anything (dead
/// letters, which may also be framed events).
async fn read(
    name: &str,
    value: &[u8],
    registry: &RegistryClient,
) -> Result<(Option<u32>, Json), Unreadable> {
    let opaque = topic(name).is_some_and(|topic| topic.content == Content::Opaque);
    if opaque && let Ok(json) = serde_json::from_slice(value) {
        return Ok((None, json));
    }
    let (id, body) = wire::parse(value)?;
    let schema = registry.schema(id).await?;
    Ok((Some(id.0), schemas::to_json(&schema, body)?))
}

/// The headers as an object; of a repeated one the last counts, as everywhere in Kafka.
fn headers(record: &OwnedMessage) -> Json {
    let Some(headers) = record.headers() else { return json!({}) };
    headers
        .iter()
        .map(|header| (header.key.to_owned(), header.value.map_or(Json::Null, text_or_base64)))
        .collect::<Map<_, _>>()
        .into()
}

/// Bytes as the text that they are, or as `{"base64": ...}`.
fn text_or_base64(bytes: &[u8]) -> Json {
    std::str::from_utf8(bytes).map_or_else(|_| json!({ "base64": BASE64.encode(bytes) }), |text| json!(text))
}
