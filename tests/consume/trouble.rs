//! Kills, partitions that move, and another cluster.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use edalab_tests::{
    judge::judge,
    random_moment,
    reader::Reader,
    rig::{
        kafka::Kafka,
        ledger::read_ledger,
        stand::{QUOTATION, Stand},
    },
    suite::Outcome,
    wait,
};
use reqwest::StatusCode;
use schemas::topics;
use serde_json::json;

use crate::pair::{ARRIVAL, Pair, text};

/// Kills while the service consumes.
const KILLS: u32 = 20;

/// Souscription is killed again and again while quotes come: each of them is heard in the end, and none twice.
pub(crate) async fn killed_while_it_consumes(stand: Arc<Stand>) -> Outcome {
    let mut pair = Pair::start(&stand, "killed").await?;
    let mut quotes = Vec::new();
    for _ in 0..KILLS {
        let until = tokio::time::Instant::now() + random_moment();
        while tokio::time::Instant::now() < until {
            quotes.push(pair.quote().await?);
        }
        pair.souscription.kill9().await?;
        pair.souscription.restart().await?;
    }
    for devis in &quotes {
        pair.convert(devis).await?;
    }
    let letters = pair.souscription.scrape().await?.sum("consumer_dead_letters_total");
    assert!(letters < 1.0, "{letters} were refused");
    println!("{KILLS} kills while it consumes: {} quotes, none missed", quotes.len());
    Ok(())
}

/// What came while it was dead is there soon after it is back: nobody waits for the session of the dead one to end.
pub(crate) async fn goes_on_as_soon_as_it_is_back(stand: Arc<Stand>) -> Outcome {
    let mut pair = Pair::start(&stand, "back").await?;
    let first = pair.quote().await?;
    pair.convert(&first).await?;
    let mut took = Vec::new();
    for _ in 0..5 {
        pair.souscription.kill9().await?;
        let devis = pair.quote().await?;
        pair.souscription.launch(&pair.souscription.command()?)?;
        let began = std::time::Instant::now();
        pair.souscription.ready().await?;
        pair.convert(&devis).await?;
        took.push(began.elapsed());
    }
    took.sort_unstable();
    println!("from start to the first effect, after a kill: {took:.1?}");
    assert!(took[2] < Duration::from_secs(5), "a dead member's session takes ten seconds");
    Ok(())
}

/// Keys move to other partitions while events are on their way, and the broker is away for a moment.
pub(crate) async fn raised_partitions(stand: Arc<Stand>) -> Outcome {
    let mut pair = Pair::start(&stand, "raised").await?;
    let mut quotes = Vec::new();
    for _ in 0..50 {
        quotes.push(pair.quote().await?);
    }
    pair.kafka.raise_partitions(topics::DEVIS_GENERE, 6).await?;
    // A producer looks for partitions every five minutes, or when it starts. One that is killed would publish again what it
    // has not marked, in other partitions by now, which the judge takes for other events.
    pair.quotation.stop().await?;
    pair.quotation.restart().await?;
    for _ in 0..50 {
        quotes.push(pair.quote().await?);
    }
    pair.kafka.stop().await?;
    quotes.push(pair.quote().await?);
    pair.kafka.restart().await?;
    for devis in &quotes {
        pair.convert(devis).await?;
    }
    let mut reader = Reader::new(&pair.kafka.bootstrap(), QUOTATION, &pair.quotation.source())?;
    let records = reader.catch_up()?;
    let used: BTreeSet<i32> = records.iter().map(|record| record.partition).collect();
    assert!(used.iter().any(|partition| *partition >= 3), "the new partitions are used: {used:?}");
    assert_eq!(judge(records).map_err(|broken| broken.join("\n"))?.distinct, quotes.len());
    let ledger = wait::until("the topics to be read", ARRIVAL, async || {
        let ledger = read_ledger(&[&pair.quotation, &pair.souscription])
            .await
            .map_err(|problem| problem.to_string())?;
        if ledger.is_whole() { Ok(ledger) } else { Err(format!("{:?}", ledger.problems)) }
    })
    .await?;
    assert_eq!(ledger.problems, Vec::<String>::new());
    Ok(())
}

/// A consumer that comes back is given what it had; it asks for what is new by itself.
pub(crate) async fn partitions_added_while_it_is_away(stand: Arc<Stand>) -> Outcome {
    let mut pair = Pair::start(&stand, "away").await?;
    let first = pair.quote().await?;
    pair.convert(&first).await?;
    pair.souscription.stop().await?;
    pair.kafka.raise_partitions(topics::DEVIS_GENERE, 6).await?;
    pair.souscription.restart().await?;
    // It knows of the new partitions from now on.
    pair.quotation.stop().await?;
    pair.quotation.restart().await?;
    let mut quotes = Vec::new();
    for _ in 0..20 {
        quotes.push(pair.quote().await?);
    }
    for devis in &quotes {
        pair.convert(devis).await?;
    }
    Ok(())
}

/// The broker's data is gone and the database is there: the service says so, consumes nothing, and goes on when the old
/// broker is back.
pub(crate) async fn offsets_of_another_cluster(stand: Arc<Stand>) -> Outcome {
    let mut pair = Pair::start(&stand, "cluster").await?;
    let first = pair.quote().await?;
    pair.convert(&first).await?;
    let other = Kafka::start(&stand.parts).await?;
    pair.souscription.stop().await?;
    let old = pair.souscription.set_bootstrap(&other.bootstrap());
    pair.souscription.launch(&pair.souscription.command()?)?;
    wait::until("the mismatch to be told", ARRIVAL, async || {
        let response = pair.souscription.look_up("/ready").await.map_err(|problem| problem.to_string())?;
        let (status, told) = (response.status(), response.text().await.unwrap_or_default());
        let in_words = told.contains("edalab reset --data") && told.contains("belong to cluster");
        if status == StatusCode::SERVICE_UNAVAILABLE && in_words {
            Ok(())
        } else {
            Err(format!("{status}: {told}"))
        }
    })
    .await?;
    let id = text(&pair.souscription.get("/api/contrats?clientId=C001").await?["contrats"][0], "contratId");
    assert_eq!(pair.change(&id, "PRIME", json!(1)).await.0, StatusCode::OK, "commands are still taken");

    pair.souscription.stop().await?;
    pair.souscription.set_bootstrap(&old);
    pair.souscription.restart().await?;
    let second = pair.quote().await?;
    pair.convert(&second).await?;
    Ok(())
}
