//! Quotation over a real broker and a real registry: what is asked for over HTTP ends up on the topics, once.

use std::{collections::BTreeMap, process::ExitCode, sync::Arc, time::Duration};

use edalab_tests::{
    judge::{Verdict, judge},
    link::Link,
    reader::{Reader, Record},
    rig::{
        kafka::Kafka,
        ports, process, program, python,
        service::{Service, Settings, source_of},
        stand::{QUOTATION, Stand},
    },
    suite::{Outcome, Suite},
    trial,
    wait::{self, TimedOut},
};
use reqwest::StatusCode;
use schemas::{Cents, DevisExpire, DevisGenere, TypeBien, topics};
use serde_json::{Value, json};

/// How long an event may take from its quote to its topic. It takes milliseconds where nothing is in the way, and a
/// broker that was killed takes some seconds to be back.
const ARRIVAL: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    Suite::new("events", 4)
        .trial("a_quote_reaches_its_topic", trial!(a_quote_reaches_its_topic))
        .trial("a_past_quote_expires_once", trial!(a_past_quote_expires_once))
        .trial("the_broker_is_away", trial!(the_broker_is_away))
        .trial("the_broker_is_killed_under_load", trial!(the_broker_is_killed_under_load))
        .trial("the_registry_is_away", trial!(the_registry_is_away))
        .trial("a_database_has_one_writer", trial!(a_database_has_one_writer))
        .trial("a_stop_publishes_what_is_stored", trial!(a_stop_publishes_what_is_stored))
        .trial("an_independent_client_reads_the_events", trial!(an_independent_client_reads_the_events))
        .main(Stand::start)
}

async fn a_quote_reaches_its_topic(stand: Arc<Stand>) -> Outcome {
    let lab = "reaches";
    let quotation = start(&stand, lab).await?;
    let asked = json!({"clientId": "C001", "typeBien": "AUTO", "valeur": 25000});
    let response = quotation.post(&asked).await?;
    assert_eq!(response.status(), StatusCode::CREATED);
    let location = response.headers()["location"].to_str()?.to_owned();
    let devis: Value = response.json().await?;
    let id = text(&devis, "devisId");
    assert_eq!(location, format!("/api/devis/{id}"));
    assert_eq!(devis["prime"], 500.0);
    assert_eq!(quotation.get(&location).await?, devis, "the quote that was stored");

    let mut reader = stand.reader(lab)?;
    let records = arrived(&mut reader, 1).await?;
    let record = &records[0];
    assert_eq!(record.topic, "quotation.devis-genere");
    assert_eq!(record.key, id.as_bytes());
    let known = stand.registry.id("quotation.devis-genere-value").expect("a registered subject");
    assert_eq!(record.value[..5], [&[0], &known.to_be_bytes()[..]].concat(), "magic byte and schema id");
    assert_eq!(record.event.event_type, "com.kafkaedalab.quotation.DevisGenere");
    assert_eq!(record.event.subject, id);
    assert_eq!(record.event.sequence.0, 1);

    let event: DevisGenere = stand.decode(record).await?;
    assert_eq!(event.devis_id.to_string(), id);
    assert_eq!(event.client_id.to_string(), "C001");
    assert_eq!(event.type_bien, TypeBien::Auto);
    assert_eq!((event.valeur.get(), event.prime.get(), event.version.get()), (2_500_000, 50_000, 1));
    assert_eq!(event.timestamp, record.event.time);
    assert_eq!(format!("{:.3}", event.date_expiration), text(&devis, "dateExpiration"));
    Ok(())
}

/// Quotes that hold for a second expire while the service sweeps, is killed and starts again; a quote made last is the
/// fence after which nothing more can come.
async fn a_past_quote_expires_once(stand: Arc<Stand>) -> Outcome {
    let lab = "expires";
    let settings = Settings { validity: "1s".to_owned(), ..settings(&stand, lab).await? };
    let mut quotation = Service::start(settings).await?;
    let mut ids = Vec::new();
    for client in ["C001", "C002", "C003"] {
        ids.push(text(&quotation.quote(client, "AUTO", 1000.0).await?, "devisId"));
    }
    let mut reader = stand.reader(lab)?;
    arrived(&mut reader, 6).await?;
    quotation.kill9().await?;
    quotation.restart().await?;
    ids.push(text(&quotation.quote("C004", "AUTO", 1000.0).await?, "devisId"));
    arrived(&mut reader, 8).await?;
    quotation.stop().await?;
    let records = reader.catch_up()?.to_vec();
    quotation.restart().await?;

    judged(&records)?;
    let mut expired: BTreeMap<String, DevisExpire> = BTreeMap::new();
    for record in records.iter().filter(|record| record.topic == topics::DEVIS_EXPIRE.as_str()) {
        let event: DevisExpire = stand.decode(record).await?;
        assert_eq!(event.version.get(), 2);
        assert!(event.timestamp >= event.date_expiration, "expired before its time: {event:?}");
        let before = expired.insert(event.devis_id.to_string(), event);
        assert_eq!(before, None, "a quote expires once");
    }
    for id in &ids {
        assert!(expired.contains_key(id), "{id} has not expired");
        assert_eq!(quotation.get(&format!("/api/devis/{id}")).await?["statut"], "EXPIRE");
    }
    assert_eq!(expired.len(), ids.len());
    Ok(())
}

