//! One record as JSON.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use platform::registry::{RegistryClient, RegistryError};
use rdkafka::{
    Message as _,
    message::{BorrowedMessage, Headers as _},
};
use schemas::{Content, DecodeError, topic, wire};
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

/// The line for a record: `topic`, `partition`, `offset`, `timestamp`, `key`, `headers`, and `event`; or, where
/// the value cannot be read, `unreadable` with the reason and the bytes in base64.
pub(super) async fn describe(record: &BorrowedMessage<'_>, registry: &RegistryClient) -> Json {
    let mut line = Map::new();
    line.insert("topic".to_owned(), json!(record.topic()));
    line.insert("partition".to_owned(), json!(record.partition()));
    line.insert("offset".to_owned(), json!(record.offset()));
    line.insert("timestamp".to_owned(), json!(record.timestamp().to_millis()));
    line.insert("key".to_owned(), record.key().map_or(Json::Null, text_or_base64));
    line.insert("headers".to_owned(), headers(record));
    let Some(value) = record.payload() else {
        line.insert("event".to_owned(), Json::Null);
        return Json::Object(line);
    };
    match read(record.topic(), value, registry).await {
        Ok((schema_id, event)) => {
            line.extend(schema_id.map(|id| ("schemaId".to_owned(), json!(id))));
            line.insert("event".to_owned(), event);
        }
        Err(error) => {
            let unreadable = json!({ "reason": error.reason(), "detail": error.to_string(), "base64": BASE64.encode(value) });
            line.insert("unreadable".to_owned(), unreadable);
        }
    }
    Json::Object(line)
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
fn headers(record: &BorrowedMessage<'_>) -> Json {
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
