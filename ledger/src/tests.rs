use proptest::prelude::*;

use super::*;

const SOURCE: &str = "/edalab/lab/quotation";
const TOPIC: &str = "quotation.devis-genere";

/// A run of one source, one topic with two partitions, and one consumer.
struct Case {
    emitted: i64,
    confirmed: i64,
    /// The number of each record, by partition.
    topic: [Vec<i64>; 2],
    /// How many records of each partition the consumer has passed, and which of their numbers it applied.
    passed: [usize; 2],
    applied: Vec<i64>,
    buried: Vec<i64>,
}

fn set(numbers: &[i64]) -> Ranges {
    numbers.iter().map(|number| (*number, *number)).collect()
}

impl Case {
    fn judge(&self) -> Ledger {
        let offset =
            |partition, offset: usize| Offset { partition, offset: i64::try_from(offset).expect("few") };
        let next = (0..).zip(self.passed).map(|(partition, passed)| offset(partition, passed));
        let last = (0..).zip(self.topic.iter().zip(self.passed)).map(|(partition, (numbers, passed))| {
            LastNumber { partition, number: numbers[..passed].iter().copied().max().unwrap_or(0) }
        });
        let applied = Applied {
            service: "/edalab/lab/souscription".to_owned(),
            group: "souscription-service".to_owned(),
            topics: vec![Heard { topic: TOPIC.to_owned(), next: next.collect() }],
            streams: vec![Stream {
                source: SOURCE.to_owned(),
                topic: TOPIC.to_owned(),
                applied: set(&self.applied),
                buried: set(&self.buried),
                last: last.collect(),
                ..Stream::default()
            }],
            ..Applied::default()
        };
        let quotation = Applied {
            service: SOURCE.to_owned(),
            confirmed: vec![Numbered { topic: TOPIC.to_owned(), number: self.confirmed }],
            ..Applied::default()
        };
        let ends = (0..).zip(&self.topic).map(|(partition, numbers)| offset(partition, numbers.len()));
        let on_topic = OnTopic {
            service: SOURCE.to_owned(),
            topics: vec![Tally {
                topic: TOPIC.to_owned(),
                distinct: set(&self.topic.concat()),
                ends: ends.collect(),
                ..Tally::default()
            }],
            ..OnTopic::default()
        };
        let emitted = Emitted {
            service: SOURCE.to_owned(),
            topics: vec![Numbered { topic: TOPIC.to_owned(), number: self.emitted }],
        };
        judge(&[applied, quotation], &[on_topic], &[emitted])
    }
}

#[test]
fn what_is_on_its_way_is_in_flight() {
    let case = Case {
        emitted: 9,
        confirmed: 6,
        topic: [vec![1, 2, 5], vec![3, 4, 6, 7]],
        passed: [2, 3],
        applied: vec![1, 2, 3, 6],
        buried: vec![4],
    };
    let ledger = case.judge();
    assert!(ledger.closes(), "{:?}", ledger.problems);
    let line = &ledger.lines[0];
    assert_eq!((line.emitted, line.on_topic, line.in_outbox), (9, 7, 2));
    let consumer = &line.consumers[0];
    assert_eq!((consumer.applied, consumer.dead_letters, consumer.in_flight), (4, 1, 2));
}

#[test]
fn an_event_that_was_passed_over_is_missing() {
    let mut case = Case {
        emitted: 6,
        confirmed: 6,
        topic: [vec![1, 2, 5], vec![3, 4, 6]],
        passed: [3, 3],
        applied: vec![1, 3, 4, 5, 6],
        buried: vec![],
    };
    let ledger = case.judge();
    assert_eq!(ledger.lines[0].consumers[0].missing, set(&[2]));
    assert_eq!(ledger.problems, [format!("{TOPIC}: souscription-service passed over 1 of {SOURCE}: 2")]);
    // As long as a partition is not read that far, it may lie there.
    case.passed = [0, 3];
    case.applied = vec![3, 4, 6];
    assert!(case.judge().closes());
    case.topic[0].remove(0);
    assert_eq!(case.judge().problems, [format!("{TOPIC}: 1 of {SOURCE} are not on it: 1")]);
}

#[test]
fn a_letter_that_never_came_is_missing() {
    let tally =
        |offsets: &[i64]| LetterTally { topic: TOPIC.to_owned(), partition: 1, offsets: set(offsets) };
    let mut applied = Applied { service: "s".to_owned(), group: "g".to_owned(), ..Applied::default() };
    applied.buried = vec![tally(&[3, 9])];
    applied.letters_waiting = 1;
    let found = OnTopic { service: "s".to_owned(), letters: vec![tally(&[3])], ..OnTopic::default() };
    let judged = |applied: &Applied| judge(std::slice::from_ref(applied), std::slice::from_ref(&found), &[]);
    assert!(judged(&applied).closes());
    applied.letters_waiting = 0;
    assert_eq!(judged(&applied).problems, ["dlq.errors: 1 dead letters of g are not on it"]);
}

#[test]
fn ranges_are_pairs_in_json() {
    let ranges = set(&[1, 2, 3, 7]);
    assert_eq!(serde_json::to_string(&ranges).expect("JSON"), "[[1,3],[7,7]]");
    assert_eq!(serde_json::from_str::<Ranges>("[[7,7],[1,3],[9,8]]").expect("pairs"), ranges);
}

proptest! {
    /// Two partitions, any split of the events between them, any progress of the consumer: nothing is missing; and one
    /// event taken from what it applied is found, once the others are passed.
    #[test]
    fn only_what_is_missing_is_called_missing(
        split in proptest::collection::vec(any::<bool>(), 1..60),
        progress in any::<(prop::sample::Index, prop::sample::Index)>(),
        lost in any::<prop::sample::Index>(),
    ) {
        let mut topic = [Vec::new(), Vec::new()];
        for (number, second) in (1..).zip(&split) {
            topic[usize::from(*second)].push(number);
        }
        let count = i64::try_from(split.len()).expect("few");
        let passed = [progress.0.index(topic[0].len() + 1), progress.1.index(topic[1].len() + 1)];
        let applied = [&topic[0][..passed[0]], &topic[1][..passed[1]]].concat();
        let mut case = Case { emitted: count, confirmed: count, topic, passed, applied, buried: vec![] };
        let ledger = case.judge();
        prop_assert!(ledger.closes(), "{:?}", ledger.problems);
        let consumer = &ledger.lines[0].consumers[0];
        prop_assert_eq!(consumer.applied + consumer.in_flight, split.len() as u64);

        case.passed = [case.topic[0].len(), case.topic[1].len()];
        case.applied = case.topic.concat();
        let number = case.applied.swap_remove(lost.index(split.len()));
        prop_assert_eq!(&case.judge().lines[0].consumers[0].missing, &set(&[number]));
    }

    #[test]
    fn ranges_are_sets(one in proptest::collection::vec(0..40_i64, 0..30), other in proptest::collection::vec(0..40_i64, 0..30)) {
        use std::collections::BTreeSet;
        let (a, b): (BTreeSet<_>, BTreeSet<_>) = (one.iter().copied().collect(), other.iter().copied().collect());
        let numbers = |set: &BTreeSet<i64>| self::set(&set.iter().copied().collect::<Vec<_>>());
        prop_assert_eq!(set(&one).union(&set(&other)), numbers(&(&a | &b)));
        prop_assert_eq!(set(&one).without(&set(&other)), numbers(&(&a - &b)));
        prop_assert_eq!(set(&one).within(10, 20), numbers(&a.range(10..=20).copied().collect()));
        prop_assert_eq!(set(&one).count(), a.len() as u64);
    }
}
