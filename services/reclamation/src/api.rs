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
use schemas::{Decision, SinistreId};

use crate::{
    domain::{Evaluation, Refus},
    metrics::ReclamationMetrics,
    store::{CommandError, SinistreStore},
};
use model::{PageJson, SinistreJson};

/// Longest body of a request, in bytes; a description of 500 characters takes at most 6,000.
const BODY_LIMIT: usize = 16 * 1024;

/// What the handlers work with.
#[derive(Debug)]
pub struct Api {
    pub store: SinistreStore,
    pub metrics: ReclamationMetrics,
}

/// The API's routes.
pub fn routes(api: Arc<Api>) -> Router {
    Router::new()
        .route("/api/sinistres", post(declare).get(list))
        .route("/api/sinistres/{id}", get(read))
        .route("/api/sinistres/{id}/expertise", post(inspect))
        .route("/api/sinistres/{id}/evaluer", put(judge))
        .route("/api/sinistres/{id}/indemniser", post(pay))
        .route("/api/openapi.json", get(|| async { Json(openapi::document()) }))
        .with_state(api)
}

/// Makes a claim on a contract that covers the loss.
#[utoipa::path(
    post,
    path = "/api/sinistres",
    tag = "sinistres",
    request_body = model::DeclarationJson,
    responses(
        (status = 201, description = "The claim; it is durable, and its event follows.", body = SinistreJson,
            headers(("Location" = String, description = "Path of the claim."))),
        (status = 404, description = "The contract was not heard of; its event may be on its way.",
            body = ProblemJson, content_type = "application/problem+json"),
        (status = 409, description = "The contract is suspended or was ended.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 422, description = "Fields are missing, wrong or unknown; each is named.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 503, description = "Too many requests or waiting events; try again after Retry-After seconds.",
            body = ProblemJson, content_type = "application/problem+json"),
    )
)]
async fn declare(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Problem> {
    let declaration = asked::declaration(&read_json(request, BODY_LIMIT).await?)?;
    let sinistre = api.store.declare(declaration, Timestamp::now()).await.map_err(problem)?;
    api.metrics.declared.inc();
    tracing::info!(sinistre_id = %sinistre.id, contrat_id = %sinistre.contrat_id, "a claim was made");
    created(&format!("/api/sinistres/{}", sinistre.id), SinistreJson::from(sinistre))
}

/// Reads one claim.
#[utoipa::path(
    get,
    path = "/api/sinistres/{id}",
    tag = "sinistres",
    params(("id" = String, Path, description = "The claim's id, a UUID.")),
    responses(
        (status = 200, description = "The claim.", body = SinistreJson),
        (status = 404, description = "No claim has this id.", body = ProblemJson,
            content_type = "application/problem+json"),
    )
)]
async fn read(State(api): State<Arc<Api>>, id: PathId) -> Result<Json<SinistreJson>, Problem> {
    let sinistre = api.store.find(known(id)?).await.map_err(|error| Problem::internal(&error))?;
    sinistre.map(|sinistre| Json(SinistreJson::from(sinistre))).ok_or_else(unknown)
}

/// Lists a client's claims, newest first.
#[utoipa::path(
    get,
    path = "/api/sinistres",
    tag = "sinistres",
    params(
        ("clientId" = String, Query, description = "The client."),
        ("limit" = Option<u16>, Query, description = "Claims on a page: 1 to 100, 20 by default."),
        ("cursor" = Option<String>, Query, description = "The page before's nextCursor."),
    ),
    responses(
        (status = 200, description = "A page of claims.", body = PageJson),
        (status = 400, description = "A parameter is missing, wrong or unknown; it is named.", body = ProblemJson,
            content_type = "application/problem+json"),
    )
)]
async fn list(State(api): State<Arc<Api>>, RawQuery(query): RawQuery) -> Result<Json<PageJson>, Problem> {
    let ListQuery { client_id, limit, cursor } = ListQuery::parse(query.as_deref().unwrap_or_default())?;
    let page = api.store.of_client(client_id.as_str(), cursor, limit).await;
    page.map(|page| Json(PageJson::from(page))).map_err(|error| Problem::internal(&error))
}

