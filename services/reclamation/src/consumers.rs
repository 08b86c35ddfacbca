//! What the service hears from Kafka. The three topics of a contract arrive in any order, and each effect only adds what its
//! event says: the contract is the same in the end.

use platform::{
    consumer::{EffectError, Handlers, Received, events},
    store::{Batch, Work},
    text::Instant,
};
use schemas::{ContratEmis, ContratModifie, ContratResilie, Modification};

use crate::store::{self, Change};

/// The events that the service listens to, and what each does.
pub fn handlers() -> Handlers {
    Handlers::new().on(contrat_emis).on(contrat_modifie).on(contrat_resilie)
}

fn contrat_emis<'c>(batch: &'c mut Batch, heard: &'c [Received<ContratEmis>]) -> Work<'c, (), EffectError> {
    Box::pin(async move { Ok(store::hear_emis(batch.connection().await?, events(heard)).await?) })
}

fn contrat_modifie<'c>(
    batch: &'c mut Batch,
    heard: &'c [Received<ContratModifie>],
) -> Work<'c, (), EffectError> {
    Box::pin(async move {
        for Received { event, .. } in heard {
            if let Some(change) = change(event)? {
                let connection = batch.connection().await?;
                store::hear_modifie(connection, event.contrat_id, change, event.version).await?;
            }
        }
        Ok(())
    })
}

fn contrat_resilie<'c>(
    batch: &'c mut Batch,
    heard: &'c [Received<ContratResilie>],
) -> Work<'c, (), EffectError> {
    Box::pin(async move { Ok(store::hear_resilie(batch.connection().await?, events(heard)).await?) })
}

/// What a changed contract means for claims; nothing, where it is the premium or something newer than this service.
fn change(event: &ContratModifie) -> Result<Option<Change>, EffectError> {
    Ok(match event.modification {
        Modification::Suspension => Some(Change::Suspendu(true)),
        Modification::Reprise => Some(Change::Suspendu(false)),
        Modification::DateFin => {
            let valeur = &event.nouvelle_valeur;
            let Instant(date_fin) = valeur.parse().map_err(|error| EffectError::Unacceptable {
                reason: "BadNouvelleValeur",
                detail: format!("contract {}: the new dateFin {valeur:?} {error}", event.contrat_id),
            })?;
            Some(Change::DateFin(date_fin))
        }
        Modification::Prime | Modification::Autre => None,
    })
}
