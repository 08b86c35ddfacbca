//! What the trials share: a lab without a cluster, its dashboard, and a browser before it.

use std::{error::Error, time::Duration};

use edalab_tests::{
    edalabs,
    reader::{Raw, raw},
    rig::{
        apiserver::{ApiServer, TOKEN},
        browser::Browser,
        parts::Parts,
        program,
        service::{Service, Settings},
        stand::Stand,
    },
    suite::Rig,
    wait,
};
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams},
};
use rdkafka::{
    ClientConfig,
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
};
use reqwest::Method;
use schemas::{TopicName, header};
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// The lab's name and namespace.
const LAB: &str = "lab";
const NAMESPACE: &str = "default";
/// How long an event may take to be seen.
pub(crate) const ARRIVAL: Duration = Duration::from_secs(60);

pub(crate) struct Show {
    // Ended in this order.
    pub(crate) browser: Browser,
    pub(crate) dashboard: Service,
    pub(crate) souscription: Mutex<Service>,
    pub(crate) quotation: Service,
    pub(crate) reclamation: Service,
    server: ApiServer,
    pub(crate) stand: Stand,
    pub(crate) http: reqwest::Client,
    pub(crate) producer: FutureProducer,
}

impl Rig for Show {}

type Fallible<T> = Result<T, Box<dyn Error>>;

impl Show {
    pub(crate) async fn start() -> Fallible<Self> {
        let stand = Stand::start().await?;
        let parts = Parts::find(&["kubenode"]).await?;
        let server = ApiServer::start(&parts).await?;
        server.install(&edalabs::definition()).await?;
        let labs = edalabs::of(server.client()?, NAMESPACE);
        let lab = edalabs::manifest(LAB, &json!({}));
        labs.patch(LAB, &PatchParams::apply("tests"), &Patch::Apply(lab)).await?;

        let quotation = stand.settings(program::services().await?, LAB);
        let souscription = Settings { service: "souscription", ..quotation.clone() };
        let reclamation = Settings { service: "reclamation", ..quotation.clone() };
        let dashboard = Settings { service: "dashboard", ..quotation.clone() };
        let quotation = Service::start(quotation).await?;
        let souscription = Service::start(souscription).await?;
        let reclamation = Service::start(reclamation).await?;
        let mut dashboard = Service::new(dashboard)?;
        dashboard.set_env("EDALAB_NAMESPACE", NAMESPACE);
        dashboard.set_env("QUOTATION_URL", quotation.url(""));
        dashboard.set_env("SOUSCRIPTION_URL", souscription.url(""));
        dashboard.set_env("RECLAMATION_URL", reclamation.url(""));
        // Nothing listens there.
        dashboard.set_env("SIMULATOR_URL", "http://127.0.0.1:9");
        let kubeconfig = dashboard.data().with_file_name("kubeconfig");
        std::fs::write(&kubeconfig, server.kubeconfig(TOKEN))?;
        dashboard.set_env("KUBECONFIG", kubeconfig.display().to_string());
        dashboard.restart().await?;
        let producer = ClientConfig::new().set("bootstrap.servers", stand.kafka.bootstrap()).create()?;
        Ok(Self {
            browser: Browser::start().await?,
            dashboard,
            souscription: Mutex::new(souscription),
            quotation,
            reclamation,
            server,
            stand,
            http: reqwest::Client::new(),
            producer,
        })
    }

