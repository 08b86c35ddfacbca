//! Souscription as it is released, over a topic that is full when it starts.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use edalab_tests::rig::{
    service::{Service, Settings},
    stand::Stand,
};

use crate::{figures::Figures, process};

/// A slow machine takes a minute for a million.
const LONGEST: Duration = Duration::from_secs(600);
/// Short beside a run, and too rare to cost one anything.
const BETWEEN_LOOKS: Duration = Duration::from_millis(25);

/// What its runs gave.
#[derive(Debug)]
pub(crate) struct Runs {
    /// Events a second.
    pub(crate) rate: Figures,
    /// Microseconds for an event, of all threads together.
    pub(crate) cpu: Figures,
    /// MiB.
    pub(crate) memory: Figures,
}

impl Default for Runs {
    fn default() -> Self {
        Self {
            rate: Figures::new("souscription: effect, inbox, ledger and offsets in a transaction"),
            cpu: Figures::new("CPU"),
            memory: Figures::new("memory"),
        }
    }
}

impl Runs {
    /// Starts the service with an empty database, and looks on until it has applied every event. Its start does not
    /// count: time runs from when the first events were seen to be applied.
    pub(crate) async fn measure(&mut self, stand: &Stand, program: &Path, events: u32) -> Result<()> {
        let settings = Settings { service: "souscription", ..stand.settings(program, "bench") };
        let mut service = Service::start(settings).await?;
        let process = service.process_id().context("souscription has ended")?;
        let all = f64::from(events);
        let deadline = Instant::now() + LONGEST;
        let mut first = None;
        loop {
            let (now, cpu) = (Instant::now(), edalab_tests::usage::cpu_seconds(process)?);
            let applied = service.scrape().await?.sum("consumer_applied_total");
            if applied > 0.0 {
                let (began, already, cpu_then) = *first.get_or_insert((now, applied, cpu));
                if applied >= all {
                    let counted = all - already;
                    self.rate.add(counted / (now - began).as_secs_f64());
                    self.cpu.add((cpu - cpu_then) * 1e6 / counted);
                    break;
                }
            }
            if now > deadline {
                bail!("souscription applied {applied} of {events} events in {} s", LONGEST.as_secs());
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        self.memory.add(process::most_resident_mib(process)?);
        service.stop().await?;
        Ok(())
    }
}
