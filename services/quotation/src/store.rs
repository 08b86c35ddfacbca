//! What the service remembers: all of its SQL.

use std::convert::Infallible;

use jiff::Timestamp;
use platform::{
    outbox::{OutboxError, Outgoing},
    store::{Batch, Cursor, NewRow, Page, Store, bytes, encoded, instant, migrator, undecodable, uuid},
};
use schemas::{Cents, DevisExpire, DevisGenere, DevisId, Version};
use sqlx::{
    Row as _, Sqlite, SqliteConnection, SqliteExecutor, migrate::Migrator, query_builder::Separated,
    sqlite::SqliteRow,
};

use crate::domain::{self, Devis, Statut};

/// The service's tables.
pub fn migrations() -> Migrator {
    migrator([("devis", include_str!("../migrations/0001_devis.sql"))])
}

/// Quotes that expire in one transaction at most, so that commands never wait long behind a sweep.
const SWEEP: u16 = 200;

/// The domain refuses no command: what is wrong with a request is told before.
pub type Write<T> = platform::store::Write<T, Infallible>;
type CommandError = platform::store::CommandError<Infallible>;

/// The service's memory.
#[derive(Debug, Clone)]
pub struct DevisStore {
    store: Store,
}

impl DevisStore {
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Stores a new quote and its event together; returns when both are durable.
    pub async fn create(&self, devis: Devis, event: DevisGenere) -> Write<Devis> {
        let event = encoded(&event)?;
        let create = self.store.writer.run(move |batch| {
            Box::pin(async move {
                batch.insert(devis.clone());
                batch.publish(event)?;
                Ok(devis)
            })
        });
        create.await
    }

    /// Whether a quote is due to expire at `now`. It only reads, so it can be asked often.
    pub async fn anything_due(&self, now: Timestamp) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM devis WHERE statut = 'GENERE' AND date_expiration <= ?)",
        )
        .bind(now.as_millisecond())
        .fetch_one(&self.store.readers)
        .await
    }

    /// Expires quotes that are due at `now`, a bounded number of them, each with its event in the same
    /// transaction. Returns how many.
    pub async fn expire_due(&self, now: Timestamp) -> Write<usize> {
        self.store.writer.run(move |batch| Box::pin(expire_due(batch, now))).await
    }

    /// The quote with that id.
    pub async fn find(&self, id: DevisId) -> Result<Option<Devis>, sqlx::Error> {
        by_id(&self.store.readers, id).await
    }

    /// A client's quotes, newest first, at most `limit`, from before `cursor` on.
    pub async fn of_client(
        &self,
        client: &str,
        cursor: Option<Cursor>,
        limit: u16,
    ) -> Result<Page<Devis>, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT * FROM devis WHERE client_id = ? AND row_id < ? ORDER BY row_id DESC LIMIT ?",
        )
        .bind(client)
        .bind(cursor.map_or(i64::MAX, |cursor| cursor.0))
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.store.readers)
        .await?;
        Page::of(rows, limit, devis)
    }
}

/// Marks the quote that a contract was made of; `false` where there is no such quote.
pub(crate) async fn convert(batch: &mut Batch, id: DevisId) -> Result<bool, sqlx::Error> {
    let Some(devis) = by_id(batch.connection().await?, id).await? else { return Ok(false) };
    update(batch.connection().await?, &domain::convertir(devis)).await?;
    Ok(true)
}

async fn by_id(from: impl SqliteExecutor<'_>, id: DevisId) -> Result<Option<Devis>, sqlx::Error> {
    let query = sqlx::query("SELECT * FROM devis WHERE devis_id = ?").bind(bytes(id.uuid()));
    query.fetch_optional(from).await?.as_ref().map(devis).transpose()
}

async fn expire_due(batch: &mut Batch, now: Timestamp) -> Result<usize, CommandError> {
    let rows = sqlx::query(
        "SELECT * FROM devis WHERE statut = 'GENERE' AND date_expiration <= ? ORDER BY date_expiration LIMIT ?",
    )
    .bind(now.as_millisecond())
    .bind(SWEEP)
    .fetch_all(batch.connection().await?)
    .await?;
    let mut expired = 0;
    for row in &rows {
        if let Some((devis, event)) = domain::expirer(devis(row)?, now) {
            match batch.publish(Outgoing::new::<DevisExpire>(&event)?) {
                // What fits is kept; the rest stays due.
                Err(OutboxError::Full { .. }) if expired > 0 => break,
                published => published?,
            }
            update(batch.connection().await?, &devis).await?;
            expired += 1;
        }
    }
    Ok(expired)
}

impl NewRow for Devis {
    fn insert(&self) -> &'static str {
        "INSERT INTO devis (devis_id, client_id, type_bien, valeur, prime, date_creation, date_expiration, statut, \
         version) "
    }

    fn bind(&self, mut values: Separated<'_, Sqlite, &'static str>) {
        values
            .push_bind(bytes(self.id.uuid()))
            .push_bind(self.client_id.as_str())
            .push_bind(self.type_bien.as_str())
            .push_bind(self.valeur.get())
            .push_bind(self.prime.get())
            .push_bind(self.date_creation.as_millisecond())
            .push_bind(self.date_expiration.as_millisecond())
            .push_bind(self.statut.as_str())
            .push_bind(self.version.get());
    }
}

async fn update(connection: &mut SqliteConnection, devis: &Devis) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE devis SET statut = ?, version = ? WHERE devis_id = ?")
        .bind(devis.statut.as_str())
        .bind(devis.version.get())
        .bind(devis.id.uuid().as_bytes().as_slice())
        .execute(connection)
        .await
        .map(drop)
}

fn devis(row: &SqliteRow) -> Result<Devis, sqlx::Error> {
    Ok(Devis {
        id: DevisId::from_uuid(uuid(row.try_get("devis_id")?)?),
        client_id: row.try_get::<&str, _>("client_id")?.parse().map_err(undecodable)?,
        type_bien: row.try_get::<&str, _>("type_bien")?.parse().map_err(undecodable)?,
        valeur: Cents::new(row.try_get("valeur")?).map_err(undecodable)?,
        prime: Cents::new(row.try_get("prime")?).map_err(undecodable)?,
        date_creation: instant(row, "date_creation")?,
        date_expiration: instant(row, "date_expiration")?,
        statut: row.try_get::<&str, _>("statut")?.parse::<Statut>().map_err(undecodable)?,
        version: Version::new(row.try_get("version")?).ok_or_else(|| undecodable("a version below 1"))?,
    })
}
