//! The simulator: makes events by asking quotation and souscription, as many clients would, at the rate that is set for the
//! whole lab.
//!
//! - `plan` tells what clients do, from a seed (`dice`, `data`); `arrival` when they come; `course` and `agenda` what
//!   follows when; `request` how it is asked. All of that is pure.
//! - `drive` plays it, `send` speaks to the services, `tally` counts.
//! - `mistakes` gets some of it wrong, where the lab asks for that.
//! - `api` speaks HTTP, `lab` changes the custom resource that whoever steers it changes.
//! - [`serve`] wires them.

mod agenda;
mod api;
mod arrival;
mod course;
mod data;
mod dice;
mod drive;
mod lab;
mod mistakes;
mod plan;
mod request;
mod send;
mod tally;

use std::sync::Arc;

use jiff::Timestamp;
use platform::{
    config::StatelessConfig,
    http::{Guard, Limits},
    service::{ServeError, StatelessService, Task},
};
use reqwest::Url;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use api::Api;
use drive::Driver;
use lab::Lab;
use mistakes::{Blunderer, MistakeTally, Sloppy};
use send::Sender;
use tally::Tally;

/// The service's name, in its logs and its answers.
pub const NAME: &str = "simulator";

/// The simulator's settings
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    #[command(flatten)]
    pub service: StatelessConfig,

    /// Namespace of the lab's custom resource; by default the one that the Kubernetes client is set to
    #[arg(long, env = "EDALAB_NAMESPACE")]
    pub namespace: Option<String>,

    /// Where quotation is
    #[arg(long, env = "QUOTATION_URL", default_value = "http://localhost:8081")]
    pub quotation_url: Url,

    /// Where souscription is
    #[arg(long, env = "SOUSCRIPTION_URL", default_value = "http://localhost:8082")]
    pub souscription_url: Url,

    /// Where reclamation is
    #[arg(long, env = "RECLAMATION_URL", default_value = "http://localhost:8083")]
    pub reclamation_url: Url,

    /// Decides what clients do; each start of the process begins anew
    #[arg(long, env = "SIMULATOR_SEED", default_value_t = 1)]
    pub seed: u64,
}

/// Runs the service on an open socket until told to stop.
pub async fn serve(listener: TcpListener, config: Config, stop: CancellationToken) -> Result<(), ServeError> {
    let Config { service: shared, namespace, quotation_url, souscription_url, reclamation_url, seed } =
        config;
    let service = StatelessService::new(NAME, &shared);
    let tally = Tally::new(&service.metrics);
    let sender = Sender::new(&[quotation_url, souscription_url, reclamation_url]);
    let sloppy = Sloppy::new(&shared.kafka, &shared.identity, sender.clone())?;
    let mistakes = MistakeTally::new(&service.metrics);
    let blunderer = Blunderer::new(service.controls.clone(), sloppy, mistakes.clone(), seed);
    let driver = Driver::new(service.controls.clone(), sender, tally.clone(), seed);
    let lab = Lab::find(shared.identity.lab, namespace.as_deref()).await;
    let controls = service.controls.clone();
    let api = Api { lab, controls, tally, mistakes, seed, started_at: Timestamp::now() };
    let routes = Guard::new(Limits::default(), &service.metrics).protect(api::routes(Arc::new(api)));
    let tasks: Vec<Task> = vec![
        ("driver", Box::pin(driver.run(stop.clone()))),
        ("blunderer", Box::pin(blunderer.run(stop.clone()))),
    ];
    service.run(listener, routes, tasks, stop).await
}
