//! What is asked of reclamation, what comes of it, and what souscription hears of it.

use std::sync::Arc;

use edalab_tests::{
    judge::judge,
    reader::Reader,
    rig::{
        service::{Service, Settings},
        stand::{RECLAMATION, Stand},
    },
    suite::Outcome,
    wait,
};
use reqwest::{Method, StatusCode};
use schemas::{IndemnisationEffectuee, SinistreDeclare, SinistreEvalue, topics};
use serde_json::{Value, json};

use crate::pair::{ARRIVAL, Pair, ask, text};

/// A lab of all three services.
struct Trio {
    pair: Pair,
    reclamation: Service,
}

impl Trio {
    async fn start(stand: &Stand, lab: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let pair = Pair::start(stand, lab).await?;
        let settings = stand.settings(edalab_tests::rig::program::services().await?, lab);
        let settings = Settings { service: "reclamation", bootstrap: pair.kafka.bootstrap(), ..settings };
        Ok(Self { pair, reclamation: Service::start(settings).await? })
    }

    async fn contract(&self) -> Result<String, Box<dyn std::error::Error>> {
        Ok(text(&self.pair.convert(&self.pair.quote().await?).await?, "contratId"))
    }

    async fn declare(&self, contrat: &str, more: Value) -> (StatusCode, Value) {
        let mut body = json!({
            "contratId": contrat, "type": "VOL", "description": "vélo volé", "montantEstime": 1800,
        });
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        ask(&self.reclamation, Method::POST, "/api/sinistres", &body).await
    }

    /// Makes a claim until it is answered so: what reclamation hears of contracts takes a moment.
    async fn declare_until(&self, contrat: &str, wanted: StatusCode) -> Result<Value, wait::TimedOut> {
        wait::until(format!("a claim to be answered {wanted}"), ARRIVAL, async || {
            let (status, body) = self.declare(contrat, json!({})).await;
            if status == wanted { Ok(body) } else { Err(format!("{status}: {body}")) }
        })
        .await
    }

    async fn act(&self, method: Method, claim: &str, what: &str, body: Value) -> (StatusCode, Value) {
        ask(&self.reclamation, method, &format!("/api/sinistres/{claim}/{what}"), &body).await
    }

    /// Waits until the contract shows such claims.
    async fn contract_shows(&self, contrat: &str, wanted: Value) -> Result<(), wait::TimedOut> {
        wait::until(format!("contract {contrat} to show {wanted}"), ARRIVAL, async || {
            let path = format!("/api/contrats/{contrat}");
            let found = self.pair.souscription.get(&path).await.map_err(|problem| problem.to_string())?;
            let shown = json!([found["sinistres"], found["sinistresRejetes"], found["indemnites"]]);
            if shown == wanted { Ok(()) } else { Err(shown.to_string()) }
        })
        .await
    }
}

