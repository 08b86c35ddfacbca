//! The service's memory over a real database: state and events change together.

use std::time::Duration;

use jiff::Timestamp;
use platform::{
    metrics::Metrics,
    store::{DataFolder, Store},
};
use quotation::{
    domain::{self, Demande, Devis, Statut},
    store::{DevisStore, migrations},
};
use schemas::{DevisId, TypeBien};
use tempfile::TempDir;

struct Memory {
    _folder: TempDir,
    store: Store,
    devis: DevisStore,
}

impl Memory {
    async fn open(outbox_capacity: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let owned = DataFolder::own(folder.path(), "test").expect("the folder is free");
        let store = Store::open(owned, "quotation", &migrations(), outbox_capacity, &Metrics::new()).await;
        let store = store.expect("a database");
        Self { _folder: folder, devis: DevisStore::new(store.clone()), store }
    }

    /// Makes a quote that is valid for a second from `now`.
    async fn make(&self, now: Timestamp) -> Devis {
        let client = "C001".parse().expect("a client id");
        let demande =
            Demande::new(client, TypeBien::Auto, "100".parse().expect("an amount")).expect("positive");
        let (devis, event) = domain::generer(DevisId::generate(), demande, now, Duration::from_secs(1));
        self.devis.create(devis, event).await.expect("stored")
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("an instant")
}

#[tokio::test]
async fn a_stored_quote_is_read_as_it_was() {
    let memory = Memory::open(100).await;
    let made = memory.make(at(0)).await;
    assert_eq!(memory.devis.find(made.id).await.expect("readable"), Some(made));
    assert_eq!(memory.devis.find(DevisId::generate()).await.expect("readable"), None);
    assert_eq!(memory.store.outbox.backlog(), 1);
}

#[tokio::test]
async fn due_quotes_expire_once_and_the_others_stay() {
    let memory = Memory::open(100).await;
    let (due, later) = (memory.make(at(0)).await, memory.make(at(10)).await);
    assert!(!memory.devis.anything_due(at(0)).await.expect("readable"));
    assert!(memory.devis.anything_due(at(1)).await.expect("readable"));
    assert_eq!(memory.devis.expire_due(at(1)).await.expect("stored"), 1);
    assert_eq!(memory.devis.expire_due(at(1)).await.expect("stored"), 0);
    let statut = async |id| memory.devis.find(id).await.expect("readable").expect("known").statut;
    assert_eq!(statut(due.id).await, Statut::Expire);
    assert_eq!(statut(later.id).await, Statut::Genere);
    assert_eq!(memory.store.outbox.backlog(), 3, "two quotes made, one expired");
}

#[tokio::test]
async fn two_sweepers_at_a_time_expire_each_quote_once() {
    let memory = Memory::open(1_000).await;
    for _ in 0..50 {
        memory.make(at(0)).await;
    }
    let sweep = || memory.devis.expire_due(at(5));
    let (a, b, c) = tokio::join!(sweep(), sweep(), sweep());
    assert_eq!(a.expect("stored") + b.expect("stored") + c.expect("stored"), 50);
    assert_eq!(memory.store.outbox.backlog(), 100);
}

#[tokio::test]
async fn a_long_list_expires_in_bounded_transactions() {
    let memory = Memory::open(10_000).await;
    for _ in 0..450 {
        memory.make(at(0)).await;
    }
    let mut swept = Vec::new();
    while memory.devis.anything_due(at(5)).await.expect("readable") {
        swept.push(memory.devis.expire_due(at(5)).await.expect("stored"));
    }
    assert_eq!(swept, [200, 200, 50]);
}

#[tokio::test]
async fn what_fits_into_the_outbox_expires_and_the_rest_stays_due() {
    let memory = Memory::open(5).await;
    for _ in 0..3 {
        memory.make(at(0)).await;
    }
    assert_eq!(memory.devis.expire_due(at(5)).await.expect("stored"), 2);
    assert_eq!(memory.store.outbox.backlog(), 5);
    memory.devis.expire_due(at(5)).await.expect_err("the outbox is full");
    assert!(memory.devis.anything_due(at(5)).await.expect("readable"));
}

/// Quotes are told in the order in which they were made, and each holds by the clock that there is.
#[tokio::test]
async fn a_clock_that_goes_back_changes_no_order_and_expires_nothing_twice() {
    let memory = Memory::open(100).await;
    let before = memory.make(at(3_600)).await;
    assert_eq!(memory.devis.expire_due(at(3_601)).await.expect("stored"), 1);
    let ahead = memory.make(at(3_602)).await;
    let behind = memory.make(at(0)).await;
    assert_eq!(memory.devis.expire_due(at(1)).await.expect("stored"), 1, "the one that was made behind");
    assert_eq!(memory.devis.expire_due(at(1)).await.expect("stored"), 0);
    let again = memory.make(at(3_602)).await;
    assert_eq!(memory.devis.expire_due(at(3_603)).await.expect("stored"), 2);
    let page = memory.devis.of_client("C001", None, 10).await.expect("readable");
    let ids: Vec<DevisId> = page.items.iter().map(|devis| devis.id).collect();
    assert_eq!(ids, [again.id, behind.id, ahead.id, before.id]);
    assert!(page.items.iter().all(|devis| devis.statut == Statut::Expire));
    assert_eq!(memory.store.outbox.backlog(), 8, "four were made, and each has expired once");
}
