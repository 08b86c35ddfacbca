//! What goes to `dlq.errors`: the record as it came, and headers that say where it lay and why it is there.

use jiff::Timestamp;
use schemas::dead_letter as header;

use super::{Membership, prepare::Unreadable};
use crate::record::Record;

/// Bytes of a letter. The topic takes 2 MiB (`max.message.bytes`), Kafka's own framing included.
const MOST_BYTES: usize = 2 * 1024 * 1024 - 64 * 1024;
/// Bytes of the reason in words.
const MOST_CAUSES: usize = 2 * 1024;

/// A letter, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Letter {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Letter {
    /// About what it takes on the wire and in memory, in bytes.
    pub(crate) fn size(&self) -> usize {
        let length = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        length(&self.key) + length(&self.value) + self.headers.iter().map(size).sum::<usize>()
    }

    /// The letter of a record. Key, value and headers are the record's own, byte for byte, as long as they fit; a
    /// compressed record can be larger than any topic takes.
    pub(super) fn of(record: &Record, why: &Unreadable, from: &Membership, now: Timestamp) -> Self {
        let mut headers: Vec<(String, Option<Vec<u8>>)> = [
            (header::TOPIC, record.topic().to_owned()),
            (header::PARTITION, record.partition.to_string()),
            (header::OFFSET, record.offset.to_string()),
            (header::REASON, why.reason.to_owned()),
            (header::CAUSES, cut(&why.detail).to_owned()),
            (header::TIME, format!("{now:.3}")),
            (header::SERVICE, from.service.clone()),
            (header::GROUP, from.group.clone()),
        ]
        .into_iter()
        .map(|(name, text)| (name.to_owned(), Some(text.into_bytes())))
        .collect();
        let mut room = MOST_BYTES - headers.iter().map(size).sum::<usize>();
        let mut left_out = Vec::new();
        let mut fit = |name: &str, bytes: Option<&[u8]>| {
            let length = bytes.map_or(0, <[u8]>::len);
            let Some(rest) = room.checked_sub(length) else {
                left_out.push(format!("{name} of {length} bytes"));
                return None;
            };
            room = rest;
            bytes.map(<[u8]>::to_vec)
        };
        let (key, value) = (fit("key", record.key()), fit("value", record.value()));
        let mut own = Vec::new();
        let mut lost = 0;
        for (name, value) in record.headers().into_iter().flatten() {
            let pair = (name.to_owned(), value.map(<[u8]>::to_vec));
            match room.checked_sub(size(&pair)) {
                Some(rest) => {
                    room = rest;
                    own.push(pair);
                }
                None => lost += 1,
            }
        }
        if record.headers().is_none() {
            left_out.push("headers whose names are not UTF-8".to_owned());
        } else if lost > 0 {
            left_out.push(format!("{lost} headers"));
        }
        if !left_out.is_empty() {
            headers.push((header::LEFT_OUT.to_owned(), Some(left_out.join(", ").into_bytes())));
        }
        // Ours come last: of a name that is there twice, Kafka's clients take the last.
        own.extend(headers);
        Self { key, value, headers: own }
    }
}

fn size((name, value): &(String, Option<Vec<u8>>)) -> usize {
    name.len() + value.as_ref().map_or(0, Vec::len) + 10 // two lengths as varints
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MOST_CAUSES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(value: &[u8], headers: &[(String, Option<Vec<u8>>)]) -> Record {
        let mut record = Record::new("quotation.devis-genere", 2, 41, Some(b"k"), Some(value));
        for (name, value) in headers {
            record.add_header(name, value.as_deref());
        }
        record
    }

    fn letter(record: &Record) -> Letter {
        let from = Membership {
            group: "souscription-service".to_owned(),
            instance: "lab-souscription-0".to_owned(),
            service: "/edalab/lab/souscription".to_owned(),
            bootstrap_servers: String::new(),
        };
        let why = Unreadable { reason: "BadBody", detail: "é".repeat(MOST_CAUSES), envelope: None };
        Letter::of(record, &why, &from, "2026-11-26T03:00:00Z".parse().expect("an instant"))
    }

    fn text<'a>(letter: &'a Letter, name: &str) -> Option<&'a str> {
        let found = letter.headers.iter().rfind(|(found, _)| found == name)?;
        std::str::from_utf8(found.1.as_deref()?).ok()
    }

    #[test]
    fn a_letter_is_the_record_and_says_where_it_lay_and_why() {
        let own =
            vec![("ce_id".to_owned(), Some(vec![0xff])), ("dlq.topic".to_owned(), Some(b"forged".to_vec()))];
        let letter = letter(&record(&[0, 1, 2], &own));
        assert_eq!((letter.key.as_deref(), letter.value.as_deref()), (Some(&b"k"[..]), Some(&[0, 1, 2][..])));
        assert_eq!(letter.headers[..2], own);
        for (name, wanted) in [
            (header::TOPIC, "quotation.devis-genere"),
            (header::PARTITION, "2"),
            (header::OFFSET, "41"),
            (header::REASON, "BadBody"),
            (header::TIME, "2026-11-26T03:00:00.000Z"),
            (header::SERVICE, "/edalab/lab/souscription"),
            (header::GROUP, "souscription-service"),
        ] {
            assert_eq!(text(&letter, name), Some(wanted), "{name}");
        }
        assert!(text(&letter, header::CAUSES).is_some_and(|causes| causes.len() <= MOST_CAUSES));
        assert_eq!(text(&letter, header::LEFT_OUT), None);
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_told() {
        let huge = letter(&record(&vec![0; MOST_BYTES], &[]));
        assert_eq!(huge.value, None);
        assert!(text(&huge, header::LEFT_OUT).is_some_and(|told| told.contains("value of")));
        let many = vec![("h".to_owned(), Some(vec![0; 1024])); 4_000];
        let many = letter(&record(&[0; 1024], &many));
        assert!(many.headers.iter().map(size).sum::<usize>() <= MOST_BYTES);
        assert!(text(&many, header::LEFT_OUT).is_some_and(|told| told.ends_with("headers")));
        let unreadable = letter(&record(&[1], &[]).without_headers());
        assert!(text(&unreadable, header::LEFT_OUT).is_some_and(|told| told.contains("UTF-8")));
    }
}
