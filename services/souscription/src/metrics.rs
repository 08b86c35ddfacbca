//! The service's own numbers, by the plan's names (instruction 2.2.3).

use platform::metrics::Metrics;
use prometheus::{Histogram, IntCounter};

#[derive(Debug, Clone)]
pub struct SouscriptionMetrics {
    pub issued: IntCounter,
    pub changed: IntCounter,
    pub ended: IntCounter,
    /// Not a gauge for each contract, as in the plan: contracts are many.
    pub claims: Histogram,
}

impl SouscriptionMetrics {
    pub fn new(metrics: &Metrics) -> Self {
        Self {
            issued: metrics.counter("contrats_emis_total", "Contracts issued."),
            changed: metrics.counter("contrats_modifies_total", "Changes of contracts."),
            ended: metrics.counter("contrats_resilies_total", "Contracts ended."),
            claims: metrics.histogram(
                "sinistres_par_contrat",
                "Claims that a contract has, observed with each of them.",
                vec![1.0, 2.0, 3.0, 5.0, 10.0],
            ),
        }
    }
}
