//! Souscription over a real broker and a real registry: every event has its effect once, and nothing holds it up.

use std::{collections::BTreeSet, process::ExitCode, sync::Arc, time::Duration};

use edalab_tests::{
    judge::judge,
    random_moment,
    reader::{Raw, Reader, raw},
    rig::{
        kafka::Kafka,
        ledger::read_ledger,
        program,
        service::{Service, Settings},
        stand::{QUOTATION, SOUSCRIPTION, Stand},
    },
    suite::{Outcome, Suite},
    trial,
    wait::{self, TimedOut},
};
use rdkafka::{
    ClientConfig,
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
};
use reqwest::{Method, StatusCode};
use schemas::{ContratEmis, ContratModifie, ContratResilie, dead_letter as letter, header, topics};
use serde_json::{Value, json};

/// How long an event may take from its command to its effect.
const ARRIVAL: Duration = Duration::from_secs(60);
/// Kills while the service consumes.
const KILLS: u32 = 20;

fn main() -> ExitCode {
    Suite::new("consume", 2)
        .trial("a_quote_becomes_a_contract_that_changes_and_ends", trial!(a_quote_becomes_a_contract))
        .trial("a_command_that_cannot_be_is_refused_in_words", trial!(refusals))
        .trial("a_contract_wins_over_an_expiry_that_crossed_it", trial!(a_contract_wins_over_an_expiry))
        .trial("killed_while_it_consumes_it_misses_nothing", trial!(killed_while_it_consumes))
        .trial("what_cannot_be_read_goes_to_the_dead_letters", trial!(dead_letters))
        .trial("a_killed_consumer_goes_on_as_soon_as_it_is_back", trial!(goes_on_as_soon_as_it_is_back))
        .trial("raised_partitions_and_a_broker_that_restarts_lose_nothing", trial!(raised_partitions))
        .trial("offsets_of_another_cluster_wait_for_a_decision", trial!(offsets_of_another_cluster))
        .main(Stand::start)
}

/// Quotation and souscription of one lab, over a broker of their own, as labs have: in one group on one broker, the
/// services of several labs would share the partitions.
struct Pair {
    quotation: Service,
    souscription: Service,
    kafka: Kafka,
}

impl Pair {
    async fn start(stand: &Stand, lab: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let kafka = Kafka::start(&stand.parts).await?;
        let quotation = stand.settings(program::services().await?, lab);
        let quotation = Settings { bootstrap: kafka.bootstrap(), ..quotation };
        let souscription = Settings { service: "souscription", ..quotation.clone() };
        Ok(Self {
            quotation: Service::start(quotation).await?,
            souscription: Service::start(souscription).await?,
            kafka,
        })
    }

    async fn quote(&self) -> Result<String, Box<dyn std::error::Error>> {
        Ok(text(&self.quotation.quote("C001", "AUTO", 25_000.0).await?, "devisId"))
    }

    /// Converts a quote as soon as it was heard of.
    async fn convert(&self, devis: &str) -> Result<Value, TimedOut> {
        convert(&self.souscription, devis).await
    }

    async fn change(&self, contrat: &str, modification: &str, valeur: Value) -> (StatusCode, Value) {
        let body = json!({"modification": modification, "valeur": valeur});
        ask(&self.souscription, Method::PUT, &format!("/api/contrats/{contrat}/modifier"), &body).await
    }

    async fn end(&self, contrat: &str, motif: &str) -> (StatusCode, Value) {
        let path = format!("/api/contrats/{contrat}/resilier");
        ask(&self.souscription, Method::POST, &path, &json!({"motif": motif})).await
    }
}

async fn convert(souscription: &Service, devis: &str) -> Result<Value, TimedOut> {
    wait::until(format!("quote {devis} to be heard of"), ARRIVAL, async || {
        match ask(souscription, Method::POST, "/api/contrats/convertir", &json!({"devisId": devis})).await {
            (StatusCode::CREATED, contrat) => Ok(contrat),
            (status, problem) => Err(format!("{status}: {problem}")),
        }
    })
    .await
}

async fn ask(service: &Service, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
    let response = service.send(method, path, body).await.expect("an answer");
    (response.status(), response.json().await.expect("JSON"))
}

fn text(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_else(|| panic!("no text {field} in {object}")).to_owned()
}

