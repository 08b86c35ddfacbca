//! What the service hears from Kafka. The two topics of a quote arrive in any order, and each effect only adds what its
//! event says: the quote is the same in the end.

use platform::{
    consumer::{EffectError, Handlers, Received},
    store::{Batch, Work},
};
use schemas::{DevisExpire, DevisGenere};

use crate::store;

/// The events that the service listens to, and what each does.
pub fn handlers() -> Handlers {
    Handlers::new().on(devis_genere).on(devis_expire)
}

fn devis_genere<'c>(batch: &'c mut Batch, heard: &'c [Received<DevisGenere>]) -> Work<'c, (), EffectError> {
    Box::pin(async move { Ok(store::hear_genere(batch.connection().await?, heard).await?) })
}

fn devis_expire<'c>(batch: &'c mut Batch, heard: &'c [Received<DevisExpire>]) -> Work<'c, (), EffectError> {
    Box::pin(async move { Ok(store::hear_expire(batch.connection().await?, heard).await?) })
}
