//! The CloudEvents 1.0 envelope in Kafka's binary mode: one record header for each attribute, named `ce_` and
//! the attribute (CloudEvents Kafka protocol binding 1.0.2, section 3.2), and W3C `traceparent` beside them.

use std::fmt;

use jiff::Timestamp;

use crate::EventId;

/// Names of the record headers.
pub mod header {
    use crate::header_names::header_names;

    header_names! {
        /// The event's id: the same on every repeat of the same event.
        ID = "ce_id";
        /// The publishing service: /edalab/(lab)/(service).
        SOURCE = "ce_source";
        /// The Avro record's full name.
        TYPE = "ce_type";
        /// The version of CloudEvents.
        SPEC_VERSION = "ce_specversion";
        /// When the event happened: RFC 3339 with milliseconds.
        TIME = "ce_time";
        /// The aggregate's id, which is also the record's key.
        SUBJECT = "ce_subject";
        /// The event's number within its source, dense from 1.
        SEQUENCE = "ce_sequence";
        /// The event's number within its source and topic, dense from 1.
        TOPIC_SEQUENCE = "ce_topicsequence";
        /// W3C trace context of the command that caused the event.
        TRACEPARENT = "traceparent";
    }
}

/// The version of CloudEvents that the envelope follows.
pub const SPEC_VERSION: &str = "1.0";

/// An event's number: it starts at 1 and leaves nothing out. An event has two.
///
/// `ce_sequence` (CloudEvents extension `sequence`) counts all events of a source, so it orders them across topics,
/// and a reader of all of the source's topics can tell a gap from an end. On one topic alone it has gaps, where the
/// source published elsewhere. Whoever reads one topic needs `ce_topicsequence` (an extension of our own), which counts
/// the source's events on that topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub i64);

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An event's envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudEvent {
    pub id: EventId,
    /// URI reference of the publishing service: `/edalab/<lab>/<service>`.
    pub source: String,
    /// The Avro record's full name.
    pub event_type: String,
    /// When the event happened, to the millisecond.
    pub time: Timestamp,
    /// The aggregate's id.
    pub subject: String,
    /// The event's number within its source.
    pub sequence: Sequence,
    /// The event's number within its source and topic.
    pub topic_sequence: Sequence,
    /// W3C trace context of the command that caused the event.
    pub traceparent: Option<String>,
}

/// Why headers are no envelope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloudEventError {
    #[error("header {name} is missing")]
    Missing { name: &'static str },
    #[error("header {name} is not what it should be: {value:?}")]
    Invalid { name: &'static str, value: String },
}

impl CloudEventError {
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "MissingHeader",
            Self::Invalid { .. } => "BadHeader",
        }
    }
}

impl CloudEvent {
    /// The record headers, in a fixed order.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            (header::ID, self.id.to_string()),
            (header::SOURCE, self.source.clone()),
            (header::TYPE, self.event_type.clone()),
            (header::SPEC_VERSION, SPEC_VERSION.to_owned()),
            (header::TIME, format!("{:.3}", self.time)),
            (header::SUBJECT, self.subject.clone()),
            (header::SEQUENCE, self.sequence.to_string()),
            (header::TOPIC_SEQUENCE, self.topic_sequence.to_string()),
        ];
        headers.extend(self.traceparent.clone().map(|value| (header::TRACEPARENT, value)));
        headers
    }

    /// Reads the envelope from a record's headers; of a repeated header the last one counts, as everywhere in
    /// Kafka (`Headers.lastHeader`).
    pub fn from_headers(headers: &[(&str, &[u8])]) -> Result<Self, CloudEventError> {
        let find = |name: &'static str| {
            let value = headers.iter().rfind(|(found, _)| *found == name);
            value.map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned())
        };
        let text = |name| find(name).ok_or(CloudEventError::Missing { name });
        let invalid = |name, value: &str| CloudEventError::Invalid { name, value: value.to_owned() };

        let version = text(header::SPEC_VERSION)?;
        if version != SPEC_VERSION {
            return Err(invalid(header::SPEC_VERSION, &version));
        }
        let id = text(header::ID)?;
        let time = text(header::TIME)?;
        let number = |name| {
            let value = text(name)?;
            value.parse().map(Sequence).map_err(|_| invalid(name, &value))
        };
        Ok(Self {
            id: id.parse().map_err(|_| invalid(header::ID, &id))?,
            source: text(header::SOURCE)?,
            event_type: text(header::TYPE)?,
            time: time.parse().map_err(|_| invalid(header::TIME, &time))?,
            subject: text(header::SUBJECT)?,
            sequence: number(header::SEQUENCE)?,
            topic_sequence: number(header::TOPIC_SEQUENCE)?,
            traceparent: find(header::TRACEPARENT),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> CloudEvent {
        CloudEvent {
            id: EventId::generate(),
            source: "/edalab/lab/quotation".to_owned(),
            event_type: "com.kafkaedalab.quotation.DevisGenere".to_owned(),
            time: "2026-11-25T04:05:06.007Z".parse().expect("a timestamp"),
            subject: "0190".to_owned(),
            sequence: Sequence(42),
            topic_sequence: Sequence(17),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        }
    }

    fn read(headers: &[(&'static str, String)]) -> Result<CloudEvent, CloudEventError> {
        let raw: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        CloudEvent::from_headers(&raw)
    }

    #[test]
    fn headers_lead_back_to_the_envelope() {
        let event = sample();
        assert_eq!(read(&event.headers()), Ok(event.clone()));
        let untraced = CloudEvent { traceparent: None, ..event };
        assert_eq!(read(&untraced.headers()), Ok(untraced));
    }

    #[test]
    fn time_is_rfc_3339_with_milliseconds() {
        let headers = sample().headers();
        let time = headers.iter().find(|(name, _)| *name == header::TIME).expect("ce_time");
        assert_eq!(time.1, "2026-11-25T04:05:06.007Z");
    }

    #[test]
    fn extensions_are_named_as_cloud_events_wants() {
        for (name, _) in header::ALL {
            let attribute = name.strip_prefix("ce_").unwrap_or(name);
            assert!(attribute.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{name}");
        }
    }

    #[test]
    fn a_missing_or_wrong_header_is_named() {
        let all = sample().headers();
        for name in [
            header::ID,
            header::SOURCE,
            header::TYPE,
            header::TIME,
            header::SUBJECT,
            header::SEQUENCE,
            header::TOPIC_SEQUENCE,
        ] {
            let rest: Vec<_> = all.iter().filter(|(found, _)| *found != name).cloned().collect();
            assert_eq!(read(&rest), Err(CloudEventError::Missing { name }));
        }
        for name in [header::ID, header::SPEC_VERSION, header::TIME, header::SEQUENCE, header::TOPIC_SEQUENCE]
        {
            let mut changed = all.clone();
            changed.push((name, "x".to_owned()));
            assert_eq!(read(&changed), Err(CloudEventError::Invalid { name, value: "x".to_owned() }));
        }
    }
}