async fn a_quote_becomes_a_contract(stand: Arc<Stand>) -> Outcome {
    let pair = Pair::start(&stand, "contract").await?;
    let devis = pair.quote().await?;
    let contrat = pair.convert(&devis).await?;
    let id = text(&contrat, "contratId");
    assert_eq!((&contrat["prime"], &contrat["statut"]), (&json!(500.0), &json!("ACTIF")));
    assert_eq!(pair.souscription.get(&format!("/api/contrats/{id}")).await?, contrat);
    for (modification, valeur, statut) in [
        ("PRIME", json!(512.5), "ACTIF"),
        ("DATE_FIN", json!("2031-01-01T00:00:00Z"), "ACTIF"),
        ("SUSPENSION", json!("impayé"), "SUSPENDU"),
        ("REPRISE", json!("régularisé"), "ACTIF"),
    ] {
        let (status, changed) = pair.change(&id, modification, valeur).await;
        assert_eq!(
            (status, &changed["statut"]),
            (StatusCode::OK, &json!(statut)),
            "{modification}: {changed}"
        );
    }
    let (status, ended) = pair.end(&id, "vente du véhicule").await;
    assert_eq!((status, &ended["statut"]), (StatusCode::OK, &json!("RESILIE")));
    assert_eq!((&ended["prime"], &ended["dateFin"]), (&json!(512.5), &json!("2031-01-01T00:00:00.000Z")));
    let page = pair.souscription.get("/api/contrats?clientId=C001").await?;
    assert_eq!(page["contrats"], json!([ended]));

    let mut reader = Reader::new(&pair.kafka.bootstrap(), SOUSCRIPTION, &pair.souscription.source())?;
    let records = wait::until("six events", ARRIVAL, async || {
        let records = reader.catch_up().map_err(|problem| problem.to_string())?;
        if records.len() == 6 { Ok(records.to_vec()) } else { Err(format!("{} events", records.len())) }
    })
    .await?;
    judge(&records).map_err(|broken| broken.join("\n"))?;
    let of = |topic: schemas::TopicName| records.iter().filter(move |record| record.topic == topic.as_str());
    for record in &records {
        assert_eq!(record.key, id.as_bytes());
    }
    let issued: ContratEmis = stand.decode(of(topics::CONTRAT_EMIS).next().expect("one")).await?;
    assert_eq!((issued.contrat_id.to_string(), issued.devis_id.to_string()), (id.clone(), devis.clone()));
    let mut versions = vec![issued.version.get()];
    let mut values = Vec::new();
    for record in of(topics::CONTRAT_MODIFIE) {
        let event: ContratModifie = stand.decode(record).await?;
        versions.push(event.version.get());
        values.push(format!("{} {}", event.modification, event.nouvelle_valeur));
    }
    assert_eq!(
        values,
        ["PRIME 512.50", "DATE_FIN 2031-01-01T00:00:00.000Z", "SUSPENSION impayé", "REPRISE régularisé"]
    );
    let ended: ContratResilie = stand.decode(of(topics::CONTRAT_RESILIE).next().expect("one")).await?;
    versions.push(ended.version.get());
    assert_eq!((ended.motif.as_str(), versions), ("vente du véhicule", (1..=6).collect()));
    becomes(&pair.quotation, &devis, "CONVERTI").await
}

/// Waits until quotation shows the quote in that state.
async fn becomes(quotation: &Service, devis: &str, statut: &str) -> Outcome {
    wait::until(format!("quote {devis} to be {statut}"), ARRIVAL, async || {
        let devis =
            quotation.get(&format!("/api/devis/{devis}")).await.map_err(|problem| problem.to_string())?;
        if devis["statut"] == statut { Ok(()) } else { Err(devis.to_string()) }
    })
    .await?;
    Ok(())
}

