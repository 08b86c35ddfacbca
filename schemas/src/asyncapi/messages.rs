//! What lies on the topics.

use serde_json::{Value as Json, json};

use super::{BINDING_VERSION, control, headers, reference};
use crate::{Content, Topic, header, topics};

/// The name of the message on a topic, where it has one that can be described.
pub(super) fn name(topic: &Topic) -> Option<&'static str> {
    match topic.name {
        topics::DLQ_ERRORS => Some("DeadLetter"),
        name => topic.event().or_else(|| control::name(name)),
    }
}

/// What a topic is for, in a sentence or two.
pub(super) fn about(topic: &Topic) -> String {
    match topic.content {
        Content::Event { schema, .. } => text(&avro(schema), "doc"),
        Content::Opaque if topic.name == topics::DLQ_ERRORS => {
            "Records that a consumer could not handle, with key and value as they came.".to_owned()
        }
        Content::Opaque => control::about(topic.name),
    }
}

/// The message on a topic, by its name.
pub(super) fn message(topic: &Topic) -> Option<(String, Json)> {
    let name = name(topic)?;
    let message = match topic.content {
        Content::Event { schema, .. } => event(topic, name, &avro(schema)),
        Content::Opaque if topic.name == topics::DLQ_ERRORS => dead_letter(topic, name),
        Content::Opaque => control::message(topic.name, name),
    };
    Some((name.to_owned(), message))
}

fn event(topic: &Topic, name: &str, schema: &Json) -> Json {
    let full_name = format!("{}.{}", text(schema, "namespace"), text(schema, "name"));
    json!({
        "name": name,
        "title": name,
        "summary": about(topic),
        "contentType": "application/vnd.apache.avro",
        "headers": {
            "type": "object",
            "allOf": [reference(headers::CLOUD_EVENT)],
            "properties": { (header::TYPE): { "type": "string", "const": full_name } },
        },
        "payload": { "schemaFormat": "application/vnd.apache.avro;version=1.9.0", "schema": schema },
        "bindings": { "kafka": {
            "key": { "type": "string", "format": "uuid", "description": format!("The event's {}.", topic.key) },
            "schemaIdLocation": "payload",
            "schemaIdPayloadEncoding": "confluent",
            "schemaLookupStrategy": "TopicNameStrategy",
            "bindingVersion": BINDING_VERSION,
        } },
    })
}

fn dead_letter(topic: &Topic, name: &str) -> Json {
    json!({
        "name": name,
        "title": name,
        "summary": about(topic),
        "contentType": "application/octet-stream",
        "headers": reference(headers::DEAD_LETTER),
        "payload": { "type": "string", "format": "binary", "description": "The original's value as it came." },
        "bindings": { "kafka": {
            "key": { "type": "string", "description": "The original's key as it came." },
            "bindingVersion": BINDING_VERSION,
        } },
    })
}

/// A schema of the catalogue as the JSON that it is.
fn avro(schema: &str) -> Json {
    serde_json::from_str(schema).expect("the catalogue's schemas are tested to be Avro")
}

fn text(schema: &Json, field: &str) -> String {
    schema[field].as_str().unwrap_or_default().to_owned()
}
