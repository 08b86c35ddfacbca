//! Exactness under fire: both services and the broker are killed again and again under load, batches are delivered twice,
//! and strangers join the group. In the end the ledger must close, and agree with what an outside client counts.
//!
//! `make test` runs it for a short while; `make test-exactness` for ten minutes at 500 events a second.

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use edalab_tests::{
    judge::judge,
    reader::{Reader, raw},
    rig::{
        kafka::Kafka,
        ledger::read_ledger,
        program,
        service::{Service, Settings},
        stand::{QUOTATION, SOUSCRIPTION, Stand},
    },
    suite::{self, Outcome, Suite},
    trial,
    wait::{self, TimedOut},
};
use ledger::Ledger;
use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer},
    producer::{FutureProducer, FutureRecord},
};
use reqwest::StatusCode;
use schemas::topics;
use serde_json::json;

/// How long everything may take to settle when the fire is over.
const SETTLE: Duration = Duration::from_secs(180);
/// Quotes a second; two of three become contracts, so that 500 events a second are asked for.
const QUOTES: u32 = 300;
/// Records a second that nobody can read.
const POISON: u32 = 20;
/// Clients at a time, which bounds what is open while a service is away.
const CLIENTS: usize = 32;

fn main() -> ExitCode {
    Suite::new("exact", 1)
        .trial("the_ledger_closes_whatever_is_killed", trial!(under_fire))
        .main(Stand::start)
}

/// What the load did, counted outside of the services.
#[derive(Debug, Default)]
struct Load {
    quotes: AtomicU64,
    contracts: AtomicU64,
    unanswered: AtomicU64,
    poison: AtomicU64,
    over: AtomicBool,
    /// Quotes that were answered with 201 and are to be converted.
    open: Mutex<Vec<String>>,
}

async fn under_fire(stand: Arc<Stand>) -> Outcome {
    let (seconds, pause) = (suite::setting("EXACT_SECONDS", 25), suite::setting("EXACT_PAUSE", 1));
    let mut kafka = Kafka::start(&stand.parts).await?;
    let settings = Settings {
        bootstrap: kafka.bootstrap(),
        ..stand.settings(program::services_that_crash().await?, "exact")
    };
    let mut quotation = Service::start(settings.clone()).await?;
    let mut souscription = Service::new(Settings { service: "souscription", ..settings })?;
    // A fifth of the batches comes again.
    souscription.set_env("EDALAB_REDELIVER_PERCENT", "20");
    souscription.restart().await?;

    let load = Arc::new(Load::default());
    let tasks = [
        tokio::spawn(ask(quotation.url(""), souscription.url(""), Arc::clone(&load))),
        tokio::spawn(poison(kafka.bootstrap(), Arc::clone(&load))),
    ];
    let stranger = tokio::task::spawn_blocking({
        let (bootstrap, load) = (kafka.bootstrap(), Arc::clone(&load));
        move || join_and_leave(&bootstrap, &load)
    });
    let mut kills = BTreeMap::<&str, u32>::new();
    let until = Instant::now() + Duration::from_secs(seconds);
    for round in 0_u32.. {
        tokio::time::sleep(Duration::from_secs(pause) + edalab_tests::random_moment()).await;
        if Instant::now() >= until {
            break;
        }
        let who = kill(round, &mut quotation, &mut souscription, &mut kafka).await?;
        *kills.entry(who).or_default() += 1;
    }
    load.over.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await?;
    }
    stranger.await?;

    let ledger = settled(&quotation, &souscription).await?;
    println!("{}", told(&kills, &load, &ledger));
    agrees(&ledger, &load, &kafka, &quotation, &souscription)
}

/// What was done, and what came of it.
fn told(kills: &BTreeMap<&str, u32>, load: &Load, ledger: &Ledger) -> String {
    let count = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
    let mut text = format!(
        "{} kills: {kills:?}\nanswered: {} quotes, {} contracts; {} requests without an answer; {} poisoned records\n",
        kills.values().sum::<u32>(),
        count(&load.quotes),
        count(&load.contracts),
        count(&load.unanswered),
        count(&load.poison)
    );
    for line in &ledger.lines {
        text.push_str(&format!("{}: {} emitted, {} repeated", line.topic, line.emitted, line.repeated));
        for consumer in &line.consumers {
            text.push_str(&format!(
                "; {}: {} applied, {} missing, {} twice, {} out of order",
                consumer.group,
                consumer.applied,
                consumer.missing.count(),
                consumer.twice,
                consumer.out_of_order
            ));
        }
        text.push('\n');
    }
    for line in &ledger.letters {
        text.push_str(&format!(
            "letters of {}: {} given up, {} on the topic\n",
            line.group, line.buried, line.on_topic
        ));
    }
    text
}

