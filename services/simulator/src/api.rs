//! The simulator's HTTP API. What steers is written into the lab's custom resource, and takes effect when the operator has
//! told it to every service: the answer is 202.

mod cross_site;
mod model;
mod openapi;

use std::{str::FromStr, sync::Arc};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
    middleware,
    routing::{get, post, put},
};
use jiff::Timestamp;
use platform::{
    control::Controls,
    http::{Fields, Problem, Violation, described::ProblemJson, read_json, read_object},
};
use schemas::{Service, control::Scenario};

use crate::{
    lab::{Lab, LabError},
    mistakes::MistakeTally,
    tally::Tally,
};
use model::{Run, StatusJson, WantedJson};

/// Longest body of a request, in bytes.
const BODY_LIMIT: usize = 4 * 1024;
/// What a client is told to wait where the API server cannot be asked.
const RETRY: u32 = 5;

/// What the handlers work with.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) lab: Lab,
    pub(crate) controls: Controls,
    pub(crate) tally: Tally,
    pub(crate) mistakes: MistakeTally,
    pub(crate) seed: u64,
    pub(crate) started_at: Timestamp,
}

type Accepted = Result<(StatusCode, Json<WantedJson>), Problem>;

/// The API's routes.
pub(crate) fn routes(api: Arc<Api>) -> Router {
    Router::new()
        .route("/api/simulator/start", post(start))
        .route("/api/simulator/stop", post(stop))
        .route("/api/simulator/speed", put(speed))
        .route("/api/simulator/scenario", put(scenario))
        .route("/api/simulator/status", get(status))
        .route("/api/openapi.json", get(|| async { Json(openapi::document()) }))
        .layer(middleware::from_fn(cross_site::refuse))
        .with_state(api)
}

/// Starts the simulation.
#[utoipa::path(
    post,
    path = "/api/simulator/start",
    tag = "simulator",
    responses(
        (status = 202, description = "What the lab asks for now.", body = WantedJson),
        (status = 403, description = "Another site's page asked, or the API server does not allow it.",
            body = ProblemJson, content_type = "application/problem+json"),
        (status = 404, description = "The lab is not there.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 503, description = "The API server cannot be asked; try again after Retry-After seconds.",
            body = ProblemJson, content_type = "application/problem+json"),
    )
)]
async fn start(State(api): State<Arc<Api>>, request: Request) -> Accepted {
    without_body(request).await?;
    accepted(api.lab.run(true).await)
}

/// Stops the simulation. What was to follow is kept, and follows when it is started again.
#[utoipa::path(
    post,
    path = "/api/simulator/stop",
    tag = "simulator",
    responses(
        (status = 202, description = "What the lab asks for now.", body = WantedJson),
        (status = 403, description = "Another site's page asked, or the API server does not allow it.",
            body = ProblemJson, content_type = "application/problem+json"),
        (status = 404, description = "The lab is not there.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 503, description = "The API server cannot be asked; try again after Retry-After seconds.",
            body = ProblemJson, content_type = "application/problem+json"),
    )
)]
async fn stop(State(api): State<Arc<Api>>, request: Request) -> Accepted {
    without_body(request).await?;
    accepted(api.lab.run(false).await)
}

/// Sets how many events a second are wanted.
#[utoipa::path(
    put,
    path = "/api/simulator/speed",
    tag = "simulator",
    request_body = model::SpeedJson,
    responses(
        (status = 202, description = "What the lab asks for now.", body = WantedJson),
        (status = 403, description = "Another site's page asked, or the API server does not allow it.",
            body = ProblemJson, content_type = "application/problem+json"),
        (status = 404, description = "The lab is not there.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 422, description = "The field is missing, wrong or beyond its bounds; it is named.",
            body = ProblemJson, content_type = "application/problem+json"),
        (status = 503, description = "The API server cannot be asked; try again after Retry-After seconds.",
            body = ProblemJson, content_type = "application/problem+json"),
    )
)]
async fn speed(State(api): State<Arc<Api>>, request: Request) -> Accepted {
    let body = read_json(request, BODY_LIMIT).await?;
    let events_per_second = read_object(&body, |fields| fields.whole("eventsPerSecond"))?;
    accepted(api.lab.speed(events_per_second).await)
}

