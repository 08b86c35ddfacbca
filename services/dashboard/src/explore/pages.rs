//! The pages that ask Kafka, the registry and the lab.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, Uri},
    response::Response,
};
use jiff::{SignedDuration, Timestamp};
use platform::{readable, record::Record};

use super::{
    Explorer, Place, Shared, Sight,
    choice::{self, Asked, MOST, Since},
    shown,
    story::story,
};
use crate::{
    broker::{BrokerError, offsets::Offsets, read::Wanted},
    event::Seen,
    line,
    message::Message,
    page::explore as page,
    texts::{Lang, filled},
};

/// How often a page is looked up again that shows what moves.
const MOVING: Option<Duration> = Some(Duration::from_secs(2));
/// How far around a message its story is looked for: in time, and in messages of each partition.
const AROUND: SignedDuration = SignedDuration::from_mins(10);
const AROUND_IN_EACH: i64 = 1_000;

pub(super) async fn topics(State(explorer): Shared, uri: Uri, headers: HeaderMap) -> Response {
    let offsets = explorer.broker.offsets().await;
    shown(&headers, &uri, |lang| {
        let content = in_words(offsets).map(|offsets| page::topics(lang, &offsets));
        Sight::of(Place::Topics, lang, content, MOVING)
    })
}

pub(super) async fn groups(State(explorer): Shared, uri: Uri, headers: HeaderMap) -> Response {
    let offsets = explorer.broker.offsets().await;
    shown(&headers, &uri, |lang| {
        let content = in_words(offsets).map(|offsets| page::groups(lang, &offsets));
        Sight::of(Place::Groups, lang, content, MOVING)
    })
}

pub(super) async fn schemas(State(explorer): Shared, uri: Uri, headers: HeaderMap) -> Response {
    let found = async {
        let mut subjects = Vec::new();
        for subject in explorer.registry.subjects().await? {
            let versions = explorer.registry.versions(&subject).await?;
            subjects.push((subject, versions));
        }
        subjects.sort();
        Ok(subjects)
    };
    let found: Result<_, platform::registry::RegistryError> = found.await;
    shown(&headers, &uri, |lang| {
        let content = in_words(found).map(|subjects| page::schemas(lang, &subjects));
        Sight::of(Place::Schemas, lang, content, None)
    })
}

pub(super) async fn schema(
    State(explorer): Shared,
    Path(subject): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let found = async {
        let mut versions = Vec::new();
        for number in explorer.registry.versions(&subject).await? {
            versions.push((number, explorer.registry.version(&subject, number).await?));
        }
        Ok(versions)
    };
    let found: Result<_, platform::registry::RegistryError> = found.await;
    shown(&headers, &uri, |lang| Sight {
        place: Place::Schemas,
        title: subject,
        content: in_words(found).map(|versions| page::schema(lang, &versions)),
        every: None,
    })
}

pub(super) async fn components(State(explorer): Shared, uri: Uri, headers: HeaderMap) -> Response {
    let lab = explorer.lab.borrow().clone();
    shown(&headers, &uri, |lang| Sight::of(Place::Components, lang, Ok(page::components(lang, &lab)), MOVING))
}

/// Some messages of a topic, and what they were chosen by.
pub(crate) struct Chosen {
    pub(crate) offsets: Arc<Offsets>,
    /// The one that is looked at; all of them where none was named.
    pub(crate) partition: Option<i32>,
    /// Each with its key.
    pub(crate) lines: Vec<(Seen, String)>,
}

/// Why a page cannot show what was asked for.
enum Missed {
    Topic,
    Field(choice::Wrong),
    Broker(BrokerError),
    Offset,
}

impl From<BrokerError> for Missed {
    fn from(error: BrokerError) -> Self {
        Self::Broker(error)
    }
}

impl Missed {
    fn told(&self, lang: Lang, topic: &str, offset: i64) -> String {
        let t = lang.texts();
        match self {
            Self::Topic => filled(t.no_such_topic, &[("topic", &topic)]),
            Self::Field((field, why)) => filled(t.not_a_choice, &[("what", field), ("why", why)]),
            Self::Broker(error) => error.to_string(),
            Self::Offset => filled(t.message_gone, &[("offset", &offset)]),
        }
    }
}

pub(super) async fn messages(
    State(explorer): Shared,
    Path(topic): Path<String>,
    Query(asked): Query<Asked>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let chosen = chosen(&explorer, &topic, &asked).await;
    shown(&headers, &uri, |lang| Sight {
        place: Place::Topics,
        title: filled(lang.texts().messages_of, &[("topic", &topic)]),
        content: chosen
            .map(|chosen| page::messages(lang, &topic, &asked, &chosen))
            .map_err(|missed| missed.told(lang, &topic, 0)),
        every: None,
    })
}

