//! Events of the reclamation service (namespace `com.kafkaedalab.reclamation`).

mod decision;
mod indemnisation_effectuee;
mod sinistre_declare;
mod sinistre_evalue;
mod type_sinistre;

pub use decision::{Decision, UnknownDecision};
pub use indemnisation_effectuee::IndemnisationEffectuee;
pub use sinistre_declare::SinistreDeclare;
pub use sinistre_evalue::SinistreEvalue;
pub use type_sinistre::{TypeSinistre, UnknownTypeSinistre};