async fn refusals(stand: Arc<Stand>) -> Outcome {
    let mut pair = Pair::start(&stand, "refusals").await?;
    let nobody = "019abf0e-7c00-7000-8000-000000000001";
    let convert = async |devis: &str| {
        ask(&pair.souscription, Method::POST, "/api/contrats/convertir", &json!({"devisId": devis})).await
    };
    let (status, problem) = convert(nobody).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(text(&problem, "detail").contains("on its way"), "{problem}");
    let (status, problem) = convert("no id").await;
    assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("devisId")));

    let devis = pair.quote().await?;
    let id = text(&pair.convert(&devis).await?, "contratId");
    let (status, problem) = convert(&devis).await;
    assert_eq!((status, &problem["contratId"]), (StatusCode::CONFLICT, &json!(id)), "{problem}");

    for (modification, valeur, status, field) in [
        ("PRIME", json!(0), StatusCode::UNPROCESSABLE_ENTITY, "valeur"),
        ("PRIME", json!("500"), StatusCode::UNPROCESSABLE_ENTITY, "valeur"),
        ("DATE_FIN", json!("2020-01-01T00:00:00Z"), StatusCode::UNPROCESSABLE_ENTITY, "valeur"),
        ("DATE_FIN", json!("soon"), StatusCode::UNPROCESSABLE_ENTITY, "valeur"),
        ("SUSPENSION", json!(""), StatusCode::UNPROCESSABLE_ENTITY, "valeur"),
        ("AUTRE", json!("x"), StatusCode::UNPROCESSABLE_ENTITY, "modification"),
    ] {
        let (answered, problem) = pair.change(&id, modification, valeur).await;
        assert_eq!((answered, &problem["field"]), (status, &json!(field)), "{modification}: {problem}");
    }
    let (status, problem) = pair.change(&id, "REPRISE", json!("x")).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    assert_eq!(pair.change(nobody, "PRIME", json!(1)).await.0, StatusCode::NOT_FOUND);
    assert_eq!(pair.end(nobody, "x").await.0, StatusCode::NOT_FOUND);
    assert_eq!(pair.end(&id, " ").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(pair.end(&id, "vendu").await.0, StatusCode::OK);
    assert_eq!(pair.end(&id, "vendu").await.0, StatusCode::CONFLICT);

    // A quote that has expired is gone, whether its DevisExpire was heard or not.
    pair.quotation.stop().await?;
    pair.quotation.set_validity("1s");
    pair.quotation.restart().await?;
    let past = pair.quotation.quote("C001", "AUTO", 25_000.0).await?;
    passes(&past).await?;
    let past = text(&past, "devisId");
    wait::until("the quote to be gone", ARRIVAL, async || match convert(&past).await {
        (StatusCode::GONE, _) => Ok(()),
        (StatusCode::CREATED, _) => panic!("an expired quote was converted"),
        (status, problem) => Err(format!("{status}: {problem}")),
    })
    .await?;
    Ok(())
}

/// Waits for the end of a quote's validity.
async fn passes(devis: &Value) -> Outcome {
    let end: jiff::Timestamp = text(devis, "dateExpiration").parse()?;
    wait::until("the end of the quote", ARRIVAL, async || {
        if jiff::Timestamp::now() > end { Ok(()) } else { Err(end) }
    })
    .await?;
    Ok(())
}

/// Quotation is away while its quote is converted and passes its end; back again, it finds the quote expired, and hears of
/// the contract.
async fn a_contract_wins_over_an_expiry(stand: Arc<Stand>) -> Outcome {
    let mut pair = Pair::start(&stand, "crossed").await?;
    pair.quotation.stop().await?;
    pair.quotation.set_validity("6s");
    pair.quotation.restart().await?;
    let devis = pair.quotation.quote("C001", "AUTO", 25_000.0).await?;
    let id = text(&devis, "devisId");
    wait::until("the quote to be heard of", ARRIVAL, async || {
        let metrics = pair.souscription.look_up("/metrics").await.map_err(|problem| problem.to_string())?;
        let metrics = metrics.text().await.map_err(|problem| problem.to_string())?;
        let heard = metrics.lines().find(|line| line.starts_with("consumer_applied_total"));
        heard.map(drop).ok_or("not heard".to_owned())
    })
    .await?;
    pair.quotation.kill9().await?;
    pair.convert(&id).await?;
    passes(&devis).await?;
    pair.quotation.restart().await?;
    becomes(&pair.quotation, &id, "CONVERTI").await
}

/// Souscription is killed again and again while quotes come: each of them is heard in the end, and none twice.
async fn killed_while_it_consumes(stand: Arc<Stand>) -> Outcome {
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
    let metrics = pair.souscription.look_up("/metrics").await?.text().await?;
    let letters = metrics.lines().find(|line| line.starts_with("consumer_dead_letters_total"));
    assert_eq!(letters, None, "nothing was refused");
    println!("{KILLS} kills while it consumes: {} quotes, none missed", quotes.len());
    Ok(())
}

