//! The service's HTTP API.

pub mod asked;
mod model;
mod openapi;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{RawQuery, Request, State},
    http::StatusCode,
    response::Response,
    routing::{get, post, put},
};
use jiff::Timestamp;
use platform::{
    http::{ListQuery, PathId, Problem, created, described::ProblemJson, named, read_json},
    store::WriteError,
};
use schemas::ContratId;

use crate::{
    domain::Refus,
    metrics::SouscriptionMetrics,
    store::{CommandError, ContratStore},
};
use model::{ContratJson, PageJson};

/// Longest body of a request, in bytes; a reason of 500 characters takes at most 6,000.
const BODY_LIMIT: usize = 16 * 1024;

/// What the handlers work with.
#[derive(Debug)]
pub struct Api {
    pub store: ContratStore,
    pub metrics: SouscriptionMetrics,
}

/// The API's routes.
pub fn routes(api: Arc<Api>) -> Router {
    Router::new()
        .route("/api/contrats", get(list))
        .route("/api/contrats/convertir", post(convert))
        .route("/api/contrats/{id}", get(read))
        .route("/api/contrats/{id}/modifier", put(change))
        .route("/api/contrats/{id}/resilier", post(end))
        .route("/api/openapi.json", get(|| async { Json(openapi::document()) }))
        .with_state(api)
}

/// Makes a quote a contract, in force from now on for a year.
#[utoipa::path(
    post,
    path = "/api/contrats/convertir",
    tag = "contrats",
    request_body = model::ConversionJson,
    responses(
        (status = 201, description = "The contract; it is durable, and its event follows.", body = ContratJson,
            headers(("Location" = String, description = "Path of the contract."))),
        (status = 404, description = "The quote was not heard of; its event may be on its way.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 409, description = "The quote became a contract before; contratId names it.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 410, description = "The quote has expired.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 422, description = "Fields are missing, wrong or unknown; each is named.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 503, description = "Too many requests or waiting events; try again after Retry-After seconds.",
            body = ProblemJson, content_type = "application/problem+json"),
    )
)]
async fn convert(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Problem> {
    let devis = asked::conversion(&read_json(request, BODY_LIMIT).await?)?;
    let contrat = api.store.convert(devis, Timestamp::now()).await.map_err(problem)?;
    api.metrics.issued.inc();
    tracing::info!(contrat_id = %contrat.id, devis_id = %devis, "a contract was issued");
    created(&format!("/api/contrats/{}", contrat.id), ContratJson::from(contrat))
}

/// Reads one contract.
#[utoipa::path(
    get,
    path = "/api/contrats/{id}",
    tag = "contrats",
    params(("id" = String, Path, description = "The contract's id, a UUID.")),
    responses(
        (status = 200, description = "The contract.", body = ContratJson),
        (status = 404, description = "No contract has this id.", body = ProblemJson,
            content_type = "application/problem+json"),
    )
)]
async fn read(State(api): State<Arc<Api>>, id: PathId) -> Result<Json<ContratJson>, Problem> {
    let contrat = api.store.find(known(id)?).await.map_err(|error| Problem::internal(&error))?;
    contrat.map(|contrat| Json(ContratJson::from(contrat))).ok_or_else(unknown)
}

/// Lists a client's contracts, newest first.
#[utoipa::path(
    get,
    path = "/api/contrats",
    tag = "contrats",
    params(
        ("clientId" = String, Query, description = "The client."),
        ("limit" = Option<u16>, Query, description = "Contracts on a page: 1 to 100, 20 by default."),
        ("cursor" = Option<String>, Query, description = "The page before's nextCursor."),
    ),
    responses(
        (status = 200, description = "A page of contracts.", body = PageJson),
        (status = 400, description = "A parameter is missing, wrong or unknown; it is named.", body = ProblemJson,
            content_type = "application/problem+json"),
    )
)]
async fn list(State(api): State<Arc<Api>>, RawQuery(query): RawQuery) -> Result<Json<PageJson>, Problem> {
    let ListQuery { client_id, limit, cursor } = ListQuery::parse(query.as_deref().unwrap_or_default())?;
    let page = api.store.of_client(client_id.as_str(), cursor, limit).await;
    page.map(|page| Json(PageJson::from(page))).map_err(|error| Problem::internal(&error))
}

/// Changes a contract.
#[utoipa::path(
    put,
    path = "/api/contrats/{id}/modifier",
    tag = "contrats",
    params(("id" = String, Path, description = "The contract's id, a UUID.")),
    request_body = model::ModificationJson,
    responses(
        (status = 200, description = "The changed contract.", body = ContratJson),
        (status = 404, description = "No contract has this id.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 409, description = "The contract's state does not allow it.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 422, description = "Fields are missing, wrong or unknown; each is named.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 503, description = "Too many requests or waiting events; try again after Retry-After seconds.",
            body = ProblemJson, content_type = "application/problem+json"),
    )
)]
async fn change(
    State(api): State<Arc<Api>>,
    id: PathId,
    request: Request,
) -> Result<Json<ContratJson>, Problem> {
    let id = known(id)?;
    let changement = asked::change(&read_json(request, BODY_LIMIT).await?)?;
    let contrat = api.store.change(id, changement, Timestamp::now()).await.map_err(problem)?;
    api.metrics.changed.inc();
    tracing::info!(contrat_id = %contrat.id, statut = %contrat.statut, "a contract was changed");
    Ok(Json(ContratJson::from(contrat)))
}

/// Ends a contract from now on.
#[utoipa::path(
    post,
    path = "/api/contrats/{id}/resilier",
    tag = "contrats",
    params(("id" = String, Path, description = "The contract's id, a UUID.")),
    request_body = model::ResiliationJson,
    responses(
        (status = 200, description = "The ended contract.", body = ContratJson),
        (status = 404, description = "No contract has this id.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 409, description = "The contract was ended before.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 422, description = "Fields are missing, wrong or unknown; each is named.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 503, description = "Too many requests or waiting events; try again after Retry-After seconds.",
            body = ProblemJson, content_type = "application/problem+json"),
    )
)]
async fn end(
    State(api): State<Arc<Api>>,
    id: PathId,
    request: Request,
) -> Result<Json<ContratJson>, Problem> {
    let id = known(id)?;
    let motif = asked::end(&read_json(request, BODY_LIMIT).await?)?;
    let contrat = api.store.end(id, motif, Timestamp::now()).await.map_err(problem)?;
    api.metrics.ended.inc();
    tracing::info!(contrat_id = %contrat.id, "a contract was ended");
    Ok(Json(ContratJson::from(contrat)))
}

fn known(id: PathId) -> Result<ContratId, Problem> {
    named(id).ok_or_else(unknown)
}

fn unknown() -> Problem {
    Problem::not_found(Refus::ContratInconnu.to_string())
}

fn problem(error: WriteError<CommandError>) -> Problem {
    let WriteError::Refused(CommandError::Refused(refus)) = error else {
        return Problem::command(&error);
    };
    let detail = refus.to_string();
    match refus {
        Refus::DevisInconnu | Refus::ContratInconnu => Problem::not_found(detail),
        Refus::DejaConverti { contrat } => {
            Problem::new(StatusCode::CONFLICT, detail).with("contratId", contrat.to_string())
        }
        Refus::Etat { .. } => Problem::new(StatusCode::CONFLICT, detail),
        Refus::DevisExpire => Problem::new(StatusCode::GONE, detail),
        Refus::PrimeNotPositive | Refus::DateFin => Problem::field("valeur", detail),
    }
}
