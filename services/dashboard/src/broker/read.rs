//! Reads single records. Blocks.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use platform::{
    kafka::{self, Detached, QuietContext},
    record::Record,
};
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
};

/// How long a question, and all of a reading, may take.
const ANSWER: Duration = Duration::from_secs(3);
const READING: Duration = Duration::from_secs(4);
/// Bytes that are kept of one reading.
const BYTES: usize = 16 * 1024 * 1024;

/// The offset to begin with, by topic and partition.
pub(crate) type Starts = BTreeMap<(String, i32), i64>;

/// Which records: of each partition, from its start, so many at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) starts: Starts,
    pub(crate) of_each: i64,
}

/// Reads, to the ends that the partitions have now.
pub(super) fn read(servers: &str, wanted: &Wanted) -> Result<Vec<Record>, KafkaError> {
    let consumer = client(servers)?;
    // The offset before which a partition is read, where it is not yet.
    let mut unread = BTreeMap::new();
    let mut assignment = TopicPartitionList::new();
    for ((topic, partition), start) in &wanted.starts {
        let (low, high) = consumer.fetch_watermarks(topic, *partition, ANSWER)?;
        let first = (*start).max(low);
        let end = first.saturating_add(wanted.of_each).min(high);
        if first < end {
            assignment.add_partition_offset(topic, *partition, Offset::Offset(first))?;
            unread.insert((topic.clone(), *partition), end);
        }
    }
    consumer.assign(&assignment)?;
    let (mut records, mut bytes, deadline) = (Vec::new(), 0, Instant::now() + READING);
    while !unread.is_empty() && bytes < BYTES && Instant::now() < deadline {
        let record = match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => Record::of(&message),
            // The client goes on by itself, and the deadline ends it.
            Some(Err(_)) | None => continue,
        };
        let at = (record.topic().to_owned(), record.partition);
        let Some(end) = unread.get(&at).copied() else { continue };
        if record.offset + 1 >= end {
            unread.remove(&at);
        }
        if record.offset < end {
            bytes += record.size();
            records.push(record);
        }
    }
    records.sort_by(|one, other| {
        let place =
            |record: &Record| (record.timestamp, record.topic().to_owned(), record.partition, record.offset);
        place(one).cmp(&place(other))
    });
    Ok(records)
}

/// The first offset of each partition whose record is of that time or later.
pub(super) fn at(servers: &str, of: &[(String, i32)], time: Timestamp) -> Result<Starts, KafkaError> {
    let consumer = client(servers)?;
    let mut asked = TopicPartitionList::new();
    for (topic, partition) in of {
        asked.add_partition_offset(topic, *partition, Offset::Offset(time.as_millisecond()))?;
    }
    let told = consumer.offsets_for_times(asked, ANSWER)?;
    let starts = told.elements().into_iter().filter_map(|partition| match partition.offset() {
        Offset::Offset(first) => Some(((partition.topic().to_owned(), partition.partition()), first)),
        // Nothing is that young.
        _ => None,
    });
    Ok(starts.collect())
}

fn client(servers: &str) -> Result<Detached<BaseConsumer<QuietContext>>, KafkaError> {
    let mut config = kafka::reader(servers, "edalab-dashboard-reader");
    config.set("fetch.wait.max.ms", "50").set("queued.max.messages.kbytes", "4096");
    kafka::create(&config, QuietContext)
}
