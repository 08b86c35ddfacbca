//! Events of the quotation service (namespace `com.kafkaedalab.quotation`).

mod devis_expire;
mod devis_genere;
mod type_bien;

pub use devis_expire::DevisExpire;
pub use devis_genere::DevisGenere;
pub use type_bien::{TypeBien, UnknownTypeBien};
