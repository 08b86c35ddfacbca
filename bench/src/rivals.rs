//! The baseline of a consumer, and what SQLite can do at best, both with statements that are compiled once.

use std::{collections::BTreeMap, time::Instant};

use anyhow::Result;
use rdkafka::consumer::{CommitMode, Consumer as _};
use rusqlite::{Connection, Transaction, params};
use schemas::{DevisGenere, topics};

use crate::{
    database::{self, Tables},
    topic::{self, Heard, Preloaded},
};

/// As many as the consumer puts into one transaction.
const GROUP: usize = 1000;

const START: &str = "INSERT INTO consumer_offset (id, topic, partition, next_offset) VALUES (?, ?, ?, 0)";
const REMEMBER: &str =
    "INSERT INTO inbox (event_id, partition, offset) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
const ADVANCE: &str = "UPDATE consumer_offset SET next_offset = ? WHERE id = ?";

/// What stands beside souscription, on its tables.
#[derive(Debug)]
pub(crate) struct Rivals {
    pub(crate) tables: Tables,
}

impl Rivals {
    /// Events a second: quote, inbox and offset of events that are in memory already.
    pub(crate) fn store(&self, heard: &[Heard]) -> Result<f64> {
        let mut database = self.open()?;
        let began = Instant::now();
        for group in heard.chunks(GROUP) {
            let transaction = database.transaction()?;
            let mut next = BTreeMap::new();
            for heard in group {
                quote(&transaction, &heard.event)?;
                transaction.prepare_cached(REMEMBER)?.execute(params![
                    heard.id.uuid().as_bytes(),
                    heard.partition + 1,
                    heard.offset
                ])?;
                next.insert(heard.partition, heard.offset + 1);
            }
            for (partition, next) in next {
                transaction.prepare_cached(ADVANCE)?.execute(params![next, partition + 1])?;
            }
            transaction.commit()?;
        }
        #[allow(clippy::cast_precision_loss)] // some millions
        Ok(heard.len() as f64 / began.elapsed().as_secs_f64())
    }

    /// Events a second of a consumer as tutorials have it: an event, its effect in a transaction, its offset to Kafka. The
    /// offset is not waited for, which is faster, and as safe: the effect is durable before.
    pub(crate) fn one_by_one(&self, topic: &Preloaded, events: u32) -> Result<f64> {
        let mut database = self.open()?;
        let consumer = topic.consumer()?;
        let mut message = topic::next(&consumer)?;
        let began = Instant::now();
        for number in 1..=events {
            let heard = topic::decode(&message)?;
            let transaction = database.transaction()?;
            quote(&transaction, &heard.event)?;
            transaction.commit()?;
            consumer.commit_message(&message, CommitMode::Async)?;
            if number < events {
                message = topic::next(&consumer)?;
            }
        }
        Ok(f64::from(events) / began.elapsed().as_secs_f64())
    }

    /// A database of its own, at the beginning of every partition.
    fn open(&self) -> Result<Connection> {
        let database = database::open(&self.tables.copy()?)?;
        for partition in 0..3 {
            database.execute(START, params![partition + 1, topics::DEVIS_GENERE.as_str(), partition])?;
        }
        Ok(database)
    }
}

/// The effect that DevisGenere has in souscription.
fn quote(transaction: &Transaction<'_>, event: &DevisGenere) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO devis (devis_id, client_id, type_bien, prime, date_expiration) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT (devis_id) DO UPDATE SET client_id = excluded.client_id, type_bien = excluded.type_bien, \
             prime = excluded.prime, date_expiration = excluded.date_expiration",
        )?
        .execute(params![
            event.devis_id.uuid().as_bytes(),
            event.client_id.as_str(),
            event.type_bien.as_str(),
            event.prime.get(),
            event.date_expiration.as_millisecond(),
        ])?;
    Ok(())
}
