//! The pages beside the lab's own. Pure.

use askama::Template;
use platform::{record::Record, registry::Registered};
use schemas::{Service, dead_letter as letter};

use super::rendered;
use crate::{
    broker::{
        BrokerError,
        offsets::{Group, Offsets},
    },
    event::{Seen, Status},
    explore::{Asked, Chosen, DUMPED, MOST, Told, Value, dump, text_or_hex},
    lab::{Health, Lab, Trouble},
    texts::{Lang, Texts, filled},
};

#[derive(Template)]
#[template(path = "explore/topics.html")]
struct Topics<'a> {
    t: &'static Texts,
    rows: Vec<TopicRow<'a>>,
}

struct TopicRow<'a> {
    name: &'a str,
    holds: &'a str,
    colour: &'a str,
    records: String,
    /// Number, first offset, next offset.
    partitions: Vec<(i32, String, String)>,
}

/// Every topic, with its partitions' ends.
pub(crate) fn topics(lang: Lang, offsets: &Offsets) -> String {
    let t = lang.texts();
    let mut rows = Vec::new();
    for (name, partitions) in &offsets.topics {
        let (holds, colour) = holds(name, t);
        let records: i64 = partitions.values().map(|ends| ends.high - ends.low).sum();
        let number = |number| lang.number(number);
        let ends =
            partitions.iter().map(|(partition, ends)| (*partition, number(ends.low), number(ends.high)));
        rows.push(TopicRow {
            name,
            holds,
            colour,
            records: lang.number(records),
            partitions: ends.collect(),
        });
    }
    rendered(&Topics { t, rows })
}

/// What a topic holds, and what its colour goes by.
fn holds(topic: &str, t: &'static Texts) -> (&'static str, &'static str) {
    match schemas::topic(topic).and_then(schemas::Topic::event) {
        Some(event) => (event, event),
        None if topic == schemas::topics::DLQ_ERRORS.as_str() => (t.dead_letter, "DLQ"),
        None => (t.anything, ""),
    }
}

#[derive(Template)]
#[template(path = "explore/groups.html")]
struct Groups<'a> {
    t: &'static Texts,
    groups: Vec<GroupPart<'a>>,
}

struct GroupPart<'a> {
    name: &'a str,
    group: &'a Group,
    waiting: String,
    rows: Vec<CommittedRow<'a>>,
}

struct CommittedRow<'a> {
    topic: &'a str,
    partition: i32,
    /// The next offset, for the address.
    offset: i64,
    next: String,
    end: String,
    waiting: String,
    is_late: bool,
}

/// Every group, with its members and how far it is.
pub(crate) fn groups(lang: Lang, offsets: &Offsets) -> String {
    let mut groups = Vec::new();
    for (name, group) in &offsets.groups {
        let (mut rows, mut all) = (Vec::new(), 0);
        for ((topic, partition), next) in &group.committed {
            let ends = offsets.topics.get(topic).and_then(|partitions| partitions.get(partition));
            let waiting = offsets.lag(name, topic, *partition);
            all += waiting;
            rows.push(CommittedRow {
                topic,
                partition: *partition,
                offset: *next,
                next: lang.number(next),
                end: ends.map_or_else(String::new, |ends| lang.number(ends.high)),
                is_late: waiting > 0,
                waiting: lang.number(waiting),
            });
        }
        groups.push(GroupPart { name, group, waiting: lang.number(all), rows });
    }
    // The registry has groups of its own, one for each time that it was started.
    groups.sort_by_key(|part| !is_of_the_lab(part.name));
    rendered(&Groups { t: lang.texts(), groups })
}

fn is_of_the_lab(group: &str) -> bool {
    Service::ALL.iter().any(|service| group.strip_suffix("-service") == Some(service.as_str()))
}

#[derive(Template)]
#[template(path = "explore/schemas.html")]
struct Schemas<'a> {
    t: &'static Texts,
    subjects: &'a [(String, Vec<u32>)],
}

