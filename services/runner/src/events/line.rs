//! One record as JSON.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use platform::{readable, record::Record, registry::RegistryClient};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

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
pub(super) async fn describe(record: &Record, registry: &RegistryClient) -> Line {
    let mut line = Line {
        topic: record.topic().to_owned(),
        partition: record.partition,
        offset: record.offset,
        timestamp: record.timestamp,
        key: record.key().map_or(Json::Null, text_or_base64),
        headers: headers(record),
        schema_id: None,
        event: None,
        unreadable: None,
    };
    let Some(value) = record.value() else {
        return Line { event: Some(Json::Null), ..line };
    };
    match readable::json(record.topic(), value, registry).await {
        Ok((schema_id, event)) => {
            line.schema_id = schema_id.map(|id| id.0);
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

/// The headers as an object; of a repeated one the last counts, as everywhere in Kafka. Null where a name is no text.
fn headers(record: &Record) -> Json {
    let Some(headers) = record.headers() else { return Json::Null };
    headers
        .map(|(name, value)| (name.to_owned(), value.map_or(Json::Null, text_or_base64)))
        .collect::<Map<_, _>>()
        .into()
}

/// Bytes as the text that they are, or as `{"base64": ...}`.
fn text_or_base64(bytes: &[u8]) -> Json {
    std::str::from_utf8(bytes).map_or_else(|_| json!({ "base64": BASE64.encode(bytes) }), |text| json!(text))
}
