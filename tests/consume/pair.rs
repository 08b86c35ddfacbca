//! Quotation and souscription of one lab.

use std::time::Duration;

use edalab_tests::{
    rig::{
        kafka::Kafka,
        program,
        service::{Service, Settings},
        stand::Stand,
    },
    wait::TimedOut,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// How long an event may take from its command to its effect.
pub(crate) const ARRIVAL: Duration = Duration::from_secs(120);
/// Quotation and souscription of one lab, over a broker of their own, as labs have: in one group on one broker, the
/// services of several labs would share the partitions.
pub(crate) struct Pair {
    pub(crate) quotation: Service,
    pub(crate) souscription: Service,
    pub(crate) kafka: Kafka,
}

impl Pair {
    pub(crate) async fn start(stand: &Stand, lab: &str) -> Result<Self, Box<dyn std::error::Error>> {
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

    pub(crate) async fn quote(&self) -> Result<String, Box<dyn std::error::Error>> {
        Ok(text(&self.quotation.quote("C001", "AUTO", 25_000.0).await?, "devisId"))
    }

    /// Converts a quote as soon as it was heard of.
    pub(crate) async fn convert(&self, devis: &str) -> Result<Value, TimedOut> {
        self.souscription.convert(devis).await
    }

    pub(crate) async fn change(
        &self,
        contrat: &str,
        modification: &str,
        valeur: Value,
    ) -> (StatusCode, Value) {
        let body = json!({"modification": modification, "valeur": valeur});
        ask(&self.souscription, Method::PUT, &format!("/api/contrats/{contrat}/modifier"), &body).await
    }

    pub(crate) async fn end(&self, contrat: &str, motif: &str) -> (StatusCode, Value) {
        let path = format!("/api/contrats/{contrat}/resilier");
        ask(&self.souscription, Method::POST, &path, &json!({"motif": motif})).await
    }
}

pub(crate) async fn ask(service: &Service, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
    let response = service.send(method, path, body).await.expect("an answer");
    (response.status(), response.json().await.expect("JSON"))
}

pub(crate) fn text(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_else(|| panic!("no text {field} in {object}")).to_owned()
}
