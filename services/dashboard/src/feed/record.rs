//! A record as it came, without its client.

use jiff::Timestamp;
use rdkafka::{
    Message as _,
    message::{BorrowedMessage, Headers as _},
};
use schemas::{SchemaId, Topic, wire};

/// One record of a topic of the catalogue.
#[derive(Debug, Clone)]
pub(super) struct Raw<'a> {
    pub(super) topic: &'static Topic,
    pub(super) partition: i32,
    pub(super) offset: i64,
    /// When the broker took it.
    pub(super) taken: Option<Timestamp>,
    pub(super) key: Option<&'a [u8]>,
    pub(super) headers: Vec<(&'a str, &'a [u8])>,
    pub(super) value: Option<&'a [u8]>,
}

impl<'a> Raw<'a> {
    pub(super) fn of(record: &'a BorrowedMessage<'_>, topic: &'static Topic) -> Self {
        let headers = record.headers().map_or_else(Vec::new, |headers| {
            headers.iter().filter_map(|header| Some((header.key, header.value?))).collect()
        });
        Self {
            topic,
            partition: record.partition(),
            offset: record.offset(),
            taken: record.timestamp().to_millis().and_then(|ms| Timestamp::from_millisecond(ms).ok()),
            key: record.key(),
            headers,
            value: record.payload(),
        }
    }

    /// The id of the schema that the value was written with; nothing for a dead letter, whose value is not looked into.
    pub(super) fn schema(&self) -> Option<SchemaId> {
        if self.topic.name == schemas::topics::DLQ_ERRORS {
            return None;
        }
        wire::parse(self.value?).ok().map(|(id, _)| id)
    }

    /// The text of a header; of a repeated one the last counts, as everywhere in Kafka.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let found = self.headers.iter().rfind(|(found, _)| *found == name);
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }
}
