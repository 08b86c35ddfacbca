//! What is asked of the lab while it is under fire, and what else disturbs it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer},
    producer::{FutureProducer, FutureRecord},
};
use reqwest::StatusCode;
use schemas::topics;
use serde_json::{Value, json};

/// Quotes a second; two of three become contracts, and one of five contracts gets a claim, so that more than 500 events a
/// second are asked for.
const QUOTES: u32 = 300;
/// Contracts that are left alone: the first of them was made a moment ago.
const HEARD: usize = 100;
/// Records a second that nobody can read.
const POISON: u32 = 20;
/// Clients at a time, which bounds what is open while a service is away.
const CLIENTS: usize = 32;

/// What the load did, counted outside of the services.
#[derive(Debug, Default)]
pub(crate) struct Load {
    pub(crate) quotes: AtomicU64,
    pub(crate) contracts: AtomicU64,
    pub(crate) claims: AtomicU64,
    pub(crate) unanswered: AtomicU64,
    pub(crate) poison: AtomicU64,
    pub(crate) over: AtomicBool,
    /// Quotes that were answered with 201 and are to be converted.
    open: Mutex<Vec<String>>,
    /// Contracts that were answered with 201, without a claim.
    insured: Mutex<Vec<String>>,
}

/// Asks for quotes, contracts and claims at a steady rate, whatever the answers are.
pub(crate) async fn ask(addresses: [String; 3], load: Arc<Load>) {
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
        let [quotation, souscription, reclamation] = addresses.clone();
        tokio::spawn(async move {
            quote(&http, &quotation, &load).await;
            if number % 3 > 0 {
                convert(&http, &souscription, &load).await;
            }
            if number % 5 == 0 {
                claim(&http, &reclamation, &load).await;
            }
            drop(permit);
        });
    }
    // What was asked is answered before the counts are read.
    drop(permits.acquire_many(u32::try_from(CLIENTS).expect("few")).await);
}

async fn quote(http: &reqwest::Client, quotation: &str, load: &Load) {
    let devis = json!({"clientId": "C001", "typeBien": "AUTO", "valeur": 25000});
    match made(http.post(format!("{quotation}/api/devis")).json(&devis), "devisId").await {
        Answer::Made(id) => {
            load.quotes.fetch_add(1, Ordering::SeqCst);
            load.open.lock().expect("no panic").push(id);
        }
        Answer::Refused(_) | Answer::None => drop(load.unanswered.fetch_add(1, Ordering::SeqCst)),
    }
}

/// Converts the oldest open quote; one that was not heard of yet goes back.
async fn convert(http: &reqwest::Client, souscription: &str, load: &Load) {
    let Some(id) = oldest(&load.open, QUOTES as usize) else { return };
    let url = format!("{souscription}/api/contrats/convertir");
    match made(http.post(url).json(&json!({"devisId": id})), "contratId").await {
        Answer::Made(contrat) => {
            load.contracts.fetch_add(1, Ordering::SeqCst);
            load.insured.lock().expect("no panic").push(contrat);
        }
        // A conversion whose answer was lost with its service has happened.
        Answer::Refused(StatusCode::CONFLICT) => {}
        Answer::Refused(_) | Answer::None => load.open.lock().expect("no panic").push(id),
    }
}

/// Makes a claim on the oldest contract, and has it judged and paid, as far as that goes; one that was not heard of yet goes
/// back.
async fn claim(http: &reqwest::Client, reclamation: &str, load: &Load) {
    let Some(contrat) = oldest(&load.insured, HEARD) else { return };
    let loss = json!({"contratId": contrat, "type": "VOL", "description": "vol", "montantEstime": 300});
    let declared = made(http.post(format!("{reclamation}/api/sinistres")).json(&loss), "sinistreId");
    let Answer::Made(claim) = declared.await else {
        return load.insured.lock().expect("no panic").push(contrat);
    };
    load.claims.fetch_add(1, Ordering::SeqCst);
    let path = format!("{reclamation}/api/sinistres/{claim}");
    let granted = json!({"decision": "ACCEPTE", "montantEvalue": 250});
    if let Answer::Made(_) = made(http.put(format!("{path}/evaluer")).json(&granted), "sinistreId").await {
        made(http.post(format!("{path}/indemniser")), "sinistreId").await;
    }
}

/// Takes out the first, where there are so many: it was made a moment ago then.
fn oldest(ids: &Mutex<Vec<String>>, least: usize) -> Option<String> {
    let mut ids = ids.lock().expect("no panic");
    if ids.len() < least { None } else { Some(ids.remove(0)) }
}

/// What came of a command.
enum Answer {
    /// What the answer shows by that name.
    Made(String),
    Refused(StatusCode),
    None,
}

async fn made(request: reqwest::RequestBuilder, field: &str) -> Answer {
    let Ok(response) = request.send().await else { return Answer::None };
    let status = response.status();
    if !status.is_success() {
        return Answer::Refused(status);
    }
    let shown = response.json::<Value>().await.ok();
    shown.and_then(|shown| Some(shown[field].as_str()?.to_owned())).map_or(Answer::None, Answer::Made)
}

/// Puts records that nobody can read between the events.
pub(crate) async fn poison(bootstrap: String, load: Arc<Load>) {
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
pub(crate) fn join_and_leave(bootstrap: &str, load: &Load) {
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
