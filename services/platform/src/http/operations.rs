//! What Kubernetes and Prometheus ask: `/health`, `/ready`, `/metrics`. They stay outside the guard, so that a
//! service with its hands full still answers them.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};

use super::{Problem, guard::describe_method_refusal};
use crate::{metrics::Metrics, store::Store};

/// How long the database may take to write one row.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Judges whether the service should get requests: its database takes writes, its outbox has room, and its offsets are
/// of the broker that is there. Whether broker and registry answer is not asked: commands are taken without them.
#[derive(Debug, Clone)]
pub struct Readiness {
    store: Option<Store>,
}

impl Readiness {
    pub fn of(store: Store) -> Self {
        Self { store: Some(store) }
    }

    /// Of a service without a database: it is ready when it answers.
    pub fn without_store() -> Self {
        Self { store: None }
    }

    async fn check(&self) -> Result<(), Problem> {
        let Some(store) = &self.store else { return Ok(()) };
        if !store.outbox.has_room() {
            let detail = format!("{} events wait for the broker; no more fit", store.outbox.backlog());
            return Err(Problem::unavailable(detail, 5));
        }
        if let Some(mismatch) = store.position.mismatch() {
            return Err(Problem::unavailable(mismatch.to_string(), 30));
        }
        match tokio::time::timeout(PROBE_TIMEOUT, store.writer.probe()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Problem::unavailable(format!("the database takes no writes: {error}"), 5)),
            Err(_) => Err(Problem::unavailable("the database takes no writes in time", 5)),
        }
    }
}

#[derive(Clone)]
struct Operations {
    readiness: Readiness,
    metrics: Metrics,
}

/// The three endpoints.
pub fn operations(readiness: Readiness, metrics: Metrics) -> Router {
    Router::new()
        .route("/health", get(|| async { Json(serde_json::json!({ "status": "UP" })) }))
        .route("/ready", get(ready))
        .route("/metrics", get(show_metrics))
        .layer(middleware::from_fn(describe_method_refusal))
        .with_state(Operations { readiness, metrics })
}

async fn ready(State(operations): State<Operations>) -> Response {
    match operations.readiness.check().await {
        Ok(()) => Json(serde_json::json!({ "status": "UP" })).into_response(),
        Err(problem) => problem.into_response(),
    }
}

async fn show_metrics(State(operations): State<Operations>) -> Response {
    match operations.metrics.render() {
        Ok(text) => {
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
        }
        Err(error) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
