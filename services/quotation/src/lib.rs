//! The quotation service: makes quotes over HTTP, expires them, and publishes what happened. It hears of contracts, and
//! marks the quotes that they came from.
//!
//! - [`domain`] decides, [`store`] remembers, [`api`] speaks HTTP, [`consumers`] listens, [`sweeper`] watches the clock.
//! - [`serve`] wires them; it is the whole service, from an open socket to a drained stop.

pub mod api;
pub mod consumers;
pub mod domain;
mod metrics;
pub mod store;
pub mod sweeper;

use std::sync::Arc;

use platform::{
    config::{ServiceConfig, Span},
    service::{ServeError, Service},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use api::Api;
use metrics::QuotationMetrics;
use store::DevisStore;

/// The service's name, in its database, its logs and its events' source.
pub const NAME: &str = "quotation";

/// The quotation service's settings
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    #[command(flatten)]
    pub service: ServiceConfig,

    /// How long a quote is valid: a number and s, m, h or d
    #[arg(long, env = "QUOTE_VALIDITY", default_value = "30d")]
    pub quote_validity: Span,
}

/// Runs the service on an open socket until told to stop.
pub async fn serve(listener: TcpListener, config: Config, stop: CancellationToken) -> Result<(), ServeError> {
    let Config { service, quote_validity } = config;
    let service = Service::open(NAME, service, &store::migrations()).await?;
    let numbers = QuotationMetrics::new(&service.metrics);
    let devis = DevisStore::new(service.store.clone());
    let api = Api { store: devis.clone(), validity: quote_validity.0, metrics: numbers.clone() };
    let sweeper = Box::pin(sweeper::run(devis, numbers, stop.clone()));
    service
        .run(listener, api::routes(Arc::new(api)), consumers::handlers(), vec![("sweeper", sweeper)], stop)
        .await
}
