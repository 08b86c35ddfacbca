//! Reads every topic of events, and the dead letters, and hands what it saw to the [`Hub`](crate::hub::Hub).

mod source;

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use platform::{
    kafka::{Detached, Hearing, QuietContext},
    record::Record,
    registry::{RegistryClient, RegistryError},
};
use rdkafka::{consumer::StreamConsumer, error::KafkaError};
use schemas::SchemaId;
use tokio::{
    task::spawn_blocking,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{event::Seen, hub::Hub, line, message::Message};
use source::{Assignment, Found, Partition};

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
    /// Reads until told to stop. Brokers that are away come back by the client's own doing, or to the next client.
    pub async fn run(self, stop: CancellationToken) {
        let mut reading =
            Reading { feed: &self, assignment: Assignment::default(), started: None, registry_rests: None };
        loop {
            let client = match reading.client() {
                Ok(client) => Arc::new(client),
                Err(error) => {
                    tracing::error!(%error, "the Kafka client cannot be made");
                    return stop.cancelled().await;
                }
            };
            tokio::select! {
                () = reading.until_silent(&client) => {}
                () = stop.cancelled() => return,
            }
            tracing::warn!("the Kafka client hears of no broker; another takes its place");
        }
    }
}

type Client = Arc<Detached<StreamConsumer<QuietContext>>>;

struct Reading<'a> {
    feed: &'a Feed,
    assignment: Assignment,
    /// What lay on the topics before, being gathered.
    started: Option<Gathering>,
    registry_rests: Option<Instant>,
}

struct Gathering {
    unread: HashMap<Partition, i64>,
    seen: Vec<Seen>,
    until: Instant,
}

impl Reading<'_> {
    /// A client that goes on where the last one was.
    fn client(&self) -> KafkaResult<Detached<StreamConsumer<QuietContext>>> {
        let client = source::consumer(&self.feed.bootstrap_servers)?;
        source::assign(&client, self.assignment.offsets())?;
        Ok(client)
    }

    /// Reads until another client must take this one's place.
    async fn until_silent(&mut self, client: &Client) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut hearing = Hearing::begin();
        let mut look = None;
        loop {
            let gathered = self.started.as_ref().map(|gathering| gathering.until);
            tokio::select! {
                _ = looks.tick(), if look.is_none() => {
                    let (client, known) = (Arc::clone(client), self.assignment.clone());
                    look = Some(spawn_blocking(move || source::look(&client, &known)));
                }
                found = async { look.as_mut().expect("a look is on its way").await }, if look.is_some() => {
                    look = None;
                    let heard = matches!(found, Ok(Ok(_)));
                    match found {
                        Ok(Ok(found)) => self.take_over(client, found),
                        Ok(Err(error)) => tracing::debug!(%error, "the topics cannot be looked up"),
                        Err(error) => tracing::error!(%error, "a look at the topics ended badly"),
                    }
                    if hearing.is_lost(heard) {
                        return;
                    }
                }
                () = async { sleep_until(gathered.expect("there is an end")).await },
                    if gathered.is_some() => self.hand_on(),
                received = client.recv() => match received {
                    Ok(record) => self.take(Record::of(&record)).await,
                    // The client goes on by itself.
                    Err(error) => tracing::debug!(%error, "events"),
                }
            }
        }
    }

    fn take_over(&mut self, client: &Client, found: Found) {
        if found.offsets.is_empty() {
            return;
        }
        if let Err(error) = source::assign(client, found.offsets.iter().copied()) {
            return tracing::warn!(%error, "new partitions cannot be read");
        }
        if self.assignment.len() == 0 {
            let until = Instant::now() + GATHER;
            self.started = Some(Gathering { unread: found.unread, seen: Vec::new(), until });
        }
        self.assignment.add(found.offsets);
        tracing::info!(partitions = self.assignment.len(), "reading events");
    }

    async fn take(&mut self, record: Record) {
        let Some(message) = Message::of(record) else { return };
        let partition = (message.topic.name.as_str(), message.record.partition);
        let offset = message.record.offset;
        self.assignment.passed(partition, offset);
        let body = match message.schema() {
            Some(id) => Some(self.schema(id).await),
            None => None,
        };
        let seen = line::read(&message, body.as_ref().map(|found| found.as_deref()), Timestamp::now());
        let Some(gathering) = &mut self.started else {
            return self.feed.hub.add([seen]);
        };
        gathering.seen.push(seen);
        if gathering.unread.get(&partition).is_some_and(|end| offset + 1 >= *end) {
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
        let now = Instant::now();
        if self.registry_rests.is_some_and(|until| now < until) {
            return Err("the registry does not answer".to_owned());
        }
        self.feed.registry.schema(id).await.map_err(|error| {
            if matches!(error, RegistryError::Unreachable(_)) {
                self.registry_rests = Some(Instant::now() + REST);
            }
            error.to_string()
        })
    }
}

type KafkaResult<T> = Result<T, KafkaError>;
