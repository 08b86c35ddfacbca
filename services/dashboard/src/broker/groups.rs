//! Asks Kafka where topics end and how far groups are. Blocks.

use std::{collections::BTreeMap, time::Duration};

use platform::kafka::{self, Detached, QuietContext};
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    metadata::MetadataPartition,
};

use super::offsets::{Ends, Group, Member, Offsets};

/// How long a question may take.
const ANSWER: Duration = Duration::from_secs(2);
/// Groups and topics that are asked for: a lab has three and eleven, and learners make some.
const GROUPS: usize = 30;
const TOPICS: usize = 100;

/// Clients that belong to groups in name only: they ask what was committed, and never join.
pub(super) struct Asker {
    servers: String,
    client: Detached<BaseConsumer<QuietContext>>,
    by_group: BTreeMap<String, Detached<BaseConsumer<QuietContext>>>,
}

impl std::fmt::Debug for Asker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asker").field("groups", &self.by_group.keys()).finish_non_exhaustive()
    }
}

impl Asker {
    pub(super) fn new(servers: &str) -> Result<Self, KafkaError> {
        let client = member(servers, "edalab-dashboard")?;
        Ok(Self { servers: servers.to_owned(), client, by_group: BTreeMap::new() })
    }

    /// Asks for everything.
    pub(super) fn ask(&mut self) -> Result<Offsets, KafkaError> {
        let metadata = self.client.fetch_metadata(None, ANSWER)?;
        let mut offsets = Offsets { brokers: metadata.brokers().len(), ..Offsets::default() };
        let own = metadata.topics().iter().filter(|topic| !topic.name().starts_with("__"));
        for topic in own.take(TOPICS) {
            let mut partitions = BTreeMap::new();
            for partition in topic.partitions().iter().map(MetadataPartition::id) {
                let (low, high) = self.client.fetch_watermarks(topic.name(), partition, ANSWER)?;
                partitions.insert(partition, Ends { low, high });
            }
            offsets.topics.insert(topic.name().to_owned(), partitions);
        }
        let list = self.client.fetch_group_list(None, ANSWER)?;
        for group in list.groups().iter().take(GROUPS) {
            let member = |member: &rdkafka::groups::GroupMemberInfo| Member {
                client: member.client_id().to_owned(),
                host: member.client_host().trim_start_matches('/').to_owned(),
            };
            let members = group.members().iter().map(member).collect();
            let committed = self.committed(group.name(), &offsets)?;
            let seen = Group { state: group.state().to_owned(), members, committed };
            offsets.groups.insert(group.name().to_owned(), seen);
        }
        self.by_group.retain(|name, _| offsets.groups.contains_key(name));
        Ok(offsets)
    }

    fn committed(
        &mut self,
        group: &str,
        offsets: &Offsets,
    ) -> Result<BTreeMap<(String, i32), i64>, KafkaError> {
        if !self.by_group.contains_key(group) {
            self.by_group.insert(group.to_owned(), member(&self.servers, group)?);
        }
        let mut asked = TopicPartitionList::new();
        for (topic, partitions) in &offsets.topics {
            for partition in partitions.keys() {
                asked.add_partition(topic, *partition);
            }
        }
        if asked.count() == 0 {
            return Ok(BTreeMap::new());
        }
        let told = self.by_group[group].committed_offsets(asked, ANSWER)?;
        let next = told.elements().into_iter().filter_map(|partition| match partition.offset() {
            Offset::Offset(next) => Some(((partition.topic().to_owned(), partition.partition()), next)),
            _ => None,
        });
        Ok(next.collect())
    }
}

fn member(servers: &str, group: &str) -> Result<Detached<BaseConsumer<QuietContext>>, KafkaError> {
    let mut config = kafka::client(servers, "edalab-dashboard-groups");
    config.set("group.id", group).set("enable.auto.commit", "false");
    kafka::create(&config, QuietContext)
}
