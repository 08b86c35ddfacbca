//! What is set for the whole lab, as a service follows it: the last record on `edalab.control`. Every record that is taken
//! over is answered on `edalab.control-ack`, so that the operator can tell who does not follow.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse as _, routing::get};
use jiff::Timestamp;
use prometheus::{IntCounterVec, IntGaugeVec};
use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::{Consumer as _, StreamConsumer},
    error::KafkaError,
    producer::{FutureProducer, FutureRecord, Producer as _},
};
use schemas::{
    control::{Control, ControlAck, Scenario},
    topics,
};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    backoff::{self, Backoff},
    config::Identity,
    kafka::{self, Detached, Hearing, QuietContext},
    metrics::Metrics,
};

/// How long an answer may take to reach the broker. One that is lost is given again with the next session.
const ANSWER: Duration = Duration::from_secs(5);
const CLIENT: &str = "edalab-control";
/// How often it is looked whether the topic is the one that is read still.
const LOOK: Duration = Duration::from_secs(10);
/// How long a look may take.
const LOOK_TIME: Duration = Duration::from_secs(2);

/// What is in force here. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Controls {
    told: watch::Receiver<Option<Arc<Control>>>,
}

impl Controls {
    #[cfg(test)]
    pub(crate) const fn of(told: watch::Receiver<Option<Arc<Control>>>) -> Self {
        Self { told }
    }

    /// What is in force; nothing before the first record was read.
    pub fn current(&self) -> Option<Arc<Control>> {
        self.told.borrow().clone()
    }

    /// Waits for a change that was not waited for before; never returns where none can come any more.
    pub async fn changed(&mut self) {
        if self.told.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits for what is set next, from now on.
    pub(crate) async fn next_change(&self) {
        let mut controls = self.clone();
        controls.told.mark_unchanged();
        controls.changed().await;
    }
}

/// Reads the topic, and answers.
#[derive(Debug)]
pub(crate) struct Follower {
    service: &'static str,
    instance: String,
    bootstrap_servers: String,
    current: watch::Sender<Option<Arc<Control>>>,
    metrics: ControlMetrics,
}

#[derive(Debug)]
struct ControlMetrics {
    scenario: IntGaugeVec,
    failures: IntCounterVec,
}

#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error("Kafka: {0}")]
    Kafka(#[from] KafkaError),
    #[error("the topic was made anew")]
    MadeAnew,
    #[error("the client hears of no broker")]
    Silent,
}

impl FollowError {
    const fn reason(&self) -> &'static str {
        match self {
            Self::Kafka(_) => "Kafka",
            Self::MadeAnew => "MadeAnew",
            Self::Silent => "Silent",
        }
    }
}

impl Follower {
    pub(crate) fn new(
        service: &'static str,
        identity: &Identity,
        bootstrap_servers: &str,
        metrics: &Metrics,
    ) -> (Self, Controls) {
        let (current, told) = watch::channel(None);
        let metrics = ControlMetrics {
            scenario: metrics.gauges("control_scenario", "1 for the scenario in force.", &["scenario"]),
            failures: metrics.counters(
                "control_failures_total",
                "Attempts to follow edalab.control that failed, by reason.",
                &["reason"],
            ),
        };
        let follower = Self {
            service,
            instance: identity.pod_name.clone(),
            bootstrap_servers: bootstrap_servers.to_owned(),
            current,
            metrics,
        };
        (follower, Controls { told })
    }

