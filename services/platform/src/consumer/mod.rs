//! How a service listens to Kafka without losing or doubling an effect.
//!
//! ```text
//! session ──records──▶ gather ──batch──▶ prepare ──▶ apply: one transaction
//!   seeks to our own       bounded        decodes      inbox, effects, letters, offsets
//!   offsets on assignment
//! ```
//!
//! - An effect, the event's id (inbox), the record's offset and, where there is one, its dead letter are written in one
//!   transaction. A kill at any moment leaves all of them or none.
//! - The offsets in the database are the ones that count: a partition is read on from there whenever it is assigned.
//!   They are committed to Kafka too, afterwards, so that every Kafka tool shows the lag.
//! - A record that cannot be read or applied becomes a letter on `dlq.errors` and holds up nothing.
//! - A database that takes no writes, or a registry that does not answer, holds up everything: the same batch is tried
//!   again, and the partitions are paused where that lasts.

mod apply;
mod dead_letter;
mod gather;
mod handlers;
mod metrics;
mod pace;
mod position;
mod prepare;
mod rows;
mod session;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub(crate) use dead_letter::Letter;
pub use handlers::{Effect, EffectError, Handlers, Received, events};
pub(crate) use pace::Pace;
pub use position::ClusterMismatch;
pub(crate) use position::Position;
use tokio_util::sync::CancellationToken;

use crate::{
    backoff::{self, Backoff},
    metrics::Metrics,
    registry::RegistryClient,
    store::Store,
};
use apply::Applier;
use metrics::ConsumerMetrics;

/// Who consumes.
#[derive(Debug, Clone)]
pub struct Membership {
    /// The consumer group, such as `souscription-service`.
    pub group: String,
    /// The member's fixed name (KIP-345, `group.instance.id`): the pod's. A pod that is killed and comes back within the
    /// session's timeout takes its partitions up again without a rebalance.
    pub instance: String,
    /// What dead letters name as the service that could not go on: `/edalab/<lab>/<service>`.
    pub service: String,
    pub bootstrap_servers: String,
}

/// Listens to the topics that the service has effects for.
#[derive(Debug)]
pub struct Consumer {
    membership: Membership,
    position: Position,
    applier: Arc<Applier>,
    metrics: ConsumerMetrics,
}

impl Consumer {
    pub(crate) fn new(
        membership: Membership,
        handlers: Handlers,
        store: &Store,
        registry: Arc<RegistryClient>,
        pace: Pace,
        metrics: &Metrics,
    ) -> Self {
        let metrics = ConsumerMetrics::new(metrics);
        let applier = Arc::new(Applier::new(&membership, handlers, store, registry, pace, metrics.clone()));
        Self { membership, position: store.position.clone(), applier, metrics }
    }

    /// Consumes until told to stop; then finishes the batch that it has begun. A session that fails is followed by
    /// another.
    pub async fn run(self, stop: CancellationToken) {
        let mut backoff = Backoff::new();
        while !stop.is_cancelled() {
            let session = session::run(&self.membership, &self.position, &self.applier, &self.metrics, &stop);
            let Err(failure) = session.await else { break };
            if failure.lasted > backoff::LONGEST {
                backoff.succeeded();
            }
            let error = failure.error;
            self.metrics.failures.with_label_values(&[error.reason()]).inc();
            // The counter above goes on.
            if backoff.is_news(error.reason()) {
                tracing::warn!(reason = error.reason(), %error, "cannot consume");
            }
            backoff.wait(&stop).await;
        }
        tracing::info!("the consumer has stopped");
    }
}
