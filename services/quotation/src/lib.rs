//! The quotation service: makes quotes over HTTP, expires them, and publishes what happened.
//!
//! - [`domain`] decides, [`store`] remembers, [`api`] speaks HTTP, [`sweeper`] watches the clock.
//! - [`serve`] wires them; it is the whole service, from an open socket to a drained stop.

pub mod api;
pub mod domain;
mod metrics;
pub mod store;
pub mod sweeper;

use std::sync::Arc;

use platform::{
    config::{ServiceConfig, Span},
    http::{self, Guard, Limits, Readiness},
    metrics::Metrics,
    outbox::Relay,
    registry::{RegistryClient, RegistryError},
    store::{DataFolder, Store, StoreError},
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

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl ServeError {
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Store(error) => error.reason(),
            Self::Registry(error) => error.reason(),
        }
    }
}

/// Runs the service on an open socket until told to stop, and then ends it in order: requests that have begun are
/// answered, and stored events are published for a few seconds more.
pub async fn serve(listener: TcpListener, config: Config, stop: CancellationToken) -> Result<(), ServeError> {
    let Config { service, quote_validity } = config;
    let metrics = Metrics::new();
    let folder = DataFolder::own(&service.data_dir, &service.identity.pod_name).map_err(StoreError::from)?;
    let store = Store::open(folder, NAME, &store::MIGRATIONS, service.outbox_capacity, &metrics).await?;
    let registry = Arc::new(RegistryClient::new(&service.kafka.schema_registry_url)?);
    let source = format!("/edalab/{}/{NAME}", service.identity.lab);
    let relay = Relay::new(&store, registry, &service.kafka.kafka_bootstrap_servers, source, &metrics);
    let numbers = QuotationMetrics::new(&metrics);
    let devis = DevisStore::new(store.clone());

    let api = Api { store: devis.clone(), validity: quote_validity.0, metrics: numbers.clone() };
    let guarded = Guard::new(Limits::default(), &metrics).protect(api::routes(Arc::new(api)));
    let routes = http::operations(Readiness::new(store.clone()), metrics).merge(guarded);

    let relay_stop = CancellationToken::new();
    let relay = tokio::spawn(relay.run(relay_stop.clone()));
    let sweeper = tokio::spawn(sweeper::run(devis, numbers, stop.clone()));
    http::serve(listener, routes, stop).await;
    // The sweeper and the last requests write events; the relay stops after them.
    end(sweeper, "sweeper").await;
    relay_stop.cancel();
    end(relay, "relay").await;
    store.close().await;
    Ok(())
}

async fn end(task: tokio::task::JoinHandle<()>, name: &str) {
    if let Err(error) = task.await {
        tracing::error!(%error, task = name, "a task ended badly");
    }
}
