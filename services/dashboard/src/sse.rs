//! The text of server-sent events (HTML Living Standard, section 9.2).

use axum::body::Bytes;

use crate::ring::{Entry, Gap};

/// Most events in one message.
const MOST: usize = 200;

/// What a stream begins with: come back after a second.
pub(crate) const HELLO: Bytes = Bytes::from_static(b"retry: 1000\n\n");
/// What keeps a silent stream's connection from being taken for a dead one, and shows the reader that it lives.
pub(crate) const BEAT: Bytes = Bytes::from_static(b"event: beat\ndata: {}\n\n");

/// A message of that name; data may have lines.
pub(crate) fn message(name: &str, data: &str) -> Bytes {
    let mut text = format!("event: {name}\n");
    for line in data.lines() {
        text.push_str("data: ");
        text.push_str(line);
        text.push('\n');
    }
    if data.is_empty() {
        text.push_str("data:\n");
    }
    text.push('\n');
    text.into()
}

/// Says that what follows does not go on where the reader stopped.
pub(crate) fn gap(gap: Gap) -> Bytes {
    message("gap", &serde_json::json!({ "missed": gap.missed }).to_string())
}

/// Messages `events`, each a JSON array of events and the last one's id.
pub(crate) fn events<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<Bytes> {
    let entries: Vec<_> = entries.collect();
    entries.chunks(MOST).map(batch).collect()
}

fn batch(entries: &[&Entry]) -> Bytes {
    let length: usize = entries.iter().map(|entry| entry.json.len() + 1).sum();
    let mut text = Vec::with_capacity(length + 64);
    if let Some(last) = entries.last() {
        text.extend_from_slice(format!("id: {}\nevent: events\ndata: [", last.cursor).as_bytes());
    }
    for (number, entry) in entries.iter().enumerate() {
        if number > 0 {
            text.push(b',');
        }
        // JSON as serde writes it has no line ends.
        text.extend_from_slice(&entry.json);
    }
    text.extend_from_slice(b"]\n\n");
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_in_their_message() {
        for (data, text) in [
            ("", "event: x\ndata:\n\n"),
            ("a", "event: x\ndata: a\n\n"),
            ("a\n\nid: 7\r\nb", "event: x\ndata: a\ndata: \ndata: id: 7\ndata: b\n\n"),
        ] {
            assert_eq!(message("x", data), text, "{data:?}");
        }
        assert_eq!(gap(Gap { missed: None }), "event: gap\ndata: {\"missed\":null}\n\n");
    }
}
