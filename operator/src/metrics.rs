//! The operator's own metrics; every label has a fixed, small set of values.

use std::time::Duration;

use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

/// Counters of the process, on a registry of their own.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    reconciliations: IntCounterVec,
    duration: Histogram,
    errors: IntCounterVec,
    writes: IntCounterVec,
    checks: IntCounterVec,
    control_records: IntCounter,
    control_failures: IntCounterVec,
    control_followed: Histogram,
    control_channels: IntGauge,
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
            errors: IntCounterVec::new(
                Opts::new(
                    "edalab_operator_errors_total",
                    "What kept a reconciliation from its end, and objects that could not be brought to what is wanted.",
                ),
                &["reason"],
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
            control_records: IntCounter::new(
                "edalab_operator_control_records_total",
                "Changes of scenario, simulation or their parameters that were said on edalab.control.",
            )?,
            control_failures: IntCounterVec::new(
                Opts::new(
                    "edalab_operator_control_failures_total",
                    "Sessions with a lab's Kafka that could not be begun, or were cut off, by reason.",
                ),
                &["reason"],
            )?,
            control_followed: Histogram::with_opts(
                HistogramOpts::new(
                    "edalab_operator_control_followed_seconds",
                    "From a change on edalab.control to the last service's answer that it follows.",
                )
                .buckets(vec![0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0]),
            )?,
            control_channels: IntGauge::new(
                "edalab_operator_control_channels",
                "Labs whose Kafka the operator is in a session with.",
            )?,
            leader: IntGauge::new("edalab_operator_leader", "1 while this process holds the Lease.")?,
        };
        metrics.registry.register(Box::new(metrics.reconciliations.clone()))?;
        metrics.registry.register(Box::new(metrics.duration.clone()))?;
        metrics.registry.register(Box::new(metrics.errors.clone()))?;
        metrics.registry.register(Box::new(metrics.writes.clone()))?;
        metrics.registry.register(Box::new(metrics.checks.clone()))?;
        metrics.registry.register(Box::new(metrics.control_records.clone()))?;
        metrics.registry.register(Box::new(metrics.control_failures.clone()))?;
        metrics.registry.register(Box::new(metrics.control_followed.clone()))?;
        metrics.registry.register(Box::new(metrics.control_channels.clone()))?;
        metrics.registry.register(Box::new(metrics.leader.clone()))?;
        Ok(metrics)
    }

    /// One reconciliation ended with this reason, which is one of the code's own words.
    pub fn reconciled(&self, reason: &'static str, took: Duration) {
        self.reconciliations.with_label_values(&[reason]).inc();
        self.duration.observe(took.as_secs_f64());
    }

    /// Something failed for this reason, which is one of the code's own words.
    pub fn failed(&self, reason: &'static str) {
        self.errors.with_label_values(&[reason]).inc();
    }

    /// One write was sent to the API server.
    pub fn wrote(&self, kind: &'static str, action: &'static str) {
        self.writes.with_label_values(&[kind, action]).inc();
    }

    /// One look at the topics or the schemas.
    pub fn checked(&self, what: &'static str, reason: &'static str) {
        self.checks.with_label_values(&[what, reason]).inc();
    }

    /// What a lab is set to was said to its services.
    pub fn control_published(&self) {
        self.control_records.inc();
    }

    /// All services follow, so long after it was said.
    pub fn control_followed(&self, after: Duration) {
        self.control_followed.observe(after.as_secs_f64());
    }

    /// A session with a lab's Kafka failed for this reason, one of the code's own words.
    pub fn control_failed(&self, reason: &'static str) {
        self.control_failures.with_label_values(&[reason]).inc();
    }

    /// How many sessions there are.
    pub fn control_channels(&self) -> IntGauge {
        self.control_channels.clone()
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
