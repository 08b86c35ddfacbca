//! What the bodies of commands ask for.

use platform::{
    http::{Problem, read_object},
    text::FreeText,
};
use schemas::DevisId;

use super::model;
use crate::domain::Changement;

/// The quote that is to become a contract.
pub fn conversion(body: &[u8]) -> Result<DevisId, Problem> {
    read_object(body, |fields| fields.text("devisId"))
}

/// How a contract is to be changed.
pub fn change(body: &[u8]) -> Result<Changement, Problem> {
    read_object(body, model::changement)
}

/// Why a contract is to end.
pub fn end(body: &[u8]) -> Result<FreeText, Problem> {
    read_object(body, |fields| fields.text("motif"))
}
