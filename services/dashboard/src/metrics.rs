//! The dashboard's numbers.

use platform::metrics::Metrics;
use prometheus::{IntCounterVec, IntGauge};

/// Labels are the catalogue's topics and the reasons below: nothing grows with what comes in.
#[derive(Debug, Clone)]
pub struct DashboardMetrics {
    /// By topic.
    pub(crate) seen: IntCounterVec,
    pub(crate) clients: IntGauge,
    /// By reason: `behind`, `stalled`, `full`.
    pub(crate) dropped: IntCounterVec,
}

impl DashboardMetrics {
    pub fn new(metrics: &Metrics) -> Self {
        Self {
            seen: metrics.counters("dashboard_events_seen_total", "Records read, by topic.", &["topic"]),
            clients: metrics.gauge("dashboard_sse_clients", "Clients that listen to a stream."),
            dropped: metrics.counters(
                "dashboard_sse_dropped_total",
                "Clients let go or refused: behind (read too slowly), stalled (did not read at all), full (no place).",
                &["reason"],
            ),
        }
    }
}
