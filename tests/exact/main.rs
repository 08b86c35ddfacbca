//! Exactness under fire: the three services and the broker are killed again and again under load, batches are delivered
//! twice, consumers are made slow, and strangers join the group. In the end the ledger must close, and agree with what an
//! outside client counts.
//!
//! `make test` runs it for a short while; `make test-exactness` for ten minutes at 500 events a second.

mod fire;
mod load;
mod sums;

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use edalab_tests::{
    rig::{kafka::Kafka, program, service::Settings, stand::Stand},
    suite::{self, Outcome, Suite},
    trial,
};

use fire::Lab;
use load::Load;

/// How long everything may take to settle when the fire is over.
const SETTLE: Duration = Duration::from_secs(180);

fn main() -> ExitCode {
    Suite::new("exact", 1)
        .trial("the_ledger_closes_whatever_is_killed", trial!(under_fire))
        .main(Stand::start)
}

async fn under_fire(stand: Arc<Stand>) -> Outcome {
    let (seconds, pause) = (suite::setting("EXACT_SECONDS", 25), suite::setting("EXACT_PAUSE", 1));
    let kafka = Kafka::start(&stand.parts).await?;
    let settings = Settings {
        bootstrap: kafka.bootstrap(),
        ..stand.settings(program::services_that_crash().await?, "exact")
    };
    let mut lab = Lab::start(settings, kafka).await?;

    let load = Arc::new(Load::default());
    let bootstrap = lab.kafka.bootstrap();
    let tasks = [
        tokio::spawn(load::ask(lab.addresses(), Arc::clone(&load))),
        tokio::spawn(load::poison(bootstrap.clone(), Arc::clone(&load))),
        tokio::spawn(load::slow_down(bootstrap.clone(), Arc::clone(&load))),
    ];
    let stranger = tokio::task::spawn_blocking({
        let load = Arc::clone(&load);
        move || load::join_and_leave(&bootstrap, &load)
    });
    let mut kills = BTreeMap::<&str, u32>::new();
    let until = Instant::now() + Duration::from_secs(seconds);
    for round in 0_u32.. {
        tokio::time::sleep(Duration::from_secs(pause) + edalab_tests::random_moment()).await;
        if Instant::now() >= until {
            break;
        }
        let who = lab.kill(round).await?;
        *kills.entry(who).or_default() += 1;
    }
    load.over.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await?;
    }
    stranger.await?;

    let ledger = sums::settled(&lab).await?;
    println!("{}", sums::told(&kills, &load, &ledger));
    sums::agrees(&ledger, &load, &lab)
}
