//! What each service still has to read: the records of its topics behind the offset that its group has committed.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use platform::kafka::{self, QuietContext};
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    metadata::{MetadataPartition, MetadataTopic},
};
use schemas::{CATALOGUE, Service};

/// How long a question to the broker may take.
const ANSWER: Duration = Duration::from_secs(2);

/// Records that wait, by service and topic.
pub type Lags = BTreeMap<&'static str, BTreeMap<&'static str, i64>>;

/// Clients that belong to the services' groups in name only: they ask what was committed, and never join.
#[derive(Clone)]
pub struct Groups(Arc<Vec<Group>>);

struct Group {
    service: &'static str,
    topics: Vec<&'static str>,
    client: BaseConsumer<QuietContext>,
}

impl std::fmt::Debug for Groups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|group| (group.service, &group.topics))).finish()
    }
}

impl Groups {
    /// One for every service that listens to a topic.
    pub fn new(servers: &str) -> Result<Self, KafkaError> {
        let mut groups = Vec::new();
        for service in Service::ALL {
            let heard = CATALOGUE.iter().filter(|topic| topic.consumers.contains(&service));
            let topics: Vec<_> = heard.map(|topic| topic.name.as_str()).collect();
            if !topics.is_empty() {
                let client = client(servers, &format!("{service}-service"))?;
                groups.push(Group { service: service.as_str(), topics, client });
            }
        }
        Ok(Self(Arc::new(groups)))
    }

    /// Asks for every group. Blocks. A group that cannot be asked is left out.
    pub fn ask(&self) -> Lags {
        let mut lags = Lags::new();
        for group in self.0.iter() {
            match group.ask() {
                Ok(lag) => drop(lags.insert(group.service, lag)),
                Err(error) => tracing::debug!(service = group.service, %error, "the lag cannot be had"),
            }
        }
        lags
    }
}

impl Group {
    fn ask(&self) -> Result<BTreeMap<&'static str, i64>, KafkaError> {
        let mut lags = BTreeMap::new();
        for topic in &self.topics {
            let metadata = self.client.fetch_metadata(Some(topic), ANSWER)?;
            let mut asked = TopicPartitionList::new();
            for partition in metadata.topics().iter().flat_map(MetadataTopic::partitions) {
                asked.add_partition(topic, MetadataPartition::id(partition));
            }
            let committed = self.client.committed_offsets(asked, ANSWER)?;
            let mut waiting = 0;
            for partition in committed.elements() {
                let (low, high) = self.client.fetch_watermarks(topic, partition.partition(), ANSWER)?;
                waiting += lag(partition.offset(), low, high);
            }
            lags.insert(*topic, waiting);
        }
        Ok(lags)
    }
}

fn client(servers: &str, group: &str) -> Result<BaseConsumer<QuietContext>, KafkaError> {
    kafka::client(servers, "edalab-dashboard-lag")
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .create_with_context(QuietContext)
}

/// How many of a partition's records are not read yet. A group that has committed nothing has all to read; what was
/// removed from the topic before it was read waits for nobody.
fn lag(committed: Offset, low: i64, high: i64) -> i64 {
    let next = match committed {
        Offset::Offset(next) => next.max(low),
        _ => low,
    };
    (high - next).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lag_of_a_partition() {
        for (committed, low, high, wanted) in [
            (Offset::Offset(7), 0, 10, 3),
            (Offset::Offset(10), 0, 10, 0),
            (Offset::Offset(2), 5, 10, 5),
            (Offset::Offset(12), 0, 10, 0), // committed after the end was asked for
            (Offset::Invalid, 0, 10, 10),
            (Offset::Invalid, 4, 10, 6),
            (Offset::Invalid, 0, 0, 0),
        ] {
            assert_eq!(lag(committed, low, high), wanted, "{committed:?} in {low}..{high}");
        }
    }
}
