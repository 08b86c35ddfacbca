//! The contracts that were heard of: whether they cover anything is all that is kept.

use jiff::Timestamp;
use platform::store::{bytes, instant, undecodable};
use schemas::{ContratEmis, ContratId, ContratResilie, Version};
use sqlx::{QueryBuilder, Row as _, SqliteConnection, sqlite::SqliteRow};

use crate::domain::{Contrat, Couverture};

/// The contract with that id, where anything of it was heard.
pub(super) async fn find(
    connection: &mut SqliteConnection,
    id: ContratId,
) -> Result<Option<Contrat>, sqlx::Error> {
    let query = sqlx::query("SELECT * FROM contrat WHERE contrat_id = ?").bind(bytes(id.uuid()));
    query.fetch_optional(connection).await?.as_ref().map(contrat).transpose()
}

/// Adds what each ContratEmis says; what later events said, if they came first, stays.
pub(crate) async fn hear_emis<'e>(
    connection: &mut SqliteConnection,
    heard: impl Iterator<Item = &'e ContratEmis>,
) -> Result<(), sqlx::Error> {
    let mut insert = QueryBuilder::new("INSERT INTO contrat (contrat_id, client_id, date_effet, date_fin) ");
    insert.push_values(heard, |mut row, event| {
        row.push_bind(bytes(event.contrat_id.uuid()))
            .push_bind(event.client_id.as_str())
            .push_bind(event.date_effet.as_millisecond())
            .push_bind(event.date_fin.as_millisecond());
    });
    insert.push(
        " ON CONFLICT (contrat_id) DO UPDATE SET client_id = excluded.client_id, date_effet = excluded.date_effet, \
         date_fin = IIF(date_fin_version > 0, date_fin, excluded.date_fin)",
    );
    insert.build().execute(connection).await.map(drop)
}

/// What a ContratModifie says of a cover.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    Suspendu(bool),
    DateFin(Timestamp),
}

/// Keeps a change, unless a newer one was heard.
pub(crate) async fn hear_modifie(
    connection: &mut SqliteConnection,
    contrat: ContratId,
    change: Change,
    version: Version,
) -> Result<(), sqlx::Error> {
    let query = match change {
        Change::Suspendu(suspendu) => sqlx::query(
            "INSERT INTO contrat (contrat_id, suspendu, suspendu_version) VALUES (?, ?, ?) \
             ON CONFLICT (contrat_id) DO UPDATE SET suspendu = excluded.suspendu, \
             suspendu_version = excluded.suspendu_version WHERE excluded.suspendu_version > suspendu_version",
        )
        .bind(bytes(contrat.uuid()))
        .bind(suspendu),
        Change::DateFin(date_fin) => sqlx::query(
            "INSERT INTO contrat (contrat_id, date_fin, date_fin_version) VALUES (?, ?, ?) \
             ON CONFLICT (contrat_id) DO UPDATE SET date_fin = excluded.date_fin, \
             date_fin_version = excluded.date_fin_version WHERE excluded.date_fin_version > date_fin_version",
        )
        .bind(bytes(contrat.uuid()))
        .bind(date_fin.as_millisecond()),
    };
    query.bind(version.get()).execute(connection).await.map(drop)
}

/// Marks each contract as ended, also where nothing else of it was heard yet.
pub(crate) async fn hear_resilie<'e>(
    connection: &mut SqliteConnection,
    heard: impl Iterator<Item = &'e ContratResilie>,
) -> Result<(), sqlx::Error> {
    let mut insert = QueryBuilder::new("INSERT INTO contrat (contrat_id, resilie) ");
    insert.push_values(heard, |mut row, event| {
        row.push_bind(bytes(event.contrat_id.uuid())).push_bind(true);
    });
    insert.push(" ON CONFLICT (contrat_id) DO UPDATE SET resilie = 1");
    insert.build().execute(connection).await.map(drop)
}

fn contrat(row: &SqliteRow) -> Result<Contrat, sqlx::Error> {
    let client_id: Option<&str> = row.try_get("client_id")?;
    let couverture = client_id.map(|client_id| {
        Ok::<_, sqlx::Error>(Couverture {
            client_id: client_id.parse().map_err(undecodable)?,
            date_effet: instant(row, "date_effet")?,
            date_fin: instant(row, "date_fin")?,
        })
    });
    Ok(Contrat {
        couverture: couverture.transpose()?,
        suspendu: row.try_get("suspendu")?,
        resilie: row.try_get("resilie")?,
    })
}
