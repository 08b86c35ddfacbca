//! More clients than a service can hold.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use edalab_tests::{
    clients::{Answers, quantile},
    rig::{program, service::Service, stand::Stand},
    suite::Outcome,
    wait,
};
use futures::future::join_all;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{net::TcpStream, time::timeout};

use crate::abuse::well_afterwards;

/// An answer, or a refusal, takes no longer than this, whatever the crowd and whatever else the machine has to do: what the
/// service gives a request, and a bit. Alone on two cores it takes a second.
const PATIENCE: Duration = Duration::from_secs(12);

/// Up to twelve hundred clients ask as fast as they are answered: those that are served are served soon, and the others are
/// told soon when to come again. Nobody waits without a word, and nobody's connection is just cut.
pub(crate) async fn too_many_clients(stand: Arc<Stand>) -> Outcome {
    more_files()?;
    let quotation = Service::start(stand.settings(program::services().await?, "crowd")).await?;
    for clients in [64, 600, 1_200] {
        let answers = Answers::of(quotation.address(), clients, Duration::from_secs(5)).await;
        let p99 = |times| quantile(times, 0.99).unwrap_or_default();
        println!(
            "{clients} clients: {} quotes (p99 {:?}), {} told to come again (p99 {:?}), {} others: {:?}",
            answers.made.len(),
            p99(&answers.made),
            answers.refused.len(),
            p99(&answers.refused),
            answers.wrong,
            answers.first_wrong
        );
        assert_eq!(answers.wrong, 0, "{:?}", answers.first_wrong);
        assert!(!answers.made.is_empty(), "some are served");
        assert_eq!(answers.refused.is_empty(), clients < 512, "who is refused");
        for times in [&answers.made, &answers.refused] {
            assert!(p99(times) < PATIENCE, "{:?}", p99(times));
        }
    }
    quotation.quote("C001", "AUTO", 25_000.0).await?;
    well_afterwards(&quotation).await
}

/// Ten thousand connections that say nothing: once they are gone, quotes are made as before.
pub(crate) async fn ten_thousand_connections(stand: Arc<Stand>) -> Outcome {
    let files = more_files()?;
    let many = usize::try_from(files.saturating_sub(500))?.min(10_000);
    let quotation = Service::start(stand.settings(program::services().await?, "ten-thousand")).await?;
    let server = quotation.address();
    let began = Instant::now();
    // What the kernel does not hold for the service is refused by silence.
    let attempts = (0..many).map(|_| timeout(Duration::from_secs(6), TcpStream::connect(server)));
    let held: Vec<_> = join_all(attempts).await.into_iter().filter_map(|held| held.ok()?.ok()).collect();
    println!("{} of {many} connections were taken in {:?}", held.len(), began.elapsed());
    assert!(held.len() > 1_000, "{}", held.len());
    let memory = edalab_tests::usage::resident(quotation.process_id().expect("it runs"))?;
    println!("{} MiB with them", memory >> 20);
    drop(held);
    let gone = Instant::now();
    wait::until("a quote", Duration::from_secs(30), async || quotation.quote("C001", "AUTO", 25_000.0).await)
        .await?;
    println!("a quote was made {:?} after they went", gone.elapsed());
    well_afterwards(&quotation).await
}

/// Lets this process, and those that it starts, have as many files open as the machine allows; how many that are.
fn more_files() -> Result<u64, rustix::io::Errno> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}
