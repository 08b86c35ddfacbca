//! What the service reports, over HTTP.

use std::sync::Arc;

use axum::{Json, Router, extract::State, middleware, routing::get};
use ledger::{Applied, Emitted, OnTopic};
use sqlx::SqlitePool;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{Auditor, rows};
use crate::http::{Problem, describe_method_refusal};

/// Answers for one service.
#[derive(Debug, Clone)]
pub(crate) struct Reporter {
    pub(crate) readers: SqlitePool,
    pub(crate) auditor: Auditor,
    pub(crate) service: String,
    pub(crate) group: String,
    /// The topics that the service publishes to, and those that it listens to.
    pub(crate) published: Vec<&'static str>,
    pub(crate) heard: Vec<&'static str>,
    /// How many may ask at the same time; the API's readers are the same.
    pub(crate) askers: Arc<Semaphore>,
}

/// The three parts of the report, asked in this order (see crate `ledger`).
pub(crate) fn routes(reporter: Reporter) -> Router {
    Router::new()
        .route("/internal/ledger/applied", get(applied))
        .route("/internal/ledger/on-topic", get(on_topic))
        .route("/internal/ledger/emitted", get(emitted))
        .layer(middleware::from_fn(describe_method_refusal))
        .with_state(reporter)
}

async fn applied(State(reporter): State<Reporter>) -> Result<Json<Applied>, Problem> {
    let _asker = reporter.admit()?;
    reporter.applied().await.map(Json).map_err(|error| Problem::internal(&error))
}

async fn on_topic(State(reporter): State<Reporter>) -> Result<Json<OnTopic>, Problem> {
    let _asker = reporter.admit()?;
    reporter.auditor.on_topic().await.map(Json).map_err(|problem| Problem::unavailable(problem, 1))
}

async fn emitted(State(reporter): State<Reporter>) -> Result<Json<Emitted>, Problem> {
    let _asker = reporter.admit()?;
    reporter.emitted().await.map(Json).map_err(|error| Problem::internal(&error))
}

impl Reporter {
    fn admit(&self) -> Result<SemaphorePermit<'_>, Problem> {
        self.askers
            .try_acquire()
            .map_err(|_| Problem::unavailable("too many ask for the ledger at the same time", 1))
    }

    /// All of it as one moment of the database has it: ranges and offsets belong together.
    async fn applied(&self) -> Result<Applied, sqlx::Error> {
        let mut moment = self.readers.begin().await?;
        let mut topics = Vec::with_capacity(self.heard.len());
        for topic in &self.heard {
            topics.push(rows::heard(&mut moment, topic).await?);
        }
        Ok(Applied {
            service: self.service.clone(),
            group: self.group.clone(),
            topics,
            streams: rows::streams(&mut moment).await?,
            buried: rows::letters(&mut moment).await?,
            letters_waiting: rows::letters_waiting(&mut moment).await?,
            confirmed: rows::confirmed(&mut moment, &self.published).await?,
            untracked: rows::untracked(&mut moment).await?,
        })
    }

    async fn emitted(&self) -> Result<Emitted, sqlx::Error> {
        let mut connection = self.readers.acquire().await?;
        Ok(Emitted {
            service: self.service.clone(),
            topics: rows::emitted(&mut connection, &self.published).await?,
        })
    }
}
