//! A clock that goes back, as one does that was set wrong: what the kernel tells stays as it is, and the services are told
//! another time by libfaketime.

use std::{env, fs, path::Path, sync::Arc, time::Duration};

use edalab_tests::{
    judge::judge,
    reader::Reader,
    rig::{
        debian,
        kafka::Kafka,
        ledger::read_ledger,
        program,
        service::{Service, Settings},
        stand::{QUOTATION, SOUSCRIPTION, Stand},
    },
    suite::Outcome,
    wait,
};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const ARRIVAL: Duration = Duration::from_secs(60);
const BACK: &str = "-3600";
const TRUE: &str = "+0";

/// Quotes are made, expire and become contracts before, while and after the clock is an hour behind: each event comes once
/// and in order, the ledger closes, and a quote holds by the clock that there is.
pub(crate) async fn goes_back(stand: Arc<Stand>) -> Outcome {
    let kafka = Kafka::start(&stand.parts).await?;
    let settings = Settings {
        bootstrap: kafka.bootstrap(),
        validity: "10s".to_owned(),
        ..stand.settings(program::services().await?, "clock")
    };
    let mut quotation = Service::new(settings.clone())?;
    let mut souscription = Service::new(Settings { service: "souscription", ..settings })?;
    let clock = tempfile::Builder::new().prefix("edalab-clock-").tempdir()?;
    let clock = clock.path().join("now");
    set(&clock, TRUE)?;
    let packages = debian::unpacked("libfaketime", &["libfaketime"]).await?;
    let library = format!("usr/lib/{}-linux-gnu/faketime/libfaketimeMT.so.1", env::consts::ARCH);
    for service in [&mut quotation, &mut souscription] {
        service.set_env("LD_PRELOAD", packages.join(&library).display().to_string());
        service.set_env("FAKETIME_TIMESTAMP_FILE", clock.display().to_string());
        service.set_env("FAKETIME_NO_CACHE", "1");
        service.set_env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        service.restart().await?;
    }

    let first = quote(&quotation).await?;
    let kept = quote(&quotation).await?;
    convert(&souscription, &kept).await?;
    set(&clock, BACK)?;
    let behind = quote(&quotation).await?;
    let created: Timestamp = text(&behind, "dateCreation").parse()?;
    assert!(
        Timestamp::now().duration_since(created) > SignedDuration::from_mins(50),
        "{created}: it is behind"
    );
    convert(&souscription, &behind).await?;
    let short = quote(&quotation).await?;
    expired(&quotation, &short).await?;
    let statut = quotation.get(&path(&first)).await?["statut"].clone();
    assert_eq!(statut, "GENERE", "it has an hour more by this clock");
    // A start with the clock behind what the database has seen.
    quotation.kill9().await?;
    souscription.kill9().await?;
    quotation.restart().await?;
    souscription.restart().await?;
    let after = quote(&quotation).await?;
    convert(&souscription, &after).await?;
    set(&clock, TRUE)?;
    expired(&quotation, &first).await?;
    let last = quote(&quotation).await?;
    convert(&souscription, &last).await?;

    let page = quotation.get("/api/devis?clientId=C001").await?;
    let ids: Vec<&Value> =
        page["devis"].as_array().into_iter().flatten().map(|devis| &devis["devisId"]).collect();
    let newest_first = [&last, &after, &short, &behind, &kept, &first].map(|devis| &devis["devisId"]);
    assert_eq!(ids, newest_first, "newest first is the order in which they were made");
    wait::until("the ledger to close", ARRIVAL, async || {
        let ledger =
            read_ledger(&[&quotation, &souscription]).await.map_err(|problem| problem.to_string())?;
        if ledger.closes() { Ok(()) } else { Err(format!("{:?}", ledger.problems)) }
    })
    .await?;
    for (service, topics) in [(&quotation, QUOTATION), (&souscription, SOUSCRIPTION)] {
        let mut reader = Reader::new(&kafka.bootstrap(), topics, &service.source())?;
        judge(reader.catch_up()?).map_err(|broken| broken.join("\n"))?;
    }
    Ok(())
}

/// Tells the services another time, from the next look at it on.
fn set(clock: &Path, offset: &str) -> std::io::Result<()> {
    let next = clock.with_extension("next");
    fs::write(&next, offset)?;
    fs::rename(next, clock)
}

async fn quote(quotation: &Service) -> Result<Value, edalab_tests::rig::service::ServiceRigError> {
    quotation.quote("C001", "AUTO", 25_000.0).await
}

/// Converts a quote as soon as it was heard of.
async fn convert(souscription: &Service, devis: &Value) -> Result<(), wait::TimedOut> {
    let body = json!({"devisId": devis["devisId"]});
    wait::until("a contract", ARRIVAL, async || {
        let answer = souscription.send(Method::POST, "/api/contrats/convertir", &body).await;
        match answer.map_err(|problem| problem.to_string())? {
            made if made.status() == StatusCode::CREATED => Ok(()),
            other => Err(other.text().await.unwrap_or_default()),
        }
    })
    .await
}

async fn expired(quotation: &Service, devis: &Value) -> Result<(), wait::TimedOut> {
    wait::until("a quote to expire", ARRIVAL, async || {
        let now = quotation.get(&path(devis)).await.map_err(|problem| problem.to_string())?;
        if now["statut"] == "EXPIRE" { Ok(()) } else { Err(now.to_string()) }
    })
    .await
}

fn path(devis: &Value) -> String {
    format!("/api/devis/{}", text(devis, "devisId"))
}

fn text<'v>(object: &'v Value, field: &str) -> &'v str {
    object[field].as_str().unwrap_or_else(|| panic!("no text {field} in {object}"))
}