async fn dead_letters(stand: Arc<Stand>) -> Outcome {
    let pair = Pair::start(&stand, "letters").await?;
    let first = pair.quote().await?;
    pair.convert(&first).await?;
    let mut reader = Reader::new(&pair.kafka.bootstrap(), QUOTATION, &pair.quotation.source())?;
    let good = reader.catch_up()?.to_vec().remove(0);
    let headers: Vec<(String, Option<Vec<u8>>)> = good
        .event
        .headers()
        .into_iter()
        .map(|(name, text)| (name.to_owned(), Some(text.into_bytes())))
        .collect();
    let without = |name: &str| headers.iter().filter(|(found, _)| found != name).cloned().collect::<Vec<_>>();
    let expire = stand.registry.id("quotation.devis-expire-value").expect("a registered subject");
    let other_type = [&[0], &expire.to_be_bytes()[..], &good.value[5..]].concat();
    let marked = |mut headers: Vec<_>, number: u8| {
        headers.push((MARK.to_owned(), Some(vec![number])));
        headers
    };
    let cases = [
        ("WrongMagic", Some(b"{\"devisId\": 1}".to_vec()), headers.clone()),
        ("TooShort", Some(vec![0, 0]), headers.clone()),
        ("UnknownSchemaId", Some(vec![0, 0x7f, 0, 0, 0, 1]), headers.clone()),
        ("MissingHeader", Some(good.value.clone()), without(header::ID)),
        ("MissingHeader", Some(good.value.clone()), Vec::new()),
        ("NoValue", None, headers.clone()),
        ("TrailingBytes", Some([&good.value[..], &[0]].concat()), headers.clone()),
        ("BadBody", Some(good.value[..20].to_vec()), headers.clone()),
        ("WrongType", Some(other_type), headers.clone()),
    ];
    let mut sent = Vec::new();
    let producer: FutureProducer =
        ClientConfig::new().set("bootstrap.servers", pair.kafka.bootstrap()).create()?;
    for (number, (reason, value, headers)) in (0..).zip(cases) {
        let record = Raw { key: Some(vec![0xff, number]), value, headers: marked(headers, number) };
        send(&producer, topics::DEVIS_GENERE, &record).await?;
        sent.push((reason, record));
    }
    // What follows is not held up, on whatever partition it lies.
    for _ in 0..6 {
        let devis = pair.quote().await?;
        pair.convert(&devis).await?;
    }
    let letters = wait::until("the letters", ARRIVAL, async || {
        let all = raw(&pair.kafka.bootstrap(), topics::DLQ_ERRORS).map_err(|problem| problem.to_string())?;
        if all.len() >= sent.len() { Ok(all) } else { Err(format!("{} letters", all.len())) }
    })
    .await?;
    assert_eq!(letters.len(), sent.len());
    for (reason, record) in &sent {
        let letter = letters.iter().find(|letter| letter.key == record.key);
        let letter = letter.unwrap_or_else(|| panic!("{reason}: no letter"));
        assert_eq!(letter.value, record.value, "{reason}: byte for byte");
        assert_eq!(
            letter.headers[..record.headers.len()],
            record.headers,
            "{reason}: the headers that it came with"
        );
        assert_eq!(letter.header(letter::REASON), Some(*reason), "{:?}", letter.header(letter::CAUSES));
        assert_eq!(letter.header(letter::TOPIC), Some("quotation.devis-genere"));
        assert_eq!(letter.header(letter::SERVICE), Some(&*pair.souscription.source()));
        assert_eq!(letter.header(letter::GROUP), Some("souscription-service"));
        for name in [letter::PARTITION, letter::OFFSET, letter::CAUSES, letter::TIME] {
            assert!(letter.header(name).is_some_and(|text| !text.is_empty()), "{reason}: {name}");
        }
        assert_eq!(letter.header(letter::LEFT_OUT), None);
    }
    Ok(())
}

/// A header by which a poisoned record is told from others.
const MARK: &str = "test-mark";

async fn send(producer: &FutureProducer, topic: schemas::TopicName, record: &Raw) -> Outcome {
    let headers = record.headers.iter().fold(OwnedHeaders::new(), |headers, (name, value)| {
        headers.insert(Header { key: name, value: value.as_deref() })
    });
    let record = FutureRecord {
        topic: topic.as_str(),
        partition: None,
        key: record.key.as_deref(),
        payload: record.value.as_deref(),
        timestamp: None,
        headers: Some(headers),
    };
    let sent: Result<_, (rdkafka::error::KafkaError, _)> = producer.send(record, ARRIVAL).await;
    sent.map(drop).map_err(|(problem, _)| problem.into())
}

/// What came while it was dead is there soon after it is back: nobody waits for the session of the dead one to end.
async fn goes_on_as_soon_as_it_is_back(stand: Arc<Stand>) -> Outcome {
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
async fn raised_partitions(stand: Arc<Stand>) -> Outcome {
    let mut pair = Pair::start(&stand, "raised").await?;
    let mut quotes = Vec::new();
    for _ in 0..50 {
        quotes.push(pair.quote().await?);
    }
    pair.kafka.raise_partitions(topics::DEVIS_GENERE, 6).await?;
    // A producer looks for partitions every five minutes, or when it starts.
    pair.quotation.kill9().await?;
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

/// The broker's data is gone and the database is there: the service says so, consumes nothing, and goes on when the old
/// broker is back.
async fn offsets_of_another_cluster(stand: Arc<Stand>) -> Outcome {
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