/// Kills one of the three, at a random moment or at a point where it hurts most, and starts it again.
async fn kill(
    round: u32,
    quotation: &mut Service,
    souscription: &mut Service,
    kafka: &mut Kafka,
) -> Result<&'static str, Box<dyn std::error::Error>> {
    match round % 6 {
        0 => {
            // Confirmed, and not marked: it is published a second time.
            crash(quotation, "relay.confirmed", 3).await?;
            Ok("quotation between confirmation and mark")
        }
        1 | 3 => {
            souscription.kill9().await?;
            souscription.restart().await?;
            Ok("souscription")
        }
        2 => {
            quotation.kill9().await?;
            quotation.restart().await?;
            Ok("quotation")
        }
        4 => {
            // Applied, and Kafka is not told.
            crash(souscription, "consumer.applied", 5).await?;
            Ok("souscription between effect and offset")
        }
        _ => {
            kafka.kill9().await?;
            kafka.restart().await?;
            Ok("the broker")
        }
    }
}

async fn crash(service: &mut Service, point: &str, count: u32) -> Result<(), Box<dyn std::error::Error>> {
    service.kill9().await?;
    service.restart_to_crash(point, count)?;
    wait::until(format!("a crash at {point}"), SETTLE, async || match service.ended() {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err("it runs".to_owned()),
        Err(problem) => Err(problem.to_string()),
    })
    .await?;
    service.restart().await?;
    Ok(())
}

/// Asks for quotes and contracts at a steady rate, whatever the answers are.
async fn ask(quotation: String, souscription: String, load: Arc<Load>) {
    let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().expect("a client");
    let permits = Arc::new(tokio::sync::Semaphore::new(CLIENTS));
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / QUOTES);
    for number in 0_u64.. {
        ticks.tick().await;
        if load.over.load(Ordering::SeqCst) {
            break;
        }
        let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else { continue };
        let (http, load) = (http.clone(), Arc::clone(&load));
        let (quotation, souscription) = (quotation.clone(), souscription.clone());
        tokio::spawn(async move {
            quote(&http, &quotation, &load).await;
            if number % 3 > 0 {
                convert(&http, &souscription, &load).await;
            }
            drop(permit);
        });
    }
    // What was asked is answered before the counts are read.
    drop(permits.acquire_many(u32::try_from(CLIENTS).expect("few")).await);
}

async fn quote(http: &reqwest::Client, quotation: &str, load: &Load) {
    let devis = json!({"clientId": "C001", "typeBien": "AUTO", "valeur": 25000});
    let answer = http.post(format!("{quotation}/api/devis")).json(&devis).send().await;
    let created = match answer {
        Ok(response) if response.status() == StatusCode::CREATED => {
            response.json::<serde_json::Value>().await.ok()
        }
        _ => None,
    };
    match created.as_ref().and_then(|devis| devis["devisId"].as_str()) {
        Some(id) => {
            load.quotes.fetch_add(1, Ordering::SeqCst);
            load.open.lock().expect("no panic").push(id.to_owned());
        }
        None => drop(load.unanswered.fetch_add(1, Ordering::SeqCst)),
    }
}

/// Converts the oldest open quote; one that was not heard of yet goes back.
async fn convert(http: &reqwest::Client, souscription: &str, load: &Load) {
    let oldest = {
        let mut open = load.open.lock().expect("no panic");
        if open.len() < QUOTES as usize { None } else { Some(open.remove(0)) }
    };
    let Some(id) = oldest else { return };
    let url = format!("{souscription}/api/contrats/convertir");
    match http.post(url).json(&json!({"devisId": id})).send().await.map(|response| response.status()) {
        Ok(StatusCode::CREATED) => drop(load.contracts.fetch_add(1, Ordering::SeqCst)),
        // A conversion whose answer was lost with its service has happened.
        Ok(StatusCode::CONFLICT) => {}
        _ => load.open.lock().expect("no panic").push(id),
    }
}

