//! A record as it came from Kafka, owned.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rdkafka::{
    Message as _,
    message::{BorrowedMessage, Headers as _},
};

/// A record. Nothing of it has been interpreted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    /// `None` where a header's name is no text: the client library cannot hand those out.
    pub(crate) headers: Option<Vec<(String, Option<Vec<u8>>)>>,
}

impl Record {
    pub(crate) fn of(message: &BorrowedMessage<'_>) -> Self {
        Self {
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers(message),
        }
    }

    /// About what the record takes in memory, in bytes.
    pub(crate) fn size(&self) -> usize {
        let length = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        let headers = self.headers.iter().flatten();
        let headers: usize = headers.map(|(name, value)| name.len() + length(value) + 48).sum();
        size_of::<Self>() + length(&self.key) + length(&self.value) + headers
    }

    /// The headers that have a value.
    pub(crate) fn set_headers(&self) -> Vec<(&str, &[u8])> {
        let headers = self.headers.iter().flatten();
        headers.filter_map(|(name, value)| Some((name.as_str(), value.as_deref()?))).collect()
    }
}

/// rdkafka panics on a header whose name is not UTF-8, which any producer can send.
fn headers(message: &BorrowedMessage<'_>) -> Option<Vec<(String, Option<Vec<u8>>)>> {
    let Some(headers) = message.headers() else { return Some(Vec::new()) };
    let all =
        || headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect();
    catch_unwind(AssertUnwindSafe(all)).ok()
}
