//! The partitions that are read, from where: assigned, without a group, so that nobody's offsets are touched.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use platform::kafka::{self, Detached, QuietContext};
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{Consumer as _, StreamConsumer},
    error::{KafkaError, RDKafkaErrorCode},
    metadata::{MetadataPartition, MetadataTopic},
};
use schemas::event_topics;

use super::KafkaResult;

/// How long a question to the broker may take.
const ANSWER: Duration = Duration::from_secs(5);
/// How many of a partition's last records are read at the start.
const LAST: i64 = 50;

/// A topic of the catalogue and a partition's number.
pub(super) type Partition = (&'static str, i32);

/// What is read, and the offset that comes next of each.
#[derive(Debug, Clone, Default)]
pub(super) struct Assignment(BTreeMap<Partition, i64>);

impl Assignment {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// A record was read.
    pub(super) fn passed(&mut self, partition: Partition, offset: i64) {
        self.0.insert(partition, offset + 1);
    }

    /// Reads these too.
    pub(super) fn add(&mut self, offsets: Vec<(Partition, i64)>) {
        self.0.extend(offsets);
    }

    /// What comes next of each.
    pub(super) fn offsets(&self) -> impl Iterator<Item = (Partition, i64)> {
        self.0.iter().map(|(partition, next)| (*partition, *next))
    }

    /// Where a partition is read from that was not known before. One that was added to a known topic is read whole: all
    /// of it came while we were reading.
    fn first_offset(&self, topic: &str, low: i64, high: i64) -> i64 {
        if self.0.keys().any(|(known, _)| *known == topic) { low } else { low.max(high - LAST) }
    }
}

/// What a look found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Where new partitions are read from.
    pub(super) offsets: Vec<(Partition, i64)>,
    /// Where new partitions end that hold something to read.
    pub(super) unread: HashMap<Partition, i64>,
}

pub(super) fn consumer(servers: &str) -> KafkaResult<Detached<StreamConsumer<QuietContext>>> {
    let mut config = kafka::reader(servers, "edalab-dashboard");
    config.set("fetch.wait.max.ms", "100").set("queued.max.messages.kbytes", "4096");
    kafka::create(&config, QuietContext)
}

/// Looks for partitions that are not assigned yet. Blocks.
pub(super) fn look(consumer: &StreamConsumer<QuietContext>, known: &Assignment) -> KafkaResult<Found> {
    let metadata = consumer.fetch_metadata(None, ANSWER)?;
    if metadata.brokers().is_empty() {
        return Err(KafkaError::MetadataFetch(RDKafkaErrorCode::AllBrokersDown));
    }
    let mut found = Found::default();
    for topic in event_topics() {
        let name = topic.name.as_str();
        let of_topic = metadata.topics().iter().find(|found| found.name() == name);
        for number in of_topic.into_iter().flat_map(MetadataTopic::partitions).map(MetadataPartition::id) {
            let partition = (name, number);
            if known.0.contains_key(&partition) {
                continue;
            }
            let (low, high) = consumer.fetch_watermarks(name, number, ANSWER)?;
            let first = known.first_offset(name, low, high);
            found.offsets.push((partition, first));
            if first < high {
                found.unread.insert(partition, high);
            }
        }
    }
    Ok(found)
}

/// Has a client read these partitions too, from these offsets on.
pub(super) fn assign(
    consumer: &StreamConsumer<QuietContext>,
    offsets: impl Iterator<Item = (Partition, i64)>,
) -> KafkaResult<()> {
    let mut more = TopicPartitionList::new();
    for ((topic, number), offset) in offsets {
        more.add_partition_offset(topic, number, Offset::Offset(offset))?;
    }
    consumer.incremental_assign(&more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_topics_are_read_near_their_end_and_new_partitions_whole() {
        let known = Assignment(BTreeMap::from([(("a", 0), 7)]));
        for (topic, low, high, first) in
            [("b", 0, 1_000, 950), ("b", 980, 1_000, 980), ("b", 0, 7, 0), ("a", 0, 1_000, 0)]
        {
            assert_eq!(known.first_offset(topic, low, high), first, "{topic} {low}..{high}");
        }
    }

    #[test]
    fn every_event_is_shown_and_the_control_channel_is_not() {
        let names: Vec<_> = event_topics().map(|topic| topic.name.as_str()).collect();
        assert!(names.contains(&"quotation.devis-genere") && names.contains(&"dlq.errors"), "{names:?}");
        assert!(!names.iter().any(|name| name.starts_with("edalab.")), "{names:?}");
    }
}
