//! The service's HTTP API.

mod model;
mod openapi;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::{RawQuery, Request, State},
    response::Response,
    routing::{get, post},
};
use jiff::Timestamp;
use platform::http::{
    ListQuery, PathId, Problem, created, described::ProblemJson, named, read_json, read_object,
};
use schemas::DevisId;

use crate::{
    domain::{self, Demande, Devis},
    metrics::QuotationMetrics,
    store::DevisStore,
};
use model::{DevisJson, PageJson};

/// Longest body of a request, in bytes; a quote takes about 200.
pub const BODY_LIMIT: usize = 16 * 1024;

/// What the handlers work with.
#[derive(Debug)]
pub struct Api {
    pub store: DevisStore,
    pub validity: Duration,
    pub metrics: QuotationMetrics,
}

/// The API's routes.
pub fn routes(api: Arc<Api>) -> Router {
    Router::new()
        .route("/api/devis", post(generate).get(list))
        .route("/api/devis/{id}", get(read))
        .route("/api/openapi.json", get(|| async { Json(openapi::document()) }))
        .with_state(api)
}

/// Makes a quote.
#[utoipa::path(
    post,
    path = "/api/devis",
    tag = "devis",
    request_body = model::DemandeJson,
    responses(
        (status = 201, description = "The quote; it is durable, and its event follows.", body = DevisJson,
            headers(("Location" = String, description = "Path of the quote."))),
        (status = 400, description = "The body is not JSON.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 413, description = "The body is too large.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 415, description = "The body is of another type.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 422, description = "Fields are missing, wrong or unknown; each is named.",
            body = ProblemJson, content_type = "application/problem+json"),
        (status = 503, description = "Too many requests or waiting events; try again after Retry-After seconds.",
            body = ProblemJson, content_type = "application/problem+json"),
    )
)]
async fn generate(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Problem> {
    let started = Instant::now();
    let demande = asked(&read_json(request, BODY_LIMIT).await?)?;
    let (devis, event) = domain::generer(DevisId::generate(), demande, Timestamp::now(), api.validity);
    let devis = api.store.create(devis, event).await.map_err(|error| Problem::command(&error))?;
    api.metrics.generation_duration.observe(started.elapsed().as_secs_f64());
    api.metrics.generated.inc();
    tracing::info!(devis_id = %devis.id, type_bien = %devis.type_bien, "a quote was made");
    made(devis)
}

/// What a body asks for.
pub fn asked(body: &[u8]) -> Result<Demande, Problem> {
    read_object(body, |fields| {
        let client_id = fields.text("clientId");
        let type_bien = fields.text("typeBien");
        let valeur = fields.amount("valeur");
        match Demande::new(client_id?, type_bien?, valeur?) {
            Ok(demande) => Some(demande),
            Err(refus) => fields.refuse("valeur", refus.to_string()),
        }
    })
}

/// The answer that a quote was made.
pub fn made(devis: Devis) -> Result<Response, Problem> {
    created(&format!("/api/devis/{}", devis.id), DevisJson::from(devis))
}

/// Reads one quote.
#[utoipa::path(
    get,
    path = "/api/devis/{id}",
    tag = "devis",
    params(("id" = String, Path, description = "The quote's id, a UUID.")),
    responses(
        (status = 200, description = "The quote.", body = DevisJson),
        (status = 404, description = "No quote has this id.", body = ProblemJson,
            content_type = "application/problem+json"),
    )
)]
async fn read(State(api): State<Arc<Api>>, id: PathId) -> Result<Json<DevisJson>, Problem> {
    let unknown = || Problem::not_found("no quote has this id");
    let id = named(id).ok_or_else(unknown)?;
    let devis = api.store.find(id).await.map_err(|error| Problem::internal(&error))?;
    devis.map(|devis| Json(DevisJson::from(devis))).ok_or_else(unknown)
}

/// Lists a client's quotes, newest first.
#[utoipa::path(
    get,
    path = "/api/devis",
    tag = "devis",
    params(
        ("clientId" = String, Query, description = "The client."),
        ("limit" = Option<u16>, Query, description = "Quotes on a page: 1 to 100, 20 by default."),
        ("cursor" = Option<String>, Query, description = "The page before's nextCursor."),
    ),
    responses(
        (status = 200, description = "A page of quotes.", body = PageJson),
        (status = 400, description = "A parameter is missing, wrong or unknown; it is named.",
            body = ProblemJson, content_type = "application/problem+json"),
    )
)]
async fn list(State(api): State<Arc<Api>>, RawQuery(query): RawQuery) -> Result<Json<PageJson>, Problem> {
    let ListQuery { client_id, limit, cursor } = ListQuery::parse(query.as_deref().unwrap_or_default())?;
    let page = api.store.of_client(client_id.as_str(), cursor, limit).await;
    page.map(|page| Json(PageJson::from(page))).map_err(|error| Problem::internal(&error))
}
