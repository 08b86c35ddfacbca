//! What the service hears from Kafka. The topics of a quote, and those of a claim, arrive in any order, and each effect only
//! adds what its event says: quote and contract are the same in the end.

use platform::{
    consumer::{EffectError, Handlers, Received, events},
    store::{Batch, Work},
};
use prometheus::Histogram;
use schemas::{
    ContratId, Decision, DevisExpire, DevisGenere, IndemnisationEffectuee, SinistreDeclare, SinistreEvalue,
};

use crate::store::{self, Claim};

/// The events that the service listens to, and what each does. `claims` observes how many claims a contract has by then,
/// once for each claim, and again where a batch is tried again.
pub fn handlers(claims: Histogram) -> Handlers {
    Handlers::new()
        .on(devis_genere)
        .on(devis_expire)
        .on(move |batch, heard| sinistre_declare(batch, heard, claims.clone()))
        .on(sinistre_evalue)
        .on(indemnisation_effectuee)
}

fn devis_genere<'c>(batch: &'c mut Batch, heard: &'c [Received<DevisGenere>]) -> Work<'c, (), EffectError> {
    Box::pin(async move { Ok(store::hear_genere(batch.connection().await?, events(heard)).await?) })
}

fn devis_expire<'c>(batch: &'c mut Batch, heard: &'c [Received<DevisExpire>]) -> Work<'c, (), EffectError> {
    Box::pin(async move { Ok(store::hear_expire(batch.connection().await?, events(heard)).await?) })
}

fn sinistre_declare<'c>(
    batch: &'c mut Batch,
    heard: &'c [Received<SinistreDeclare>],
    claims: Histogram,
) -> Work<'c, (), EffectError> {
    Box::pin(async move {
        for Received { event, .. } in heard {
            claims.observe(claim(batch, event.contrat_id, Claim::Declared).await?.into());
        }
        Ok(())
    })
}

fn sinistre_evalue<'c>(
    batch: &'c mut Batch,
    heard: &'c [Received<SinistreEvalue>],
) -> Work<'c, (), EffectError> {
    Box::pin(async move {
        for Received { event, .. } in heard.iter().filter(|heard| heard.event.decision == Decision::Rejete) {
            claim(batch, event.contrat_id, Claim::Rejected).await?;
        }
        Ok(())
    })
}

fn indemnisation_effectuee<'c>(
    batch: &'c mut Batch,
    heard: &'c [Received<IndemnisationEffectuee>],
) -> Work<'c, (), EffectError> {
    Box::pin(async move {
        for Received { event, .. } in heard {
            claim(batch, event.contrat_id, Claim::Paid(event.montant)).await?;
        }
        Ok(())
    })
}

/// How many claims the contract has by now. One that nobody made here can have none.
async fn claim(batch: &mut Batch, contrat: ContratId, claim: Claim) -> Result<u32, EffectError> {
    let known = store::hear_claim(batch.connection().await?, contrat, claim).await?;
    known.ok_or_else(|| EffectError::Unacceptable {
        reason: "UnknownContrat",
        detail: format!("a claim was made on contract {contrat}, which nobody made here"),
    })
}
