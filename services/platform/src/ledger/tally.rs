//! What lies on topics, counted record by record. Pure.

use std::collections::BTreeMap;

use ledger::{LetterTally, Offset, OnTopic, Ranges, Tally};
use schemas::{CloudEvent, dead_letter};

/// The counts of one service's topics and letters.
#[derive(Debug)]
pub(super) struct Count {
    /// The service's `ce_source`.
    source: String,
    group: String,
    topics: BTreeMap<String, TopicCount>,
    letters: BTreeMap<(String, i32), Ranges>,
    letters_repeated: u64,
    /// Letters were removed before they could be counted.
    letters_cut: bool,
}

#[derive(Debug, Default)]
struct TopicCount {
    distinct: Ranges,
    repeated: u64,
    out_of_order: u64,
    /// By partition: the highest number so far.
    last: BTreeMap<i32, i64>,
    /// By partition whose first records were gone: the first number that was there, or nothing yet.
    cut: BTreeMap<i32, Option<i64>>,
}

impl Count {
    pub(super) fn new(source: &str, group: &str, topics: impl IntoIterator<Item = String>) -> Self {
        Self {
            source: source.to_owned(),
            group: group.to_owned(),
            topics: topics.into_iter().map(|topic| (topic, TopicCount::default())).collect(),
            letters: BTreeMap::new(),
            letters_repeated: 0,
            letters_cut: false,
        }
    }

    /// The partition's records begin at `first`; those before were removed.
    pub(super) fn begins(&mut self, topic: &str, partition: i32, first: i64) {
        if first == 0 {
            return;
        }
        match self.topics.get_mut(topic) {
            Some(count) => drop(count.cut.entry(partition).or_default()),
            None => self.letters_cut = true,
        }
    }

    /// Counts a record of a topic of events.
    pub(super) fn event(&mut self, topic: &str, partition: i32, headers: &[(&str, &[u8])]) {
        let Some(count) = self.topics.get_mut(topic) else { return };
        // What is no event is none of ours.
        let Ok(event) = CloudEvent::from_headers(headers) else { return };
        if event.source != self.source {
            return;
        }
        let number = event.topic_sequence.0;
        if let Some(first @ None) = count.cut.get_mut(&partition) {
            *first = Some(number);
        }
        if !count.distinct.insert(number) {
            count.repeated += 1;
            return;
        }
        let last = count.last.entry(partition).or_default();
        if number < *last {
            count.out_of_order += 1;
        }
        *last = number.max(*last);
    }

    /// Counts a record of `dlq.errors`.
    pub(super) fn letter(&mut self, headers: &[(&str, &[u8])]) {
        let text = |name: &str| {
            let found = headers.iter().rfind(|(found, _)| *found == name);
            found.and_then(|(_, value)| std::str::from_utf8(value).ok())
        };
        let number = |name| text(name).and_then(|text| text.parse::<i64>().ok());
        if text(dead_letter::GROUP) != Some(&self.group) {
            return;
        }
        let (Some(topic), Some(partition), Some(offset)) =
            (text(dead_letter::TOPIC), number(dead_letter::PARTITION), number(dead_letter::OFFSET))
        else {
            return;
        };
        let Ok(partition) = i32::try_from(partition) else { return };
        if !self.letters.entry((topic.to_owned(), partition)).or_default().insert(offset) {
            self.letters_repeated += 1;
        }
    }

    /// The report, with what is not read yet. `ends` are the partitions' ends, by topic.
    pub(super) fn report(&self, ends: &BTreeMap<(String, i32), i64>, behind: u64) -> OnTopic {
        let topics = self.topics.iter().map(|(topic, count)| Tally {
            topic: topic.clone(),
            known_from: count.cut.values().map(|first| first.unwrap_or(i64::MAX)).max().unwrap_or(0),
            distinct: count.distinct.clone(),
            repeated: count.repeated,
            out_of_order: count.out_of_order,
            ends: ends
                .iter()
                .filter(|((of, _), _)| of == topic)
                .map(|((_, partition), end)| Offset { partition: *partition, offset: *end })
                .collect(),
        });
        let letters = self.letters.iter().map(|((topic, partition), offsets)| LetterTally {
            topic: topic.clone(),
            partition: *partition,
            offsets: offsets.clone(),
        });
        OnTopic {
            service: self.source.clone(),
            topics: topics.collect(),
            letters: letters.collect(),
            letters_repeated: self.letters_repeated,
            letters_cut: self.letters_cut,
            behind,
        }
    }
}
