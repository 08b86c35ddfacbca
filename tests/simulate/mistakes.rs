//! The scenario ERREURS: what is wrong is refused or becomes a dead letter, and what is right goes on.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use edalab_tests::{
    reader::{Raw, raw},
    rig::{
        control,
        ledger::read_ledger,
        run::{self, ARRIVAL, Run, adds_up, at, count},
        service::source_of,
        stand::Stand,
    },
    scrape::{Histogram, Scrape},
    suite::Outcome,
    wait,
};
use jiff::Timestamp;
use schemas::{CATALOGUE, Service, TopicName, dead_letter, header, topics};
use serde_json::Value;

const LAB: &str = "mistakes";
/// Events a second, mistakes among them, and how many of a hundred are mistakes.
const RATE: u32 = 50;
const PERCENT: u32 = 40;

/// How long mistakes are made: 300 seconds in `make test-errors`.
fn lasting() -> Result<Duration, std::num::ParseIntError> {
    let seconds = std::env::var("ERRORS_SECONDS").map_or(Ok(6), |seconds| seconds.parse())?;
    Ok(Duration::from_secs(seconds))
}

pub(crate) async fn mistakes(stand: Arc<Stand>) -> Outcome {
    let mut run = Run::start(&stand, LAB, "1").await?;
    let lasting = lasting()?;
    // As many sound events as with the mistakes beside them.
    let began = run.set(at(RATE * (100 - PERCENT) / 100), None).await?;
    let normal = between(&run, began, lasting).await?;
    let before = run.status().await?;
    assert!(kinds(&before).all(|(_, kind)| count(kind, "made") == 0), "no mistakes on a usual day: {before}");

    let began = run.say(control::errors(at(RATE), PERCENT)).await?;
    let wrong = between(&run, began, lasting).await?;
    run.halt().await?;
    let status = run.status_when("every mistake to be over", |_| true).await?;
    adds_up(&status);
    assert_eq!(
        (count(&status, "refused"), count(&status, "failed")),
        (0, 0),
        "sound ones are unaffected: {status}"
    );
    for (flaw, kind) in kinds(&status) {
        assert!(count(kind, "made") > 0, "{flaw}: {status}");
        for outcome in ["accepted", "failed", "notMade"] {
            assert_eq!(count(kind, outcome), 0, "{flaw} {outcome}: {status}");
        }
    }
    let made = run::mistakes(&status);
    let due = u64::from(RATE * PERCENT / 100) * lasting.as_secs();
    println!("{made} mistakes, {due} were due: {}", status["mistakes"]);
    assert!(made.abs_diff(due) <= due / 5 + 10, "{made} mistakes, {due} were due");
    println!("p99 of quotes, ms: {:.0} on a usual day, {:.0} with mistakes", normal * 1e3, wrong * 1e3);

    let letters = buried(&run, &status).await?;
    println!("dead letters: {letters:?}");
    let reasons: BTreeSet<_> = letters.keys().map(String::as_str).collect();
    assert_eq!(reasons, BTreeSet::from(["BadBody", "BadField", "UnknownSchemaId", "WrongMagic"]));
    for service in [&mut run.quotation, &mut run.souscription, &mut run.reclamation] {
        assert!(service.ended()?.is_none(), "nobody fell");
    }
    wait::until("the ledger to close", ARRIVAL, async || {
        let ledger = read_ledger(&run.services()).await.map_err(|problem| problem.to_string())?;
        let flying: u64 =
            ledger.lines.iter().flat_map(|line| &line.consumers).map(|consumer| consumer.in_flight).sum();
        if ledger.closes() && flying == 0 {
            Ok(())
        } else {
            Err(format!("{flying} in flight, {:?}", ledger.problems))
        }
    })
    .await?;
    Ok(())
}

/// Waits so long; seconds within which 99 of 100 quotes were answered meanwhile.
async fn between(run: &Run, began: Timestamp, lasting: Duration) -> Result<f64, Box<dyn std::error::Error>> {
    let first: Scrape = run.simulator.scrape().await?;
    wait::until("time to pass", ARRIVAL + lasting, async || {
        if Timestamp::now() > began + lasting { Ok(()) } else { Err("not yet") }
    })
    .await?;
    let last = run.simulator.scrape().await?;
    let by_kind = Histogram::between(&first, &last, "simulator_request_duration_seconds", "kind");
    Ok(by_kind.get("devis").map_or(f64::NAN, |times| times.quantile(0.99)))
}

fn kinds(status: &Value) -> impl Iterator<Item = (&String, &Value)> {
    status["mistakes"].as_object().expect("mistakes by their flaw").iter()
}

/// That each spoilt record is a letter of each of its consumers, byte for byte; how many letters there are by reason.
async fn buried(run: &Run, status: &Value) -> Result<BTreeMap<String, usize>, Box<dyn std::error::Error>> {
    let bootstrap = run.kafka.bootstrap();
    let source = source_of(LAB, "simulator");
    let is_own = |record: &Raw| record.header(header::SOURCE) == Some(&source);
    let mut expected: Vec<(TopicName, Service, Raw)> = Vec::new();
    let mut records = 0;
    for topic in CATALOGUE.iter().filter(|topic| topic.event().is_some()) {
        for record in raw(&bootstrap, topic.name)?.into_iter().filter(is_own) {
            records += 1;
            expected.extend(topic.consumers.iter().map(|service| (topic.name, *service, record.clone())));
        }
    }
    let flaws = ["no_magic_byte", "unknown_schema", "truncated", "impossible"];
    let made: u64 = flaws.map(|flaw| count(&status["mistakes"][flaw], "made")).iter().sum();
    assert_eq!(records, made, "what was said to be on the topics is there");
    let letters = wait::until("the letters", ARRIVAL, async || {
        let letters = raw(&bootstrap, topics::DLQ_ERRORS).map_err(|problem| problem.to_string())?;
        if letters.len() >= expected.len() { Ok(letters) } else { Err(format!("{} letters", letters.len())) }
    })
    .await?;
    assert_eq!(letters.len(), expected.len(), "one letter for each record and consumer, and no other");
    let about = |record: &Raw| record.header(header::ID).map(str::to_owned);
    let found: BTreeMap<_, _> = letters
        .iter()
        .map(|letter| ((about(letter), letter.header(dead_letter::GROUP).map(str::to_owned)), letter))
        .collect();
    let mut reasons = BTreeMap::new();
    for (topic, service, record) in &expected {
        let group = format!("{service}-service");
        let letter = found.get(&(about(record), Some(group.clone())));
        let letter = letter.unwrap_or_else(|| panic!("{topic}: no letter of {group}"));
        assert_eq!((&letter.key, &letter.value), (&record.key, &record.value), "{topic}: byte for byte");
        assert_eq!(letter.headers[..record.headers.len()], record.headers, "{topic}: with its headers");
        assert_eq!(letter.header(dead_letter::TOPIC), Some(topic.as_str()));
        *reasons.entry(letter.header(dead_letter::REASON).unwrap_or("none").to_owned()).or_default() += 1;
    }
    Ok(reasons)
}
