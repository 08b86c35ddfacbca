//! Events of the souscription service (namespace `com.kafkaedalab.souscription`).

mod contrat_emis;
mod contrat_modifie;
mod contrat_resilie;
mod modification;

pub use contrat_emis::ContratEmis;
pub use contrat_modifie::ContratModifie;
pub use contrat_resilie::ContratResilie;
pub use modification::{Modification, UnknownModification};
