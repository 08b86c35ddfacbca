//! What goes over HTTP, as types.

use std::str::FromStr;

use platform::{http::described::amount, store::Page};
use schemas::Cents;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::domain::{Indemnisation, Sinistre};

// The requests' types are for the API's description only: a request is read field by field, so that a refusal names each.
/// What happened, to which contract. Other fields are refused.
#[derive(Debug, ToSchema)]
#[schema(as = Declaration)]
#[allow(dead_code)]
pub(super) struct DeclarationJson {
    #[schema(rename = "contratId", format = "uuid")]
    contrat_id: String,
    #[schema(rename = "type")]
    kind: TypeSinistreJson,
    #[schema(min_length = 1, max_length = 500, example = "collision à l'arrêt")]
    description: String,
    /// When it happened; just now where it is left out.
    #[schema(rename = "dateSurvenance", format = DateTime)]
    date_survenance: Option<String>,
    #[schema(rename = "montantEstime", exclusive_minimum = 0, maximum = 9_999_999_999.99, example = 1800)]
    montant_estime: f64,
}

/// What can happen.
#[derive(Debug, ToSchema)]
#[schema(as = TypeSinistre)]
#[allow(dead_code, clippy::upper_case_acronyms, non_camel_case_types)]
pub(super) enum TypeSinistreJson {
    ACCIDENT,
    VOL,
    INCENDIE,
    DEGAT_DES_EAUX,
    AUTRE,
}

/// How a claim is judged. Other fields are refused.
#[derive(Debug, ToSchema)]
#[schema(as = Evaluation)]
#[allow(dead_code)]
pub(super) struct EvaluationJson {
    decision: DecisionJson,
    /// What will be paid: more than 0 with ACCEPTE; 0 or left out with REJETE.
    #[schema(rename = "montantEvalue", minimum = 0, maximum = 9_999_999_999.99, example = 1650.5)]
    montant_evalue: Option<f64>,
    /// The reason in words; REJETE needs one.
    #[schema(min_length = 1, max_length = 500)]
    motif: Option<String>,
}

#[derive(Debug, ToSchema)]
#[schema(as = Decision)]
#[allow(dead_code, clippy::upper_case_acronyms)]
enum DecisionJson {
    ACCEPTE,
    REJETE,
}

/// Where a claim is in its life.
#[derive(Debug, ToSchema)]
#[schema(as = Statut)]
#[allow(dead_code, clippy::upper_case_acronyms, non_camel_case_types)]
pub(super) enum StatutJson {
    DECLARE,
    EN_EXPERTISE,
    EVALUE,
    INDEMNISE,
    REJETE,
}

/// A claim.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Sinistre)]
pub(super) struct SinistreJson {
    #[schema(format = "uuid")]
    sinistre_id: String,
    #[schema(format = "uuid")]
    contrat_id: String,
    /// The contract's.
    client_id: String,
    #[serde(rename = "type")]
    #[schema(value_type = TypeSinistreJson)]
    kind: &'static str,
    description: String,
    #[schema(format = DateTime)]
    date_survenance: String,
    #[schema(format = DateTime)]
    date_declaration: String,
    #[serde(serialize_with = "amount")]
    #[schema(value_type = f64)]
    montant_estime: Cents,
    /// What will be paid, once the claim was judged; 0 where it was rejected.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "some_amount")]
    #[schema(value_type = Option<f64>)]
    montant_evalue: Option<Cents>,
    /// The reason of that, where one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    motif: Option<String>,
    /// Its payment, once it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    indemnisation: Option<IndemnisationJson>,
    #[schema(value_type = StatutJson)]
    statut: &'static str,
}

/// The payment of a claim.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Indemnisation)]
pub(super) struct IndemnisationJson {
    #[schema(format = "uuid")]
    indemnisation_id: String,
    #[serde(serialize_with = "amount")]
    #[schema(value_type = f64)]
    montant: Cents,
    #[schema(format = DateTime)]
    date_paiement: String,
}

/// A page of claims, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PageSinistres)]
pub(super) struct PageJson {
    sinistres: Vec<SinistreJson>,
    /// Send it as `cursor` to get the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[allow(clippy::ref_option)] // what serde calls it with
fn some_amount<S: Serializer>(cents: &Option<Cents>, serializer: S) -> Result<S::Ok, S::Error> {
    match cents {
        Some(cents) => amount(cents, serializer),
        None => serializer.serialize_none(),
    }
}

impl From<Sinistre> for SinistreJson {
    fn from(sinistre: Sinistre) -> Self {
        Self {
            sinistre_id: sinistre.id.to_string(),
            contrat_id: sinistre.contrat_id.to_string(),
            client_id: sinistre.client_id.to_string(),
            kind: sinistre.type_sinistre.as_str(),
            description: sinistre.description,
            date_survenance: format!("{:.3}", sinistre.date_survenance),
            date_declaration: format!("{:.3}", sinistre.date_declaration),
            montant_estime: sinistre.montant_estime,
            montant_evalue: sinistre.montant_evalue,
            motif: sinistre.motif,
            indemnisation: sinistre.indemnisation.map(IndemnisationJson::from),
            statut: sinistre.statut.as_str(),
        }
    }
}

impl From<Indemnisation> for IndemnisationJson {
    fn from(indemnisation: Indemnisation) -> Self {
        Self {
            indemnisation_id: indemnisation.id.to_string(),
            montant: indemnisation.montant,
            date_paiement: format!("{:.3}", indemnisation.date_paiement),
        }
    }
}

impl From<Page<Sinistre>> for PageJson {
    fn from(page: Page<Sinistre>) -> Self {
        Self {
            sinistres: page.items.into_iter().map(SinistreJson::from).collect(),
            next_cursor: page.next.map(|cursor| cursor.0.to_string()),
        }
    }
}

/// What can be decided: a newer decision's name (AUTRE) cannot.
pub(super) enum Decided {
    Accepte,
    Rejete,
}

impl FromStr for Decided {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "ACCEPTE" => Ok(Self::Accepte),
            "REJETE" => Ok(Self::Rejete),
            _ => Err("must be one of ACCEPTE, REJETE"),
        }
    }
}
