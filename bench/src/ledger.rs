//! How long the ledger takes, and what it takes of memory, as the events grow tenfold.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use clap::Args;
use edalab_tests::{
    rig::{
        ledger::read_ledger,
        service::{Service, Settings},
    },
    wait,
};
use rusqlite::{Connection, params};
use schemas::topics;

use crate::{figures::Figures, process, topic::Preloaded};

/// How long the services may take to read all of it.
const LONGEST: Duration = Duration::from_secs(600);

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How often the ledger is read; the median counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// Events on the topic in the end; a tenth of them first.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(10_000..=5_000_000))]
    events: u32,
}

pub(crate) async fn measure(arguments: &Arguments) -> Result<()> {
    let &Arguments { runs, events } = arguments;
    let (stand, program) = crate::stand().await?;
    let settings = stand.settings(&program, "bench");
    let mut quotation = Service::start(settings.clone()).await?;
    let souscription = Service::start(Settings { service: "souscription", ..settings }).await?;
    let mut filled = 0;
    for wanted in [events / 10, events] {
        quotation.stop().await?;
        Preloaded::fill(&stand, filled + 1..=wanted)?;
        filled = wanted;
        emitted(&quotation.database(), wanted)?;
        quotation.restart().await?;
        look(&[("quotation", &quotation), ("souscription", &souscription)], wanted, runs).await?;
    }
    Ok(())
}

/// Quotation's database says that it has emitted what was put on its topic in its name.
fn emitted(database: &Path, events: u32) -> Result<()> {
    let database = Connection::open(database)?;
    let topic = topics::DEVIS_GENERE.as_str();
    let rows =
        database.execute("UPDATE outbox_topic SET last = ? WHERE topic = ?", params![events, topic])?;
    anyhow::ensure!(rows == 1, "quotation's database does not count the events of {topic}");
    Ok(())
}

async fn look(services: &[(&str, &Service)], events: u32, runs: u32) -> Result<()> {
    let asked: Vec<&Service> = services.iter().map(|(_, service)| *service).collect();
    let began = Instant::now();
    wait::until("the ledger to close", LONGEST, async || {
        let ledger = read_ledger(&asked).await.map_err(|problem| problem.to_string())?;
        let applied: u64 =
            ledger.lines.iter().flat_map(|line| &line.consumers).map(|line| line.applied).sum();
        if applied == u64::from(events) && ledger.closes() {
            Ok(())
        } else {
            Err(format!("{applied} applied; {:?}", ledger.problems))
        }
    })
    .await?;
    println!(
        "{events} events: the ledger closed {:.1} s after the services could read them",
        began.elapsed().as_secs_f64()
    );
    let mut milliseconds = Figures::new("ms to read the ledger");
    for _ in 0..runs {
        let began = Instant::now();
        read_ledger(&asked).await?;
        milliseconds.add(began.elapsed().as_secs_f64() * 1e3);
    }
    println!("{milliseconds}");
    for (name, service) in services {
        let process = service.process_id().with_context(|| format!("{name} has ended"))?;
        println!("{:>10.1}  MiB resident in {name}", process::resident_mib(process)?);
    }
    println!();
    Ok(())
}
