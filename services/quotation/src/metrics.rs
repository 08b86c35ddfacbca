//! The service's own numbers, by the plan's names (instruction 2.1.5).

use platform::metrics::Metrics;
use prometheus::{Histogram, IntCounter};

#[derive(Debug, Clone)]
pub struct QuotationMetrics {
    pub generated: IntCounter,
    pub expired: IntCounter,
    pub generation_duration: Histogram,
}

impl QuotationMetrics {
    pub fn new(metrics: &Metrics) -> Self {
        Self {
            generated: metrics.counter("devis_generes_total", "Quotes made."),
            expired: metrics.counter("devis_expires_total", "Quotes expired."),
            generation_duration: metrics.duration(
                "devis_generation_duration_seconds",
                "Time from a request for a quote to the durable quote.",
            ),
        }
    }
}
