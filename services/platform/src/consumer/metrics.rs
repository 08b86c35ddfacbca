//! Numbers of the consumer.

use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge};

use crate::metrics::Metrics;

#[derive(Debug, Clone)]
pub(super) struct ConsumerMetrics {
    pub(super) applied: IntCounterVec,
    pub(super) repeats: IntCounter,
    pub(super) redelivered: IntCounter,
    pub(super) letters: IntCounterVec,
    pub(super) failures: IntCounterVec,
    pub(super) skipped: IntCounter,
    pub(super) age: HistogramVec,
    pub(super) batch: Histogram,
    pub(super) assigned: IntGauge,
}

impl ConsumerMetrics {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            applied: metrics.counters(
                "consumer_applied_total",
                "Events whose effect is durable.",
                &["topic"],
            ),
            repeats: metrics.counter(
                "consumer_repeats_total",
                "Events that came again in another record, and had no second effect.",
            ),
            redelivered: metrics.counter(
                "consumer_redelivered_total",
                "Records that Kafka handed out again after they were dealt with.",
            ),
            letters: metrics.counters(
                "consumer_dead_letters_total",
                "Records that could not be read or applied and went to dlq.errors, by reason.",
                &["reason"],
            ),
            failures: metrics.counters(
                "consumer_failures_total",
                "Attempts to consume that failed and were tried again, by reason.",
                &["reason"],
            ),
            skipped: metrics.counter(
                "consumer_skipped_offsets_total",
                "Offsets that were no longer on their topic when they were to be read.",
            ),
            age: metrics.durations(
                "consumer_event_age_seconds",
                "Time from when an event was made until its effect is durable.",
                &["topic"],
            ),
            batch: metrics.histogram(
                "consumer_batch_records",
                "Records in one transaction.",
                vec![1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0],
            ),
            assigned: metrics
                .gauge("consumer_assigned_partitions", "Partitions that the group gave to this process."),
        }
    }
}
