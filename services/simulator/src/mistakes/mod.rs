//! What goes wrong in ERREURS: requests that no service can carry out, and records that no consumer can read, put straight
//! on the topics.
//!
//! `plan` tells which comes next, from the seed; `request` and `record` how it looks. All of that is pure. `sloppy` sends
//! them, `tally` counts what came of them, and [`Blunderer`] does so at the rate that the lab asks for.

mod plan;
mod record;
mod request;
mod sloppy;
mod tally;

use std::time::{Duration, Instant};

use jiff::Timestamp;
use platform::control::Controls;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::arrival::{Arrival, LONGEST_PAUSE, Rate, SHORTEST_PAUSE};
use plan::{Flaw, Plan};
pub(crate) use sloppy::Sloppy;
use tally::Came;
pub(crate) use tally::{MistakeTally, MistakesCame};

/// Mistakes that may be under way.
const OPEN: usize = 256;

/// Makes mistakes, as many as the lab asks for.
#[derive(Debug)]
pub(crate) struct Blunderer {
    controls: Controls,
    sloppy: Sloppy,
    tally: MistakeTally,
    plan: Plan,
    arrival: Arrival,
    open: JoinSet<(Flaw, Came)>,
}

impl Blunderer {
    pub(crate) fn new(controls: Controls, sloppy: Sloppy, tally: MistakeTally, seed: u64) -> Self {
        let (plan, arrival) = (Plan::new(seed), Arrival::of_events());
        Self { controls, sloppy, tally, plan, arrival, open: JoinSet::new() }
    }

    /// Makes mistakes until told to stop.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut last = Instant::now();
        let mut rate = Rate::default();
        loop {
            let now = Instant::now();
            self.advance(rate, now.duration_since(last));
            last = now;
            rate = self.wanted(Timestamp::now());
            let pause = self.arrival.next(rate).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.controls.changed() => {}
                Some(ended) = self.open.join_next() => self.end_with(ended),
                () = tokio::time::sleep(pause), if rate != Rate::default() => {}
            }
        }
        // Nobody waits for what was to go wrong.
        self.open.shutdown().await;
    }

    fn wanted(&self, now: Timestamp) -> Rate {
        self.controls.current().map_or_else(Rate::default, |control| {
            Rate::of(control.events_per_second(now), control.error_percent.unwrap_or(0))
        })
    }

    fn advance(&mut self, rate: Rate, elapsed: Duration) {
        let due = self.arrival.due(rate, elapsed);
        for _ in 0..due.now {
            let (flaw, mistake) = self.plan.next();
            if self.open.len() >= OPEN {
                self.tally.count(flaw, Came::NotMade);
                continue;
            }
            let sloppy = self.sloppy.clone();
            self.open.spawn(async move { (flaw, sloppy.make(mistake).await) });
        }
    }

    fn end_with(&mut self, ended: Result<(Flaw, Came), tokio::task::JoinError>) {
        let (flaw, came) = ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        self.tally.count(flaw, came);
    }
}
