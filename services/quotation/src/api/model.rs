//! What goes over HTTP, as types.

use platform::{
    http::described::{TypeBienJson, amount},
    store::Page,
};
use schemas::Cents;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::Devis;

// For the API's description only: a request is read field by field, so that a refusal names each (see `generate`).
/// What a quote is asked for. Other fields are refused.
#[derive(Debug, ToSchema)]
#[schema(as = Demande)]
#[allow(dead_code)]
pub(super) struct DemandeJson {
    /// 1 to 64 letters, digits, `-`, `_`, `.` or `:`.
    #[schema(
        rename = "clientId",
        min_length = 1,
        max_length = 64,
        pattern = "^[A-Za-z0-9_.:-]+$",
        example = "C001"
    )]
    client_id: String,
    #[schema(rename = "typeBien")]
    type_bien: TypeBienJson,
    /// Value of the insured good: more than 0, with at most two decimals.
    #[schema(exclusive_minimum = 0, maximum = 9_999_999_999.99, example = 25000)]
    valeur: f64,
}

/// Where a quote is in its life.
#[derive(Debug, ToSchema)]
#[schema(as = Statut)]
#[allow(dead_code, clippy::upper_case_acronyms)]
pub(super) enum StatutJson {
    GENERE,
    CONVERTI,
    EXPIRE,
}

/// A quote.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Devis)]
pub(super) struct DevisJson {
    #[schema(format = "uuid")]
    devis_id: String,
    client_id: String,
    #[schema(value_type = TypeBienJson)]
    type_bien: &'static str,
    #[serde(serialize_with = "amount")]
    #[schema(value_type = f64)]
    valeur: Cents,
    /// The yearly premium: 2 % of the value for AUTO, 1.5 % for HABITATION, 1.8 % for AUTRE, rounded half up to
    /// the cent.
    #[serde(serialize_with = "amount")]
    #[schema(value_type = f64)]
    prime: Cents,
    #[schema(format = DateTime)]
    date_creation: String,
    /// From this instant on the quote is no longer valid.
    #[schema(format = DateTime)]
    date_expiration: String,
    #[schema(value_type = StatutJson)]
    statut: &'static str,
}

/// A page of quotes, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PageDevis)]
pub(super) struct PageJson {
    devis: Vec<DevisJson>,
    /// Send it as `cursor` to get the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

impl From<Devis> for DevisJson {
    fn from(devis: Devis) -> Self {
        Self {
            devis_id: devis.id.to_string(),
            client_id: devis.client_id.to_string(),
            type_bien: devis.type_bien.as_str(),
            valeur: devis.valeur,
            prime: devis.prime,
            date_creation: format!("{:.3}", devis.date_creation),
            date_expiration: format!("{:.3}", devis.date_expiration),
            statut: devis.statut.as_str(),
        }
    }
}

impl From<Page<Devis>> for PageJson {
    fn from(page: Page<Devis>) -> Self {
        Self {
            devis: page.items.into_iter().map(DevisJson::from).collect(),
            next_cursor: page.next.map(|cursor| cursor.0.to_string()),
        }
    }
}
