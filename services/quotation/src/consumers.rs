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

/// Contracts were made of quotes: each quote is CONVERTI, also where it had expired in the meantime.
fn contrat_emis<'c>(batch: &'c mut Batch, heard: &'c [Received<ContratEmis>]) -> Work<'c, (), EffectError> {
    Box::pin(async move {
        for Received { event, .. } in heard {
            let devis = event.devis_id;
            if !store::convert(batch, devis).await? {
                let contrat = event.contrat_id;
                let detail = format!("contract {contrat} was made of quote {devis}, which nobody made here");
                return Err(EffectError::Unacceptable { reason: "UnknownDevis", detail });
            }
        }
        Ok(())
    })
}
