//! Reads topics from their beginning, as a client that belongs to no group.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    message::{BorrowedMessage, Headers},
    metadata::MetadataTopic,
};
use schemas::{CloudEvent, CloudEventError, TopicName, header};

/// How long one question to the broker, or a silent moment between two records, may take.
const ANSWER: Duration = Duration::from_secs(10);

/// A topic cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("Kafka: {0}")]
    Kafka(#[from] KafkaError),
    #[error("{topic} {partition} @{offset}: {problem}")]
    Envelope { topic: String, partition: i32, offset: i64, problem: CloudEventError },
    #[error("nothing came for {} s, and these are not read to their end: {unread:?}", ANSWER.as_secs())]
    Silent { unread: Vec<(String, i32)> },
}

/// One record as it lies on a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    pub event: CloudEvent,
}

/// Some topics, read further each time it is asked.
struct Tail {
    consumer: BaseConsumer,
    /// Each partition, and the offset up to which it is read.
    positions: BTreeMap<(String, i32), i64>,
}

impl Tail {
    fn new(bootstrap: &str, topics: &[TopicName]) -> Result<Self, ReadError> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            // Every consumer must name a group; this one joins none and commits nothing.
            .set("group.id", "edalab-tests")
            .set("enable.auto.commit", "false")
            .set("reconnect.backoff.max.ms", "500")
            .create()?;
        let mut positions = BTreeMap::new();
        for topic in topics {
            let metadata = consumer.fetch_metadata(Some(topic.as_str()), ANSWER)?;
            for partition in metadata.topics().iter().flat_map(MetadataTopic::partitions) {
                positions.insert((topic.to_string(), partition.id()), 0);
            }
        }
        let mut wanted = TopicPartitionList::new();
        for (topic, partition) in positions.keys() {
            wanted.add_partition_offset(topic, *partition, Offset::Beginning)?;
        }
        consumer.assign(&wanted)?;
        Ok(Self { consumer, positions })
    }

    /// Hands out what came since the last time, to the end that the topics have now, each partition in its order.
    fn catch_up(
        &mut self,
        mut take: impl FnMut(&BorrowedMessage<'_>) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let mut ends = BTreeMap::new();
        for (topic, partition) in self.positions.keys() {
            let (_, end) = self.consumer.fetch_watermarks(topic, *partition, ANSWER)?;
            ends.insert((topic.clone(), *partition), end);
        }
        let unread = |positions: &BTreeMap<(String, i32), i64>| -> Vec<(String, i32)> {
            let behind = ends.iter().filter(|(at, end)| positions[*at] < **end);
            behind.map(|(at, _)| at.clone()).collect()
        };
        let mut deadline = Instant::now() + ANSWER;
        while !unread(&self.positions).is_empty() {
            match self.consumer.poll(Duration::from_millis(200)) {
                None if Instant::now() > deadline => {
                    let unread = unread(&self.positions);
                    return Err(ReadError::Silent { unread });
                }
                Some(Err(problem)) if Instant::now() > deadline => return Err(problem.into()),
                // The consumer goes on by itself when the broker is back.
                None | Some(Err(_)) => {}
                Some(Ok(message)) => {
                    deadline = Instant::now() + ANSWER;
                    let at = (message.topic().to_owned(), message.partition());
                    self.positions.insert(at, message.offset() + 1);
                    take(&message)?;
                }
            }
        }
        Ok(())
    }
}

/// The records of some topics that one source published, read further each time it is asked.
pub struct Reader {
    tail: Tail,
    source: String,
    records: Vec<Record>,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("positions", &self.tail.positions)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl Reader {
    /// Reads `topics` for events whose `ce_source` is `source`.
    pub fn new(bootstrap: &str, topics: &[TopicName], source: &str) -> Result<Self, ReadError> {
        Ok(Self { tail: Tail::new(bootstrap, topics)?, source: source.to_owned(), records: Vec::new() })
    }

    /// Reads what came since the last time, to the end that the topics have now; everything read so far, in the order
    /// of each partition.
    pub fn catch_up(&mut self) -> Result<&[Record], ReadError> {
        let Self { tail, source, records } = self;
        tail.catch_up(|message| {
            let headers = message.headers().into_iter().flat_map(Headers::iter);
            if headers.filter(|header| header.key == header::SOURCE).last().and_then(|header| header.value)
                == Some(source.as_bytes())
            {
                records.push(record(message)?);
            }
            Ok(())
        })?;
        Ok(&self.records)
    }
}

/// A record of which nothing is interpreted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Raw {
    /// A header as text; of a repeated one the last, as everywhere in Kafka.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().rfind(|(found, _)| found == name)?;
        std::str::from_utf8(value.as_deref()?).ok()
    }
}

/// Everything that lies on a topic now.
pub fn raw(bootstrap: &str, topic: TopicName) -> Result<Vec<Raw>, ReadError> {
    let mut records = Vec::new();
    Tail::new(bootstrap, &[topic])?.catch_up(|message| {
        let headers = message.headers().into_iter().flat_map(Headers::iter);
        records.push(Raw {
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers
                .map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)))
                .collect(),
        });
        Ok(())
    })?;
    Ok(records)
}

fn record(message: &BorrowedMessage<'_>) -> Result<Record, ReadError> {
    let headers: Vec<(&str, &[u8])> = message
        .headers()
        .into_iter()
        .flat_map(Headers::iter)
        .map(|header| (header.key, header.value.unwrap_or_default()))
        .collect();
    let event = CloudEvent::from_headers(&headers).map_err(|problem| ReadError::Envelope {
        topic: message.topic().to_owned(),
        partition: message.partition(),
        offset: message.offset(),
        problem,
    })?;
    Ok(Record {
        topic: message.topic().to_owned(),
        partition: message.partition(),
        offset: message.offset(),
        key: message.key().unwrap_or_default().to_vec(),
        value: message.payload().unwrap_or_default().to_vec(),
        event,
    })
}
