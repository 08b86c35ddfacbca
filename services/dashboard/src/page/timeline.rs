//! A line of the timeline.

use crate::{event::Status, ring::Entry, texts::Texts};

pub(super) struct Row<'a> {
    pub(super) id: String,
    pub(super) time: String,
    /// The time of day, in UTC: the page's script puts the reader's own in its place.
    pub(super) clock: String,
    pub(super) kind: &'a str,
    /// Where the whole message is.
    pub(super) path: String,
    /// What its colour goes by: its type, or that it is a dead letter.
    pub(super) colour: &'a str,
    pub(super) source: &'a str,
    pub(super) destinations: String,
    pub(super) subject: &'a str,
    pub(super) summary: &'a str,
    pub(super) status: &'static str,
    pub(super) status_word: &'static str,
}

impl<'a> Row<'a> {
    pub(super) fn of(entry: &'a Entry, t: &'static Texts) -> Self {
        let seen = &entry.seen;
        let (status_word, colour) = match seen.status {
            Status::Published => (t.published, seen.kind.as_str()),
            Status::DeadLetter => (t.dead_letter, "DLQ"),
            Status::Unreadable => (t.unreadable, seen.kind.as_str()),
        };
        Self {
            id: entry.cursor.to_string(),
            time: format!("{:.3}", seen.time),
            clock: seen.time.strftime("%H:%M:%S%.3f").to_string(),
            kind: &seen.kind,
            path: seen.path(),
            colour,
            source: &seen.source,
            destinations: seen.destinations.join(", "),
            subject: &seen.subject,
            summary: &seen.summary,
            status: seen.status.as_str(),
            status_word,
        }
    }
}
