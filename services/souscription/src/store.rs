//! What the service remembers: all of its SQL.

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use platform::{
    outbox::Outgoing,
    store::{Batch, Cursor, Page, Store, Work, bytes, instant, migrator, undecodable, uuid},
    text::FreeText,
};
use schemas::{Cents, ContratId, DevisExpire, DevisGenere, DevisId, Event, Total, Version};
use sqlx::{QueryBuilder, Row as _, SqliteConnection, SqliteExecutor, migrate::Migrator, sqlite::SqliteRow};

use crate::domain::{self, Bilan, Changement, Contrat, Devis, Offre, Refus, Statut};

/// The service's tables.
pub fn migrations() -> Migrator {
    migrator([
        ("contrat", include_str!("../migrations/0001_contrat.sql")),
        ("sinistres", include_str!("../migrations/0002_sinistres.sql")),
    ])
}

/// Why a command took no effect.
pub type CommandError = platform::store::CommandError<Refus>;
pub type Write<T> = platform::store::Write<T, Refus>;

/// The service's memory.
#[derive(Debug, Clone)]
pub struct ContratStore {
    store: Store,
}

impl ContratStore {
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Makes a quote a contract, with its event; returns when both are durable.
    pub async fn convert(&self, devis: DevisId, now: Timestamp) -> Write<Contrat> {
        self.store.writer.run(move |batch| Box::pin(convert(batch, devis, now))).await
    }

    /// Changes a contract.
    pub async fn change(&self, id: ContratId, changement: Changement, now: Timestamp) -> Write<Contrat> {
        let decide = move |contrat| domain::modifier(contrat, changement, now);
        self.store.writer.run(move |batch| decided(batch, id, decide)).await
    }

    /// Ends a contract.
    pub async fn end(&self, id: ContratId, motif: FreeText, now: Timestamp) -> Write<Contrat> {
        let decide = move |contrat| domain::resilier(contrat, motif, now);
        self.store.writer.run(move |batch| decided(batch, id, decide)).await
    }

    /// The contract with that id.
    pub async fn find(&self, id: ContratId) -> Result<Option<Contrat>, sqlx::Error> {
        by_id(&self.store.readers, id).await
    }

    /// A client's contracts, newest first, at most `limit`, from before `cursor` on.
    pub async fn of_client(
        &self,
        client: &str,
        cursor: Option<Cursor>,
        limit: u16,
    ) -> Result<Page<Contrat>, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT * FROM contrat WHERE client_id = ? AND row_id < ? ORDER BY row_id DESC LIMIT ?",
        )
        .bind(client)
        .bind(cursor.map_or(i64::MAX, |cursor| cursor.0))
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.store.readers)
        .await?;
        Page::of(rows, limit, contrat)
    }
}

async fn convert(batch: &mut Batch, devis_id: DevisId, now: Timestamp) -> Result<Contrat, CommandError> {
    let row = sqlx::query("SELECT * FROM devis WHERE devis_id = ?")
        .bind(bytes(devis_id.uuid()))
        .fetch_optional(batch.connection().await?)
        .await?;
    let devis = row.as_ref().map(devis).transpose()?;
    let (contrat, event) =
        domain::convertir(ContratId::generate(), devis, now).map_err(CommandError::Refused)?;
    insert(batch.connection().await?, &contrat).await?;
    sqlx::query("UPDATE devis SET contrat_id = ? WHERE devis_id = ?")
        .bind(bytes(contrat.id.uuid()))
        .bind(bytes(devis_id.uuid()))
        .execute(batch.connection().await?)
        .await?;
    batch.publish(Outgoing::new(&event)?)?;
    Ok(contrat)
}

/// Reads a contract, lets the domain decide, and stores what came of it with its event.
fn decided<E: Event + Send>(
    batch: &mut Batch,
    id: ContratId,
    decide: impl FnOnce(Contrat) -> Result<(Contrat, E), Refus> + Send + 'static,
) -> Work<'_, Contrat, CommandError> {
    Box::pin(async move {
        let contrat = by_id(batch.connection().await?, id).await?;
        let contrat = contrat.ok_or(CommandError::Refused(Refus::ContratInconnu))?;
        let (contrat, event) = decide(contrat).map_err(CommandError::Refused)?;
        update(batch.connection().await?, &contrat).await?;
        batch.publish(Outgoing::new(&event)?)?;
        Ok(contrat)
    })
}

async fn by_id(from: impl SqliteExecutor<'_>, id: ContratId) -> Result<Option<Contrat>, sqlx::Error> {
    let query = sqlx::query("SELECT * FROM contrat WHERE contrat_id = ?").bind(bytes(id.uuid()));
    query.fetch_optional(from).await?.as_ref().map(contrat).transpose()
}

/// Adds what each DevisGenere says; what DevisExpire said, if it came first, stays.
pub(crate) async fn hear_genere<'e>(
    connection: &mut SqliteConnection,
    heard: impl Iterator<Item = &'e DevisGenere>,
) -> Result<(), sqlx::Error> {
    let mut insert =
        QueryBuilder::new("INSERT INTO devis (devis_id, client_id, type_bien, prime, date_expiration) ");
    insert.push_values(heard, |mut row, event| {
        row.push_bind(bytes(event.devis_id.uuid()))
            .push_bind(event.client_id.as_str())
            .push_bind(event.type_bien.as_str())
            .push_bind(event.prime.get())
            .push_bind(event.date_expiration.as_millisecond());
    });
    insert.push(
        " ON CONFLICT (devis_id) DO UPDATE SET client_id = excluded.client_id, type_bien = excluded.type_bien, \
         prime = excluded.prime, date_expiration = excluded.date_expiration",
    );
    insert.build().execute(connection).await.map(drop)
}

