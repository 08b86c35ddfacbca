//! JSON logs with trace ids, and OTLP traces where an endpoint is configured.

use std::{collections::HashMap, time::Duration};

use opentelemetry::{
    Context, KeyValue,
    propagation::TextMapPropagator as _,
    trace::{SpanContext, TraceContextExt, TracerProvider},
};
use opentelemetry_otlp::{Protocol, WithExportConfig};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::config::Identity;

/// Why logs or traces could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("the OTLP endpoint {endpoint:?} cannot be used: {source}")]
    Exporter { endpoint: String, source: opentelemetry_otlp::ExporterBuildError },
    #[error("logging is already set up")]
    AlreadySet,
}

impl TelemetryError {
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Exporter { .. } => "OtlpEndpoint",
            Self::AlreadySet => "LoggingAlreadySet",
        }
    }
}

/// Keeps traces flowing; [`Telemetry::flush`] sends what is left.
#[derive(Debug)]
pub struct Telemetry {
    provider: SdkTracerProvider,
}

/// Sets up logging and tracing for the whole process. Logs are JSON lines on standard output, at the level that
/// `RUST_LOG` gives (info when it is absent). Spans that only a trace has a use for are at level debug: without an
/// endpoint they cost nothing.
pub fn init(service: &'static str, identity: &Identity) -> Result<Telemetry, TelemetryError> {
    let provider = provider(service, identity)?;
    let logs = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false);
    let filter = EnvFilter::builder().with_default_directive(tracing::Level::INFO.into()).from_env_lossy();
    let ours = if identity.otlp_endpoint().is_some() { LevelFilter::DEBUG } else { LevelFilter::INFO };
    let spans = Targets::new().with_default(LevelFilter::INFO).with_target("platform", ours);
    let traces = tracing_opentelemetry::layer().with_tracer(provider.tracer(service));
    tracing_subscriber::registry()
        .with(logs.with_filter(filter))
        .with(traces.with_filter(spans))
        .try_init()
        .map_err(|_| TelemetryError::AlreadySet)?;
    Ok(Telemetry { provider })
}

/// Without an endpoint spans still get their ids, for logs and for the events' `traceparent`; none is exported.
fn provider(service: &'static str, identity: &Identity) -> Result<SdkTracerProvider, TelemetryError> {
    let resource = Resource::builder()
        .with_service_name(service)
        .with_attribute(KeyValue::new("service.namespace", identity.lab.clone()))
        .with_attribute(KeyValue::new("service.instance.id", identity.pod_name.clone()))
        .build();
    let builder = SdkTracerProvider::builder().with_resource(resource);
    let Some(endpoint) = identity.otlp_endpoint() else {
        return Ok(builder.build());
    };
    // OTLP 1.x, "Endpoint URLs for OTLP/HTTP": the variable is a base to which the signal's path is added.
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .with_timeout(Duration::from_secs(5))
        .build()
        .map_err(|source| TelemetryError::Exporter { endpoint: endpoint.to_owned(), source })?;
    Ok(builder.with_batch_exporter(exporter).build())
}

impl Telemetry {
    /// Sends what is left. It blocks, so it is called when all work is done.
    pub fn flush(self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::warn!(%error, "traces were left unsent");
        }
    }
}

/// The current span as a W3C `traceparent`, where there is one.
pub fn current_traceparent() -> Option<String> {
    traceparent(tracing::Span::current().context().span().span_context())
}

/// W3C Trace Context, section 3.2.
pub fn traceparent(context: &SpanContext) -> Option<String> {
    context.is_valid().then(|| {
        format!("00-{}-{}-{:02x}", context.trace_id(), context.span_id(), context.trace_flags().to_u8())
    })
}

/// Links that a span keeps (OpenTelemetry SDK specification, `LinkCountLimit`).
const MOST_LINKS: usize = 128;

/// Makes the caller's span, named by a `traceparent`, the parent of `span`. Anything else is ignored, as the
/// standard asks.
pub fn continue_trace(span: &tracing::Span, traceparent: Option<&str>) {
    if let Some(parent) = traceparent.and_then(parent) {
        // Fails only for a span that has already started or that no trace layer sees.
        let _ = span.set_parent(parent);
    }
}

/// The same for a span that goes on with several traces: it links to each, and belongs to none. One alone is its parent.
pub fn continue_traces<'t>(
    span: &tracing::Span,
    mut traceparents: impl ExactSizeIterator<Item = Option<&'t str>>,
) {
    if traceparents.len() == 1 {
        continue_trace(span, traceparents.next().flatten());
        return;
    }
    for parent in traceparents.flatten().filter_map(parent).take(MOST_LINKS) {
        span.add_link(parent.span().span_context().clone());
    }
}

/// The caller's span, as a `traceparent` names it.
fn parent(traceparent: &str) -> Option<Context> {
    let carrier = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
    let parent = TraceContextPropagator::new().extract(&carrier);
    parent.span().span_context().is_valid().then_some(parent)
}

/// Writes a span's trace id into its log field `trace_id`.
pub fn log_trace_id(span: &tracing::Span) {
    let context = span.context();
    let context = context.span().span_context().clone();
    if context.is_valid() {
        span.record("trace_id", context.trace_id().to_string());
    }
}
