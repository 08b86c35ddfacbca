//! The service's own numbers.

use platform::metrics::Metrics;
use prometheus::{IntCounter, IntCounterVec};
use schemas::Decision;

#[derive(Debug, Clone)]
pub struct ReclamationMetrics {
    pub declared: IntCounter,
    judged: IntCounterVec,
    pub paid: IntCounter,
}

impl ReclamationMetrics {
    pub fn new(metrics: &Metrics) -> Self {
        Self {
            declared: metrics.counter("sinistres_declares_total", "Claims made."),
            judged: metrics.counters("sinistres_evalues_total", "Claims judged, by decision.", &["decision"]),
            paid: metrics.counter("indemnisations_effectuees_total", "Claims paid."),
        }
    }

    pub fn judged(&self, decision: Decision) {
        self.judged.with_label_values(&[decision.as_str()]).inc();
    }
}
