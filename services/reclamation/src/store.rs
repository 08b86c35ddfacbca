//! What the service remembers: all of its SQL.

mod contrat;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use platform::{
    outbox::Outgoing,
    store::{Batch, Cursor, Page, Store, Work, bytes, instant, migrator, undecodable, uuid},
};
use schemas::{Cents, ContratId, Event, IndemnisationId, SinistreId, Version};
use sqlx::{Row as _, SqliteConnection, SqliteExecutor, migrate::Migrator, sqlite::SqliteRow};

pub(crate) use contrat::{Change, hear_emis, hear_modifie, hear_resilie};

use crate::domain::{self, Declaration, Evaluation, Indemnisation, Refus, Sinistre};

/// The service's tables.
pub fn migrations() -> Migrator {
    migrator([("sinistre", include_str!("../migrations/0001_sinistre.sql"))])
}

/// Why a command took no effect.
pub type CommandError = platform::store::CommandError<Refus>;
pub type Write<T> = platform::store::Write<T, Refus>;

/// The service's memory.
#[derive(Debug, Clone)]
pub struct SinistreStore {
    store: Store,
}

impl SinistreStore {
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Makes a claim, with its event; returns when both are durable.
    pub async fn declare(&self, declaration: Declaration, now: Timestamp) -> Write<Sinistre> {
        self.store.writer.run(move |batch| Box::pin(declare(batch, declaration, now))).await
    }

    /// Sends an expert.
    pub async fn inspect(&self, id: SinistreId) -> Write<Sinistre> {
        self.store.writer.run(move |batch| Box::pin(inspect(batch, id))).await
    }

    /// Judges a claim.
    pub async fn judge(&self, id: SinistreId, evaluation: Evaluation, now: Timestamp) -> Write<Sinistre> {
        let decide = move |sinistre| domain::evaluer(sinistre, evaluation, now);
        self.store.writer.run(move |batch| decided(batch, id, decide)).await
    }

    /// Pays a claim.
    pub async fn pay(&self, id: SinistreId, now: Timestamp) -> Write<Sinistre> {
        let decide = move |sinistre| domain::indemniser(IndemnisationId::generate(), sinistre, now);
        self.store.writer.run(move |batch| decided(batch, id, decide)).await
    }

    /// The claim with that id.
    pub async fn find(&self, id: SinistreId) -> Result<Option<Sinistre>, sqlx::Error> {
        by_id(&self.store.readers, id).await
    }

    /// A client's claims, newest first, at most `limit`, from before `cursor` on.
    pub async fn of_client(
        &self,
        client: &str,
        cursor: Option<Cursor>,
        limit: u16,
    ) -> Result<Page<Sinistre>, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT sinistre.*, indemnisation_id, montant, date_paiement \
             FROM sinistre LEFT JOIN indemnisation USING (sinistre_id) \
             WHERE client_id = ? AND sinistre.row_id < ? ORDER BY sinistre.row_id DESC LIMIT ?",
        )
        .bind(client)
        .bind(cursor.map_or(i64::MAX, |cursor| cursor.0))
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.store.readers)
        .await?;
        Page::of(rows, limit, sinistre)
    }
}

async fn declare(
    batch: &mut Batch,
    declaration: Declaration,
    now: Timestamp,
) -> Result<Sinistre, CommandError> {
    let contrat = contrat::find(batch.connection().await?, declaration.contrat_id).await?;
    let (sinistre, event) =
        domain::declarer(SinistreId::generate(), contrat, declaration, now).map_err(CommandError::Refused)?;
    insert(batch.connection().await?, &sinistre).await?;
    batch.publish(Outgoing::new(&event)?)?;
    Ok(sinistre)
}

async fn inspect(batch: &mut Batch, id: SinistreId) -> Result<Sinistre, CommandError> {
    let sinistre = domain::expertiser(known(batch, id).await?).map_err(CommandError::Refused)?;
    update(batch.connection().await?, &sinistre).await?;
    Ok(sinistre)
}

/// Reads a claim, lets the domain decide, and stores what came of it with its event.
fn decided<E: Event + Send>(
    batch: &mut Batch,
    id: SinistreId,
    decide: impl FnOnce(Sinistre) -> Result<(Sinistre, E), Refus> + Send + 'static,
) -> Work<'_, Sinistre, CommandError> {
    Box::pin(async move {
        let (sinistre, event) = decide(known(batch, id).await?).map_err(CommandError::Refused)?;
        update(batch.connection().await?, &sinistre).await?;
        batch.publish(Outgoing::new(&event)?)?;
        Ok(sinistre)
    })
}

