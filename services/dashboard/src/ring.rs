//! The last events, in order: what a page shows first, and what a client that comes back has missed.

use std::collections::VecDeque;

use axum::body::Bytes;

use crate::{
    cursor::{Cursor, Epoch},
    event::Seen,
};

/// An event and its JSON, made once for everybody.
#[derive(Debug, Clone)]
pub struct Entry {
    pub cursor: Cursor,
    pub seen: Seen,
    pub json: Bytes,
}

/// The last events. Numbers start at 1 and have no gaps.
#[derive(Debug)]
pub struct Ring {
    epoch: Epoch,
    capacity: usize,
    newest: u64,
    entries: VecDeque<Entry>,
}

/// Why what follows does not go on where the client stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// How many events were missed; nothing where that cannot be known, because another process counted.
    pub missed: Option<u64>,
}

/// What a client gets before it gets what is new.
#[derive(Debug)]
pub struct Resumed<'a> {
    pub gap: Option<Gap>,
    entries: std::collections::vec_deque::Iter<'a, Entry>,
}

impl<'a> Iterator for Resumed<'a> {
    type Item = &'a Entry;

    fn next(&mut self) -> Option<&'a Entry> {
        self.entries.next()
    }
}

#[derive(serde::Serialize)]
struct Numbered<'a> {
    id: String,
    #[serde(flatten)]
    seen: &'a Seen,
}

impl Ring {
    /// An empty one, which will hold at most `capacity` events.
    pub fn new(epoch: Epoch, capacity: usize) -> Self {
        Self { epoch, capacity, newest: 0, entries: VecDeque::new() }
    }

    /// Number of the newest event; 0 before the first.
    pub const fn newest(&self) -> u64 {
        self.newest
    }

    /// The place of an event by its number.
    pub const fn cursor(&self, number: u64) -> Cursor {
        Cursor { epoch: self.epoch, number }
    }

    /// Adds an event; the oldest goes where the ring is full.
    pub fn push(&mut self, seen: Seen) {
        self.newest += 1;
        let cursor = self.cursor(self.newest);
        let numbered = Numbered { id: cursor.to_string(), seen: &seen };
        let json = serde_json::to_vec(&numbered).expect("an event is JSON").into();
        if self.entries.len() == self.capacity {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry { cursor, seen, json });
    }

    /// The events after that number, oldest first.
    pub fn after(&self, number: u64) -> std::collections::vec_deque::Iter<'_, Entry> {
        let wanted = usize::try_from(self.newest.saturating_sub(number)).unwrap_or(usize::MAX);
        self.entries.range(self.entries.len().saturating_sub(wanted)..)
    }

    /// What a client gets that has seen everything up to `last`: what it missed, or a [`Gap`] and what there is.
    pub fn resume(&self, last: &str) -> Resumed<'_> {
        let known = last.parse::<Cursor>().ok().filter(|cursor| cursor.epoch == self.epoch);
        let Some(Cursor { number, .. }) = known.filter(|cursor| cursor.number <= self.newest) else {
            return Resumed { gap: Some(Gap { missed: None }), entries: self.entries.iter() };
        };
        let oldest = self.entries.front().map_or(self.newest + 1, |entry| entry.cursor.number);
        let missed = oldest.saturating_sub(number + 1);
        Resumed { gap: (missed > 0).then_some(Gap { missed: Some(missed) }), entries: self.after(number) }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::event::Status;

    fn ring(capacity: usize, events: u64) -> Ring {
        let mut ring = Ring::new(Epoch::starting(Timestamp::UNIX_EPOCH), capacity);
        for offset in 0..events {
            ring.push(Seen {
                time: Timestamp::UNIX_EPOCH,
                kind: "DevisGenere".to_owned(),
                source: "quotation".to_owned(),
                destinations: vec!["souscription"],
                subject: "0190".to_owned(),
                summary: String::new(),
                status: Status::Published,
                topic: "quotation.devis-genere".to_owned(),
                partition: 0,
                offset: i64::try_from(offset).expect("small"),
            });
        }
        ring
    }

    fn numbers(ring: &Ring, last: &str) -> (Option<Gap>, Vec<u64>) {
        let resumed = ring.resume(last);
        (resumed.gap, resumed.map(|entry| entry.cursor.number).collect())
    }

    #[test]
    fn a_client_gets_what_it_missed_or_is_told_of_the_gap() {
        let ring = ring(4, 10);
        let gap = |missed| Some(Gap { missed });
        for (last, wanted) in [
            ("0-10", (None, vec![])),
            ("0-8", (None, vec![9, 10])),
            ("0-6", (None, vec![7, 8, 9, 10])),
            ("0-5", (gap(Some(1)), vec![7, 8, 9, 10])),
            ("0-0", (gap(Some(6)), vec![7, 8, 9, 10])),
            ("0-11", (gap(None), vec![7, 8, 9, 10])),
            ("7-9", (gap(None), vec![7, 8, 9, 10])),
            ("nonsense", (gap(None), vec![7, 8, 9, 10])),
            ("", (gap(None), vec![7, 8, 9, 10])),
        ] {
            assert_eq!(numbers(&ring, last), wanted, "{last:?}");
        }
    }

    #[test]
    fn an_empty_ring_has_nothing_to_give() {
        assert_eq!(numbers(&ring(4, 0), "0-0"), (None, vec![]));
        assert_eq!(numbers(&ring(4, 0), "9-9"), (Some(Gap { missed: None }), vec![]));
    }

    #[test]
    fn the_json_carries_the_id() {
        let ring = ring(4, 1);
        let json = ring.after(0).next().expect("one").json.clone();
        assert_eq!(
            std::str::from_utf8(&json).expect("text"),
            r#"{"id":"0-1","time":"1970-01-01T00:00:00.000Z","type":"DevisGenere","source":"quotation","destinations":["souscription"],"subject":"0190","summary":"","status":"PUBLISHED","topic":"quotation.devis-genere","partition":0,"offset":0}"#
        );
    }

    proptest! {
        #[test]
        fn nothing_is_skipped_silently(capacity in 1_usize..20, events in 0_u64..50, last in 0_u64..60) {
            let ring = ring(capacity, events);
            let (gap, numbers) = numbers(&ring, &format!("0-{last}"));
            match gap {
                None => prop_assert_eq!(numbers, (last + 1..=events).collect::<Vec<_>>()),
                Some(Gap { missed: Some(missed) }) => {
                    prop_assert_eq!(numbers, (last + 1 + missed..=events).collect::<Vec<_>>());
                }
                Some(Gap { missed: None }) => prop_assert!(last > events),
            }
        }
    }
}