/// Puts records that nobody can read between the events.
async fn poison(bootstrap: String, load: Arc<Load>) {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", &bootstrap)
        .set("message.timeout.ms", "60000")
        .create()
        .expect("a client");
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / POISON);
    for number in 0_u64.. {
        ticks.tick().await;
        if load.over.load(Ordering::SeqCst) {
            break;
        }
        let (key, value) = (number.to_string(), b"no event".to_vec());
        let record = FutureRecord::to(topics::DEVIS_GENERE.as_str()).key(&key).payload(&value);
        if producer.send(record, Duration::from_secs(60)).await.is_ok() {
            load.poison.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Takes some of the service's partitions away and gives them back, and tells Kafka that all was read.
fn join_and_leave(bootstrap: &str, load: &Load) {
    while !load.over.load(Ordering::SeqCst) {
        let stranger: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("group.id", "souscription-service")
            .set("auto.offset.reset", "latest")
            .set("enable.auto.commit", "true")
            .create()
            .expect("a client");
        stranger.subscribe(&[topics::DEVIS_GENERE.as_str()]).expect("a topic");
        let until = Instant::now() + Duration::from_secs(5);
        while Instant::now() < until && !load.over.load(Ordering::SeqCst) {
            drop(stranger.poll(Duration::from_millis(100)));
        }
        drop(stranger);
        std::thread::sleep(Duration::from_secs(3));
    }
}

/// The ledger when nothing is in flight any more.
async fn settled(quotation: &Service, souscription: &Service) -> Result<Ledger, TimedOut> {
    wait::until("the ledger to settle", SETTLE, async || {
        let ledger = read_ledger(&[quotation, souscription]).await.map_err(|problem| problem.to_string())?;
        let open: u64 = ledger.lines.iter().map(|line| line.in_outbox).sum::<u64>()
            + ledger
                .lines
                .iter()
                .flat_map(|line| &line.consumers)
                .map(|consumer| consumer.in_flight)
                .sum::<u64>()
            + ledger.letters.iter().map(|line| line.waiting).sum::<u64>();
        let settled =
            (open == 0 && ledger.is_whole()) || ledger.lines.iter().any(|line| line.out_of_order > 0);
        if settled { Ok(ledger) } else { Err(format!("{open} in flight; {:?}", ledger.problems)) }
    })
    .await
}

/// The ledger closes, and counts what an outside client of Kafka counts.
fn agrees(
    ledger: &Ledger,
    load: &Load,
    kafka: &Kafka,
    quotation: &Service,
    souscription: &Service,
) -> Outcome {
    assert_eq!(ledger.problems, Vec::<String>::new(), "the ledger closes");
    for (service, topics) in [(quotation, QUOTATION), (souscription, SOUSCRIPTION)] {
        let mut reader = Reader::new(&kafka.bootstrap(), topics, &service.source())?;
        let records = reader.catch_up()?;
        let verdict = judge(records).map_err(|broken| broken.join("\n"))?;
        let own = || ledger.lines.iter().filter(|line| line.source == service.source());
        let (on_topic, repeated): (u64, u64) =
            (own().map(|line| line.on_topic).sum(), own().map(|line| line.repeated).sum());
        assert_eq!(
            (on_topic, repeated),
            (verdict.distinct as u64, verdict.repeats as u64),
            "{}",
            service.source()
        );
        for line in own() {
            assert_eq!(line.emitted, line.on_topic, "{}: all of it arrived", line.topic);
            for consumer in &line.consumers {
                assert_eq!(
                    consumer.applied, line.emitted,
                    "{}: {} applied all of it",
                    line.topic, consumer.group
                );
            }
        }
    }
    let emitted = |topic: schemas::TopicName| {
        let line = ledger.lines.iter().find(|line| line.topic == topic.as_str());
        line.map_or(0, |line| line.emitted)
    };
    let answered = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
    assert!(
        emitted(topics::DEVIS_GENERE) >= answered(&load.quotes),
        "every quote that was answered is an event"
    );
    assert!(
        emitted(topics::CONTRAT_EMIS) >= answered(&load.contracts),
        "every contract that was answered is an event"
    );
    let letters = raw(&kafka.bootstrap(), topics::DLQ_ERRORS)?.len() as u64;
    let told: u64 = ledger.letters.iter().map(|line| line.on_topic + line.repeated).sum();
    assert_eq!(letters, told, "dead letters");
    assert!(
        ledger.letters.iter().map(|line| line.buried).sum::<u64>() >= answered(&load.poison),
        "every poisoned record"
    );
    Ok(())
}
