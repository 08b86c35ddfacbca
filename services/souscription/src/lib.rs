//! The souscription service: turns quotes into contracts over HTTP, changes and ends them, and publishes what happened.
//! It hears of quotes from Kafka.
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
use metrics::SouscriptionMetrics;
use store::ContratStore;

/// The service's name, in its database, its logs and its events' source.
pub const NAME: &str = "souscription";

/// The souscription service's settings
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    #[command(flatten)]
    pub service: ServiceConfig,
}

/// Runs the service on an open socket until told to stop.
pub async fn serve(listener: TcpListener, config: Config, stop: CancellationToken) -> Result<(), ServeError> {
    let service = Service::open(NAME, config.service, &store::migrations()).await?;
    let metrics = SouscriptionMetrics::new(&service.metrics);
    let handlers = consumers::handlers(metrics.claims.clone());
    let api = Api { store: ContratStore::new(service.store.clone()), metrics };
    service.run(listener, api::routes(Arc::new(api)), handlers, Vec::new(), stop).await
}
