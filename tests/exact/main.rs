//! Exactness under fire: the three services and the broker are killed again and again under load, batches are delivered
//! twice, strangers join the group, and the lab goes from scenario to scenario. In the end the ledger must close, and agree
//! with what an outside client counts.
//!
//! `make test` runs it for a short while; `make test-exactness` for a quarter of an hour at 500 events a second.

mod fire;
mod load;
mod scenes;
mod sums;

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use edalab_tests::{
    rig::{
        run::{count, mistakes},
        stand::Stand,
    },
    suite::{self, Outcome, Suite},
    trial,
};
use schemas::control::Scenario;

use load::Load;

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

/// How long everything may take to settle when the fire is over.
const SETTLE: Duration = Duration::from_secs(180);

fn main() -> ExitCode {
    Suite::new("exact", 1)
        .trial("the_ledger_closes_whatever_is_killed", trial!(under_fire))
        .main(Stand::start)
}

async fn under_fire(stand: Arc<Stand>) -> Outcome {
    let (seconds, pause) = (suite::setting("EXACT_SECONDS", 25), suite::setting("EXACT_PAUSE", 1));
    let mut run = fire::lab(&stand).await?;
    let addresses = run.services().map(|service| service.url(""));

    let load = Arc::new(Load::default());
    let bootstrap = run.kafka.bootstrap();
    let tasks = [
        tokio::spawn(load::ask(addresses, Arc::clone(&load))),
        tokio::spawn(load::poison(bootstrap.clone(), Arc::clone(&load))),
    ];
    let stranger = tokio::task::spawn_blocking({
        let load = Arc::clone(&load);
        move || load::join_and_leave(&bootstrap, &load)
    });
    let (mut kills, mut scenes) = (BTreeMap::<&str, u32>::new(), BTreeMap::<Scenario, u32>::new());
    let until = Instant::now() + Duration::from_secs(seconds);
    for round in 0.. {
        let scenario = scenes::enter(&mut run, round).await?;
        tokio::time::sleep(Duration::from_secs(pause) + edalab_tests::random_moment()).await;
        scenes::leave(&mut run, scenario, round).await?;
        let who = fire::kill(&mut run, round).await?;
        *kills.entry(who).or_default() += 1;
        *scenes.entry(scenario).or_default() += 1;
        if Instant::now() >= until && scenes.len() == Scenario::ALL.len() {
            break;
        }
    }
    load.over.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await?;
    }
    stranger.await?;
    let simulator = run.halt().await?;
    let mistakes = mistakes(&simulator);
    println!(
        "scenarios: {scenes:?}; the simulator had {} answers and made {mistakes} mistakes",
        simulator["answered"]
    );
    assert!(count(&simulator, "answered") > 0 && mistakes > 0, "{simulator}");

    let ledger = sums::settled(&run).await?;
    println!("{}", sums::told(&kills, &load, &ledger));
    sums::agrees(&ledger, &load, &run)
}
