//! What browsers and programs ask for.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Form, Path, Query, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post, put},
};
use flate2::Compression;
use platform::http::{Problem, read_json};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use crate::{
    assets::{ASSETS, gzip, takes_gzip},
    board::Board,
    guard::{Hosts, stand_guard},
    hub::Hub,
    metrics::DashboardMetrics,
    page::{self, Told},
    steer::{Command, Simulator},
    stream::Client,
    texts::Lang,
};

/// Events of `/api/events/recent` and of a new page.
const RECENT: usize = 50;
/// Longest body that is passed on to the simulator.
const BODY: usize = 4 * 1024;
/// How long a chosen language is kept, in seconds: a year.
const REMEMBERED: u32 = 31_536_000;

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
    lang: Option<String>,
    /// Id of the last event that the client has seen, where it cannot send Last-Event-ID.
    after: Option<String>,
}

/// The language of a request: asked for, remembered, or accepted, in this order.
fn language(asked: Option<&str>, headers: &HeaderMap) -> Lang {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let cookies = text(header::COOKIE).unwrap_or_default().split(';');
    let remembered = cookies.filter_map(|cookie| cookie.trim().strip_prefix("lang=")).find_map(Lang::of_tag);
    asked
        .and_then(Lang::of_tag)
        .or(remembered)
        .or_else(|| Lang::accepted(text(header::ACCEPT_LANGUAGE)?))
        .unwrap_or(Lang::En)
}

async fn show_page(State(dashboard): Shared, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    let mut response =
        whole_page(&dashboard, StatusCode::OK, asked.lang.as_deref(), &headers, &Told::Nothing);
    if let Some(lang) = asked.lang.as_deref().and_then(Lang::of_tag) {
        let cookie = format!("lang={}; Path=/; Max-Age={REMEMBERED}; SameSite=Lax; HttpOnly", lang.tag());
        if let Ok(cookie) = cookie.parse() {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
    }
    response
}

fn whole_page(
    dashboard: &Dashboard,
    status: StatusCode,
    asked: Option<&str>,
    headers: &HeaderMap,
    told: &Told,
) -> Response {
    let lang = language(asked, headers);
    let (recent, last) = dashboard.hub.recent(RECENT);
    let page = page::page(lang, &dashboard.board.pieces(lang), &recent, last.to_string(), told);
    let mut response = if takes_gzip(headers) {
        let body = gzip(page.as_bytes(), Compression::fast());
        ([(header::CONTENT_ENCODING, "gzip")], Body::from(body)).into_response()
    } else {
        page.into_response()
    };
    *response.status_mut() = status;
    let answered = response.headers_mut();
    answered.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    answered.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answered.insert(header::VARY, HeaderValue::from_static("accept-encoding, accept-language, cookie"));
    response
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
async fn page_stream(State(dashboard): Shared, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    stream(&dashboard, &asked, &headers, Some(language(asked.lang.as_deref(), &headers)))
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
}

/// The page's own buttons: a fragment for htmx, the whole page for a browser without scripts.
async fn steer(
    State(dashboard): Shared,
    Path(what): Path<String>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    let command = match what.as_str() {
        "start" => Command::Start,
        "stop" => Command::Stop,
        "speed" => Command::speed(&fields.events_per_second),
        "scenario" => Command::scenario(&fields.scenario),
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
        let fragment = page::answer(language(None, &headers), &told);
        let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
        return (status, kind, Bytes::from(fragment)).into_response();
    }
    match told {
        Told::Asked => Redirect::to("/").into_response(),
        told => whole_page(&dashboard, status, None, &headers, &told),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_language_wins_over_a_remembered_one_and_that_over_an_accepted_one() {
        for (asked, cookie, accept, wanted) in [
            (None, "", "", Lang::En),
            (None, "", "fr-FR", Lang::Fr),
            (None, "a=b; lang=en", "fr-FR", Lang::En),
            (None, "lang=xx", "fr-FR", Lang::Fr),
            (Some("fr"), "lang=en", "en", Lang::Fr),
            (Some("xx"), "lang=fr", "en", Lang::Fr),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, cookie.parse().expect("a value"));
            headers.insert(header::ACCEPT_LANGUAGE, accept.parse().expect("a value"));
            assert_eq!(language(asked, &headers), wanted, "{asked:?} {cookie:?} {accept:?}");
        }
    }
}
