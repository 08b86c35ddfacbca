//! The reclamation service: takes claims (sinistres) over HTTP, has them judged and paid, and publishes what happened. Which
//! contracts cover what, it hears from Kafka.
//!
//! - [`domain`] decides, [`store`] remembers, [`api`] speaks HTTP, [`consumers`] listens.
//! - [`serve`] wires them; it is the whole service, from an open socket to a drained stop.

pub mod api;
pub mod consumers;
pub mod domain;
mod metrics;
pub mod store;

use std::sync::Arc;

use platform::{
    config::ServiceConfig,
    service::{ServeError, Service},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use api::Api;
use metrics::ReclamationMetrics;
use store::SinistreStore;

/// The service's name, in its database, its logs and its events' source.
pub const NAME: &str = "reclamation";

/// The reclamation service's settings
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    #[command(flatten)]
    pub service: ServiceConfig,
}

/// Runs the service on an open socket until told to stop.
pub async fn serve(listener: TcpListener, config: Config, stop: CancellationToken) -> Result<(), ServeError> {
    let service = Service::open(NAME, config.service, &store::migrations()).await?;
    let metrics = ReclamationMetrics::new(&service.metrics);
    let api = Api { store: SinistreStore::new(service.store.clone()), metrics };
    service.run(listener, api::routes(Arc::new(api)), consumers::handlers(), Vec::new(), stop).await
}