/// Sends an expert to a claim that was just made.
#[utoipa::path(
    post,
    path = "/api/sinistres/{id}/expertise",
    tag = "sinistres",
    params(("id" = String, Path, description = "The claim's id, a UUID.")),
    responses(
        (status = 200, description = "The claim, EN_EXPERTISE.", body = SinistreJson),
        (status = 404, description = "No claim has this id.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 409, description = "The claim's state does not allow it.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 503, description = "Too many requests; try again after Retry-After seconds.", body = ProblemJson,
            content_type = "application/problem+json"),
    )
)]
async fn inspect(State(api): State<Arc<Api>>, id: PathId) -> Result<Json<SinistreJson>, Problem> {
    let sinistre = api.store.inspect(known(id)?).await.map_err(problem)?;
    tracing::info!(sinistre_id = %sinistre.id, "an expert looks at a claim");
    Ok(Json(SinistreJson::from(sinistre)))
}

/// Judges a claim, with or without an expert.
#[utoipa::path(
    put,
    path = "/api/sinistres/{id}/evaluer",
    tag = "sinistres",
    params(("id" = String, Path, description = "The claim's id, a UUID.")),
    request_body = model::EvaluationJson,
    responses(
        (status = 200, description = "The claim, EVALUE or REJETE.", body = SinistreJson),
        (status = 404, description = "No claim has this id.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 409, description = "The claim was judged before.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 422, description = "Fields are missing, wrong or unknown; each is named.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 503, description = "Too many requests or waiting events; try again after Retry-After seconds.",
            body = ProblemJson, content_type = "application/problem+json"),
    )
)]
async fn judge(
    State(api): State<Arc<Api>>,
    id: PathId,
    request: Request,
) -> Result<Json<SinistreJson>, Problem> {
    let id = known(id)?;
    let evaluation = asked::evaluation(&read_json(request, BODY_LIMIT).await?)?;
    let decision = match evaluation {
        Evaluation::Accepte { .. } => Decision::Accepte,
        Evaluation::Rejete { .. } => Decision::Rejete,
    };
    let sinistre = api.store.judge(id, evaluation, Timestamp::now()).await.map_err(problem)?;
    api.metrics.judged(decision);
    tracing::info!(sinistre_id = %sinistre.id, statut = %sinistre.statut, "a claim was judged");
    Ok(Json(SinistreJson::from(sinistre)))
}

/// Pays an accepted claim.
#[utoipa::path(
    post,
    path = "/api/sinistres/{id}/indemniser",
    tag = "sinistres",
    params(("id" = String, Path, description = "The claim's id, a UUID.")),
    responses(
        (status = 200, description = "The claim, INDEMNISE, with its payment.", body = SinistreJson),
        (status = 404, description = "No claim has this id.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 409, description = "The claim's state does not allow it.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 503, description = "Too many requests or waiting events; try again after Retry-After seconds.",
            body = ProblemJson, content_type = "application/problem+json"),
    )
)]
async fn pay(State(api): State<Arc<Api>>, id: PathId) -> Result<Json<SinistreJson>, Problem> {
    let sinistre = api.store.pay(known(id)?, Timestamp::now()).await.map_err(problem)?;
    api.metrics.paid.inc();
    tracing::info!(sinistre_id = %sinistre.id, "a claim was paid");
    Ok(Json(SinistreJson::from(sinistre)))
}

fn known(id: PathId) -> Result<SinistreId, Problem> {
    named(id).ok_or_else(unknown)
}

fn unknown() -> Problem {
    Problem::not_found(Refus::SinistreInconnu.to_string())
}

fn problem(error: WriteError<CommandError>) -> Problem {
    let WriteError::Refused(CommandError::Refused(refus)) = error else {
        return Problem::command(&error);
    };
    let detail = refus.to_string();
    match refus {
        Refus::ContratInconnu | Refus::SinistreInconnu => Problem::not_found(detail),
        Refus::ContratSuspendu | Refus::ContratResilie | Refus::Etat { .. } => {
            Problem::new(StatusCode::CONFLICT, detail)
        }
        Refus::MontantEstime => Problem::field("montantEstime", detail),
        Refus::MontantEvalue => Problem::field("montantEvalue", detail),
        Refus::SurvenanceFuture | Refus::HorsCouverture { .. } => Problem::field("dateSurvenance", detail),
    }
}
