//! The rows of a quote, and how fast SQLite and the disk take them at best.

use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use quotation::domain::{self, Demande, Devis};
use rusqlite::{Transaction, params};
use schemas::{Cents, DevisGenere, DevisId, Event as _, EventId, TypeBien, topics};

use crate::database;

pub(super) const VALIDITY: Duration = Duration::from_secs(30 * 24 * 3600);

/// What one write to the disk costs in the service: a page of the log.
const PAGE: [u8; 4096] = [1; 4096];

/// Writes of a page a second, each made durable by fdatasync, to a file in that folder.
pub(crate) fn synced_pages(folder: &Path) -> Result<f64> {
    let file = File::create(folder.join("sync")).context("create a file to sync")?;
    // The log that it stands for is not grown by a commit, mostly.
    for page in 0..1000 {
        file.write_all_at(&PAGE, page * 4096)?;
    }
    file.sync_all()?;
    let began = Instant::now();
    let mut written = 0_u32;
    while began.elapsed() < Duration::from_millis(500) {
        file.write_all_at(&PAGE, u64::from(written % 1000) * 4096)?;
        file.sync_data()?;
        written += 1;
    }
    Ok(f64::from(written) / began.elapsed().as_secs_f64())
}

/// Quotes a second that SQLite takes with their events, `group` in a transaction.
pub(crate) fn grouped(file: &Path, quotes: u32, group: usize) -> Result<f64> {
    let made: Vec<_> = (0..quotes).map(|_| quote_and_event()).collect::<Result<_>>()?;
    let mut database = database::open(file)?;
    let schema: i64 = database.query_row(
        "SELECT id FROM outbox_schema WHERE subject = ?",
        [format!("{}-value", topics::DEVIS_GENERE)],
        |row| row.get(0),
    )?;
    let began = Instant::now();
    for group in made.chunks(group) {
        let transaction = database.transaction()?;
        for (devis, event, body) in group {
            quote(&transaction, devis)?;
            outgoing(&transaction, event, body, schema)?;
        }
        transaction.commit()?;
    }
    Ok(f64::from(quotes) / began.elapsed().as_secs_f64())
}

fn quote_and_event() -> Result<(Devis, DevisGenere, Vec<u8>)> {
    let demande = Demande::new("C001".parse()?, TypeBien::Auto, Cents::new(2_500_000)?)?;
    let (devis, event) = domain::generer(DevisId::generate(), demande, Timestamp::now(), VALIDITY);
    let body = schemas::encode(&event)?;
    Ok((devis, event, body))
}

/// The quote's row, as quotation writes it.
pub(super) fn quote(transaction: &Transaction<'_>, devis: &Devis) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO devis (devis_id, client_id, type_bien, valeur, prime, date_creation, date_expiration, statut, \
             version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            devis.id.uuid().as_bytes(),
            devis.client_id.as_str(),
            devis.type_bien.as_str(),
            devis.valeur.get(),
            devis.prime.get(),
            devis.date_creation.as_millisecond(),
            devis.date_expiration.as_millisecond(),
            devis.statut.as_str(),
            devis.version.get(),
        ])?;
    Ok(())
}

/// The event's row in the outbox, as the platform writes it.
fn outgoing(
    transaction: &Transaction<'_>,
    event: &DevisGenere,
    body: &[u8],
    schema: i64,
) -> rusqlite::Result<()> {
    let topic = topics::DEVIS_GENERE.as_str();
    transaction
        .prepare_cached(
            "INSERT INTO outbox \
             (topic_seq, event_id, event_type, topic, key, schema_id, occurred_at, traceparent, body) \
             VALUES ((SELECT last + 1 FROM outbox_topic WHERE topic = ?), ?, ?, ?, ?, ?, ?, NULL, ?)",
        )?
        .execute(params![
            topic,
            EventId::generate().uuid().as_bytes(),
            DevisGenere::TYPE,
            topic,
            event.key(),
            schema,
            event.occurred_at().as_millisecond(),
            body,
        ])?;
    Ok(())
}
