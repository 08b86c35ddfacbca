//! The records to print: every partition of the topics, read without a consumer group, so that no one's offsets
//! are disturbed.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use platform::{
    kafka::{self, Detached, QuietContext},
    record::Record,
};
use rdkafka::{
    Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{Consumer as _, StreamConsumer},
    error::KafkaError,
    metadata::Metadata,
};
use schemas::event_topics;

use super::EventsError;

/// How long a question to the broker may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long events are waited for that are on their way at the start: what was answered a moment ago is printed.
const ON_ITS_WAY: Duration = Duration::from_secs(2);
/// How long to wait for a record where only a transaction's marker may be left, which is never handed out.
const MARKER_PATIENCE: Duration = Duration::from_secs(2);
/// How long to wait for records that are known to be there, before the broker counts as gone.
const RECORD_PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy)]
pub(super) enum Start {
    Beginning,
    End,
}

/// Topic and partition number.
type Partition = (String, i32);

pub(super) struct Source {
    consumer: Detached<StreamConsumer<QuietContext>>,
    /// Partitions not yet read to the end that they had at the start, and that end.
    unread: HashMap<Partition, i64>,
    partitions: usize,
    /// Ends that the broker has told of.
    ends: usize,
    opened: Instant,
}

impl Source {
    /// Opens the topics, or every topic of events that exists. Blocks.
    pub(super) fn open(servers: &str, topics: &[String], start: Start) -> Result<Self, EventsError> {
        let mut settings = kafka::reader(servers, "edalab-events");
        settings
            .set("enable.partition.eof", "true")
            .set("queued.max.messages.kbytes", "16384")
            .set_log_level(RDKafkaLogLevel::Emerg);
        let consumer: Detached<StreamConsumer<_>> = kafka::create(&settings, QuietContext)?;
        let metadata = consumer
            .fetch_metadata(None, TIMEOUT)
            .map_err(|source| EventsError::Unreachable { servers: servers.to_owned(), source })?;
        let partitions = partitions(&metadata, topics)?;
        let mut assignment = TopicPartitionList::new();
        let mut unread = HashMap::new();
        for (topic, number) in &partitions {
            let (low, high) = consumer.fetch_watermarks(topic, *number, TIMEOUT)?;
            let offset = match start {
                Start::Beginning => low,
                Start::End => high,
            };
            assignment.add_partition_offset(topic, *number, Offset::Offset(offset))?;
            if offset < high {
                unread.insert((topic.clone(), *number), high);
            }
        }
        consumer.assign(&assignment)?;
        Ok(Self { consumer, unread, partitions: partitions.len(), ends: 0, opened: Instant::now() })
    }

    /// The next record; `None` when everything is read that was there or on its way at the start, unless it is to be
    /// followed.
    pub(super) async fn next(&mut self, follow: bool) -> Result<Option<Record>, EventsError> {
        loop {
            let records_are_left = !self.unread.is_empty() && self.ends < self.partitions;
            let patience = if records_are_left {
                RECORD_PATIENCE
            } else if self.unread.is_empty() {
                ON_ITS_WAY.saturating_sub(self.opened.elapsed())
            } else {
                MARKER_PATIENCE
            };
            let received = if follow {
                self.consumer.recv().await
            } else {
                match tokio::time::timeout(patience, self.consumer.recv()).await {
                    Ok(received) if !patience.is_zero() => received,
                    Err(_) if records_are_left => {
                        return Err(EventsError::Silent { seconds: patience.as_secs() });
                    }
                    _ => return Ok(None),
                }
            };
            match received {
                Ok(record) => {
                    let record = Record::of(&record);
                    let partition = (record.topic().to_owned(), record.partition);
                    if self.unread.get(&partition).is_some_and(|end| record.offset + 1 >= *end) {
                        self.unread.remove(&partition);
                    }
                    return Ok(Some(record));
                }
                Err(KafkaError::PartitionEOF(_)) => self.ends += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn partitions(metadata: &Metadata, topics: &[String]) -> Result<Vec<Partition>, EventsError> {
    let numbers = |name: &str| -> Vec<i32> {
        let found = metadata.topics().iter().find(|topic| topic.name() == name);
        found.map_or_else(Vec::new, |topic| {
            topic.partitions().iter().map(rdkafka::metadata::MetadataPartition::id).collect()
        })
    };
    let mut partitions = Vec::new();
    if topics.is_empty() {
        // What is set for the lab, and answered, is no event: it is shown to those who name its topics.
        for topic in event_topics() {
            let name = topic.name.as_str();
            partitions.extend(numbers(name).into_iter().map(|number| (name.to_owned(), number)));
        }
    }
    for topic in topics {
        let numbers = numbers(topic);
        if numbers.is_empty() {
            return Err(EventsError::NoTopic { topic: topic.clone() });
        }
        partitions.extend(numbers.into_iter().map(|number| (topic.clone(), number)));
    }
    if partitions.is_empty() { Err(EventsError::NoTopics) } else { Ok(partitions) }
}