/// The broker's port refuses connections from before the service starts, and again later.
async fn the_broker_is_away(stand: Arc<Stand>) -> Outcome {
    let lab = "broker-away";
    let mut kafka = Kafka::start(&stand.parts).await?;
    let mut reader = Reader::new(&kafka.bootstrap(), QUOTATION, &source_of(lab, "quotation"))?;
    kafka.stop().await?;
    let settings = Settings { bootstrap: kafka.bootstrap(), ..settings(&stand, lab).await? };
    let quotation = Service::start(settings).await?;
    for client in ["C001", "C002"] {
        quotation.quote(client, "HABITATION", 200_000.0).await?;
    }
    kafka.restart().await?;
    arrived(&mut reader, 2).await?;

    kafka.stop().await?;
    for client in ["C003", "C004", "C005"] {
        quotation.quote(client, "AUTRE", 50_000.0).await?;
    }
    assert_eq!(quotation.look_up("/ready").await?.status(), StatusCode::OK, "commands are still taken");
    kafka.restart().await?;
    let records = arrived(&mut reader, 5).await?;
    assert_eq!(judged(&records)?.distinct, 5);
    Ok(())
}

/// The broker may have taken records whose confirmation it took along: repeats are fine, losses are not.
async fn the_broker_is_killed_under_load(stand: Arc<Stand>) -> Outcome {
    let lab = "broker-killed";
    let mut kafka = Kafka::start(&stand.parts).await?;
    let settings = Settings { bootstrap: kafka.bootstrap(), ..settings(&stand, lab).await? };
    let quotation = Service::start(settings).await?;
    let mut reader = Reader::new(&kafka.bootstrap(), QUOTATION, &quotation.source())?;
    let mut quoted = 0;
    for _ in 0..2 {
        let (killed, more) = futures::join!(
            async {
                arrived(&mut reader, quoted + 20).await?;
                kafka.kill9().await?;
                kafka.restart().await?;
                Ok::<(), Box<dyn std::error::Error>>(())
            },
            async {
                for _ in 0..200 {
                    quotation.quote("C001", "AUTO", 1000.0).await?;
                }
                Ok::<usize, Box<dyn std::error::Error>>(200)
            }
        );
        killed?;
        quoted += more?;
    }
    let records = arrived(&mut reader, quoted).await?;
    let verdict = judged(&records)?;
    println!("the broker was killed twice under {quoted} quotes: {} records came twice", verdict.repeats);
    assert_eq!(verdict.distinct, quoted);
    Ok(())
}

async fn the_registry_is_away(stand: Arc<Stand>) -> Outcome {
    let lab = "registry-away";
    let port = ports::free()?;
    let mut link = Link::new(port, stand.registry.port());
    let registry = format!("http://127.0.0.1:{port}/apis/ccompat/v7");
    let settings = Settings { registry, ..settings(&stand, lab).await? };
    let quotation = Service::start(settings).await?;
    quotation.quote("C001", "AUTO", 1000.0).await?;
    assert_eq!(quotation.look_up("/ready").await?.status(), StatusCode::OK, "commands are still taken");
    let mut reader = stand.reader(lab)?;
    assert_eq!(reader.catch_up()?.len(), 0, "nothing is published without a schema id");
    link.open().await?;
    arrived(&mut reader, 1).await?;

    // Ids are kept: once seen, they are enough.
    link.shut().await;
    quotation.quote("C001", "AUTO", 2000.0).await?;
    let records = arrived(&mut reader, 2).await?;
    judged(&records)?;
    Ok(())
}

async fn a_database_has_one_writer(stand: Arc<Stand>) -> Outcome {
    let quotation = start(&stand, "one-writer").await?;
    let mut second = quotation.command()?;
    second.env("HTTP_ADDR", "127.0.0.1:0");
    let refusal = process::output(&second).await.expect_err("the folder is taken").to_string();
    assert!(refusal.contains("is in use by one-writer-quotation-0"), "{refusal}");
    quotation.quote("C001", "AUTO", 1000.0).await?;
    Ok(())
}

