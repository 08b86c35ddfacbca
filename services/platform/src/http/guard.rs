//! What stands before every request of an API: a bound on requests at a time, a time limit, a trace, and numbers.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use prometheus::{HistogramVec, IntCounterVec, IntGauge};
use tokio::sync::Semaphore;
use tracing::Instrument as _;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::{Problem, server::Crowded};
use crate::{metrics::Metrics, telemetry};

/// Bounds of the API.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Requests at a time; one more is refused with 503.
    pub requests: usize,
    /// How long a request may take, its body included; then 503.
    pub duration: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests: 512, duration: Duration::from_secs(10) }
    }
}

/// The guard of one service's API.
#[derive(Debug, Clone)]
pub struct Guard {
    permits: Arc<Semaphore>,
    duration: Duration,
    requests: IntCounterVec,
    durations: HistogramVec,
    in_flight: IntGauge,
}

impl Guard {
    pub fn new(limits: Limits, metrics: &Metrics) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(limits.requests)),
            duration: limits.duration,
            requests: metrics.counters(
                "http_requests_total",
                "Requests answered, by method, route and status.",
                &["method", "route", "status"],
            ),
            durations: metrics.durations(
                "http_request_duration_seconds",
                "Time from a request's head to its answer, by method and route.",
                &["method", "route"],
            ),
            in_flight: metrics.gauge("http_requests_in_flight", "Requests that are being worked on."),
        }
    }

    /// Puts the guard before the routes, and turns axum's own refusals into problem+json.
    pub fn protect(self, routes: Router) -> Router {
        routes
            .fallback(|| async { Problem::not_found("there is nothing at this path") })
            .layer(middleware::from_fn(describe_method_refusal))
            .layer(middleware::from_fn_with_state(self, stand_guard))
    }
}

async fn stand_guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let method = method_label(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let span = request_span(&request, method, &route);
    let started = Instant::now();
    guard.in_flight.inc();
    let response = answer(&guard, request, next).instrument(span.clone()).await;
    guard.in_flight.dec();
    let status = response.status();
    guard.requests.with_label_values(&[method, &route, status.as_str()]).inc();
    guard.durations.with_label_values(&[method, &route]).observe(started.elapsed().as_secs_f64());
    span.set_attribute("http.response.status_code", i64::from(status.as_u16()));
    span.in_scope(|| {
        let milliseconds = started.elapsed().as_secs_f64() * 1_000.0;
        // A 503 is told by what causes it, and counted here: under overload there are too many to log.
        if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
            tracing::warn!(status = status.as_u16(), milliseconds, "request failed");
        } else {
            tracing::debug!(status = status.as_u16(), milliseconds, "request");
        }
    });
    response
}

async fn answer(guard: &Guard, request: Request, next: Next) -> Response {
    if request.extensions().get::<Crowded>().is_some() {
        return Problem::unavailable("the service has as many clients as it can serve", 1).into_response();
    }
    let Ok(_permit) = guard.permits.try_acquire() else {
        return Problem::unavailable("the service has as many requests as it can work on", 1).into_response();
    };
    let answered = tokio::time::timeout(guard.duration, next.run(request)).await;
    answered.unwrap_or_else(|_| {
        Problem::unavailable("the request took too long; whether it took effect is not known", 1)
            .into_response()
    })
}

/// axum answers 405 with an empty body and an Allow header: the header stays, and a body comes.
pub(crate) async fn describe_method_refusal(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        return Problem::method_not_allowed(response.headers().get(header::ALLOW).cloned()).into_response();
    }
    response
}

/// The request's span, under the caller's where the caller sent one. Its name is the route and not the path, so
/// that names stay few.
fn request_span(request: &Request, method: &'static str, route: &str) -> tracing::Span {
    let span = tracing::info_span!(
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        http.request.method = method,
        http.route = route,
        trace_id = tracing::field::Empty,
    );
    let caller = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
    telemetry::continue_trace(&span, caller);
    telemetry::log_trace_id(&span);
    span
}

/// The method as a metric's label: callers can make methods up, so others share one.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
