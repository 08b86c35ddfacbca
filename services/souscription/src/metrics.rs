//! The service's own numbers, by the plan's names (instruction 2.2.3). Its third, `sinistres_par_contrat`, comes with the
//! claims.

use platform::metrics::Metrics;
use prometheus::IntCounter;

#[derive(Debug, Clone)]
pub struct SouscriptionMetrics {
    pub issued: IntCounter,
    pub changed: IntCounter,
    pub ended: IntCounter,
}

impl SouscriptionMetrics {
    pub fn new(metrics: &Metrics) -> Self {
        Self {
            issued: metrics.counter("contrats_emis_total", "Contracts issued."),
            changed: metrics.counter("contrats_modifies_total", "Changes of contracts."),
            ended: metrics.counter("contrats_resilies_total", "Contracts ended."),
        }
    }
}
