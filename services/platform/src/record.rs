//! A record as it came from Kafka, owned.

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
};

use jiff::Timestamp;
use rdkafka::{
    Message as _,
    message::{BorrowedMessage, Headers as _},
};

/// A record. Nothing of it has been interpreted. Its parts lie one after the other in two buffers: a record with eight
/// headers would be twenty pieces of memory otherwise, and making and freeing them a tenth of what consuming it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub partition: i32,
    pub offset: i64,
    /// The record's own, in milliseconds since 1970: when it was made, or when the broker took it, as the topic is set.
    pub timestamp: Option<i64>,
    /// The topic's name, and those of the headers.
    text: String,
    bytes: Vec<u8>,
    topic: Range<usize>,
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
    /// `None` where a header's name is no text: the client library cannot hand those out.
    headers: Option<Vec<Header>>,
}

/// Where a header lies: its name in the text, its value in the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Header {
    name: Range<usize>,
    value: Option<Range<usize>>,
}

impl Record {
    /// A record without headers.
    pub fn new(topic: &str, partition: i32, offset: i64, key: Option<&[u8]>, value: Option<&[u8]>) -> Self {
        let length = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
        let mut record = Self {
            partition,
            offset,
            timestamp: None,
            text: String::with_capacity(topic.len() + ROOM_FOR_HEADERS),
            bytes: Vec::with_capacity(length(key) + length(value) + ROOM_FOR_HEADERS),
            topic: 0..topic.len(),
            key: None,
            value: None,
            headers: Some(Vec::new()),
        };
        record.text.push_str(topic);
        record.key = record.put(key);
        record.value = record.put(value);
        record
    }

    /// A record as the client hands it out.
    pub fn of(message: &BorrowedMessage<'_>) -> Self {
        let mut record = Self::new(
            message.topic(),
            message.partition(),
            message.offset(),
            message.key(),
            message.payload(),
        );
        record.timestamp = message.timestamp().to_millis();
        if let Some(headers) = message.headers() {
            record.headers = Some(Vec::with_capacity(headers.count()));
            // rdkafka panics on a header whose name is not UTF-8, which any producer can send.
            let all = || headers.iter().for_each(|header| record.add_header(header.key, header.value));
            if catch_unwind(AssertUnwindSafe(all)).is_err() {
                record.headers = None;
            }
        }
        record
    }

    pub fn add_header(&mut self, name: &str, value: Option<&[u8]>) {
        let begin = self.text.len();
        self.text.push_str(name);
        let header = Header { name: begin..self.text.len(), value: self.put(value) };
        self.headers.get_or_insert_default().push(header);
    }

    /// The record as it is handed out where a header's name is no text.
    #[cfg(test)]
    pub(crate) fn without_headers(mut self) -> Self {
        self.headers = None;
        self
    }

    fn put(&mut self, part: Option<&[u8]>) -> Option<Range<usize>> {
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(part?);
        Some(begin..self.bytes.len())
    }

    pub fn topic(&self) -> &str {
        &self.text[self.topic.clone()]
    }

    pub fn key(&self) -> Option<&[u8]> {
        self.part(self.key.as_ref())
    }

    pub fn value(&self) -> Option<&[u8]> {
        self.part(self.value.as_ref())
    }

    /// Names and values in their order; `None` where a name is no text.
    pub fn headers(&self) -> Option<impl Iterator<Item = (&str, Option<&[u8]>)>> {
        let headers = self.headers.as_ref()?.iter();
        Some(headers.map(|header| (&self.text[header.name.clone()], self.part(header.value.as_ref()))))
    }

    /// The record's own time as an instant.
    pub fn time(&self) -> Option<Timestamp> {
        self.timestamp.and_then(|millis| Timestamp::from_millisecond(millis).ok())
    }

    /// The text of a header; of a repeated one the last counts, as everywhere in Kafka.
    pub fn header(&self, name: &str) -> Option<String> {
        let found = self.set_headers().into_iter().rfind(|(found, _)| *found == name);
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }

    /// The headers that have a value.
    pub fn set_headers(&self) -> Vec<(&str, &[u8])> {
        self.headers().into_iter().flatten().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    fn part(&self, place: Option<&Range<usize>>) -> Option<&[u8]> {
        place.map(|place| &self.bytes[place.clone()])
    }

    /// About what the record takes in memory, in bytes.
    pub fn size(&self) -> usize {
        let headers = self.headers.as_ref().map_or(0, Vec::len) * size_of::<Header>();
        size_of::<Self>() + self.text.len() + self.bytes.len() + headers
    }
}

/// What the names of an event's headers take, and about what their values take, in bytes.
const ROOM_FOR_HEADERS: usize = 192;
