//! Whether it adds up.

use serde::Serialize;

use crate::{Anomaly, Applied, Emitted, Heard, LetterTally, Offset, OnTopic, Ranges, Stream, Tally};

/// The whole ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    pub lines: Vec<Line>,
    pub letters: Vec<LetterLine>,
    /// Records of the topics that are not read yet: until it is 0, nothing can be said for sure.
    pub unread: u64,
    /// What does not add up, in words; empty where everything does.
    pub problems: Vec<String>,
}

impl Ledger {
    /// Whether all topics are read to their end.
    pub const fn is_whole(&self) -> bool {
        self.unread == 0
    }

    /// Whether every event is accounted for.
    pub fn closes(&self) -> bool {
        self.problems.is_empty()
    }
}

/// One source's events on one topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    pub source: String,
    pub topic: String,
    pub emitted: u64,
    /// Distinct events on the topic, of those that it is known whole for.
    pub on_topic: u64,
    pub repeated: u64,
    /// On the topic behind a later one of the same partition.
    pub out_of_order: u64,
    /// Emitted, and not on the topic yet.
    pub in_outbox: u64,
    /// Confirmed by the broker, and not on the topic.
    pub missing: Ranges,
    pub consumers: Vec<ConsumerLine>,
}

/// What one consumer has made of a line's events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumerLine {
    pub group: String,
    pub applied: u64,
    pub dead_letters: u64,
    /// On the topic, and not dealt with yet.
    pub in_flight: u64,
    /// On the topic, before something that was dealt with, and not dealt with.
    pub missing: Ranges,
    pub twice: u64,
    pub out_of_order: u64,
    pub anomalies: Vec<Anomaly>,
}

/// The dead letters of one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LetterLine {
    pub group: String,
    /// Records that it gave up.
    pub buried: u64,
    pub on_topic: u64,
    pub repeated: u64,
    pub waiting: u64,
    pub missing: u64,
}

/// Adds up what the services of a lab reported, asked in this order.
pub fn judge(applied: &[Applied], on_topic: &[OnTopic], emitted: &[Emitted]) -> Ledger {
    let mut lines = Vec::new();
    for service in emitted {
        let topics = on_topic.iter().find(|report| report.service == service.service);
        let marks = applied.iter().find(|report| report.service == service.service);
        for topic in &service.topics {
            let tally =
                topics.and_then(|report| report.topics.iter().find(|tally| tally.topic == topic.topic));
            let confirmed =
                marks.and_then(|report| report.confirmed.iter().find(|mark| mark.topic == topic.topic));
            // Of a topic that is not read to its end, nothing can be said to be missing.
            let whole = topics.is_some_and(|report| report.behind == 0);
            lines.push(line(
                &service.service,
                topic.number,
                confirmed.filter(|_| whole).map_or(0, |mark| mark.number),
                tally.unwrap_or(&Tally { topic: topic.topic.clone(), ..Tally::default() }),
                applied,
            ));
        }
    }
    let letters = applied.iter().map(|report| {
        let found = on_topic.iter().find(|other| other.service == report.service);
        letter_line(report, found.unwrap_or(&OnTopic::default()))
    });
    let letters: Vec<_> = letters.collect();
    let mut problems = problems(&lines, &letters);
    problems.extend(strangers(applied, emitted));
    for report in on_topic.iter().filter(|report| report.behind > 0) {
        problems.push(format!(
            "{}: {} records of its topics are not read yet; ask again",
            report.service, report.behind
        ));
    }
    for report in applied.iter().filter(|report| report.untracked > 0) {
        problems.push(format!(
            "{}: {} events had an effect and are not in the ledger",
            report.group, report.untracked
        ));
    }
    let unread = on_topic.iter().map(|report| report.behind).sum();
    Ledger { lines, letters, unread, problems }
}

fn line(source: &str, emitted: i64, confirmed: i64, tally: &Tally, applied: &[Applied]) -> Line {
    let from = tally.known_from.max(1);
    let known = tally.distinct.within(from, i64::MAX);
    let all = |last: i64| Ranges::from_iter([(from, last)]);
    let consumers = applied.iter().filter_map(|report| {
        let heard = report.topics.iter().find(|heard| heard.topic == tally.topic)?;
        let of = |stream: &&Stream| stream.source == source && stream.topic == tally.topic;
        let nothing = Stream::default();
        let stream = report.streams.iter().find(of).unwrap_or(&nothing);
        // What is not in the ledger is not missing, only unknown.
        let passed = if report.untracked > 0 { 0 } else { passed(heard, stream, tally) };
        Some(consumer_line(&report.group, stream, passed, &known))
    });
    Line {
        source: source.to_owned(),
        topic: tally.topic.clone(),
        emitted: u64::try_from(emitted).unwrap_or(0),
        on_topic: known.count(),
        repeated: tally.repeated,
        out_of_order: tally.out_of_order,
        in_outbox: all(emitted).without(&all(confirmed)).without(&known).count(),
        missing: all(confirmed).without(&known),
        consumers: consumers.collect(),
    }
}

