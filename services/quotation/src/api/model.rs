//! What goes over HTTP, as types.

use platform::http::Problem;
use schemas::{Cents, ClientId};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::{
    domain::Devis,
    store::{Cursor, Page},
};

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

/// What is insured.
#[derive(Debug, ToSchema)]
#[schema(as = TypeBien)]
#[allow(dead_code, clippy::upper_case_acronyms)]
pub(super) enum TypeBienJson {
    AUTO,
    HABITATION,
    AUTRE,
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

// For the API's description only: the type that is sent is the platform's.
/// A refusal (RFC 9457).
#[derive(Debug, ToSchema)]
#[schema(as = Problem)]
#[allow(dead_code)]
pub(super) struct ProblemJson {
    #[schema(rename = "type", example = "about:blank")]
    kind: String,
    title: String,
    status: u16,
    /// What is wrong and what to do.
    detail: String,
    /// The first field at fault.
    field: Option<String>,
    /// Every field at fault.
    errors: Option<Vec<ViolationJson>>,
}

/// One field at fault.
#[derive(Debug, ToSchema)]
#[schema(as = Violation)]
#[allow(dead_code)]
pub(super) struct ViolationJson {
    field: String,
    detail: String,
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

impl From<Page> for PageJson {
    fn from(page: Page) -> Self {
        Self {
            devis: page.devis.into_iter().map(DevisJson::from).collect(),
            next_cursor: page.next.map(|cursor| cursor.0.to_string()),
        }
    }
}

/// An amount as a JSON number with two decimals, digit by digit.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out a reference")]
fn amount<S: Serializer>(cents: &Cents, serializer: S) -> Result<S::Ok, S::Error> {
    RawValue::from_string(cents.to_string()).map_err(serde::ser::Error::custom)?.serialize(serializer)
}

/// What a list is asked for.
#[derive(Debug)]
pub(super) struct ListQuery {
    pub(super) client_id: ClientId,
    pub(super) limit: u16,
    pub(super) cursor: Option<Cursor>,
}

const DEFAULT_LIMIT: u16 = 20;
const HIGHEST_LIMIT: u16 = 100;

impl ListQuery {
    /// Reads the query; a fault names its parameter.
    pub(super) fn parse(query: &str) -> Result<Self, Problem> {
        let mut client_id = None;
        let mut limit = None;
        let mut cursor = None;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let slot = match name.as_ref() {
                "clientId" => &mut client_id,
                "limit" => &mut limit,
                "cursor" => &mut cursor,
                other => {
                    let name: String = other.chars().take(64).collect();
                    return Err(Problem::parameter(&name, "is not a parameter of this request"));
                }
            };
            if slot.replace(value.into_owned()).is_some() {
                return Err(Problem::parameter(&name, "is given more than once"));
            }
        }
        let client_id = client_id.ok_or_else(|| Problem::parameter("clientId", "is missing"))?;
        Ok(Self {
            client_id: client_id
                .parse()
                .map_err(|error: schemas::ClientIdError| Problem::parameter("clientId", error.to_string()))?,
            limit: limit.map_or(Ok(DEFAULT_LIMIT), |text| parse_limit(&text))?,
            cursor: cursor.map(|text| parse_cursor(&text)).transpose()?,
        })
    }
}

fn parse_limit(text: &str) -> Result<u16, Problem> {
    let limit = text.parse().ok().filter(|limit| (1..=HIGHEST_LIMIT).contains(limit));
    limit.ok_or_else(|| {
        Problem::parameter("limit", format!("must be a whole number from 1 to {HIGHEST_LIMIT}"))
    })
}

fn parse_cursor(text: &str) -> Result<Cursor, Problem> {
    let row = text.parse().ok().filter(|row| *row > 0);
    row.map(Cursor).ok_or_else(|| Problem::parameter("cursor", "must be the nextCursor of another page"))
}