async fn known(batch: &mut Batch, id: SinistreId) -> Result<Sinistre, CommandError> {
    let sinistre = by_id(batch.connection().await?, id).await?;
    sinistre.ok_or(CommandError::Refused(Refus::SinistreInconnu))
}

async fn by_id(from: impl SqliteExecutor<'_>, id: SinistreId) -> Result<Option<Sinistre>, sqlx::Error> {
    let query = sqlx::query(
        "SELECT sinistre.*, indemnisation_id, montant, date_paiement \
         FROM sinistre LEFT JOIN indemnisation USING (sinistre_id) WHERE sinistre_id = ?",
    )
    .bind(bytes(id.uuid()));
    query.fetch_optional(from).await?.as_ref().map(sinistre).transpose()
}

async fn insert(connection: &mut SqliteConnection, sinistre: &Sinistre) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO sinistre (sinistre_id, contrat_id, client_id, type_sinistre, description, date_survenance, \
         date_declaration, montant_estime, statut, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(bytes(sinistre.id.uuid()))
    .bind(bytes(sinistre.contrat_id.uuid()))
    .bind(sinistre.client_id.as_str())
    .bind(sinistre.type_sinistre.as_str())
    .bind(sinistre.description.as_str())
    .bind(sinistre.date_survenance.as_millisecond())
    .bind(sinistre.date_declaration.as_millisecond())
    .bind(sinistre.montant_estime.get())
    .bind(sinistre.statut.as_str())
    .bind(sinistre.version.get())
    .execute(connection)
    .await
    .map(drop)
}

async fn update(connection: &mut SqliteConnection, sinistre: &Sinistre) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE sinistre SET montant_evalue = ?, motif = ?, statut = ?, version = ? WHERE sinistre_id = ?",
    )
    .bind(sinistre.montant_evalue.map(Cents::get))
    .bind(sinistre.motif.as_deref())
    .bind(sinistre.statut.as_str())
    .bind(sinistre.version.get())
    .bind(bytes(sinistre.id.uuid()))
    .execute(&mut *connection)
    .await?;
    let Some(indemnisation) = sinistre.indemnisation else { return Ok(()) };
    sqlx::query(
        "INSERT INTO indemnisation (indemnisation_id, sinistre_id, montant, date_paiement) VALUES (?, ?, ?, ?)",
    )
    .bind(bytes(indemnisation.id.uuid()))
    .bind(bytes(sinistre.id.uuid()))
    .bind(indemnisation.montant.get())
    .bind(indemnisation.date_paiement.as_millisecond())
    .execute(connection)
    .await
    .map(drop)
}

fn sinistre(row: &SqliteRow) -> Result<Sinistre, sqlx::Error> {
    Ok(Sinistre {
        id: SinistreId::from_uuid(uuid(row.try_get("sinistre_id")?)?),
        contrat_id: ContratId::from_uuid(uuid(row.try_get("contrat_id")?)?),
        client_id: row.try_get::<&str, _>("client_id")?.parse().map_err(undecodable)?,
        type_sinistre: row.try_get::<&str, _>("type_sinistre")?.parse().map_err(undecodable)?,
        description: row.try_get("description")?,
        date_survenance: instant(row, "date_survenance")?,
        date_declaration: instant(row, "date_declaration")?,
        montant_estime: Cents::new(row.try_get("montant_estime")?).map_err(undecodable)?,
        montant_evalue: row
            .try_get::<Option<i64>, _>("montant_evalue")?
            .map(Cents::new)
            .transpose()
            .map_err(undecodable)?,
        motif: row.try_get("motif")?,
        indemnisation: indemnisation(row)?,
        statut: row.try_get::<&str, _>("statut")?.parse().map_err(undecodable)?,
        version: Version::new(row.try_get("version")?).ok_or_else(|| undecodable("a version below 1"))?,
    })
}

fn indemnisation(row: &SqliteRow) -> Result<Option<Indemnisation>, sqlx::Error> {
    let Some(id) = row.try_get::<Option<&[u8]>, _>("indemnisation_id")? else { return Ok(None) };
    Ok(Some(Indemnisation {
        id: IndemnisationId::from_uuid(uuid(id)?),
        montant: Cents::new(row.try_get("montant")?).map_err(undecodable)?,
        date_paiement: instant(row, "date_paiement")?,
    }))
}
