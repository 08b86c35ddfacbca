//! What is asked of souscription, and what comes of it.

use std::sync::Arc;

use edalab_tests::{
    judge::judge,
    reader::Reader,
    rig::{
        service::Service,
        stand::{SOUSCRIPTION, Stand},
    },
    suite::Outcome,
    wait,
};
use reqwest::{Method, StatusCode};
use schemas::{ContratEmis, ContratModifie, ContratResilie, topics};
use serde_json::{Value, json};

use crate::pair::{ARRIVAL, Pair, ask, text};

pub(crate) async fn a_quote_becomes_a_contract(stand: Arc<Stand>) -> Outcome {
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

pub(crate) async fn refusals(stand: Arc<Stand>) -> Outcome {
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
pub(crate) async fn a_contract_wins_over_an_expiry(stand: Arc<Stand>) -> Outcome {
    let mut pair = Pair::start(&stand, "crossed").await?;
    pair.quotation.stop().await?;
    pair.quotation.set_validity("6s");
    pair.quotation.restart().await?;
    let devis = pair.quotation.quote("C001", "AUTO", 25_000.0).await?;
    let id = text(&devis, "devisId");
    wait::until("the quote to be heard of", ARRIVAL, async || {
        let metrics = pair.souscription.scrape().await.map_err(|problem| problem.to_string())?;
        if metrics.sum("consumer_applied_total") > 0.0 { Ok(()) } else { Err("not heard".to_owned()) }
    })
    .await?;
    pair.quotation.kill9().await?;
    pair.convert(&id).await?;
    passes(&devis).await?;
    pair.quotation.restart().await?;
    becomes(&pair.quotation, &id, "CONVERTI").await
}