/// Sets the scenario. Asking for PIC_CHARGE while it is set asks for another peak.
#[utoipa::path(
    put,
    path = "/api/simulator/scenario",
    tag = "simulator",
    request_body = model::ScenarioChoiceJson,
    responses(
        (status = 202, description = "What the lab asks for now.", body = WantedJson),
        (status = 403, description = "Another site's page asked, or the API server does not allow it.",
            body = ProblemJson, content_type = "application/problem+json"),
        (status = 404, description = "The lab is not there.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 409, description = "Others change the lab at the same time.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 422, description = "The field is missing or wrong; it is named.", body = ProblemJson,
            content_type = "application/problem+json"),
        (status = 503, description = "The API server cannot be asked; try again after Retry-After seconds.",
            body = ProblemJson, content_type = "application/problem+json"),
    )
)]
async fn scenario(State(api): State<Arc<Api>>, request: Request) -> Accepted {
    let body = read_json(request, BODY_LIMIT).await?;
    let (scenario, target) = read_object(&body, |fields| {
        let (scenario, target) = (fields.text("scenario"), fields.optional("target", Fields::text));
        let (Chosen(scenario), target) = (scenario?, target?);
        Some((scenario, target.map(|Target(service)| service)))
    })?;
    accepted(api.lab.scenario(scenario, target).await)
}

/// What is in force here, and what became of the commands of this run.
#[utoipa::path(
    get,
    path = "/api/simulator/status",
    tag = "simulator",
    responses((status = 200, description = "The simulator's state.", body = StatusJson))
)]
async fn status(State(api): State<Arc<Api>>) -> Json<StatusJson> {
    let control = api.controls.current();
    let (counts, mistakes) = (api.tally.counts(), api.mistakes.counts());
    let run = Run { seed: api.seed, started_at: api.started_at, counts, mistakes };
    Json(StatusJson::new(control.as_deref(), run, Timestamp::now()))
}

/// Reads the body of a request that has none; an empty object is none.
async fn without_body(request: Request) -> Result<(), Problem> {
    let body = read_json(request, BODY_LIMIT).await?;
    if body.is_empty() { Ok(()) } else { read_object(&body, |_| Some(())) }
}

fn accepted(wanted: Result<crate::lab::Wanted, LabError>) -> Accepted {
    wanted.map(|wanted| (StatusCode::ACCEPTED, Json(wanted.into()))).map_err(|error| problem(&error))
}

fn problem(error: &LabError) -> Problem {
    let detail = error.to_string();
    match error {
        LabError::Forbidden { .. } => Problem::new(StatusCode::FORBIDDEN, detail),
        LabError::NotFound { .. } => Problem::not_found(detail),
        LabError::Conflict => Problem::new(StatusCode::CONFLICT, detail),
        LabError::Invalid { fields, .. } if fields.is_empty() => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
        }
        LabError::Invalid { fields, .. } => {
            let violation = |(field, detail): (&String, &String)| Violation {
                field: field.clone(),
                detail: detail.clone(),
            };
            Problem::fields(StatusCode::UNPROCESSABLE_ENTITY, fields.iter().map(violation).collect())
        }
        LabError::NoCluster(_) | LabError::Unreachable(_) => {
            tracing::warn!(reason = error.reason(), %error, "the lab was not changed");
            Problem::unavailable(detail, RETRY)
        }
    }
}

/// A scenario that can be asked for.
struct Chosen(Scenario);

impl FromStr for Chosen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        one_of(text, &Scenario::ALL, Scenario::as_str).map(Self)
    }
}

/// A service that a scenario can be about.
struct Target(Service);

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        one_of(text, &Service::ALL, Service::as_str).map(Self)
    }
}

/// The one that has that name.
fn one_of<T: Copy>(text: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, String> {
    let known = all.iter().copied().find(|one| name(*one) == text);
    let names = || all.iter().map(|one| name(*one)).collect::<Vec<_>>().join(", ");
    known.ok_or_else(|| format!("must be one of {}", names()))
}