    /// Follows until told to stop. A session that fails is followed by another.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut backoff = Backoff::new();
        while !stop.is_cancelled() {
            let begun = Instant::now();
            let failed = tokio::select! {
                failed = self.follow() => failed,
                () = stop.cancelled() => break,
            };
            let Err(error) = failed;
            if begun.elapsed() > backoff::LONGEST {
                backoff.succeeded();
            }
            self.metrics.failures.with_label_values(&[error.reason()]).inc();
            if backoff.is_news(error.reason()) {
                tracing::warn!(%error, "cannot follow edalab.control");
            }
            backoff.wait(&stop).await;
        }
    }

    async fn follow(&self) -> Result<Infallible, FollowError> {
        let consumer = Arc::new(self.consumer()?);
        let mut settings = kafka::client(&self.bootstrap_servers, CLIENT);
        settings.set("acks", "all").set("linger.ms", "0");
        let producer: Arc<Detached<FutureProducer<_>>> = Arc::new(kafka::create(&settings, QuietContext)?);
        let mut look = tokio::time::interval_at(Instant::now() + LOOK, LOOK);
        let mut hearing = Hearing::begin();
        // The offset after the last record that was read.
        let mut next = 0;
        loop {
            let record = tokio::select! {
                record = consumer.recv() => record,
                _ = look.tick() => {
                    if hearing.is_lost(must_reach(&consumer, &producer, next).await?) {
                        return Err(FollowError::Silent);
                    }
                    continue;
                }
            };
            let record = match record {
                Ok(record) => record,
                // The client goes on by itself, also where the topic comes later.
                Err(error) => {
                    tracing::debug!(%error, "edalab.control");
                    continue;
                }
            };
            next = record.offset() + 1;
            let control = match serde_json::from_slice::<Control>(record.payload().unwrap_or_default()) {
                Ok(control) => Arc::new(control),
                Err(error) => {
                    self.metrics.failures.with_label_values(&["Unreadable"]).inc();
                    tracing::warn!(offset = record.offset(), %error, "a record of edalab.control cannot be read");
                    continue;
                }
            };
            self.take_over(&control);
            self.answer(&producer, &control).await?;
        }
    }

    fn consumer(&self) -> Result<Detached<StreamConsumer<QuietContext>>, KafkaError> {
        let settings = kafka::reader(&self.bootstrap_servers, CLIENT);
        let consumer: Detached<StreamConsumer<_>> = kafka::create(&settings, QuietContext)?;
        let mut all = TopicPartitionList::new();
        all.add_partition_offset(topics::CONTROL.as_str(), 0, Offset::Beginning)?;
        consumer.assign(&all)?;
        Ok(consumer)
    }

    fn take_over(&self, control: &Arc<Control>) {
        for scenario in Scenario::ALL {
            let on = i64::from(scenario == control.scenario);
            self.metrics.scenario.with_label_values(&[scenario.as_str()]).set(on);
        }
        tracing::info!(scenario = %control.scenario, generation = control.generation,
            running = control.simulation.running, events_per_second = control.simulation.events_per_second,
            "in force");
        self.current.send_replace(Some(Arc::clone(control)));
    }

    async fn answer(
        &self,
        producer: &FutureProducer<QuietContext>,
        control: &Control,
    ) -> Result<(), KafkaError> {
        let answer = ControlAck {
            service: self.service.to_owned(),
            instance: self.instance.clone(),
            control: control.id,
            applied_at: Timestamp::now(),
        };
        let value = serde_json::to_vec(&answer).expect("an answer is JSON");
        let record = FutureRecord::to(topics::CONTROL_ACK.as_str()).key(self.service).payload(&value);
        producer.send(record, ANSWER).await.map_err(|(error, _)| error)?;
        Ok(())
    }
}

/// Fails where the topic ends before what was read of it: it was made anew, and the client, which goes by the leader's
/// epoch, may take the new one for old news for good. A Kafka that does not say has the topic still. Whether both clients
/// hear of a broker.
async fn must_reach(
    consumer: &Arc<Detached<StreamConsumer<QuietContext>>>,
    producer: &Arc<Detached<FutureProducer<QuietContext>>>,
    next: i64,
) -> Result<bool, FollowError> {
    let (consumer, producer) = (Arc::clone(consumer), Arc::clone(producer));
    let asked = tokio::task::spawn_blocking(move || {
        let topic = topics::CONTROL.as_str();
        let found = consumer.fetch_watermarks(topic, 0, LOOK_TIME);
        // A topic that comes later is no silence.
        let reader_hears = found.is_ok() || kafka::hears(consumer.client(), topic);
        (found, reader_hears && kafka::hears(producer.client(), topic))
    });
    match asked.await {
        Ok((Ok((_, end)), _)) if end < next => Err(FollowError::MadeAnew),
        Ok((_, heard)) => Ok(heard),
        Err(_) => Ok(false),
    }
}

/// `GET /internal/control`: what is in force here.
pub(crate) fn routes(controls: Controls) -> Router {
    Router::new().route("/internal/control", get(show)).with_state(controls)
}

async fn show(State(controls): State<Controls>) -> axum::response::Response {
    match controls.current() {
        Some(control) => Json(control.as_ref().clone()).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}
