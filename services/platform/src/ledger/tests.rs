//! The ledger's entries over a real database, and the count of what lies on topics.

use std::collections::BTreeMap;

use ledger::{AnomalyKind, Ranges};
use schemas::{CloudEvent, EventId, Sequence, dead_letter};
use sqlx::migrate::Migrator;
use tempfile::TempDir;

use super::{
    book::{Book, Place},
    rows,
    tally::Count,
};
use crate::{
    metrics::Metrics,
    store::{DataFolder, Store},
};

const SOURCE: &str = "/edalab/lab/quotation";
const TOPIC: &str = "quotation.devis-genere";

static NO_TABLES: Migrator = Migrator::DEFAULT;

async fn store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().expect("a folder");
    let owned = DataFolder::own(folder.path(), "test").expect("free");
    let store = Store::open(owned, "test", &NO_TABLES, 10, &Metrics::new()).await.expect("a database");
    (folder, store)
}

fn event(number: i64) -> CloudEvent {
    CloudEvent {
        id: EventId::generate(),
        source: SOURCE.to_owned(),
        event_type: "DevisGenere".to_owned(),
        time: "2026-11-26T04:00:00Z".parse().expect("an instant"),
        subject: "s".to_owned(),
        sequence: Sequence(number),
        topic_sequence: Sequence(number),
        traceparent: None,
    }
}

/// One transaction: numbers with their partitions; those below 0 are letters.
async fn enter(store: &Store, entries: &'static [(i64, i32)]) {
    let entered = store.writer.run(move |batch| {
        Box::pin(async move {
            let mut book = Book::default();
            for (number, partition) in entries {
                let (topic, offset) = (TOPIC, number.abs() * 10);
                let at = Place { topic, partition: *partition, offset };
                let event = event(number.abs());
                if *number < 0 {
                    book.buried(batch.connection().await?, Some(&event), at).await?;
                } else {
                    book.applied(batch.connection().await?, &event, at).await?;
                }
            }
            book.store(batch.connection().await?).await
        })
    });
    entered.await.expect("entered");
}

async fn stream(store: &Store) -> ledger::Stream {
    let mut connection = store.readers.acquire().await.expect("a reader");
    rows::streams(&mut connection).await.expect("readable").remove(0)
}

fn ranges(pairs: &[(i64, i64)]) -> Ranges {
    pairs.iter().copied().collect()
}

#[tokio::test]
async fn numbers_become_ranges_over_transactions() {
    let (_folder, store) = store().await;
    enter(&store, &[(1, 0), (3, 1), (-4, 1), (7, 0)]).await;
    enter(&store, &[(2, 2), (5, 1), (6, 1)]).await;
    let stream = stream(&store).await;
    assert_eq!((stream.applied, stream.buried), (ranges(&[(1, 3), (5, 7)]), ranges(&[(4, 4)])));
    assert_eq!((stream.twice, stream.out_of_order, stream.anomalies.len()), (0, 0, 0));
    let last: Vec<_> = stream.last.iter().map(|last| (last.partition, last.number)).collect();
    assert_eq!(last, [(0, 7), (1, 6), (2, 2)]);
    let mut connection = store.readers.acquire().await.expect("a reader");
    let letters = rows::letters(&mut connection).await.expect("readable");
    assert_eq!((letters[0].partition, &letters[0].offsets), (1, &ranges(&[(40, 40)])));
}

#[tokio::test]
async fn effects_that_should_not_have_been_are_kept_by_id() {
    let (_folder, store) = store().await;
    enter(&store, &[(1, 0), (2, 0), (2, 0)]).await;
    enter(&store, &[(5, 0), (4, 0), (4, 1)]).await;
    let stream = stream(&store).await;
    assert_eq!((stream.twice, stream.out_of_order), (2, 1));
    let told: Vec<_> = stream.anomalies.iter().map(|anomaly| (anomaly.kind, anomaly.number)).collect();
    assert_eq!(told, [(AnomalyKind::Twice, 2), (AnomalyKind::OutOfOrder, 4), (AnomalyKind::Twice, 4)]);
}

#[tokio::test]
async fn more_anomalies_than_are_kept_are_counted() {
    let (_folder, store) = store().await;
    enter(&store, &[(1, 0); 151]).await;
    enter(&store, &[(1, 0)]).await;
    let stream = stream(&store).await;
    assert_eq!((stream.twice, stream.anomalies.len()), (151, 100));
}

#[tokio::test]
async fn a_letter_that_is_buried_again_takes_no_other_away() {
    let (_folder, store) = store().await;
    enter(&store, &[(-1, 0), (-2, 0)]).await;
    enter(&store, &[(-1, 0)]).await;
    let mut connection = store.readers.acquire().await.expect("a reader");
    let letters = rows::letters(&mut connection).await.expect("readable");
    assert_eq!(letters[0].offsets, ranges(&[(10, 10), (20, 20)]));
}

fn headers(event: &CloudEvent) -> Vec<(&'static str, String)> {
    event.headers()
}

#[test]
fn topics_are_counted_by_their_records_alone() {
    let mut count = Count::new(SOURCE, "souscription-service", [TOPIC.to_owned()]);
    let mut read = |partition, event: &CloudEvent| {
        let headers = headers(event);
        let headers: Vec<_> = headers.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
        count.event(TOPIC, partition, &headers);
    };
    for (partition, number) in [(0, 1), (1, 2), (0, 4), (0, 3), (1, 2)] {
        read(partition, &event(number));
    }
    read(0, &CloudEvent { source: "/edalab/other/quotation".to_owned(), ..event(9) });
    count.event(TOPIC, 0, &[("ce_id", b"poison")]);
    let letter: [(&str, &[u8]); 4] = [
        (dead_letter::GROUP, b"souscription-service"),
        (dead_letter::TOPIC, b"t"),
        (dead_letter::PARTITION, b"2"),
        (dead_letter::OFFSET, b"7"),
    ];
    count.letter(&letter);
    count.letter(&letter);
    count.letter(&letter[1..]);
    let report = count.report(&BTreeMap::from([((TOPIC.to_owned(), 0), 5)]), 0);
    let tally = &report.topics[0];
    assert_eq!((&tally.distinct, tally.repeated, tally.out_of_order), (&ranges(&[(1, 4)]), 1, 1));
    assert_eq!((tally.known_from, tally.ends[0].offset), (0, 5));
    assert_eq!((&report.letters[0].offsets, report.letters_repeated), (&ranges(&[(7, 7)]), 1));
}

#[test]
fn a_topic_that_was_cut_is_known_from_its_first_record_on() {
    let mut count = Count::new(SOURCE, "g", [TOPIC.to_owned()]);
    count.begins(TOPIC, 0, 0);
    count.begins(TOPIC, 1, 12);
    let known_from = |count: &Count| count.report(&BTreeMap::new(), 0).topics[0].known_from;
    assert_eq!(known_from(&count), i64::MAX, "nothing of partition 1 was seen");
    let headers = headers(&event(8));
    let headers: Vec<_> = headers.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    count.event(TOPIC, 1, &headers);
    assert_eq!(known_from(&count), 8);
    count.begins("dlq.errors", 0, 3);
    assert!(count.report(&BTreeMap::new(), 0).letters_cut);
}
