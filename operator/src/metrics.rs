//! The operator's own metrics; every label has a fixed, small set of values.

use std::time::Duration;

use prometheus::{Encoder, Histogram, HistogramOpts, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

/// Counters of the process, on a registry of their own.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    reconciliations: IntCounterVec,
    duration: Histogram,
    writes: IntCounterVec,
    checks: IntCounterVec,
    leader: IntGauge,
}

impl Metrics {
    /// Metrics at zero.
    pub fn new() -> Result<Self, prometheus::Error> {
        let metrics = Self {
            registry: Registry::new(),
            reconciliations: IntCounterVec::new(
                Opts::new(
                    "edalab_operator_reconciliations_total",
                    "Reconciliations by what they ended with: Ready, or the reason why the lab is not.",
                ),
                &["reason"],
            )?,
            duration: Histogram::with_opts(
                HistogramOpts::new(
                    "edalab_operator_reconciliation_seconds",
                    "How long one reconciliation takes.",
                )
                .buckets(vec![0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0]),
            )?,
            writes: IntCounterVec::new(
                Opts::new(
                    "edalab_operator_writes_total",
                    "Writes to the Kubernetes API, by kind and action.",
                ),
                &["kind", "action"],
            )?,
            checks: IntCounterVec::new(
                Opts::new(
                    "edalab_operator_kafka_checks_total",
                    "Looks at Kafka and the registry, by what they found.",
                ),
                &["what", "reason"],
            )?,
            leader: IntGauge::new("edalab_operator_leader", "1 while this process holds the Lease.")?,
        };
        metrics.registry.register(Box::new(metrics.reconciliations.clone()))?;
        metrics.registry.register(Box::new(metrics.duration.clone()))?;
        metrics.registry.register(Box::new(metrics.writes.clone()))?;
        metrics.registry.register(Box::new(metrics.checks.clone()))?;
        metrics.registry.register(Box::new(metrics.leader.clone()))?;
        Ok(metrics)
    }

    /// One reconciliation ended with this reason, which is one of the code's own words.
    pub fn reconciled(&self, reason: &'static str, took: Duration) {
        self.reconciliations.with_label_values(&[reason]).inc();
        self.duration.observe(took.as_secs_f64());
    }

    /// One write was sent to the API server.
    pub fn wrote(&self, kind: &'static str, action: &'static str) {
        self.writes.with_label_values(&[kind, action]).inc();
    }

    /// One look at the topics or the schemas.
    pub fn checked(&self, what: &'static str, reason: &'static str) {
        self.checks.with_label_values(&[what, reason]).inc();
    }

    /// Whether this process holds the Lease.
    pub fn set_leader(&self, leader: bool) {
        self.leader.set(i64::from(leader));
    }

    /// All of it in Prometheus' text format.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        let mut bytes = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut bytes)?;
        String::from_utf8(bytes).map_err(|error| prometheus::Error::Msg(error.to_string()))
    }
}
