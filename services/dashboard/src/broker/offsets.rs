//! Where topics end and how far groups are. Pure.

use std::collections::BTreeMap;

use schemas::{CATALOGUE, Service};

/// Records that wait, by service and topic.
pub type Lags = BTreeMap<&'static str, BTreeMap<&'static str, i64>>;

/// A partition's first offset, and the one that its next record gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ends {
    pub low: i64,
    pub high: i64,
}

/// A consumer group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// As Kafka names it: `Stable`, `Empty`, `PreparingRebalance`.
    pub state: String,
    pub members: Vec<Member>,
    /// The next offset by topic and partition, where the group has committed one.
    pub committed: BTreeMap<(String, i32), i64>,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub client: String,
    pub host: String,
}

/// All of it at one time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offsets {
    pub brokers: usize,
    pub topics: BTreeMap<String, BTreeMap<i32, Ends>>,
    pub groups: BTreeMap<String, Group>,
}

impl Offsets {
    /// What a group has not read of a partition. One that has committed nothing has all to read; what was removed before it
    /// was read waits for nobody.
    pub fn lag(&self, group: &str, topic: &str, partition: i32) -> i64 {
        let Some(ends) = self.topics.get(topic).and_then(|partitions| partitions.get(&partition)) else {
            return 0;
        };
        let committed =
            self.groups.get(group).and_then(|group| group.committed.get(&(topic.to_owned(), partition)));
        let next = committed.map_or(ends.low, |next| *next.max(&ends.low));
        (ends.high - next).max(0)
    }

    /// How many records the topics have ever had.
    pub fn records(&self) -> i64 {
        self.topics.values().flat_map(BTreeMap::values).map(|ends| ends.high).sum()
    }

    /// What each service of the lab has not read yet, of the topics that it listens to.
    pub fn lags(&self) -> Lags {
        let mut lags = Lags::new();
        for service in Service::ALL {
            let group = format!("{service}-service");
            // What is set for the lab is read by everybody, in no group.
            let heard = CATALOGUE.iter().filter(|topic| topic.event().is_some());
            for topic in heard.filter(|topic| topic.consumers.contains(&service)) {
                let name = topic.name.as_str();
                let Some(partitions) = self.topics.get(name) else { continue };
                let waiting = partitions.keys().map(|partition| self.lag(&group, name, *partition)).sum();
                lags.entry(service.as_str()).or_default().insert(name, waiting);
            }
        }
        lags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: &str = "quotation.devis-genere";

    fn offsets(committed: Option<i64>, low: i64, high: i64) -> Offsets {
        let committed = committed.map(|next| ((TOPIC.to_owned(), 0), next)).into_iter().collect();
        Offsets {
            brokers: 1,
            topics: [(TOPIC.to_owned(), [(0, Ends { low, high })].into())].into(),
            groups: [("souscription-service".to_owned(), Group { committed, ..Group::default() })].into(),
        }
    }

    #[test]
    fn what_waits_in_a_partition() {
        for (committed, low, high, wanted) in [
            (Some(7), 0, 10, 3),
            (Some(10), 0, 10, 0),
            (Some(2), 5, 10, 5),
            (Some(12), 0, 10, 0), // committed after the end was asked for
            (None, 0, 10, 10),
            (None, 4, 10, 6),
            (None, 0, 0, 0),
        ] {
            let offsets = offsets(committed, low, high);
            assert_eq!(
                offsets.lag("souscription-service", TOPIC, 0),
                wanted,
                "{committed:?} in {low}..{high}"
            );
            assert_eq!(offsets.lags()["souscription"][TOPIC], wanted);
        }
        let mut beside_control = offsets(Some(10), 0, 10);
        let control = [(0, Ends { low: 0, high: 14 })].into();
        beside_control.topics.insert("edalab.control".to_owned(), control);
        assert_eq!(beside_control.lags()["souscription"].values().sum::<i64>(), 0);
        assert_eq!(offsets(None, 0, 3).lag("nobody", TOPIC, 0), 3);
        assert_eq!(offsets(None, 0, 3).lag("nobody", TOPIC, 1), 0, "there is no such partition");
    }
}
