//! What the records' headers hold, as JSON schemas. Their names and descriptions are the constants' own.

use serde_json::{Map, Value as Json, json};

use crate::{cloudevent::SPEC_VERSION, dead_letter, header};

pub(super) const CLOUD_EVENT: &str = "#/components/schemas/CloudEventHeaders";
pub(super) const DEAD_LETTER: &str = "#/components/schemas/DeadLetterHeaders";

pub(super) fn schemas() -> Json {
    json!({
        "CloudEventHeaders": object(
            "The envelope: CloudEvents 1.0 in Kafka's binary mode, each header's value as UTF-8 text.",
            header::ALL,
            header::TRACEPARENT,
        ),
        "DeadLetterHeaders": object(
            "What a dead letter carries in addition to the headers that its record came with.",
            dead_letter::ALL,
            dead_letter::LEFT_OUT,
        ),
    })
}

/// Headers of which all but one are always there.
fn object(about: &str, headers: &[(&str, &str)], optional: &str) -> Json {
    let property = |(name, about): &(&str, &str)| ((*name).to_owned(), schema(name, about));
    let required: Vec<_> = headers.iter().map(|(name, _)| *name).filter(|name| *name != optional).collect();
    json!({
        "type": "object",
        "description": about,
        "required": required,
        "properties": headers.iter().map(property).collect::<Map<_, _>>(),
    })
}

fn schema(name: &str, about: &str) -> Json {
    let (keyword, value) = match name {
        header::ID => ("format", "uuid"),
        header::SOURCE | dead_letter::SERVICE => ("format", "uri-reference"),
        header::TIME | dead_letter::TIME => ("format", "date-time"),
        header::SPEC_VERSION => ("const", SPEC_VERSION),
        header::SEQUENCE | header::TOPIC_SEQUENCE => ("pattern", "^[1-9][0-9]*$"),
        // W3C Trace Context, section 3.2.2
        header::TRACEPARENT => ("pattern", "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"),
        dead_letter::PARTITION | dead_letter::OFFSET => ("pattern", "^[0-9]+$"),
        dead_letter::REASON => ("pattern", "^[A-Za-z]+$"),
        _ => return json!({ "type": "string", "description": about.trim_start() }),
    };
    json!({ "type": "string", "description": about.trim_start(), (keyword): value })
}
