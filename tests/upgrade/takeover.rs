//! The services of the release before, killed at work, and this checkout's over what they left.

use std::{sync::Arc, time::Duration};

use edalab_tests::{
    judge::judge,
    reader::Reader,
    rig::{
        kafka::Kafka,
        ledger::read_ledger,
        program,
        service::{Service, Settings},
        stand::{QUOTATION, SOUSCRIPTION, Stand},
    },
    suite::Outcome,
    wait,
};
use serde_json::Value;

/// How long everything may take to have its effect.
const ARRIVAL: Duration = Duration::from_secs(120);
const ROUNDS: usize = 20;

/// Everything that was answered with 201 by either release is there, on its topic, in order, and had its effect once: also
/// what waited in the outboxes when the release before was killed, and what came while the broker was away.
pub(crate) async fn services_go_on(stand: Arc<Stand>) -> Outcome {
    let before = program::before("edalab-services").await?;
    let now = program::services().await?;
    let mut kafka = Kafka::start(&stand.parts).await?;
    let settings = Settings { bootstrap: kafka.bootstrap(), ..stand.settings(&before, "upgrade") };
    let mut quotation = Service::start(settings.clone()).await?;
    let mut souscription = Service::start(Settings { service: "souscription", ..settings }).await?;

    let mut made = Vec::new();
    for _ in 0..ROUNDS {
        made.extend(a_contract(&quotation, &souscription).await?);
    }
    kafka.stop().await?;
    for _ in 0..ROUNDS {
        made.push(a_quote(&quotation).await?);
    }
    quotation.kill9().await?;
    souscription.kill9().await?;
    for service in [&mut quotation, &mut souscription] {
        service.set_program(now);
        service.restart().await?;
    }
    for _ in 0..ROUNDS {
        made.push(a_quote(&quotation).await?);
    }
    kafka.restart().await?;
    for _ in 0..ROUNDS {
        made.extend(a_contract(&quotation, &souscription).await?);
    }

    let ledger = wait::until("the ledger to close", ARRIVAL, async || {
        let ledger =
            read_ledger(&[&quotation, &souscription]).await.map_err(|problem| problem.to_string())?;
        if ledger.closes() { Ok(ledger) } else { Err(format!("{:?}", ledger.problems)) }
    })
    .await?;
    let emitted: u64 = ledger.lines.iter().map(|line| line.emitted).sum();
    assert_eq!(emitted, made.len() as u64, "an event for each quote and each contract");
    for (service, topics) in [(&quotation, QUOTATION), (&souscription, SOUSCRIPTION)] {
        let mut reader = Reader::new(&kafka.bootstrap(), topics, &service.source())?;
        let verdict = judge(reader.catch_up()?).map_err(|broken| broken.join("\n"))?;
        println!("{}: {} events, {} records came twice", service.source(), verdict.distinct, verdict.repeats);
    }
    for path in &made {
        let service = if path.contains("devis") { &quotation } else { &souscription };
        service.get(path).await?;
    }
    Ok(())
}

/// The path of a new quote.
async fn a_quote(quotation: &Service) -> Result<String, Box<dyn std::error::Error>> {
    let devis = quotation.quote("C001", "AUTO", 25_000.0).await?;
    Ok(format!("/api/devis/{}", text(&devis, "devisId")))
}

/// The paths of a new quote and of the contract that it becomes.
async fn a_contract(
    quotation: &Service,
    souscription: &Service,
) -> Result<[String; 2], Box<dyn std::error::Error>> {
    let devis = a_quote(quotation).await?;
    let id = devis.rsplit('/').next().unwrap_or_default();
    let contrat = souscription.convert(id).await?;
    Ok([devis, format!("/api/contrats/{}", text(&contrat, "contratId"))])
}

fn text<'v>(object: &'v Value, field: &str) -> &'v str {
    object[field].as_str().unwrap_or_else(|| panic!("no text {field} in {object}"))
}
