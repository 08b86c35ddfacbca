//! The dashboard: steer the lab, see its events flow, read what happened, and whether it adds up.
//!
//! - [`feed`] reads the topics, [`hub`] hands events on; [`ring`] and [`cursor`] let a client go on where it stopped.
//! - [`broker`] asks Kafka; [`lab`], [`health`] and [`ledger`] look at the lab; [`board`] keeps what the page shows of it.
//! - [`texts`], [`flow`] and `page` render; `steer` speaks to the simulator.
//! - `api` answers for the lab's page, `explore` for those beside it; [`guard`] stands before both.
//! - [`serve`] wires them.

mod api;
mod assets;
pub mod board;
pub mod broker;
pub mod cursor;
pub mod event;
mod explore;
pub mod feed;
pub mod flow;
pub mod guard;
pub mod health;
pub mod hub;
pub mod lab;
pub mod ledger;
mod lessons;
mod line;
mod message;
pub mod metrics;
mod page;
pub mod ring;
mod sse;
mod steer;
mod stream;
pub mod texts;
mod web;

use std::sync::Arc;

use jiff::Timestamp;
use platform::{
    config::StatelessConfig,
    http::{Guard, Limits},
    registry::RegistryClient,
    service::{ServeError, StatelessService, Task},
};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;

use api::Dashboard;
use board::Board;
use broker::Broker;
use cursor::Epoch;
use explore::{Explorer, Logs};
use feed::Feed;
use guard::Hosts;
use health::Part;
use hub::Hub;
use lab::Lab;
use metrics::DashboardMetrics;
use steer::Simulator;

/// The dashboard's name among the services.
pub const NAME: &str = "dashboard";

/// The dashboard's settings
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    #[command(flatten)]
    pub service: StatelessConfig,

    /// Namespace of the lab; by default the client's own
    #[arg(long, env = "EDALAB_NAMESPACE")]
    pub namespace: Option<String>,

    /// Where quotation is
    #[arg(long, env = "QUOTATION_URL", default_value = "http://localhost:8081")]
    pub quotation_url: String,

    /// Where souscription is
    #[arg(long, env = "SOUSCRIPTION_URL", default_value = "http://localhost:8082")]
    pub souscription_url: String,

    /// Where reclamation is
    #[arg(long, env = "RECLAMATION_URL", default_value = "http://localhost:8083")]
    pub reclamation_url: String,

    /// Where the simulator is
    #[arg(long, env = "SIMULATOR_URL", default_value = "http://localhost:8084")]
    pub simulator_url: String,

    /// More names under which the dashboard is reached, comma separated, without ports
    #[arg(long, env = "ALLOWED_HOSTS", value_delimiter = ',')]
    pub allowed_hosts: Vec<String>,
}

/// Runs the dashboard on an open socket until told to stop.
pub async fn serve(listener: TcpListener, config: Config, stop: CancellationToken) -> Result<(), ServeError> {
    let service = StatelessService::new(NAME, &config.service);
    let StatelessConfig { kafka, identity, .. } = config.service;
    let servers = kafka.kafka_bootstrap_servers;
    let metrics = DashboardMetrics::new(&service.metrics);
    let registry = Arc::new(RegistryClient::new(&kafka.schema_registry_url)?);
    let broker = Broker::new(&servers, &service.metrics);
    let http = reqwest::Client::new();

    let hub = Hub::new(Epoch::starting(Timestamp::now()), metrics.clone());
    let board = Board::default();
    let feed = Feed { bootstrap_servers: servers, registry: Arc::clone(&registry), hub: hub.clone() };
    let (lab, told) = watch::channel(Lab::default());
    let services = vec![
        Part { name: "quotation", url: config.quotation_url },
        Part { name: "souscription", url: config.souscription_url },
        Part { name: "reclamation", url: config.reclamation_url },
    ];
    let simulator = Part { name: "simulator", url: config.simulator_url.clone() };
    let parts = services.iter().cloned().chain([simulator]).collect();

    let dashboard = Dashboard {
        hub: hub.clone(),
        board: board.clone(),
        simulator: Simulator { http: http.clone(), url: config.simulator_url },
        metrics,
        stop: stop.clone(),
    };
    let explorer = Explorer {
        broker: broker.clone(),
        registry,
        lab: told.clone(),
        logs: Logs::of(&identity.lab, config.namespace.as_deref()),
        stop: stop.clone(),
    };
    let routes = api::routes(dashboard).merge(explore::routes(explorer));
    let routes = Guard::new(Limits::default(), &service.metrics).protect(routes);
    let hosts = Hosts::new(&identity.lab, config.namespace.as_deref(), &config.allowed_hosts);
    let tasks: Vec<Task> = vec![
        ("feed", Box::pin(feed.run(stop.clone()))),
        ("hub", Box::pin(hub.run(stop.clone()))),
        ("lab", Box::pin(lab::watch(identity.lab, config.namespace, lab, stop.clone()))),
        ("board", Box::pin(board.clone().follow_lab(told.clone(), stop.clone()))),
        (
            "state",
            Box::pin(board.clone().follow_state(
                broker.clone(),
                http.clone(),
                parts,
                told.clone(),
                stop.clone(),
            )),
        ),
        ("broker", Box::pin(broker.run(stop.clone()))),
        ("ledger", Box::pin(board.follow_ledger(http, services, stop.clone()))),
    ];
    service.run(listener, api::guarded(routes, hosts), tasks, stop).await
}
