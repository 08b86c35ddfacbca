//! What must hold of the records that one source published, judged from the records alone.

use std::collections::{BTreeMap, BTreeSet};

use schemas::Sequence;

use crate::reader::Record;

/// Records that keep every rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Events by `ce_id`.
    pub distinct: usize,
    /// Records beyond the first of each event.
    pub repeats: usize,
}

/// Judges all records of one source, each partition's in its order. The broken rules come back in words:
///
/// - a repeat of an event (same `ce_id`) is the same record in every part, on the same partition;
/// - the events' sequences are 1, 2, 3, ... with nothing left out and nothing given twice;
/// - so are those within each topic (`ce_topicsequence`);
/// - on each partition, events follow each other by their sequence, repeats aside;
/// - the record's key is the event's subject.
pub fn judge(records: &[Record]) -> Result<Verdict, Vec<String>> {
    let mut broken = Vec::new();
    let mut events: BTreeMap<_, &Record> = BTreeMap::new();
    let mut last = BTreeMap::new();
    for record in records {
        let Record { topic, partition, offset, event, .. } = record;
        let place = format!("{topic} {partition} @{offset}");
        if record.key != event.subject.as_bytes() {
            broken.push(format!("{place}: key {:?}, subject {}", record.key, event.subject));
        }
        if let Some(first) = events.get(&event.id) {
            if !same_event(first, record) {
                broken.push(format!("{place}: event {} differs from its first record", event.id));
            }
            continue;
        }
        events.insert(event.id, record);
        let before = last.insert((topic, partition), event.sequence);
        if before.is_some_and(|before| before >= event.sequence) {
            broken.push(format!("{place}: sequence {} after {}", event.sequence, before.map_or(0, |s| s.0)));
        }
    }
    broken.extend(gap("sequence", events.values().map(|record| record.event.sequence)));
    let topics: BTreeSet<&str> = events.values().map(|record| record.topic.as_str()).collect();
    for topic in topics {
        let own = events.values().filter(|record| record.topic == topic);
        broken.extend(gap(&format!("{topic}: number"), own.map(|record| record.event.topic_sequence)));
    }
    if broken.is_empty() {
        let distinct = events.len();
        return Ok(Verdict { distinct, repeats: records.len() - distinct });
    }
    Err(broken)
}

/// The first place at which the numbers are not 1, 2, 3, ...
fn gap(what: &str, numbers: impl Iterator<Item = Sequence>) -> Option<String> {
    let mut numbers: Vec<Sequence> = numbers.collect();
    numbers.sort_unstable();
    let (wanted, found) = (1..).zip(&numbers).find(|(wanted, found)| *wanted != found.0)?;
    Some(format!("{what} {found} where {wanted} belongs, of {} events", numbers.len()))
}

/// A repeat is published again from the same row: all of it is the same but its place on the partition.
fn same_event(one: &Record, other: &Record) -> bool {
    Record { offset: 0, ..one.clone() } == Record { offset: 0, ..other.clone() }
}

#[cfg(test)]
mod tests {
    use schemas::{CloudEvent, EventId};

    use super::*;

    fn record(partition: i32, offset: i64, sequence: i64) -> Record {
        let subject = format!("devis-{sequence}");
        Record {
            topic: "quotation.devis-genere".to_owned(),
            partition,
            offset,
            key: subject.clone().into_bytes(),
            value: vec![0, 0, 0, 0, 1],
            event: CloudEvent {
                id: EventId::generate(),
                source: "/edalab/test/quotation".to_owned(),
                event_type: "DevisGenere".to_owned(),
                time: "2026-11-25T04:00:00Z".parse().expect("an instant"),
                subject,
                sequence: Sequence(sequence),
                topic_sequence: Sequence(sequence),
                traceparent: None,
            },
        }
    }

    fn problems(records: &[Record]) -> String {
        judge(records).expect_err("a rule is broken").join("; ")
    }

    #[test]
    fn repeats_are_counted_and_partitions_are_ordered_apart() {
        let (first, second, third) = (record(0, 0, 2), record(1, 0, 1), record(0, 1, 3));
        let again = |record: &Record, offset| Record { offset, ..record.clone() };
        let records = [again(&first, 0), second, third.clone(), again(&first, 2), again(&third, 3)];
        assert_eq!(judge(&records), Ok(Verdict { distinct: 3, repeats: 2 }));
        assert_eq!(judge(&[]), Ok(Verdict { distinct: 0, repeats: 0 }));
    }

    #[test]
    fn each_broken_rule_is_told() {
        let first = record(0, 0, 1);
        assert!(problems(&[first.clone(), record(0, 1, 3)]).contains("sequence 3 where 2 belongs"));
        assert!(problems(&[first.clone(), record(1, 0, 1)]).contains("sequence 1 where 2 belongs"));
        let mut other = record(1, 0, 2);
        other.event.topic_sequence = Sequence(1);
        assert!(problems(&[first.clone(), other]).contains("devis-genere: number 1 where 2 belongs"));
        assert!(problems(&[record(0, 0, 2), record(0, 1, 1)]).contains("sequence 1 after 2"));

        let changed = Record { value: vec![1], offset: 1, ..first.clone() };
        assert!(problems(&[first.clone(), changed]).contains("differs from its first record"));
        let elsewhere = Record { partition: 1, ..first.clone() };
        assert!(problems(&[first.clone(), elsewhere]).contains("differs from its first record"));
        assert!(problems(&[Record { key: b"other".to_vec(), ..first }]).contains("key"));
    }
}
