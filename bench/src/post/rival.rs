//! Servers that stand beside quotation, on the same HTTP stack and with the same logs: one that stores nothing, and one
//! that stores and publishes as tutorials have it. Each is a process of its own, so that its use can be told.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Result;
use axum::{
    Router,
    extract::{Request, State},
    response::Response,
    routing::post,
};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use platform::{
    config::Identity,
    http::{Guard, Limits, Problem, read_json, serve},
    metrics::Metrics,
    telemetry,
};
use quotation::{
    api::{self, BODY_LIMIT},
    domain::{self, Devis},
};
use rdkafka::{
    ClientConfig,
    producer::{FutureProducer, FutureRecord},
    util::Timeout,
};
use rusqlite::Connection;
use schemas::{DevisGenere, DevisId, Event as _, SchemaId, topics, wire};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::rows;
use crate::{database, topic};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Reads the request, makes the quote, answers.
    Stateless,
    /// A transaction and an awaited record for each request.
    OneByOne,
}

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    kind: Kind,
    #[arg(long)]
    port: u16,
    #[arg(long)]
    database: PathBuf,
    #[arg(long)]
    bootstrap: String,
    #[arg(long)]
    schema: u32,
}

/// Serves until it is killed.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let Arguments { kind, port, database, bootstrap, schema } = arguments;
    let identity = Identity { lab: "bench".to_owned(), pod_name: "rival".to_owned(), otlp_endpoint: None };
    let _telemetry = telemetry::init("rival", &identity)?;
    let handler = match kind {
        Kind::Stateless => post(stateless),
        Kind::OneByOne => {
            let producer = ClientConfig::new()
                .set("bootstrap.servers", bootstrap)
                .set("enable.idempotence", "true")
                .set("linger.ms", "0")
                .create()?;
            let database = Mutex::new(database::open(&database)?);
            post(one_by_one).with_state(Arc::new(OneByOne { database, producer, schema: SchemaId(schema) }))
        }
    };
    let routes = Router::new().route("/api/devis", handler);
    let guarded = Guard::new(Limits::default(), &Metrics::new()).protect(routes);
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    serve(listener, guarded, CancellationToken::new()).await;
    Ok(())
}

async fn made(request: Request) -> Result<(Devis, DevisGenere), Problem> {
    let demande = api::asked(&read_json(request, BODY_LIMIT).await?)?;
    let (devis, event) = domain::generer(DevisId::generate(), demande, Timestamp::now(), rows::VALIDITY);
    tracing::info!(devis_id = %devis.id, type_bien = %devis.type_bien, "a quote was made");
    Ok((devis, event))
}

async fn stateless(request: Request) -> Result<Response, Problem> {
    api::made(made(request).await?.0)
}

struct OneByOne {
    database: Mutex<Connection>,
    producer: FutureProducer,
    schema: SchemaId,
}

async fn one_by_one(State(rival): State<Arc<OneByOne>>, request: Request) -> Result<Response, Problem> {
    let (devis, event) = made(request).await?;
    let stored = devis.clone();
    let store = Arc::clone(&rival);
    let storing = tokio::task::spawn_blocking(move || {
        let mut database = store.database.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = database.transaction()?;
        rows::quote(&transaction, &stored)?;
        transaction.commit()
    });
    storing.await.map_err(|error| Problem::internal(&error))?.map_err(|error| Problem::internal(&error))?;
    rival.publish(&event).await?;
    api::made(devis)
}

impl OneByOne {
    async fn publish(&self, event: &DevisGenere) -> Result<(), Problem> {
        let body = schemas::encode(event).map_err(|error| Problem::internal(&error))?;
        let value = wire::frame(self.schema, &body);
        let key = event.key();
        let record = FutureRecord::to(topics::DEVIS_GENERE.as_str())
            .key(&key)
            .payload(&value)
            .headers(topic::headers(&topic::envelope(event, 1)));
        let sent = self.producer.send(record, Timeout::Never).await;
        sent.map(drop).map_err(|(error, _)| Problem::internal(&error))
    }
}
