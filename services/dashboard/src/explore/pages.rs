//! The pages that ask Kafka, the registry and the lab.

use std::{sync::Arc, time::Duration};

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
    shown(&headers, &uri, |lang| Sight {
        place: Place::Topics,
        title: lang.texts().topics.to_owned(),
        content: in_words(offsets).map(|offsets| page::topics(lang, &offsets)),
        every: MOVING,
    })
}

pub(super) async fn groups(State(explorer): Shared, uri: Uri, headers: HeaderMap) -> Response {
    let offsets = explorer.broker.offsets().await;
    shown(&headers, &uri, |lang| Sight {
        place: Place::Groups,
        title: lang.texts().groups.to_owned(),
        content: in_words(offsets).map(|offsets| page::groups(lang, &offsets)),
        every: MOVING,
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
    shown(&headers, &uri, |lang| Sight {
        place: Place::Schemas,
        title: lang.texts().schemas.to_owned(),
        content: in_words(found).map(|subjects| page::schemas(lang, &subjects)),
        every: None,
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
    shown(&headers, &uri, |lang| Sight {
        place: Place::Components,
        title: lang.texts().components.to_owned(),
        content: Ok(page::components(lang, &lab)),
        every: MOVING,
    })
}

/// Some messages of a topic, and what they were chosen by.
struct Chosen {
    offsets: Arc<Offsets>,
    lines: Vec<(Seen, String)>,
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
            .map(|chosen| page::messages(lang, &topic, &chosen.offsets, &asked, &chosen.lines))
            .map_err(|missed| missed.told(lang, &topic, 0)),
        every: None,
    })
}

async fn chosen(explorer: &Explorer, topic: &str, asked: &Asked) -> Result<Chosen, Missed> {
    let choice = asked.understood().map_err(Missed::Field)?;
    let offsets = explorer.broker.offsets().await?;
    let partitions = offsets.topics.get(topic).ok_or(Missed::Topic)?;
    let starts = if let Since::Time(time) = choice.from {
        let mut starts = explorer.broker.at(vec![topic.to_owned()], time).await?;
        starts.retain(|(_, partition), _| choice.partition.is_none_or(|wanted| wanted == *partition));
        starts
    } else {
        let start = |(partition, ends)| Some(((topic.to_owned(), partition), choice.start(ends)?));
        choice.partitions(partitions).filter_map(start).collect()
    };
    let mut records = explorer.broker.read(Wanted { starts, of_each: MOST }).await?;
    let most = usize::try_from(MOST).unwrap_or(usize::MAX);
    match choice.from {
        Since::Last => drop(records.drain(..records.len().saturating_sub(most))),
        _ => records.truncate(most),
    }
    let mut lines = Vec::with_capacity(records.len());
    for record in records {
        lines.push(in_a_line(explorer, record).await);
    }
    Ok(Chosen { offsets, lines })
}

/// A record as a line, with its key; one of a topic that is none of the lab's says its first bytes.
async fn in_a_line(explorer: &Explorer, record: Record) -> (Seen, String) {
    let now = Timestamp::now();
    let key = record.key().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
    let Some(message) = Message::of(record.clone()) else {
        return (line::stranger(&record, now), key);
    };
    let schema = match message.schema() {
        Some(id) => Some(explorer.registry.schema(id).await.map_err(|error| error.to_string())),
        None => None,
    };
    let seen = line::read(&message, schema.as_ref().map(|found| found.as_deref()), now);
    (seen, key)
}

pub(super) async fn message(
    State(explorer): Shared,
    Path((topic, partition, offset)): Path<(String, i32, i64)>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let found = one(&explorer, &topic, partition, offset).await;
    let story = match &found {
        Ok((record, _)) => told(&explorer, record).await,
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

/// The story around a record; nothing where Kafka does not say.
async fn told(explorer: &Explorer, record: &Record) -> Option<Told> {
    let time = Timestamp::from_millisecond(record.timestamp?).ok()?;
    let topics: Vec<String> = schemas::event_topics()
        .map(|topic| topic.name.to_string())
        .filter(|name| name != "dlq.errors")
        .collect();
    let early = explorer.broker.at(topics.clone(), time.saturating_sub(AROUND).ok()?).await.ok()?;
    let then = explorer.broker.at(topics, time).await.ok()?;
    let offsets = explorer.broker.offsets().await.ok()?;
    let starts = early.into_iter().map(|(at, first)| {
        let end =
            || offsets.topics.get(&at.0).and_then(|topic| topic.get(&at.1)).map_or(first, |ends| ends.high);
        let middle = then.get(&at).copied().unwrap_or_else(end);
        let start = first.max(middle - AROUND_IN_EACH);
        (at, start)
    });
    let wanted = Wanted { starts: starts.collect(), of_each: 2 * AROUND_IN_EACH };
    let among = explorer.broker.read(wanted).await.ok()?;
    let mut lines = Vec::new();
    for record in story(record, &among) {
        lines.push(in_a_line(explorer, record.clone()).await.0);
    }
    Some(Told { among: among.len(), lines })
}

fn in_words<T, E: std::fmt::Display>(found: Result<T, E>) -> Result<T, String> {
    found.map_err(|error| error.to_string())
}