fn consumer_line(group: &str, stream: &Stream, passed: i64, known: &Ranges) -> ConsumerLine {
    let dealt_with = stream.applied.union(&stream.buried);
    let open = known.without(&dealt_with);
    let missing = open.within(i64::MIN, passed);
    ConsumerLine {
        group: group.to_owned(),
        applied: stream.applied.count(),
        dead_letters: stream.buried.count(),
        in_flight: open.without(&missing).count(),
        missing,
        twice: stream.twice,
        out_of_order: stream.out_of_order,
        anomalies: stream.anomalies.clone(),
    }
}

/// The number up to which nothing can still come: on every partition, either something later was dealt with, or
/// everything.
fn passed(heard: &Heard, stream: &Stream, tally: &Tally) -> i64 {
    let of = |end: &Offset| {
        let next =
            heard.next.iter().find(|next| next.partition == end.partition).map_or(0, |next| next.offset);
        let last = stream.last.iter().find(|last| last.partition == end.partition);
        if next >= end.offset { i64::MAX } else { last.map_or(0, |last| last.number) }
    };
    tally.ends.iter().map(of).min().unwrap_or(0)
}

fn letter_line(report: &Applied, found: &OnTopic) -> LetterLine {
    let offsets = |tallies: &[LetterTally]| tallies.iter().map(|tally| tally.offsets.count()).sum();
    let absent: u64 = report
        .buried
        .iter()
        .map(|tally| {
            let there = found
                .letters
                .iter()
                .find(|other| (&other.topic, other.partition) == (&tally.topic, tally.partition));
            tally.offsets.without(there.map_or(&Ranges::default(), |there| &there.offsets)).count()
        })
        .sum();
    LetterLine {
        group: report.group.clone(),
        buried: offsets(&report.buried),
        on_topic: offsets(&found.letters),
        repeated: found.letters_repeated,
        waiting: report.letters_waiting,
        missing: if found.behind > 0 || found.letters_cut {
            0
        } else {
            absent.saturating_sub(report.letters_waiting)
        },
    }
}

/// What is wrong with the events of sources that were not asked, such as a service that is gone.
fn strangers(applied: &[Applied], emitted: &[Emitted]) -> Vec<String> {
    let asked = |source: &str| emitted.iter().any(|report| report.service == source);
    let mut problems = Vec::new();
    for report in applied {
        for stream in report.streams.iter().filter(|stream| !asked(&stream.source)) {
            problems.extend(wrong(
                &report.group,
                &stream.source,
                &stream.topic,
                stream.twice,
                stream.out_of_order,
            ));
        }
    }
    problems
}

/// Effects that happened otherwise than they should, in words.
fn wrong(group: &str, source: &str, topic: &str, twice: u64, out_of_order: u64) -> Vec<String> {
    let found = [(twice, "twice"), (out_of_order, "out of order")];
    let found = found.into_iter().filter(|(count, _)| *count > 0);
    found.map(|(count, what)| format!("{topic}: {group} applied {count} of {source} {what}")).collect()
}

fn problems(lines: &[Line], letters: &[LetterLine]) -> Vec<String> {
    let mut problems = Vec::new();
    for line in lines {
        let Line { source, topic, .. } = line;
        if !line.missing.is_empty() {
            problems.push(format!(
                "{topic}: {} of {source} are not on it: {}",
                line.missing.count(),
                told(&line.missing)
            ));
        }
        if line.out_of_order > 0 {
            problems.push(format!("{topic}: {} of {source} lie out of order", line.out_of_order));
        }
        for consumer in &line.consumers {
            let group = &consumer.group;
            if !consumer.missing.is_empty() {
                let (count, which) = (consumer.missing.count(), told(&consumer.missing));
                problems.push(format!("{topic}: {group} passed over {count} of {source}: {which}"));
            }
            problems.extend(wrong(group, source, topic, consumer.twice, consumer.out_of_order));
        }
    }
    for line in letters.iter().filter(|line| line.missing > 0) {
        problems.push(format!("dlq.errors: {} dead letters of {} are not on it", line.missing, line.group));
    }
    problems
}

/// The first few ranges, in words.
fn told(ranges: &Ranges) -> String {
    const FEW: usize = 5;
    let words =
        |(first, last): (i64, i64)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    let mut text = ranges.pairs().take(FEW).map(words).collect::<Vec<_>>().join(", ");
    if ranges.len() > FEW {
        text.push_str(", ...");
    }
    text
}
