//! Writer and outbox over a real database.

use std::{fmt, path::Path};

use futures::future::join_all;
use jiff::Timestamp;
use schemas::{DevisExpire, DevisId, Version};
use sqlx::{Executor as _, Row as _, migrate::Migrator};
use tempfile::TempDir;

use super::{KEEP, Outbox, OutboxError, Outgoing, rows};
use crate::{
    metrics::Metrics,
    store::{DataFolder, Store, WriteError},
};

/// A service without tables of its own.
static NO_TABLES: Migrator = Migrator::DEFAULT;

async fn open(folder: &Path, capacity: u32) -> (Store, Metrics) {
    let metrics = Metrics::new();
    let folder = DataFolder::own(folder, "test").expect("the folder is free");
    let store = Store::open(folder, "test", &NO_TABLES, capacity, &metrics).await.expect("a database");
    (store, metrics)
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn event() -> Outgoing {
    let event = DevisExpire {
        devis_id: DevisId::generate(),
        date_expiration: Timestamp::UNIX_EPOCH,
        timestamp: Timestamp::UNIX_EPOCH,
        version: Version::FIRST,
    };
    Outgoing::new(&event).expect("encodes")
}

/// A command's own reason to refuse.
#[derive(Debug)]
enum Refused {
    Outbox(OutboxError),
    ByChoice,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Publishes one event; with `refuse`, only to take it back.
async fn publish(store: &Store, refuse: bool) -> Result<(), WriteError<Refused>> {
    let event = event();
    let command = store.writer.run(move |batch| {
        Box::pin(async move {
            batch.publish(event).map_err(Refused::Outbox)?;
            if refuse { Err(Refused::ByChoice) } else { Ok(()) }
        })
    });
    command.await
}

async fn confirm(store: &Store, up_to: i64) {
    let mark = store.writer.run(move |batch| Box::pin(async move { batch.confirm(up_to).await }));
    mark.await.expect("the mark moves");
}

async fn numbers(store: &Store) -> Vec<i64> {
    let rows =
        sqlx::query("SELECT seq FROM outbox ORDER BY seq").fetch_all(&store.readers).await.expect("rows");
    rows.iter().map(|row| row.get(0)).collect()
}

fn value(metrics: &Metrics, name: &str) -> i64 {
    let text = metrics.render().expect("metrics");
    let line = text.lines().find(|line| line.starts_with(&format!("{name} "))).expect("the metric");
    line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number")
}

#[tokio::test]
async fn commands_that_wait_share_a_transaction_and_numbers_stay_dense() {
    let folder = folder();
    let (store, metrics) = open(folder.path(), 10_000).await;
    let answers = join_all((0..600).map(|number| publish(&store, number % 3 == 0))).await;
    for (number, answer) in answers.iter().enumerate() {
        match answer {
            Ok(()) => assert_ne!(number % 3, 0),
            Err(WriteError::Refused(Refused::ByChoice)) => assert_eq!(number % 3, 0),
            Err(other) => panic!("{number}: {other}"),
        }
    }
    assert_eq!(numbers(&store).await, (1..=400).collect::<Vec<_>>());
    let commits = value(&metrics, "store_commit_duration_seconds_count");
    assert!(commits < 60, "600 commands took {commits} transactions");
    assert_eq!(value(&metrics, "outbox_backlog"), 400);
}

#[tokio::test]
async fn a_command_that_fails_in_sql_takes_no_other_with_it() {
    let folder = folder();
    let (store, _) = open(folder.path(), 10).await;
    let wrong = store.writer.run(|batch| {
        Box::pin(async move {
            batch.publish(event())?;
            batch
                .connection()
                .await?
                .execute("INSERT INTO nowhere VALUES (1)")
                .await
                .map_err(OutboxError::from)
        })
    });
    let (wrong, right) = tokio::join!(wrong, publish(&store, false));
    assert!(matches!(wrong, Err(WriteError::Refused(OutboxError::Sql(_)))), "{wrong:?}");
    right.expect("the other one is stored");
    assert_eq!(numbers(&store).await, [1]);
    assert_eq!(store.outbox.backlog(), 1);
}

#[tokio::test]
async fn a_full_outbox_refuses_until_the_broker_has_confirmed() {
    let folder = folder();
    let (store, _) = open(folder.path(), 3).await;
    let answers = join_all((0..5).map(|_| publish(&store, false))).await;
    let full = |answer: &Result<(), WriteError<Refused>>| {
        matches!(answer, Err(WriteError::Refused(Refused::Outbox(OutboxError::Full { capacity: 3 }))))
    };
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 3);
    assert_eq!(answers.iter().filter(|answer| full(answer)).count(), 2);
    assert!(!store.outbox.has_room());
    confirm(&store, 1).await;
    assert!(store.outbox.has_room());
    publish(&store, false).await.expect("there is room for one");
    assert!(full(&publish(&store, false).await));
    assert_eq!(numbers(&store).await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn confirmed_rows_are_pruned_and_their_numbers_never_come_again() {
    let folder = folder();
    let (store, _) = open(folder.path(), 10_000).await;
    join_all((0..KEEP + 10).map(|_| publish(&store, false))).await;
    confirm(&store, KEEP + 10).await;
    assert_eq!(numbers(&store).await.first(), Some(&11));
    store
        .writer
        .run(|batch| Box::pin(async move { rows::prune(batch.connection().await?, i64::MAX).await }))
        .await
        .expect("pruned");
    assert_eq!(numbers(&store).await, [0; 0]);
    store.close().await;

    let (store, _) = open(folder.path(), 10_000).await;
    assert_eq!(store.outbox.backlog(), 0);
    publish(&store, false).await.expect("stored");
    assert_eq!(numbers(&store).await, [KEEP + 11]);
}

#[tokio::test]
async fn unconfirmed_rows_wait_over_a_restart_in_order_with_their_ids() {
    let folder = folder();
    let (store, _) = open(folder.path(), 100).await;
    for _ in 0..5 {
        publish(&store, false).await.expect("stored");
    }
    confirm(&store, 2).await;
    let before = waiting(&store).await;
    store.close().await;
    let (store, _) = open(folder.path(), 100).await;
    assert_eq!(store.outbox.backlog(), 3);
    let after = waiting(&store).await;
    assert_eq!(after, before);
    assert_eq!(after.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [3, 4, 5]);
}

#[tokio::test]
async fn a_row_keeps_the_schema_that_it_was_written_with() {
    let folder = folder();
    let (store, _) = open(folder.path(), 100).await;
    publish(&store, false).await.expect("stored");
    let schema = store.writer.run(|batch| {
        Box::pin(async move {
            rows::intern_schema(batch.connection().await?, "quotation.devis-expire-value", "{}").await
        })
    });
    schema.await.expect("a newer schema is stored beside it");
    store.close().await;
    let (store, _) = open(folder.path(), 100).await;
    let row = rows::after(&store.readers, 0, 1, "/test").await.expect("rows").remove(0);
    let (_, schema) = rows::schema(&store.readers, row.schema).await.expect("a schema");
    assert_eq!(schema, <DevisExpire as schemas::Event>::SCHEMA);
}

async fn waiting(store: &Store) -> Vec<(i64, String)> {
    let rows = rows::after(&store.readers, confirmed(&store.outbox), 100, "/test").await.expect("rows");
    rows.iter().map(|row| (row.number(), row.envelope.id.to_string())).collect()
}

fn confirmed(outbox: &Outbox) -> i64 {
    outbox.appended().confirmed
}
