//! What a record says, in a line. Pure: the schema is passed in.

use apache_avro::Schema;
use jiff::Timestamp;
use platform::record::Record;
use schemas::{
    CloudEvent, CloudEventError, DecodeError, Service, dead_letter as letter, header, topics, wire,
};
use serde_json::Value as Json;

use crate::{
    event::{Seen, Status, cut},
    message::Message,
};

/// Longest texts of a line.
const NAME: usize = 64;
const SUBJECT: usize = 64;
const SUMMARY: usize = 240;

/// Why a value is not shown.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("no value")]
    NoValue,
    #[error(transparent)]
    Envelope(#[from] CloudEventError),
    #[error(transparent)]
    Wire(#[from] wire::WireError),
    #[error("{0}")]
    Schema(String),
    #[error(transparent)]
    Body(#[from] DecodeError),
}

/// The record's line. `schema` is that of its value, or why it cannot be had; `now` stands in where the record has no
/// time at all.
pub(crate) fn read(message: &Message, schema: Option<Result<&Schema, &String>>, now: Timestamp) -> Seen {
    if message.topic.name == topics::DLQ_ERRORS {
        return dead_letter(message, now);
    }
    let envelope = CloudEvent::from_headers(&message.record.set_headers());
    let (summary, status) = match fields(message, envelope.as_ref().err(), schema) {
        Ok(fields) => (fields, Status::Published),
        Err(error) => (error.to_string(), Status::Unreadable),
    };
    let seen = bare(message, now);
    match envelope {
        Ok(event) => Seen {
            time: event.time,
            kind: cut(short_name(&event.event_type), NAME),
            source: cut(last_part(&event.source), NAME),
            subject: cut(&event.subject, SUBJECT),
            summary: cut(&summary, SUMMARY),
            status,
            ..seen
        },
        Err(_) => Seen { summary: cut(&summary, SUMMARY), status, ..seen },
    }
}

/// A record of a topic that is none of the lab's.
pub(crate) fn stranger(record: &Record, now: Timestamp) -> Seen {
    let text = |bytes: Option<&[u8]>| bytes.map(String::from_utf8_lossy).unwrap_or_default().into_owned();
    Seen {
        time: record.time().unwrap_or(now),
        kind: "?".to_owned(),
        source: "?".to_owned(),
        destinations: Vec::new(),
        subject: cut(&text(record.key()), SUBJECT),
        summary: cut(&text(record.value()), SUMMARY),
        status: Status::Published,
        topic: record.topic().to_owned(),
        partition: record.partition,
        offset: record.offset,
    }
}

/// What is known of a record whose envelope says nothing.
fn bare(message: &Message, now: Timestamp) -> Seen {
    let publisher = message.topic.publishers.first().filter(|_| message.topic.publishers.len() == 1);
    Seen {
        time: message.record.time().unwrap_or(now),
        kind: message.topic.event().unwrap_or("?").to_owned(),
        source: publisher.map_or("?", |service| service.as_str()).to_owned(),
        destinations: message.topic.consumers.iter().copied().map(Service::as_str).collect(),
        subject: cut(&message.key(), SUBJECT),
        summary: String::new(),
        status: Status::Unreadable,
        topic: message.topic.name.to_string(),
        partition: message.record.partition,
        offset: message.record.offset,
    }
}

fn fields(
    message: &Message,
    envelope: Option<&CloudEventError>,
    schema: Option<Result<&Schema, &String>>,
) -> Result<String, Unreadable> {
    let (_, body) = wire::parse(message.record.value().ok_or(Unreadable::NoValue)?)?;
    if let Some(error) = envelope {
        return Err(error.clone().into());
    }
    let schema = schema.unwrap_or(Err(&String::new())).map_err(|why| Unreadable::Schema(why.clone()))?;
    Ok(summary(&schemas::to_json(schema, body)?, message.topic.key))
}

/// The fields that tell something: not the key, which is the subject, nor when and which version.
fn summary(body: &Json, key: &str) -> String {
    let Some(fields) = body.as_object() else { return body.to_string() };
    let told = fields.iter().filter(|(name, _)| {
        let name = name.as_str();
        name != key && name != "timestamp" && name != "version"
    });
    let (dates, others): (Vec<_>, Vec<_>) = told.partition(|(name, _)| name.starts_with("date"));
    // A line is cut at its end: who and how much come before when.
    let told = others.into_iter().chain(dates);
    told.map(|(name, value)| format!("{name} {}", short(value))).collect::<Vec<_>>().join(" · ")
}

/// A value as people read it: an instant by its day, an amount with its cents.
fn short(value: &Json) -> String {
    match value {
        Json::String(text) => match text.parse::<Timestamp>() {
            Ok(instant) => instant.strftime("%Y-%m-%d").to_string(),
            Err(_) => text.clone(),
        },
        Json::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(amount) => format!("{amount:.2}"),
            None => number.to_string(),
        },
        other => other.to_string(),
    }
}

/// A letter says who gave up what, and why. Its value may be anything.
fn dead_letter(message: &Message, now: Timestamp) -> Seen {
    let seen = bare(message, now);
    let told = |name| message.record.header(name).unwrap_or_default();
    let (reason, causes, from) = (told(letter::REASON), told(letter::CAUSES), told(letter::TOPIC));
    let kind = message.record.header(header::TYPE).or_else(|| {
        let event = schemas::topic(&from)?.event()?;
        Some(event.to_owned())
    });
    Seen {
        time: message.record.header(letter::TIME).and_then(|text| text.parse().ok()).unwrap_or(seen.time),
        kind: kind.map_or_else(|| "?".to_owned(), |kind| cut(short_name(&kind), NAME)),
        source: message
            .record
            .header(letter::SERVICE)
            .map_or(seen.source, |service| cut(last_part(&service), NAME)),
        subject: message
            .record
            .header(header::SUBJECT)
            .map_or(seen.subject, |subject| cut(&subject, SUBJECT)),
        summary: cut(&format!("{reason}: {causes}"), SUMMARY),
        status: Status::DeadLetter,
        ..seen
    }
}

/// `com.kafkaedalab.quotation.DevisGenere` is a `DevisGenere`.
fn short_name(full: &str) -> &str {
    full.rsplit('.').next().unwrap_or(full)
}

/// `/edalab/lab/quotation` is `quotation`.
fn last_part(source: &str) -> &str {
    source.rsplit('/').next().unwrap_or(source)
}

#[cfg(test)]
mod tests {
    use schemas::{ContratId, DevisId, Event, EventId, Sequence, Version};

    use super::*;

    fn envelope() -> Vec<(&'static str, String)> {
        CloudEvent {
            id: EventId::generate(),
            source: "/edalab/lab/souscription".to_owned(),
            event_type: schemas::ContratResilie::TYPE.to_owned(),
            time: "2026-11-25T04:05:06.007Z".parse().expect("a time"),
            subject: "C-1".to_owned(),
            sequence: Sequence(3),
            topic_sequence: Sequence(2),
            traceparent: None,
        }
        .headers()
    }

    fn value(motif: &str) -> Vec<u8> {
        let now = Timestamp::UNIX_EPOCH;
        let event = schemas::ContratResilie {
            contrat_id: ContratId::generate(),
            motif: motif.to_owned(),
            date_resiliation: now,
            timestamp: now,
            version: Version::FIRST,
        };
        wire::frame(schemas::SchemaId(7), &schemas::encode(&event).expect("an event"))
    }

    fn on(topic: &str, headers: &[(&'static str, String)], value: Option<&[u8]>) -> Message {
        let mut record = Record::new(topic, 1, 42, Some(b"key"), value);
        record.timestamp = Some(0);
        for (name, value) in headers {
            record.add_header(name, Some(value.as_bytes()));
        }
        Message::of(record).expect("a topic of the lab")
    }

    fn message(headers: &[(&'static str, String)], value: Option<&[u8]>) -> Message {
        on("souscription.contrat-resilie", headers, value)
    }

    fn schema() -> &'static Schema {
        schemas::ContratResilie::schema()
    }

    #[test]
    fn an_event_is_a_line() {
        let (headers, value) = (envelope(), value("<script>alert(1)</script>"));
        let seen = read(&message(&headers, Some(&value)), Some(Ok(schema())), Timestamp::UNIX_EPOCH);
        assert_eq!((seen.kind.as_str(), seen.source.as_str()), ("ContratResilie", "souscription"));
        assert_eq!((seen.subject.as_str(), seen.status), ("C-1", Status::Published));
        assert_eq!(seen.time.to_string(), "2026-11-25T04:05:06.007Z");
        // Text stays text; whoever shows it shows it as text.
        assert_eq!(seen.summary, "motif <script>alert(1)</script> · dateResiliation 1970-01-01");
    }

    #[test]
    fn what_cannot_be_read_is_a_line_too() {
        let headers = envelope();
        let good = value("x");
        let why = "no schema 7".to_owned();
        for (headers, value, schema, told) in [
            (&headers[..], None, None, "no value"),
            (&headers[..], Some(&b"{}"[..]), None, "2 bytes are too few"),
            (&headers[..], Some(&b"{\"a\": 1}"[..]), None, "the first byte is 123"),
            (&headers[..], Some(&good[..]), Some(Err(&why)), "no schema 7"),
            (&headers[..], Some(&good[..9]), Some(Ok(schema())), "does not follow its schema"),
            (&[][..], Some(&good[..]), Some(Ok(schema())), "header ce_specversion is missing"),
        ] {
            let seen = read(&message(headers, value), schema, Timestamp::UNIX_EPOCH);
            assert_eq!(seen.status, Status::Unreadable, "{told}");
            assert!(seen.summary.contains(told), "{told}: {}", seen.summary);
            assert_eq!((seen.kind.as_str(), seen.source.as_str()), ("ContratResilie", "souscription"));
        }
    }

    #[test]
    fn a_dead_letter_says_who_gave_up_what_and_why() {
        let devis = DevisId::generate().to_string();
        let headers = [
            (header::TYPE, schemas::DevisGenere::TYPE.to_owned()),
            (header::SUBJECT, devis.clone()),
            (letter::TOPIC, "quotation.devis-genere".to_owned()),
            (letter::REASON, "BadBody".to_owned()),
            (letter::CAUSES, "the body does not follow its schema".to_owned()),
            (letter::TIME, "2026-11-25T04:05:06.007Z".to_owned()),
            (letter::SERVICE, "/edalab/lab/souscription".to_owned()),
        ];
        let letter = on("dlq.errors", &headers, Some(b"anything"));
        let seen = read(&letter, None, Timestamp::UNIX_EPOCH);
        assert_eq!((seen.kind.as_str(), seen.source.as_str()), ("DevisGenere", "souscription"));
        assert_eq!((seen.subject, seen.status), (devis, Status::DeadLetter));
        assert_eq!(seen.summary, "BadBody: the body does not follow its schema");

        let nothing = on("dlq.errors", &[], Some(b"anything"));
        let seen = read(&nothing, None, Timestamp::UNIX_EPOCH);
        assert_eq!((seen.kind.as_str(), seen.source.as_str(), seen.status), ("?", "?", Status::DeadLetter));
    }

    #[test]
    fn texts_have_a_longest_length() {
        let (headers, value) = (envelope(), value(&"é".repeat(10_000)));
        let seen = read(&message(&headers, Some(&value)), Some(Ok(schema())), Timestamp::UNIX_EPOCH);
        assert_eq!(seen.summary.chars().count(), SUMMARY);
    }
}
