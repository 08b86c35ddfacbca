//! What goes over HTTP, as types.

use std::str::FromStr;

use platform::{
    http::{
        Fields,
        described::{TypeBienJson, amount},
    },
    store::Page,
    text::Instant,
};
use schemas::{Cents, Modification, Total};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Changement, Contrat};

// The requests' types are for the API's description only: a request is read field by field, so that a refusal names each.
/// Which quote becomes a contract. Other fields are refused.
#[derive(Debug, ToSchema)]
#[schema(as = Conversion)]
#[allow(dead_code)]
pub(super) struct ConversionJson {
    #[schema(rename = "devisId", format = "uuid")]
    devis_id: String,
}

/// What changes. Other fields are refused.
#[derive(Debug, ToSchema)]
#[schema(as = ModificationDeContrat)]
#[allow(dead_code)]
pub(super) struct ModificationJson {
    modification: ModificationKind,
    /// For PRIME the yearly premium, a number; for DATE_FIN an instant; for SUSPENSION and REPRISE the reason in words.
    #[schema(value_type = Value, example = 512.5)]
    valeur: (),
}

/// What can change.
#[derive(Debug, ToSchema)]
#[schema(as = Modification)]
#[allow(dead_code, clippy::upper_case_acronyms, non_camel_case_types)]
enum ModificationKind {
    PRIME,
    DATE_FIN,
    SUSPENSION,
    REPRISE,
}

/// Why the contract ends. Other fields are refused.
#[derive(Debug, ToSchema)]
#[schema(as = Resiliation)]
#[allow(dead_code)]
pub(super) struct ResiliationJson {
    #[schema(min_length = 1, max_length = 500, example = "vente du véhicule")]
    motif: String,
}

/// Where a contract is in its life.
#[derive(Debug, ToSchema)]
#[schema(as = Statut)]
#[allow(dead_code, clippy::upper_case_acronyms)]
pub(super) enum StatutJson {
    ACTIF,
    SUSPENDU,
    RESILIE,
}

/// A contract.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Contrat)]
pub(super) struct ContratJson {
    #[schema(format = "uuid")]
    contrat_id: String,
    /// The quote that it was made of.
    #[schema(format = "uuid")]
    devis_id: String,
    client_id: String,
    #[schema(value_type = TypeBienJson)]
    type_bien: &'static str,
    /// The yearly premium.
    #[serde(serialize_with = "amount")]
    #[schema(value_type = f64)]
    prime: Cents,
    #[schema(format = DateTime)]
    date_effet: String,
    /// The first instant that is not covered any more.
    #[schema(format = DateTime)]
    date_fin: String,
    #[schema(value_type = StatutJson)]
    statut: &'static str,
    /// Claims on it that were heard of so far.
    sinistres: u32,
    /// How many of them were rejected.
    sinistres_rejetes: u32,
    /// What was paid for them in all.
    #[serde(serialize_with = "amount")]
    #[schema(value_type = f64)]
    indemnites: Total,
}

/// A page of contracts, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PageContrats)]
pub(super) struct PageJson {
    contrats: Vec<ContratJson>,
    /// Send it as `cursor` to get the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

impl From<Contrat> for ContratJson {
    fn from(contrat: Contrat) -> Self {
        Self {
            contrat_id: contrat.id.to_string(),
            devis_id: contrat.devis_id.to_string(),
            client_id: contrat.client_id.to_string(),
            type_bien: contrat.type_bien.as_str(),
            prime: contrat.prime,
            date_effet: format!("{:.3}", contrat.date_effet),
            date_fin: format!("{:.3}", contrat.date_fin),
            statut: contrat.statut.as_str(),
            sinistres: contrat.bilan.sinistres,
            sinistres_rejetes: contrat.bilan.rejetes,
            indemnites: contrat.bilan.indemnites,
        }
    }
}

impl From<Page<Contrat>> for PageJson {
    fn from(page: Page<Contrat>) -> Self {
        Self {
            contrats: page.items.into_iter().map(ContratJson::from).collect(),
            next_cursor: page.next.map(|cursor| cursor.0.to_string()),
        }
    }
}

/// A modification that can be asked for: a newer one's name (AUTRE) is none.
struct Asked(Modification);

impl FromStr for Asked {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(Modification::Autre) | Err(_) => Err("must be one of PRIME, DATE_FIN, SUSPENSION, REPRISE"),
            Ok(modification) => Ok(Self(modification)),
        }
    }
}

/// Reads `{modification, valeur}`; what a value must be depends on the modification.
pub(super) fn changement(fields: &mut Fields) -> Option<Changement> {
    let Some(Asked(modification)) = fields.text("modification") else {
        fields.pass_over("valeur");
        return None;
    };
    match modification {
        Modification::Prime => fields.amount("valeur").map(Changement::Prime),
        Modification::DateFin => fields.text("valeur").map(|Instant(instant)| Changement::DateFin(instant)),
        Modification::Suspension => fields.text("valeur").map(Changement::Suspension),
        Modification::Reprise => fields.text("valeur").map(Changement::Reprise),
        Modification::Autre => None,
    }
}
