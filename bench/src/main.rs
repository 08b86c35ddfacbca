//! Programs that measure the lab and print figures, with what they compare to in the same run. They judge nothing: how fast
//! a machine is, is no test.

mod consume;
mod database;
mod figures;
mod ledger;
mod load;
mod post;
mod process;
mod rivals;
mod souscription;
mod topic;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};
use edalab_tests::rig::{parts::Parts, stand::Stand};

#[derive(Debug, Parser)]
#[command(name = "bench", about = "Measures the lab and prints the figures.")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// How fast souscription applies events that wait for it.
    Consume(consume::Arguments),
    /// What the ledger costs when there are many events.
    Ledger(ledger::Arguments),
    /// How a whole lab does under load: the one that `make up` made.
    Load(load::Arguments),
    /// How fast quotation makes quotes durable.
    Post(post::Arguments),
    /// A server that quotation is compared to.
    #[command(hide = true)]
    Rival(post::rival::Arguments),
}

#[tokio::main]
async fn main() -> Result<()> {
    let Arguments { what } = Arguments::parse();
    if !matches!(what, What::Rival(_)) {
        println!("{}\n", figures::Machine::here()?);
    }
    match what {
        What::Consume(arguments) => consume::measure(&arguments).await,
        What::Ledger(arguments) => ledger::measure(&arguments).await,
        What::Load(arguments) => load::measure(&arguments).await,
        What::Post(arguments) => post::measure(&arguments).await,
        What::Rival(arguments) => post::rival::run(arguments).await,
    }
}

/// A broker, a registry, and the services as they are released.
async fn stand() -> Result<(Stand, PathBuf)> {
    let programs = Parts::find(&["programs"]).await?;
    Ok((Stand::start().await?, programs.path("programs").join("edalab-services")))
}
