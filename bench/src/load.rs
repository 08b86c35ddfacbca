//! The whole lab under load: the one that `make up` made on this machine, driven by its own simulator.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use edalab_tests::{
    rig::service::SERVICES,
    scrape::{Histogram, Scrape},
};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::process;

/// How long the lab may take to follow, and to come to rest.
const SETTLED: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// Looks between two lines of progress.
const LOOKS: u64 = 10;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Events a second that the simulator is asked for.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rate: u32,
    /// How long it is measured.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(5..=3_600))]
    seconds: u64,
    /// What the lab's ports are shifted by (`edalab up --port-offset`).
    #[arg(long, env = "EDALAB_PORT_OFFSET", default_value_t = 0)]
    port_offset: u16,
}

/// The lab, as its services show it from outside.
struct Lab {
    http: Client,
    port_offset: u16,
    processes: BTreeMap<&'static str, u32>,
}

/// The lab at one moment.
struct Moment {
    at: Instant,
    simulator: Value,
    scrapes: BTreeMap<&'static str, Scrape>,
    cpu: BTreeMap<&'static str, f64>,
    busy: f64,
}

pub(crate) async fn measure(arguments: &Arguments) -> Result<()> {
    let &Arguments { rate, seconds, port_offset } = arguments;
    let processes = SERVICES
        .iter()
        .map(|(service, _)| Ok((*service, process::of_service(service)?)))
        .collect::<Result<_>>()?;
    let lab = Lab { http: Client::new(), port_offset, processes };
    let before = lab.simulator().await?;
    lab.steer(Method::PUT, "speed", &json!({ "eventsPerSecond": rate })).await?;
    lab.steer(Method::POST, "start", &Value::Null).await?;
    let measured = lab.under_load(rate, seconds).await;
    // As it was, also where the measurement failed.
    let speed = json!({ "eventsPerSecond": before["eventsPerSecond"] });
    lab.steer(Method::PUT, "speed", &speed).await?;
    if before["running"] == false {
        lab.steer(Method::POST, "stop", &Value::Null).await?;
    }
    measured
}

impl Lab {
    async fn under_load(&self, rate: u32, seconds: u64) -> Result<()> {
        let asked = Instant::now();
        while self.simulator().await?["wantedPerSecond"] != rate {
            if asked.elapsed() > SETTLED {
                bail!("the simulator does not follow: see `edalab status`");
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        let first = self.look().await?;
        let mut resident: BTreeMap<&str, f64> = BTreeMap::new();
        for second in 1..=seconds {
            tokio::time::sleep_until((first.at + Duration::from_secs(second)).into()).await;
            for (service, id) in &self.processes {
                let most = resident.entry(service).or_default();
                *most = most.max(process::resident_mib(*id)?);
            }
            if second % LOOKS == 0 {
                let now = self.look().await?;
                let applied = applied(&now) - applied(&first);
                println!(
                    "{second:>5} s: {:.0} events applied a second so far",
                    applied / elapsed(&first, &now)
                );
            }
        }
        let last = self.look().await?;
        report(rate, &first, &last, &resident);
        Ok(())
    }

    fn url(&self, service: &str, path: &str) -> String {
        let (_, port) = SERVICES.iter().find(|(name, _)| *name == service).expect("one of SERVICES");
        format!("http://127.0.0.1:{}{path}", port + self.port_offset)
    }

    async fn steer(&self, method: Method, what: &str, body: &Value) -> Result<()> {
        let url = self.url("simulator", &format!("/api/simulator/{what}"));
        let request = self.http.request(method, &url);
        let request = if body.is_null() { request } else { request.json(body) };
        request.send().await?.error_for_status().map(drop).with_context(|| format!("steer by {url}"))
    }

    async fn simulator(&self) -> Result<Value> {
        let url = self.url("simulator", "/api/simulator/status");
        let answer = self.http.get(&url).send().await.context("ask the simulator; is the lab up? make up")?;
        Ok(answer.error_for_status()?.json().await?)
    }

    async fn look(&self) -> Result<Moment> {
        let mut scrapes = BTreeMap::new();
        for service in ["quotation", "souscription"] {
            let text = self.http.get(self.url(service, "/metrics")).send().await?.error_for_status()?;
            scrapes.insert(service, Scrape::of(&text.text().await?));
        }
        let cpu =
            self.processes.iter().map(|(service, id)| Ok((*service, edalab_tests::usage::cpu_seconds(*id)?)));
        Ok(Moment {
            at: Instant::now(),
            simulator: self.simulator().await?,
            scrapes,
            cpu: cpu.collect::<Result<_>>()?,
            busy: process::machine_busy_seconds()?,
        })
    }
}

/// Events that were applied by any service so far.
fn applied(moment: &Moment) -> f64 {
    moment.scrapes.values().map(|scrape| scrape.sum("consumer_applied_total")).sum()
}

fn elapsed(first: &Moment, last: &Moment) -> f64 {
    (last.at - first.at).as_secs_f64()
}

fn report(rate: u32, first: &Moment, last: &Moment, resident: &BTreeMap<&str, f64>) {
    let seconds = elapsed(first, last);
    let count = |moment: &Moment, field: &str| moment.simulator[field].as_f64().unwrap_or(f64::NAN);
    let grown = |field: &str| count(last, field) - count(first, field);
    println!("\n{rate} events a second asked for, {seconds:.0} s");
    println!("{:>10.1}  events a second, commands that were answered", grown("answered") / seconds);
    for (field, what) in [
        ("notSent", "commands that were due and not sent"),
        ("retried", "commands that came too early and were given again"),
        ("refused", "commands that were refused"),
        ("failed", "commands without a good answer"),
    ] {
        println!("{:>10.0}  {what}", grown(field));
    }
    println!("{:>10.1}  events applied a second", (applied(last) - applied(first)) / seconds);
    println!("\nfrom a command's event to its effect in the service that listens, ms");
    for (service, scrape) in &last.scrapes {
        let ages = Histogram::between(&first.scrapes[service], scrape, "consumer_event_age_seconds", "topic");
        for (topic, age) in ages.iter().filter(|(_, age)| age.count() > 0.0) {
            let [p50, p99] = [0.5, 0.99].map(|share| age.quantile(share) * 1e3);
            println!("{p50:>6.0} p50 {p99:>6.0} p99  {topic} in {service} ({:.0} events)", age.count());
        }
    }
    println!("\ncores and MiB (resident, at most)");
    for (service, cpu) in &last.cpu {
        println!("{:>6.2} {:>6.1}  {service}", (cpu - first.cpu[service]) / seconds, resident[service]);
    }
    println!("{:>6.2}         all of the machine", (last.busy - first.busy) / seconds);
}
