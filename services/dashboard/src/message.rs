//! A record of a topic of the catalogue.

use jiff::Timestamp;
use platform::record::Record;
use schemas::{SchemaId, Topic, wire};

/// A record, with what is known of its topic.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) topic: &'static Topic,
    pub(crate) record: Record,
}

impl Message {
    /// Nothing where the topic is none of the lab's.
    pub(crate) fn of(record: Record) -> Option<Self> {
        Some(Self { topic: schemas::topic(record.topic())?, record })
    }

    /// The record's own time.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        self.record.timestamp.and_then(|millis| Timestamp::from_millisecond(millis).ok())
    }

    /// The key as text.
    pub(crate) fn key(&self) -> String {
        self.record.key().map(String::from_utf8_lossy).unwrap_or_default().into_owned()
    }

    /// The id of the schema that the value was written with; nothing for a dead letter, whose value is not looked into.
    pub(crate) fn schema(&self) -> Option<SchemaId> {
        if self.topic.name == schemas::topics::DLQ_ERRORS {
            return None;
        }
        wire::parse(self.record.value()?).ok().map(|(id, _)| id)
    }

    /// The text of a header; of a repeated one the last counts, as everywhere in Kafka.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let found = self.record.set_headers().into_iter().rfind(|(found, _)| *found == name);
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }
}