async fn chosen(explorer: &Explorer, topic: &str, asked: &Asked) -> Result<Chosen, Missed> {
    let choice = asked.understood().map_err(Missed::Field)?;
    let offsets = explorer.broker.offsets().await?;
    let partitions = offsets.topics.get(topic).ok_or(Missed::Topic)?;
    let partitions = choice.partitions(partitions);
    let starts = if let Since::Time(time) = choice.from {
        let of = partitions.map(|(partition, _)| (topic.to_owned(), partition)).collect();
        explorer.broker.at(of, time).await?
    } else {
        let start = |(partition, ends)| Some(((topic.to_owned(), partition), choice.start(ends)?));
        partitions.filter_map(start).collect()
    };
    let mut records = explorer.broker.read(Wanted { starts, of_each: MOST }).await?;
    let most = usize::try_from(MOST).unwrap_or(usize::MAX);
    match choice.from {
        Since::Last => drop(records.drain(..records.len().saturating_sub(most))),
        _ => records.truncate(most),
    }
    let mut lines = Vec::with_capacity(records.len());
    for record in records {
        let key = record.key().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
        lines.push((in_a_line(explorer, record).await, key));
    }
    Ok(Chosen { offsets, partition: choice.partition, lines })
}

/// A record as a line; one of a topic that is none of the lab's says its first bytes.
async fn in_a_line(explorer: &Explorer, record: Record) -> Seen {
    let now = Timestamp::now();
    let Some(topic) = schemas::topic(record.topic()) else { return line::stranger(&record, now) };
    let message = Message { topic, record };
    let schema = match message.schema() {
        Some(id) => Some(explorer.registry.schema(id).await.map_err(|error| error.to_string())),
        None => None,
    };
    line::read(&message, schema.as_ref().map(|found| found.as_deref()), now)
}

pub(super) async fn message(
    State(explorer): Shared,
    Path((topic, partition, offset)): Path<(String, i32, i64)>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let found = one(&explorer, &topic, partition, offset).await;
    let story = match &found {
        Ok((record, _)) => told(&explorer, record).await.transpose(),
        Err(_) => None,
    };
    shown(&headers, &uri, |lang| {
        let place = [("partition", &partition as &dyn std::fmt::Display), ("offset", &offset)];
        Sight {
            place: Place::Topics,
            title: format!("{topic}: {}", filled(lang.texts().message_at, &place)),
            content: found
                .map(|(record, value)| page::message(lang, &record, &value, story.as_ref()))
                .map_err(|missed| missed.told(lang, &topic, offset)),
            every: None,
        }
    })
}

/// A value with its schema's id, where it has one, or why it cannot be read.
pub(crate) type Value = Option<Result<(Option<schemas::SchemaId>, serde_json::Value), String>>;

async fn one(
    explorer: &Explorer,
    topic: &str,
    partition: i32,
    offset: i64,
) -> Result<(Record, Value), Missed> {
    let starts = [((topic.to_owned(), partition), offset)].into();
    let offsets = explorer.broker.offsets().await?;
    if !offsets.topics.get(topic).ok_or(Missed::Topic)?.contains_key(&partition) {
        return Err(Missed::Offset);
    }
    let record = explorer.broker.read(Wanted { starts, of_each: 1 }).await?.into_iter().next();
    let record = record.filter(|record| record.offset == offset).ok_or(Missed::Offset)?;
    let value = match record.value() {
        Some(value) => {
            Some(readable::json(topic, value, &explorer.registry).await.map_err(|error| error.to_string()))
        }
        None => None,
    };
    Ok((record, value))
}

/// A message's story: its lines, and among how many messages they were found.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) among: usize,
    pub(crate) lines: Vec<Seen>,
}

/// The story around a record; none of one without a time.
async fn told(explorer: &Explorer, record: &Record) -> Result<Option<Told>, BrokerError> {
    let Some((time, earlier)) = record.time().and_then(|time| Some((time, time.checked_sub(AROUND).ok()?)))
    else {
        return Ok(None);
    };
    let offsets = explorer.broker.offsets().await?;
    let is_of_events = |name: &str| schemas::topic(name).is_some_and(|topic| topic.event().is_some());
    let ends: BTreeMap<(String, i32), i64> = offsets
        .topics
        .iter()
        .filter(|(topic, _)| is_of_events(topic))
        .flat_map(|(topic, partitions)| {
            partitions.iter().map(|(partition, ends)| ((topic.clone(), *partition), ends.high))
        })
        .collect();
    let of = || ends.keys().cloned().collect();
    let early = explorer.broker.at(of(), earlier).await?;
    let then = explorer.broker.at(of(), time).await?;
    let starts = early.into_iter().map(|(at, first)| {
        let middle = then.get(&at).unwrap_or(&ends[&at]);
        let start = first.max(middle - AROUND_IN_EACH);
        (at, start)
    });
    let wanted = Wanted { starts: starts.collect(), of_each: 2 * AROUND_IN_EACH };
    let among = explorer.broker.read(wanted).await?;
    let mut lines = Vec::new();
    for record in story(record, &among) {
        lines.push(in_a_line(explorer, record.clone()).await);
    }
    Ok(Some(Told { among: among.len(), lines }))
}

fn in_words<T, E: std::fmt::Display>(found: Result<T, E>) -> Result<T, String> {
    found.map_err(|error| error.to_string())
}
