//! What browsers and programs ask for.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Form, Path, Query, Request, State},
    http::{HeaderMap, StatusCode, Uri, header},
    middleware,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post, put},
};
use platform::http::{Problem, read_json};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use crate::{
    assets::ASSETS,
    board::Board,
    guard::{Hosts, stand_guard},
    hub::Hub,
    metrics::DashboardMetrics,
    page::{self, Told},
    steer::{Command, Simulator},
    stream::Client,
    texts::Lang,
    web,
};

/// Events of `/api/events/recent` and of a new page.
const RECENT: usize = 50;
/// Longest body that is passed on to the simulator.
const BODY: usize = 4 * 1024;

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct Dashboard {
    pub(crate) hub: Hub,
    pub(crate) board: Board,
    pub(crate) simulator: Simulator,
    pub(crate) metrics: DashboardMetrics,
    pub(crate) stop: CancellationToken,
}

type Shared = State<Arc<Dashboard>>;

/// Everything but what operations ask.
pub(crate) fn routes(dashboard: Dashboard) -> Router {
    Router::new()
        .route("/", get(show_page))
        .route(
            "/static/{name}",
            get(async |Path(name): Path<String>, headers: HeaderMap| ASSETS.answer(&name, &headers)),
        )
        .route("/page/stream", get(page_stream))
        .route("/steer/{what}", post(steer))
        .route("/api/events/recent", get(recent))
        .route("/api/events/stream", get(event_stream))
        .route(
            "/api/simulation/start",
            post(async |State(dashboard): Shared| dashboard.simulator.pass_on(Command::Start).await),
        )
        .route(
            "/api/simulation/stop",
            post(async |State(dashboard): Shared| dashboard.simulator.pass_on(Command::Stop).await),
        )
        .route(
            "/api/simulation/status",
            get(async |State(dashboard): Shared| dashboard.simulator.pass_on(Command::Status).await),
        )
        .route("/api/simulation/speed", put(set_speed))
        .route("/api/simulation/scenario", put(set_scenario))
        .with_state(Arc::new(dashboard))
}

/// Puts the guard against other people's pages before everything.
pub(crate) fn guarded(routes: Router, hosts: Hosts) -> Router {
    routes.layer(middleware::from_fn_with_state(hosts, stand_guard))
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    /// Id of the last event that the client has seen, where it cannot send Last-Event-ID.
    after: Option<String>,
}

async fn show_page(State(dashboard): Shared, uri: Uri, headers: HeaderMap) -> Response {
    whole_page(&dashboard, &uri, &headers, &Told::Nothing)
}

fn whole_page(dashboard: &Dashboard, uri: &Uri, headers: &HeaderMap, told: &Told) -> Response {
    let lang = web::language(uri, headers);
    let (recent, last) = dashboard.hub.recent(RECENT);
    let page = page::page(lang, uri, &dashboard.board.pieces(lang), &recent, last.to_string(), told);
    web::html(page, uri, headers)
}

/// The last events, newest first.
async fn recent(State(dashboard): Shared) -> Response {
    let (recent, _) = dashboard.hub.recent(RECENT);
    let events: Result<Vec<Box<RawValue>>, _> =
        recent.iter().rev().map(|entry| serde_json::from_slice(&entry.json)).collect();
    match events {
        Ok(events) => ([(header::CACHE_CONTROL, "no-store")], Json(serde_json::json!({ "events": events })))
            .into_response(),
        Err(error) => Problem::internal(&error).into_response(),
    }
}

/// Events as they come, after the one that `Last-Event-ID` or `after` names.
async fn event_stream(State(dashboard): Shared, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    stream(&dashboard, &asked, &headers, None)
}

/// The same, and the pieces of the page in its language.
async fn page_stream(
    State(dashboard): Shared,
    Query(asked): Query<Asked>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    stream(&dashboard, &asked, &headers, Some(web::language(&uri, &headers)))
}

fn stream(dashboard: &Dashboard, asked: &Asked, headers: &HeaderMap, page: Option<Lang>) -> Response {
    // The header is newer: a browser sends it when it comes back to the same address.
    let header = headers.get("last-event-id").map(|value| value.to_str().unwrap_or_default());
    let last = header.or(asked.after.as_deref());
    match dashboard.hub.listen(last) {
        Ok(listener) => {
            let page = page.map(|lang| dashboard.board.watch(lang));
            Client::new(listener, page, dashboard.metrics.clone(), dashboard.stop.clone()).into_response()
        }
        Err(full) => Problem::unavailable(full.to_string(), 5).into_response(),
    }
}

async fn set_speed(State(dashboard): Shared, request: Request) -> Result<Response, Problem> {
    let body = read_json(request, BODY).await?;
    Ok(dashboard.simulator.pass_on(Command::Speed(body)).await)
}

async fn set_scenario(State(dashboard): Shared, request: Request) -> Result<Response, Problem> {
    let body = read_json(request, BODY).await?;
    Ok(dashboard.simulator.pass_on(Command::Scenario(body)).await)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Fields {
    events_per_second: String,
    scenario: String,
    target: String,
}

/// The page's own buttons: a fragment for htmx, the whole page for a browser without scripts.
async fn steer(
    State(dashboard): Shared,
    Path(what): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    let command = match what.as_str() {
        "start" => Command::Start,
        "stop" => Command::Stop,
        "speed" => Command::speed(&fields.events_per_second),
        "scenario" => Command::scenario(&fields.scenario, &fields.target),
        _ => return Problem::not_found("there is nothing at this path").into_response(),
    };
    let (status, told) = match dashboard.simulator.ask(command).await {
        Ok(answer) => match answer.refusal() {
            None => (StatusCode::OK, Told::Asked),
            Some(why) => (StatusCode::UNPROCESSABLE_ENTITY, Told::Refused(why)),
        },
        Err(error) => (StatusCode::BAD_GATEWAY, Told::Refused(error.to_string())),
    };
    if headers.contains_key("hx-request") {
        let fragment = page::answer(web::language(&uri, &headers), &told);
        let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
        return (status, kind, Bytes::from(fragment)).into_response();
    }
    match told {
        Told::Asked => Redirect::to("/").into_response(),
        told => (status, whole_page(&dashboard, &Uri::from_static("/"), &headers, &told)).into_response(),
    }
}