/// Every subject, with the numbers of its versions.
pub(crate) fn schemas(lang: Lang, subjects: &[(String, Vec<u32>)]) -> String {
    rendered(&Schemas { t: lang.texts(), subjects })
}

#[derive(Template)]
#[template(path = "explore/schema.html")]
struct Schema {
    /// Heading, id, and the schema.
    versions: Vec<(String, u32, String)>,
}

/// One subject's versions, the newest first.
pub(crate) fn schema(lang: Lang, versions: &[(u32, Registered)]) -> String {
    let t = lang.texts();
    let one = |(number, registered): &(u32, Registered)| {
        let schema = serde_json::from_str(&registered.schema).map(|schema| pretty(&schema));
        let schema = schema.unwrap_or_else(|_| registered.schema.clone());
        (filled(t.version, &[("n", number)]), registered.id, schema)
    };
    rendered(&Schema { versions: versions.iter().rev().map(one).collect() })
}

#[derive(Template)]
#[template(path = "explore/components.html")]
struct Components<'a> {
    t: &'static Texts,
    health: Option<&'a Health>,
    trouble: Option<String>,
}

/// The parts of the lab, as its status tells of them.
pub(crate) fn components(lang: Lang, lab: &Lab) -> String {
    let t = lang.texts();
    let trouble = lab.trouble.as_ref().map(|trouble| match trouble {
        Trouble::Absent => t.lab_absent.to_owned(),
        Trouble::Unseen(why) => filled(t.lab_unseen, &[("why", why)]),
    });
    rendered(&Components { t, health: lab.seen.as_ref().map(|view| &view.health), trouble })
}

#[derive(Template)]
#[template(path = "explore/messages.html")]
struct Messages<'a> {
    t: &'static Texts,
    about: String,
    partitions: Vec<i32>,
    asked: &'a Asked,
    rows: Vec<Line<'a>>,
    /// Offsets to go on from, where one partition is looked at.
    older: Option<i64>,
    newer: Option<i64>,
}

struct Line<'a> {
    seen: &'a Seen,
    key: &'a str,
    time: String,
    /// What its colour goes by.
    colour: &'a str,
    here: bool,
}

impl<'a> Line<'a> {
    fn of(seen: &'a Seen, key: &'a str) -> Self {
        let colour = if seen.status == Status::DeadLetter { "DLQ" } else { &seen.kind };
        Self { seen, key, time: format!("{:.3}", seen.time), colour, here: false }
    }
}

/// Some messages of a topic.
pub(crate) fn messages(lang: Lang, topic: &str, asked: &Asked, chosen: &Chosen) -> String {
    let t = lang.texts();
    let Chosen { offsets, partition, lines } = chosen;
    let partitions = offsets.topics.get(topic);
    let ends = partitions.zip(*partition).and_then(|(all, partition)| all.get(&partition)).copied();
    let (first, last) =
        (lines.first().map(|(seen, _)| seen.offset), lines.last().map(|(seen, _)| seen.offset));
    let older = ends
        .zip(first)
        .filter(|(ends, first)| *first > ends.low)
        .map(|(ends, first)| (first - MOST).max(ends.low));
    let newer = ends.zip(last).filter(|(ends, last)| last + 1 < ends.high).map(|(_, last)| last + 1);
    rendered(&Messages {
        t,
        about: filled(t.messages_about, &[("n", &MOST)]),
        partitions: partitions.into_iter().flatten().map(|(partition, _)| *partition).collect(),
        asked,
        rows: lines.iter().map(|(seen, key)| Line::of(seen, key)).collect(),
        older,
        newer,
    })
}

#[derive(Template)]
#[template(path = "explore/message.html")]
struct Message<'a> {
    t: &'static Texts,
    record: &'a Record,
    key: String,
    time: Option<String>,
    schema: Option<u32>,
    size: String,
    /// What the value says, or why it cannot be read.
    payload: Option<Result<String, String>>,
    headers: Option<Vec<(String, String)>>,
    dump: Option<String>,
    cut_off: Option<String>,
    /// Of a dead letter: who gave it up and why, and where the record lies.
    given_up: Option<(String, Option<String>)>,
    /// What tells of the same thing, or why Kafka does not say.
    story: Option<Result<(String, Vec<Line<'a>>), String>>,
}

