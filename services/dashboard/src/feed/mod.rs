//! Reads every topic of events, and the dead letters, and hands what it saw to the [`Hub`](crate::hub::Hub).

mod source;

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use platform::{
    kafka::QuietContext,
    record::Record,
    registry::{RegistryClient, RegistryError},
};
use rdkafka::{consumer::StreamConsumer, error::KafkaError};
use schemas::SchemaId;
use tokio_util::sync::CancellationToken;

use crate::{event::Seen, hub::Hub, line, message::Message};
use source::{Assignment, Partition};

/// Between two looks for topics and partitions that are new.
const LOOK: Duration = Duration::from_secs(5);
/// How long what lay on the topics at the start is gathered, so that it is shown in the order of its time.
const GATHER: Duration = Duration::from_secs(3);
/// How long the registry is left alone after it did not answer.
const REST: Duration = Duration::from_secs(3);

/// What reads the topics.
#[derive(Debug)]
pub struct Feed {
    pub bootstrap_servers: String,
    pub registry: Arc<RegistryClient>,
    pub hub: Hub,
}

impl Feed {
    /// Reads until told to stop. Brokers that are away come back by the client's own doing.
    pub async fn run(self, stop: CancellationToken) {
        let consumer = match source::consumer(&self.bootstrap_servers) {
            Ok(consumer) => Arc::new(consumer),
            Err(error) => {
                tracing::error!(%error, "the Kafka client cannot be made");
                return stop.cancelled().await;
            }
        };
        let mut reading = Reading { feed: &self, consumer, started: None, registry_rests: None };
        tokio::select! {
            () = reading.run() => {}
            () = stop.cancelled() => {}
        }
    }
}

struct Reading<'a> {
    feed: &'a Feed,
    consumer: Arc<StreamConsumer<QuietContext>>,
    /// What lay on the topics before, being gathered.
    started: Option<Gathering>,
    registry_rests: Option<tokio::time::Instant>,
}

struct Gathering {
    unread: HashMap<Partition, i64>,
    seen: Vec<Seen>,
    until: tokio::time::Instant,
}

impl Reading<'_> {
    async fn run(&mut self) {
        let consumer = Arc::clone(&self.consumer);
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut assignment = Assignment::default();
        let mut look = None;
        loop {
            let gathered = self.started.as_ref().map(|gathering| gathering.until);
            tokio::select! {
                _ = looks.tick(), if look.is_none() => {
                    let (consumer, known) = (Arc::clone(&consumer), assignment.clone());
                    look = Some(tokio::task::spawn_blocking(move || source::look(&consumer, &known)));
                }
                found = async { look.as_mut().expect("a look is on its way").await }, if look.is_some() => {
                    look = None;
                    match found {
                        Ok(Ok(found)) => self.take_over(&mut assignment, found),
                        Ok(Err(error)) => tracing::debug!(%error, "the topics cannot be looked up"),
                        Err(error) => tracing::error!(%error, "a look at the topics ended badly"),
                    }
                }
                () = async { tokio::time::sleep_until(gathered.expect("there is an end")).await },
                    if gathered.is_some() => self.hand_on(),
                received = consumer.recv() => match received {
                    Ok(record) => self.take(Record::of(&record)).await,
                    // The client goes on by itself.
                    Err(error) => tracing::debug!(%error, "events"),
                }
            }
        }
    }

    fn take_over(&mut self, assignment: &mut Assignment, found: source::Found) {
        if found.unread.is_empty() && assignment.same_as(&found.assignment) {
            return;
        }
        if let Err(error) = source::assign(&self.consumer, &found) {
            return tracing::warn!(%error, "new partitions cannot be read");
        }
        tracing::info!(partitions = found.assignment.len(), "reading events");
        if assignment.len() == 0 {
            let until = tokio::time::Instant::now() + GATHER;
            self.started = Some(Gathering { unread: found.unread, seen: Vec::new(), until });
        }
        *assignment = found.assignment;
    }

    async fn take(&mut self, record: Record) {
        let Some(message) = Message::of(record) else { return };
        let body = match message.schema() {
            Some(id) => Some(self.schema(id).await),
            None => None,
        };
        let seen = line::read(&message, body.as_ref().map(|found| found.as_deref()), Timestamp::now());
        let Some(gathering) = &mut self.started else {
            return self.feed.hub.add([seen]);
        };
        gathering.seen.push(seen);
        let partition = (message.topic.name.as_str(), message.record.partition);
        if gathering.unread.get(&partition).is_some_and(|end| message.record.offset + 1 >= *end) {
            gathering.unread.remove(&partition);
        }
        if gathering.unread.is_empty() {
            self.hand_on();
        }
    }

    fn hand_on(&mut self) {
        if let Some(mut gathering) = self.started.take() {
            gathering.seen.sort_by_key(|seen| seen.time);
            self.feed.hub.add(gathering.seen);
        }
    }

    /// The schema of a value; in words why it cannot be had. A registry that does not answer is not waited for with
    /// every record.
    async fn schema(&mut self, id: SchemaId) -> Result<Arc<apache_avro::Schema>, String> {
        let now = tokio::time::Instant::now();
        if self.registry_rests.is_some_and(|until| now < until) {
            return Err("the registry does not answer".to_owned());
        }
        self.feed.registry.schema(id).await.map_err(|error| {
            if matches!(error, RegistryError::Unreachable(_)) {
                self.registry_rests = Some(tokio::time::Instant::now() + REST);
            }
            error.to_string()
        })
    }
}

type KafkaResult<T> = Result<T, KafkaError>;