pub(crate) async fn a_claim_is_judged_and_paid(stand: Arc<Stand>) -> Outcome {
    let trio = Trio::start(&stand, "claim").await?;
    let contrat = trio.contract().await?;
    let declared = trio.declare_until(&contrat, StatusCode::CREATED).await?;
    let id = text(&declared, "sinistreId");
    assert_eq!((&declared["statut"], &declared["clientId"]), (&json!("DECLARE"), &json!("C001")));
    let (status, problem) = trio.act(Method::POST, &id, "indemniser", json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    let (status, inspected) = trio.act(Method::POST, &id, "expertise", json!({})).await;
    assert_eq!((status, &inspected["statut"]), (StatusCode::OK, &json!("EN_EXPERTISE")));
    let evaluation = json!({"decision": "ACCEPTE", "montantEvalue": 1650.5, "motif": "au vu de l'expertise"});
    let (status, judged) = trio.act(Method::PUT, &id, "evaluer", evaluation).await;
    assert_eq!(
        (status, &judged["statut"], &judged["montantEvalue"]),
        (StatusCode::OK, &json!("EVALUE"), &json!(1650.5))
    );
    let (status, paid) = trio.act(Method::POST, &id, "indemniser", json!({})).await;
    assert_eq!((status, &paid["indemnisation"]["montant"]), (StatusCode::OK, &json!(1650.5)), "{paid}");
    assert_eq!(trio.reclamation.get(&format!("/api/sinistres/{id}")).await?, paid);
    trio.contract_shows(&contrat, json!([1, 0, 1650.5])).await?;

    let rejected = text(&trio.declare(&contrat, json!({})).await.1, "sinistreId");
    let (status, _) =
        trio.act(Method::PUT, &rejected, "evaluer", json!({"decision": "REJETE", "motif": "exclu"})).await;
    assert_eq!(status, StatusCode::OK);
    trio.contract_shows(&contrat, json!([2, 1, 1650.5])).await?;
    let page = trio.reclamation.get("/api/sinistres?clientId=C001").await?;
    assert_eq!(page["sinistres"].as_array().map(Vec::len), Some(2), "{page}");
    let metrics = trio.pair.souscription.scrape().await?;
    assert!(metrics.sum("sinistres_par_contrat_count") >= 2.0);

    let mut reader = Reader::new(&trio.pair.kafka.bootstrap(), RECLAMATION, &trio.reclamation.source())?;
    let records = wait::until("five events", ARRIVAL, async || {
        let records = reader.catch_up().map_err(|problem| problem.to_string())?;
        if records.len() == 5 { Ok(records.to_vec()) } else { Err(format!("{} events", records.len())) }
    })
    .await?;
    judge(&records).map_err(|broken| broken.join("\n"))?;
    assert!(
        records.iter().all(|record| record.key == contrat.as_bytes()),
        "one contract's claims keep their order"
    );
    let first = |topic: schemas::TopicName| {
        records.iter().find(|record| record.topic == topic.as_str()).expect("one")
    };
    let told: SinistreDeclare = stand.decode(first(topics::SINISTRE_DECLARE)).await?;
    let judged: SinistreEvalue = stand.decode(first(topics::SINISTRE_EVALUE)).await?;
    let paid: IndemnisationEffectuee = stand.decode(first(topics::INDEMNISATION_EFFECTUEE)).await?;
    assert_eq!(told.sinistre_id.to_string(), id);
    assert_eq!((judged.sinistre_id, paid.sinistre_id), (told.sinistre_id, told.sinistre_id));
    assert_eq!([told.version, judged.version, paid.version].map(schemas::Version::get), [1, 2, 3]);
    Ok(())
}

pub(crate) async fn refusals(stand: Arc<Stand>) -> Outcome {
    let trio = Trio::start(&stand, "no-claim").await?;
    let nobody = "019abf0e-7c00-7000-8000-000000000001";
    let (status, problem) = trio.declare(nobody, json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(text(&problem, "detail").contains("on its way"), "{problem}");
    let contrat = trio.contract().await?;
    let id = text(&trio.declare_until(&contrat, StatusCode::CREATED).await?, "sinistreId");
    for (more, field) in [
        (json!({"contratId": "no id"}), "contratId"),
        (json!({"type": "GRELE"}), "type"),
        (json!({"description": " "}), "description"),
        (json!({"montantEstime": 0}), "montantEstime"),
        (json!({"montantEstime": "1800"}), "montantEstime"),
        (json!({"dateSurvenance": "yesterday"}), "dateSurvenance"),
        (json!({"dateSurvenance": "2001-01-01T00:00:00Z"}), "dateSurvenance"),
        (json!({"dateSurvenance": "2999-01-01T00:00:00Z"}), "dateSurvenance"),
        (json!({"colour": "red"}), "colour"),
    ] {
        let (status, problem) = trio.declare(&contrat, more.clone()).await;
        assert_eq!(
            (status, &problem["field"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)),
            "{more}: {problem}"
        );
    }
    for (evaluation, field) in [
        (json!({"decision": "AUTRE"}), "decision"),
        (json!({"decision": "ACCEPTE"}), "montantEvalue"),
        (json!({"decision": "ACCEPTE", "montantEvalue": 0}), "montantEvalue"),
        (json!({"decision": "REJETE"}), "motif"),
        (json!({"decision": "REJETE", "motif": "exclu", "montantEvalue": 1}), "montantEvalue"),
    ] {
        let (status, problem) = trio.act(Method::PUT, &id, "evaluer", evaluation.clone()).await;
        assert_eq!(
            (status, &problem["field"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)),
            "{evaluation}: {problem}"
        );
    }
    assert_eq!(trio.act(Method::POST, nobody, "expertise", json!({})).await.0, StatusCode::NOT_FOUND);
    assert_eq!(trio.act(Method::POST, "no-id", "indemniser", json!({})).await.0, StatusCode::NOT_FOUND);

    // A cover that rests takes no claim, one that goes on does, and one that has ended does not any more.
    trio.pair.change(&contrat, "SUSPENSION", json!("impayé")).await;
    let problem = trio.declare_until(&contrat, StatusCode::CONFLICT).await?;
    assert!(text(&problem, "detail").contains("SUSPENDU"), "{problem}");
    trio.pair.change(&contrat, "REPRISE", json!("régularisé")).await;
    trio.declare_until(&contrat, StatusCode::CREATED).await?;
    trio.pair.end(&contrat, "vendu").await;
    let problem = trio.declare_until(&contrat, StatusCode::CONFLICT).await?;
    assert!(text(&problem, "detail").contains("RESILIE"), "{problem}");
    Ok(())
}
