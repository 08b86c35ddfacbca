//! How many quotes a second quotation makes durable, and how soon, beside what could be had on the same machine.

pub(crate) mod rival;
mod rows;

use std::{
    env,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum as _};
use edalab_tests::{
    clients::{Answers, quantile},
    rig::{ports, process::Process, service::Service, stand::Stand},
    usage, wait,
};
use schemas::topics;
use tokio::net::TcpStream;

use crate::{database::Tables, figures::Figures, process};
use rival::Kind;

/// How many clients ask at a time.
const CONNECTIONS: [usize; 3] = [1, 16, 64];
/// Quotes in a transaction of the ceiling.
const GROUPS: [usize; 4] = [16, 64, 256, 1024];
const WARM_UP: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How often each is measured; the median counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// How long each run of a server takes.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Quotes of each run of SQLite alone.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    quotes: u32,
}

/// What the runs of one server gave with so many clients.
struct Runs {
    connections: usize,
    per_second: Figures,
    p50: Figures,
    p99: Figures,
    /// Milliseconds of CPU for a thousand quotes.
    cpu: Figures,
    /// MiB.
    memory: Figures,
    /// The disk just before.
    synced: Figures,
    refused: usize,
}

/// Who is measured.
#[derive(Clone, Copy)]
enum Server {
    Quotation,
    Rival(Kind),
}

const SERVERS: [(Server, &str); 3] = [
    (Server::Quotation, "quotation"),
    (Server::Rival(Kind::OneByOne), "baseline: a transaction and an awaited record for each request"),
    (Server::Rival(Kind::Stateless), "ceiling: the same HTTP, nothing stored"),
];

/// Where it is measured.
struct Place {
    stand: Stand,
    program: PathBuf,
    tables: Tables,
    seconds: Duration,
}

pub(crate) async fn measure(arguments: &Arguments) -> Result<()> {
    let &Arguments { runs, seconds, quotes } = arguments;
    let (stand, program) = crate::stand().await?;
    let tables = Tables::of(&stand, &program, "quotation").await?;
    let place = Place { stand, program, tables, seconds: Duration::from_secs(seconds) };

    let mut measured = SERVERS.map(|_| CONNECTIONS.map(Runs::of));
    let mut stored = GROUPS.map(|group| (group, Figures::new("quotes and events a second")));
    for run in 1..=runs {
        println!("run {run} of {runs}");
        // Side by side in each run, so that a machine that slows down slows all of them.
        for ((server, _), of_server) in SERVERS.iter().zip(&mut measured) {
            for runs in of_server {
                place.run(*server, runs).await?;
            }
        }
        for (group, figures) in &mut stored {
            figures.add(rows::grouped(&place.tables.copy()?, quotes, *group)?);
        }
    }
    report(&measured, &stored);
    Ok(())
}

impl Place {
    /// One run of a server with an empty database.
    async fn run(&self, server: Server, runs: &mut Runs) -> Result<()> {
        runs.synced.add(rows::synced_pages(self.tables.folder())?);
        match server {
            Server::Quotation => {
                let mut service = Service::start(self.stand.settings(&self.program, "bench")).await?;
                let process = service.process_id().context("quotation has ended")?;
                self.ask(service.address(), process, runs).await?;
                service.stop().await?;
            }
            Server::Rival(kind) => {
                let port = ports::free()?;
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                let log = self.tables.folder().join("rival.log");
                let mut rival = Process::start("the rival", &self.rival(kind, port)?, &log)?;
                wait::until("the rival to listen", Duration::from_secs(10), async || {
                    rival.must_run().map_err(|problem| problem.to_string())?;
                    TcpStream::connect(address).await.map(drop).map_err(|problem| problem.to_string())
                })
                .await?;
                self.ask(address, rival.id(), runs).await?;
                rival.stop().await?;
            }
        }
        Ok(())
    }

    fn rival(&self, kind: Kind, port: u16) -> Result<Command> {
        let subject = format!("{}-value", topics::DEVIS_GENERE);
        let schema = self.stand.registry.id(&subject).context("the registry has no such subject")?;
        let kind = kind.to_possible_value().context("a kind that is not skipped")?;
        let mut command = Command::new(env::current_exe()?);
        command.args([
            "rival",
            kind.get_name(),
            "--port",
            &port.to_string(),
            "--schema",
            &schema.to_string(),
        ]);
        command
            .arg("--database")
            .arg(self.tables.copy()?)
            .args(["--bootstrap", &self.stand.kafka.bootstrap()]);
        Ok(command)
    }

    async fn ask(&self, server: SocketAddr, process: u32, runs: &mut Runs) -> Result<()> {
        Answers::of(server, runs.connections, WARM_UP).await;
        let before = usage::cpu_seconds(process)?;
        let answers = Answers::of(server, runs.connections, self.seconds).await;
        let used = usage::cpu_seconds(process)? - before;
        let made = f64::from(u32::try_from(answers.made.len())?);
        let milliseconds =
            |share| quantile(&answers.made, share).map_or(f64::NAN, |took| took.as_secs_f64() * 1e3);
        runs.per_second.add(made / answers.lasted.as_secs_f64());
        runs.p50.add(milliseconds(0.5));
        runs.p99.add(milliseconds(0.99));
        runs.cpu.add(used * 1e6 / made);
        runs.memory.add(process::most_resident_mib(process)?);
        runs.refused += answers.refused.len() + answers.wrong;
        Ok(())
    }
}

impl Runs {
    fn of(connections: usize) -> Self {
        Self {
            connections,
            per_second: Figures::new("quotes a second"),
            p50: Figures::new("ms"),
            p99: Figures::new("ms"),
            cpu: Figures::new("ms of CPU for 1,000 quotes"),
            memory: Figures::new("MiB"),
            synced: Figures::new("synced pages a second"),
            refused: 0,
        }
    }
}

fn report(measured: &[[Runs; CONNECTIONS.len()]; SERVERS.len()], stored: &[(usize, Figures)]) {
    for ((_, name), of_server) in SERVERS.iter().zip(measured) {
        println!(
            "\n{name}\nclients  quotes/s    p50 ms    p99 ms  CPU ms/1000  MiB  disk syncs/s  (all runs)"
        );
        for runs in of_server {
            println!(
                "{:>7}  {:>8.0}  {:>8.2}  {:>8.2}  {:>11.0}  {:>3.0}  {:>12.0}  ({})",
                runs.connections,
                runs.per_second.median(),
                runs.p50.median(),
                runs.p99.median(),
                runs.cpu.median(),
                runs.memory.greatest(),
                runs.synced.median(),
                runs.per_second.all()
            );
            if runs.refused > 0 {
                println!("         {} requests were refused or broke", runs.refused);
            }
        }
    }
    println!("\nceiling: SQLite stores quotes and events");
    for (group, figures) in stored {
        println!("{group:>7} in a transaction: {figures}");
    }

    let [quotation, baseline, http] = measured.each_ref().map(|of_server| {
        let most_clients = of_server.last().expect("CONNECTIONS has some");
        most_clients.per_second.median()
    });
    let sqlite = stored.iter().map(|(_, figures)| figures.median()).fold(0.0, f64::max);
    println!("\nquotation: {:.2} of the lower ceiling", quotation / http.min(sqlite));
    println!("quotation: {:.1} times the baseline", quotation / baseline);
}