    /// Says what is in force, as the operator does.
    pub(crate) async fn set_status(&self, status: &Value) -> Fallible<()> {
        let patch = Patch::Merge(json!({ "status": status }));
        self.labs()?.patch_status(LAB, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// Asks for something, as `kubectl edit` does.
    pub(crate) async fn set_spec(&self, spec: &Value) -> Fallible<()> {
        let patch = Patch::Merge(json!({ "spec": spec }));
        self.labs()?.patch(LAB, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    fn labs(&self) -> Fallible<Api<DynamicObject>> {
        Ok(edalabs::of(self.server.client()?, NAMESPACE))
    }

    /// Makes a quote; its id.
    pub(crate) async fn quote(&self, client: &str) -> Fallible<String> {
        let devis = self.quotation.quote(client, "AUTO", 25_000.0).await?;
        Ok(devis["devisId"].as_str().ok_or("no devisId")?.to_owned())
    }

    /// Makes a contract of a quote as soon as it was heard of; its id.
    pub(crate) async fn convert(&self, devis: &str) -> Fallible<String> {
        let contrat = self.souscription.lock().await.convert(devis).await?;
        Ok(contrat["contratId"].as_str().ok_or("no contratId")?.to_owned())
    }

    /// Makes a claim on a contract as soon as that was heard of, and has it judged and paid; its id.
    pub(crate) async fn claim(&self, contrat: &str) -> Fallible<String> {
        let loss = json!({
            "contratId": contrat, "type": "ACCIDENT", "description": "collision", "montantEstime": 1800,
        });
        let ask = async |method, path: &str, body: &Value| {
            let answer = self.reclamation.send(method, path, body).await;
            let answer = answer.map_err(|problem| problem.to_string())?;
            let status = answer.status();
            let said: Value = answer.json().await.map_err(|problem| problem.to_string())?;
            if status.is_success() { Ok(said) } else { Err(format!("{status}: {said}")) }
        };
        let claim = wait::until(format!("contract {contrat} to be heard of"), ARRIVAL, async || {
            ask(Method::POST, "/api/sinistres", &loss).await
        })
        .await?;
        let claim = claim["sinistreId"].as_str().ok_or("no sinistreId")?;
        let granted = json!({"decision": "ACCEPTE", "montantEvalue": 1650});
        ask(Method::PUT, &format!("/api/sinistres/{claim}/evaluer"), &granted).await?;
        ask(Method::POST, &format!("/api/sinistres/{claim}/indemniser"), &json!({})).await?;
        Ok(claim.to_owned())
    }

    /// A new quote's record as quotation publishes it, to be sent again in other clothes.
    pub(crate) async fn sample(&self) -> Fallible<Raw> {
        let devis = self.quote("C001").await?;
        let sample = wait::until("a quote lies on its topic", ARRIVAL, async || {
            let found = raw(&self.stand.kafka.bootstrap(), schemas::topics::DEVIS_GENERE)
                .map_err(|problem| problem.to_string())?;
            let its = |record: &Raw| record.header(header::SUBJECT) == Some(&devis);
            found.into_iter().find(its).ok_or("it does not".to_owned())
        });
        Ok(sample.await?)
    }

    /// Puts a record on a topic; the partition and offset that it got.
    pub(crate) async fn put(
        &self,
        topic: TopicName,
        partition: Option<i32>,
        record: &Raw,
    ) -> Fallible<(i32, i64)> {
        send(&self.producer, topic, partition, record).await
    }
}

/// The record with another text in one of its headers.
pub(crate) fn with_header(record: &Raw, name: &str, text: &str) -> Raw {
    let mut headers = record.headers.clone();
    headers.retain(|(found, _)| found != name);
    headers.push((name.to_owned(), Some(text.as_bytes().to_vec())));
    Raw { key: record.key.clone(), value: record.value.clone(), headers }
}

/// Sends a record; the partition and offset that it got.
pub(crate) async fn send(
    producer: &FutureProducer,
    topic: TopicName,
    partition: Option<i32>,
    record: &Raw,
) -> Fallible<(i32, i64)> {
    let headers = record.headers.iter().fold(OwnedHeaders::new(), |headers, (name, value)| {
        headers.insert(Header { key: name, value: value.as_deref() })
    });
    let record = FutureRecord {
        topic: topic.as_str(),
        partition,
        key: record.key.as_deref(),
        payload: record.value.as_deref(),
        timestamp: None,
        headers: Some(headers),
    };
    let sent = producer.send(record, ARRIVAL).await.map_err(|(problem, _)| problem)?;
    Ok((sent.partition, sent.offset))
}