/// One message, whole, and its story.
pub(crate) fn message(
    lang: Lang,
    record: &Record,
    value: &Value,
    told: Option<&Result<Told, BrokerError>>,
) -> String {
    let t = lang.texts();
    let bytes = record.value();
    let headers = record.headers().map(|headers| {
        let shown = |(name, value): (&str, Option<&[u8]>)| {
            (text_or_hex(name.as_bytes()), value.map_or_else(|| "null".to_owned(), text_or_hex))
        };
        headers.map(shown).collect()
    });
    let beyond = bytes.map_or(0, <[u8]>::len).saturating_sub(DUMPED);
    rendered(&Message {
        t,
        record,
        key: record.key().map_or_else(|| "null".to_owned(), text_or_hex),
        time: record.time().map(|time| format!("{time:.3}")),
        schema: value.as_ref().and_then(|value| value.as_ref().ok()?.0).map(|id| id.0),
        size: filled(t.bytes, &[("n", &lang.number(bytes.map_or(0, <[u8]>::len)))]),
        payload: value.as_ref().map(|value| match value {
            Ok((_, json)) => Ok(pretty(json)),
            Err(why) => Err(why.clone()),
        }),
        headers,
        dump: bytes.map(dump),
        cut_off: (beyond > 0).then(|| filled(t.cut_off, &[("n", &lang.number(beyond))])),
        given_up: given_up(t, record),
        story: told.map(|told| match told {
            Ok(told) => Ok(story(lang, record, told)),
            Err(why) => Err(why.to_string()),
        }),
    })
}

fn pretty(json: &serde_json::Value) -> String {
    serde_json::to_string_pretty(json).unwrap_or_default()
}

/// Who gave a dead letter up, and the path of the record that it was.
fn given_up(t: &Texts, record: &Record) -> Option<(String, Option<String>)> {
    if record.topic() != schemas::topics::DLQ_ERRORS.as_str() {
        return None;
    }
    let header = |name| record.header(name);
    let (group, reason) = (header(letter::GROUP)?, header(letter::REASON).unwrap_or_default());
    let causes = header(letter::CAUSES).unwrap_or_default();
    let told = filled(t.given_up, &[("group", &group), ("reason", &format!("{reason}: {causes}"))]);
    // Only what is a place: headers are anybody's.
    let place = || {
        let topic = schemas::topic(&header(letter::TOPIC)?)?.name;
        let partition: i32 = header(letter::PARTITION)?.parse().ok()?;
        let offset: i64 = header(letter::OFFSET)?.parse().ok()?;
        Some(format!("/topics/{topic}/{partition}/{offset}"))
    };
    Some((told, place()))
}

fn story<'a>(lang: Lang, of: &Record, told: &'a Told) -> (String, Vec<Line<'a>>) {
    let is_here = |seen: &Seen| {
        (seen.topic.as_str(), seen.partition, seen.offset) == (of.topic(), of.partition, of.offset)
    };
    let lines = told.lines.iter().map(|seen| Line { here: is_here(seen), ..Line::of(seen, &seen.subject) });
    (filled(lang.texts().story_about, &[("n", &lang.number(told.among))]), lines.collect())
}

#[derive(Template)]
#[template(path = "explore/logs.html")]
struct Logs<'a> {
    t: &'static Texts,
    components: &'a [&'static str],
    chosen: Option<&'a str>,
    lines: &'a [String],
}

/// The parts that write logs, and the last lines of one.
pub(crate) fn logs(
    lang: Lang,
    components: &[&'static str],
    chosen: Option<&str>,
    lines: &[String],
) -> String {
    rendered(&Logs { t: lang.texts(), components, chosen, lines })
}
