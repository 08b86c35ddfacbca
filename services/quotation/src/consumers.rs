//! What the service hears from Kafka.

use platform::{
    consumer::{EffectError, Handlers, Received},
    store::{Batch, Work},
};
use schemas::ContratEmis;

use crate::store;

/// The events that the service listens to, and what each does.
pub fn handlers() -> Handlers {
    Handlers::new().on(contrat_emis)
}

/// A contract was made of a quote: the quote is CONVERTI, also where it had expired in the meantime.
fn contrat_emis<'c>(batch: &'c mut Batch, heard: &'c Received<ContratEmis>) -> Work<'c, (), EffectError> {
    Box::pin(async move {
        let devis = heard.event.devis_id;
        if store::convert(batch, devis).await? {
            return Ok(());
        }
        let detail =
            format!("contract {} was made of quote {devis}, which nobody made here", heard.event.contrat_id);
        Err(EffectError::Unacceptable { reason: "UnknownDevis", detail })
    })
}