/// SIGTERM right after the last answer: nothing waits for the next start.
async fn a_stop_publishes_what_is_stored(stand: Arc<Stand>) -> Outcome {
    let mut quotation = start(&stand, "stop").await?;
    for _ in 0..50 {
        quotation.quote("C001", "AUTO", 1000.0).await?;
    }
    let ended = quotation.stop().await?.expect("it ran");
    assert!(ended.success(), "{ended}");
    let mut reader = stand.reader("stop")?;
    assert_eq!(judged(reader.catch_up()?)?, Verdict { distinct: 50, repeats: 0 });
    Ok(())
}

async fn an_independent_client_reads_the_events(stand: Arc<Stand>) -> Outcome {
    let lab = "independent";
    let settings = Settings { validity: "1s".to_owned(), ..settings(&stand, lab).await? };
    let quotation = Service::start(settings).await?;
    let mut quotes = BTreeMap::new();
    for (good, value) in [("AUTO", 25_000.0), ("HABITATION", 123_456.78), ("AUTRE", 0.01)] {
        let devis = quotation.quote("C-python", good, value).await?;
        quotes.insert(text(&devis, "devisId"), devis);
    }
    let mut client = python::script("read_events.py").await?;
    client.arg(stand.kafka.bootstrap()).arg(stand.registry.url()).args([&quotation.source(), "6"]);
    client.args(QUOTATION.iter().map(|topic| topic.as_str()));
    let output = process::output(&client).await?;
    let events: Vec<Value> = output.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;

    let mut sequences = Vec::new();
    for line in &events {
        let event = &line["event"];
        let devis = quotes.get(event["devisId"].as_str().unwrap_or_default());
        let devis = devis.unwrap_or_else(|| panic!("no quote was made for {line}"));
        let name = if line["topic"] == "quotation.devis-genere" { "DevisGenere" } else { "DevisExpire" };
        let subject = format!("{}-value", line["topic"].as_str().unwrap_or_default());
        assert_eq!(line["magic"], 0);
        assert_eq!(line["schemaId"].as_u64().and_then(|id| id.try_into().ok()), stand.registry.id(&subject));
        assert_eq!(line["schemaName"], format!("com.kafkaedalab.quotation.{name}"));
        assert_eq!(line["bytesLeft"], 0);
        assert_eq!(line["key"], devis["devisId"]);
        assert_eq!(instant(&event["dateExpiration"]), instant(&devis["dateExpiration"]));

        let headers = &line["headers"];
        assert_eq!(headers["ce_specversion"], "1.0");
        assert_eq!(headers["ce_source"], quotation.source());
        assert_eq!(headers["ce_type"], line["schemaName"]);
        assert_eq!(headers["ce_subject"], line["key"]);
        assert_eq!(instant(&headers["ce_time"]), instant(&event["timestamp"]));
        assert_eq!(text(headers, "ce_id").len(), 36);
        assert_eq!(text(headers, "traceparent").len(), 55);
        sequences.push(text(headers, "ce_sequence").parse::<i64>()?);

        if name == "DevisGenere" {
            assert_eq!(event["clientId"], "C-python");
            assert_eq!(event["typeBien"], devis["typeBien"]);
            assert_eq!(text(event, "valeur").parse::<Cents>()?, devis["valeur"].to_string().parse()?);
            assert_eq!(text(event, "prime").parse::<Cents>()?, devis["prime"].to_string().parse()?);
            assert_eq!(event["version"], 1);
        } else {
            assert_eq!(event["version"], 2);
        }
    }
    sequences.sort_unstable();
    assert_eq!(sequences, [1, 2, 3, 4, 5, 6]);
    Ok(())
}

async fn settings(stand: &Stand, lab: &str) -> Result<Settings, program::ProgramError> {
    Ok(stand.settings(program::services().await?, lab))
}

async fn start(stand: &Stand, lab: &str) -> Result<Service, Box<dyn std::error::Error>> {
    Ok(Service::start(settings(stand, lab).await?).await?)
}

/// Waits until `count` different events have come; all records of the source then.
async fn arrived(reader: &mut Reader, count: usize) -> Result<Vec<Record>, TimedOut> {
    wait::until(format!("{count} events"), ARRIVAL, async || {
        let records = reader.catch_up().map_err(|problem| problem.to_string())?;
        let mut ids: Vec<_> = records.iter().map(|record| record.event.id).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() >= count { Ok(records.to_vec()) } else { Err(format!("{} events", ids.len())) }
    })
    .await
}

fn judged(records: &[Record]) -> Result<Verdict, String> {
    judge(records).map_err(|broken| broken.join("\n"))
}

fn text(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_else(|| panic!("no text {field} in {object}")).to_owned()
}

/// RFC 3339 texts of one instant can differ: `Z` or `+00:00`.
fn instant(text: &Value) -> String {
    text.as_str().expect("an instant").replace("+00:00", "Z")
}
