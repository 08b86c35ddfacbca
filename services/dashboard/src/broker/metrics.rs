//! Offsets and lags under the names that `kafka_exporter` gives them, so that dashboards made for it work here.

use platform::metrics::Metrics;
use prometheus::{IntGauge, IntGaugeVec};

use super::offsets::Offsets;

#[derive(Debug, Clone)]
pub(super) struct OffsetGauges {
    brokers: IntGauge,
    partitions: IntGaugeVec,
    oldest: IntGaugeVec,
    current: IntGaugeVec,
    members: IntGaugeVec,
    committed: IntGaugeVec,
    committed_sum: IntGaugeVec,
    lag: IntGaugeVec,
    lag_sum: IntGaugeVec,
}

impl OffsetGauges {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let of_partition = ["topic", "partition"];
        let of_group = ["consumergroup", "topic", "partition"];
        let of_topic = ["consumergroup", "topic"];
        Self {
            brokers: metrics
                .gauge("kafka_brokers", "Brokers in the Kafka cluster; 0 where it does not answer."),
            partitions: metrics.gauges("kafka_topic_partitions", "Partitions of a topic.", &["topic"]),
            oldest: metrics.gauges(
                "kafka_topic_partition_oldest_offset",
                "The first offset of a partition that is still there.",
                &of_partition,
            ),
            current: metrics.gauges(
                "kafka_topic_partition_current_offset",
                "The offset that a partition's next record gets.",
                &of_partition,
            ),
            members: metrics.gauges("kafka_consumergroup_members", "Members of a group.", &["consumergroup"]),
            committed: metrics.gauges(
                "kafka_consumergroup_current_offset",
                "The next offset that a group has committed.",
                &of_group,
            ),
            committed_sum: metrics.gauges(
                "kafka_consumergroup_current_offset_sum",
                "The same, of all partitions of a topic.",
                &of_topic,
            ),
            lag: metrics.gauges(
                "kafka_consumergroup_lag",
                "Records that a group has not read yet.",
                &of_group,
            ),
            lag_sum: metrics.gauges(
                "kafka_consumergroup_lag_sum",
                "The same, of all partitions of a topic.",
                &of_topic,
            ),
        }
    }

    /// Shows what was told. Where Kafka does not answer, nothing of it is known any more.
    pub(super) fn show(&self, offsets: Option<&Offsets>) {
        let families = [
            &self.partitions,
            &self.oldest,
            &self.current,
            &self.members,
            &self.committed,
            &self.committed_sum,
            &self.lag,
            &self.lag_sum,
        ];
        // What is gone is not told any more.
        for family in families {
            family.reset();
        }
        let Some(offsets) = offsets else { return self.brokers.set(0) };
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.brokers.set(count(offsets.brokers));
        for (topic, partitions) in &offsets.topics {
            self.partitions.with_label_values(&[topic]).set(count(partitions.len()));
            for (partition, ends) in partitions {
                let labels = [topic.as_str(), &partition.to_string()];
                self.oldest.with_label_values(&labels).set(ends.low);
                self.current.with_label_values(&labels).set(ends.high);
            }
        }
        for (name, group) in &offsets.groups {
            self.members.with_label_values(&[name]).set(count(group.members.len()));
            for ((topic, partition), next) in &group.committed {
                let lag = offsets.lag(name, topic, *partition);
                let labels = [name.as_str(), topic, &partition.to_string()];
                self.committed.with_label_values(&labels).set(*next);
                self.committed_sum.with_label_values(&labels[..2]).add(*next);
                self.lag.with_label_values(&labels).set(lag);
                self.lag_sum.with_label_values(&labels[..2]).add(lag);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::offsets::{Ends, Group};

    #[test]
    fn they_are_named_as_kafka_exporter_names_them() {
        let metrics = Metrics::new();
        let gauges = OffsetGauges::new(&metrics);
        let ends = |high| Ends { low: 2, high };
        let committed = [(("t".to_owned(), 0), 5), (("t".to_owned(), 1), 7)].into();
        gauges.show(Some(&Offsets {
            brokers: 1,
            topics: [("t".to_owned(), [(0, ends(9)), (1, ends(8))].into())].into(),
            groups: [("g".to_owned(), Group { committed, ..Group::default() })].into(),
        }));
        let text = metrics.render().expect("text");
        for line in [
            "kafka_brokers 1",
            "kafka_topic_partitions{topic=\"t\"} 2",
            "kafka_topic_partition_current_offset{partition=\"0\",topic=\"t\"} 9",
            "kafka_topic_partition_oldest_offset{partition=\"1\",topic=\"t\"} 2",
            "kafka_consumergroup_members{consumergroup=\"g\"} 0",
            "kafka_consumergroup_current_offset{consumergroup=\"g\",partition=\"0\",topic=\"t\"} 5",
            "kafka_consumergroup_current_offset_sum{consumergroup=\"g\",topic=\"t\"} 12",
            "kafka_consumergroup_lag{consumergroup=\"g\",partition=\"1\",topic=\"t\"} 1",
            "kafka_consumergroup_lag_sum{consumergroup=\"g\",topic=\"t\"} 5",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
        gauges.show(None);
        let text = metrics.render().expect("text");
        assert!(text.contains("kafka_brokers 0") && !text.contains("consumergroup=\"g\""), "{text}");
    }
}