/// Marks each quote as expired, also where nothing else of it was heard yet.
pub(crate) async fn hear_expire<'e>(
    connection: &mut SqliteConnection,
    heard: impl Iterator<Item = &'e DevisExpire>,
) -> Result<(), sqlx::Error> {
    let mut insert = QueryBuilder::new("INSERT INTO devis (devis_id, expire) ");
    insert.push_values(heard, |mut row, event| {
        row.push_bind(bytes(event.devis_id.uuid())).push_bind(true);
    });
    insert.push(" ON CONFLICT (devis_id) DO UPDATE SET expire = 1");
    insert.build().execute(connection).await.map(drop)
}

/// What a contract hears of its claims.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Claim {
    Declared,
    Rejected,
    Paid(Cents),
}

/// Adds to what is known of a contract's claims. Returns how many it has; nothing where there is no such contract.
pub(crate) async fn hear_claim(
    connection: &mut SqliteConnection,
    contrat: ContratId,
    claim: Claim,
) -> Result<Option<u32>, sqlx::Error> {
    let (sinistres, rejetes, indemnites) = match claim {
        Claim::Declared => (1, 0, 0),
        Claim::Rejected => (0, 1, 0),
        Claim::Paid(montant) => (0, 0, montant.get()),
    };
    sqlx::query_scalar(
        "UPDATE contrat SET sinistres = sinistres + ?, sinistres_rejetes = sinistres_rejetes + ?, \
         indemnites = indemnites + ? WHERE contrat_id = ? RETURNING sinistres",
    )
    .bind(sinistres)
    .bind(rejetes)
    .bind(indemnites)
    .bind(bytes(contrat.uuid()))
    .fetch_optional(connection)
    .await
}

async fn insert(connection: &mut SqliteConnection, contrat: &Contrat) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO contrat (contrat_id, devis_id, client_id, type_bien, prime, date_effet, date_fin, statut, version) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(bytes(contrat.id.uuid()))
    .bind(bytes(contrat.devis_id.uuid()))
    .bind(contrat.client_id.as_str())
    .bind(contrat.type_bien.as_str())
    .bind(contrat.prime.get())
    .bind(contrat.date_effet.as_millisecond())
    .bind(contrat.date_fin.as_millisecond())
    .bind(contrat.statut.as_str())
    .bind(contrat.version.get())
    .execute(connection)
    .await
    .map(drop)
}

async fn update(connection: &mut SqliteConnection, contrat: &Contrat) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE contrat SET prime = ?, date_fin = ?, statut = ?, version = ? WHERE contrat_id = ?")
        .bind(contrat.prime.get())
        .bind(contrat.date_fin.as_millisecond())
        .bind(contrat.statut.as_str())
        .bind(contrat.version.get())
        .bind(bytes(contrat.id.uuid()))
        .execute(connection)
        .await
        .map(drop)
}

fn devis(row: &SqliteRow) -> Result<Devis, sqlx::Error> {
    let client_id: Option<&str> = row.try_get("client_id")?;
    Ok(Devis {
        id: DevisId::from_uuid(uuid(row.try_get("devis_id")?)?),
        offre: client_id.map(|client_id| offre(row, client_id)).transpose()?,
        expire: row.try_get("expire")?,
        contrat: row
            .try_get::<Option<&[u8]>, _>("contrat_id")?
            .map(uuid)
            .transpose()?
            .map(ContratId::from_uuid),
    })
}

fn offre(row: &SqliteRow, client_id: &str) -> Result<Offre, sqlx::Error> {
    Ok(Offre {
        client_id: client_id.parse().map_err(undecodable)?,
        type_bien: row.try_get::<&str, _>("type_bien")?.parse().map_err(undecodable)?,
        prime: Cents::new(row.try_get("prime")?).map_err(undecodable)?,
        date_expiration: instant(row, "date_expiration")?,
    })
}

fn contrat(row: &SqliteRow) -> Result<Contrat, sqlx::Error> {
    Ok(Contrat {
        id: ContratId::from_uuid(uuid(row.try_get("contrat_id")?)?),
        devis_id: DevisId::from_uuid(uuid(row.try_get("devis_id")?)?),
        client_id: row.try_get::<&str, _>("client_id")?.parse().map_err(undecodable)?,
        type_bien: row.try_get::<&str, _>("type_bien")?.parse().map_err(undecodable)?,
        prime: Cents::new(row.try_get("prime")?).map_err(undecodable)?,
        date_effet: instant(row, "date_effet")?,
        date_fin: instant(row, "date_fin")?,
        statut: row.try_get::<&str, _>("statut")?.parse::<Statut>().map_err(undecodable)?,
        version: Version::new(row.try_get("version")?).ok_or_else(|| undecodable("a version below 1"))?,
        bilan: Bilan {
            sinistres: row.try_get("sinistres")?,
            rejetes: row.try_get("sinistres_rejetes")?,
            indemnites: Total(row.try_get("indemnites")?),
        },
    })
}
