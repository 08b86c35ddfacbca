//! A record of a topic of the catalogue.

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
}
