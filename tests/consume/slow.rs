//! A consumer that the lab makes slow.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use edalab_tests::{
    rig::{
        control::{Operator, followed, quiet, slow},
        ledger::read_ledger,
        stand::Stand,
    },
    suite::Outcome,
    wait,
};
use schemas::{Service, control::Slow};

use crate::pair::{ARRIVAL, Pair};

const QUOTES: u32 = 40;
const DELAY: Duration = Duration::from_millis(250);

/// What it hears takes its time, one event after the other, while it stays in its group, its API answers, and who is not
/// named notices nothing; afterwards it catches up, and everything had its effect once.
pub(crate) async fn takes_its_time_and_loses_nothing(stand: Arc<Stand>) -> Outcome {
    let pair = Pair::start(&stand, "slow").await?;
    let operator = Operator::of(&pair.kafka.bootstrap())?;
    // Its partitions are its own by then.
    let first = pair.quote().await?;
    pair.convert(&first).await?;

    let delay_milliseconds = u32::try_from(DELAY.as_millis())?;
    let id = operator.say(slow(Slow { service: Service::Souscription, delay_milliseconds })).await?;
    followed(&pair.souscription, id).await?;
    let before = applied(&pair).await?;
    let began = Instant::now();
    for _ in 0..QUOTES {
        pair.quote().await?;
    }
    let quoting = began.elapsed();
    tokio::time::sleep((DELAY * 12).saturating_sub(quoting)).await;
    let while_slow = applied(&pair).await? - before;
    let most = began.elapsed().as_secs_f64() / DELAY.as_secs_f64() + 1.0;
    println!("{QUOTES} quotes made in {quoting:.0?}; {while_slow} applied in {:.1?}", began.elapsed());
    assert!(quoting < DELAY * QUOTES / 2, "who is not named is as fast as ever");
    assert!(
        (4.0..=most).contains(&while_slow),
        "{while_slow} applied, one after the other: {most:.0} at most"
    );
    let asked = Instant::now();
    pair.souscription.get("/api/contrats?clientId=C001").await?;
    assert!(asked.elapsed() < DELAY * 4, "its API took {:?}", asked.elapsed());

    operator.say(quiet()).await?;
    let since = Instant::now();
    wait::until("everything to be applied", ARRIVAL, async || {
        let now = applied(&pair).await.map_err(|problem| problem.to_string())? - before;
        if now >= f64::from(QUOTES) { Ok(()) } else { Err(now.to_string()) }
    })
    .await?;
    println!("the rest within {:.1?} of the end of the scenario", since.elapsed());
    assert!(since.elapsed() < DELAY * QUOTES / 2, "it does not go on being slow");
    let rebalances =
        std::fs::read_to_string(pair.souscription.log())?.matches("the group was rebalanced").count();
    assert_eq!(rebalances, 1, "it has been in its group all the time");
    wait::until("the ledger to close", ARRIVAL, async || {
        let services = [&pair.quotation, &pair.souscription];
        let ledger = read_ledger(&services).await.map_err(|problem| problem.to_string())?;
        if ledger.problems.is_empty() { Ok(()) } else { Err(ledger.problems.join("\n")) }
    })
    .await?;
    Ok(())
}

async fn applied(pair: &Pair) -> Result<f64, Box<dyn std::error::Error>> {
    Ok(pair.souscription.scrape().await?.sum("consumer_applied_total"))
}
