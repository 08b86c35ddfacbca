//! `edalab-services`: the one binary in the one image. Each subcommand is a service, or a tool beside them.

mod events;
mod wait_for_topics;

use std::{net::SocketAddr, process::ExitCode};

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use platform::{config::Identity, service::ServeError, shutdown, telemetry};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The services of an event-driven insurance lab.
#[derive(Debug, Parser)]
#[command(name = "edalab-services", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make quotes over HTTP, expire them, publish DevisGenere and DevisExpire
    Quotation(quotation::Config),
    /// Make quotes contracts over HTTP, change and end them, publish ContratEmis, ContratModifie and ContratResilie
    Souscription(souscription::Config),
    /// Take claims on contracts over HTTP, have them judged and paid, publish SinistreDeclare, SinistreEvalue and
    /// IndemnisationEffectuee
    Reclamation(reclamation::Config),
    /// Show the lab in a browser: steer it, see its events flow, its timeline and its ledger
    Dashboard(dashboard::Config),
    /// Make quotes and contracts as many clients would, at the rate that is set for the lab
    Simulator(simulator::Config),
    /// Print the events on the lab's topics as JSON lines
    Events(events::Config),
    /// Wait until Kafka has topics
    WaitForTopics(wait_for_topics::Config),
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Quotation(config) => {
            let shared = config.service.clone();
            serve(quotation::NAME, shared.http_addr, &shared.identity, config, quotation::serve).await
        }
        Command::Souscription(config) => {
            let shared = config.service.clone();
            serve(souscription::NAME, shared.http_addr, &shared.identity, config, souscription::serve).await
        }
        Command::Reclamation(config) => {
            let shared = config.service.clone();
            serve(reclamation::NAME, shared.http_addr, &shared.identity, config, reclamation::serve).await
        }
        Command::Simulator(config) => {
            let shared = config.service.clone();
            serve(simulator::NAME, shared.http_addr, &shared.identity, config, simulator::serve).await
        }
        Command::Dashboard(config) => {
            let shared = config.service.clone();
            serve(dashboard::NAME, shared.http_addr, &shared.identity, config, dashboard::serve).await
        }
        Command::Events(config) => events::print(config).await.map_err(anyhow::Error::msg),
        Command::WaitForTopics(config) => wait_for_topics::wait(config).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("edalab-services: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a service until the process is told to stop.
async fn serve<C>(
    name: &'static str,
    address: SocketAddr,
    identity: &Identity,
    config: C,
    serve: impl AsyncFnOnce(TcpListener, C, CancellationToken) -> Result<(), ServeError>,
) -> anyhow::Result<()> {
    let telemetry = telemetry::init(name, identity)?;
    let stop = shutdown::on_signal().context("signals cannot be listened to")?;
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    tracing::info!(service = name, version = env!("CARGO_PKG_VERSION"), %address, "starting");
    let served = serve(listener, config, stop).await;
    match &served {
        Ok(()) => tracing::info!("stopped"),
        Err(error) => tracing::error!(reason = error.reason(), %error, "cannot run"),
    }
    tokio::task::spawn_blocking(move || telemetry.flush()).await.context("traces were left unsent")?;
    // Our errors say their cause themselves; as messages they do not say it twice.
    served.map_err(anyhow::Error::msg)
}
