//! What the bodies of commands ask for.

use platform::{
    http::{Fields, Problem, read_object},
    text::Instant,
};

use super::model::Decided;
use crate::domain::{Declaration, Evaluation};

/// The loss that a client tells of.
pub fn declaration(body: &[u8]) -> Result<Declaration, Problem> {
    read_object(body, |fields| {
        let contrat_id = fields.text("contratId");
        let type_sinistre = fields.text("type");
        let description = fields.text("description");
        let date_survenance = fields.optional("dateSurvenance", Fields::text::<Instant>);
        let montant_estime = fields.amount("montantEstime");
        Some(Declaration {
            contrat_id: contrat_id?,
            type_sinistre: type_sinistre?,
            description: description?,
            date_survenance: date_survenance?.map(|Instant(instant)| instant),
            montant_estime: montant_estime?,
        })
    })
}

/// How a claim is judged: an amount where it is accepted, a reason where it is not.
pub fn evaluation(body: &[u8]) -> Result<Evaluation, Problem> {
    read_object(body, |fields| match fields.text("decision") {
        Some(Decided::Accepte) => {
            let montant = fields.amount("montantEvalue");
            let motif = fields.optional("motif", Fields::text);
            Some(Evaluation::Accepte { montant: montant?, motif: motif? })
        }
        Some(Decided::Rejete) => {
            let montant = fields.optional("montantEvalue", Fields::amount);
            let motif = fields.text("motif");
            match montant? {
                Some(montant) if montant.get() != 0 => {
                    fields.refuse("montantEvalue", "must be 0 or left out where a claim is rejected")
                }
                _ => Some(Evaluation::Rejete { motif: motif? }),
            }
        }
        None => {
            fields.pass_over("montantEvalue");
            fields.pass_over("motif");
            None
        }
    })
}
