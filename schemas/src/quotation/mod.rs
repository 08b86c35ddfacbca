//! Events of the quotation service (namespace `com.kafkaedalab.quotation`).

mod devis_expire;
mod devis_genere;

pub use devis_expire::DevisExpire;
pub use devis_genere::DevisGenere;
