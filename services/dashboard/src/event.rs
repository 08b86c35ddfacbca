//! An event as people see it.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// What became of a record on its way to a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// It lies on its topic and can be read.
    Published,
    /// A consumer gave it up: it lies on `dlq.errors`.
    DeadLetter,
    /// It lies on its topic, and its envelope or value cannot be read.
    Unreadable,
}

impl Status {
    /// The word that stands in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "PUBLISHED",
            Self::DeadLetter => "DEAD_LETTER",
            Self::Unreadable => "UNREADABLE",
        }
    }
}

/// One record of a topic, cut to what a line shows. Every text has a longest length, so that a thousand of them have a
/// largest size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// When it happened, by its envelope; when the broker took it where the envelope cannot be read.
    #[serde(serialize_with = "millis")]
    pub time: Timestamp,
    /// Short name of its type: `DevisGenere`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The service that published it.
    pub source: String,
    /// The services that act on it, by the catalogue.
    pub destinations: Vec<&'static str>,
    /// The aggregate's id.
    pub subject: String,
    /// Its fields in one line, or why it cannot be read.
    pub summary: String,
    pub status: Status,
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
}

impl Seen {
    /// The page that shows it whole.
    pub(crate) fn path(&self) -> String {
        format!("/topics/{}/{}/{}", self.topic, self.partition, self.offset)
    }
}

fn millis<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{time:.3}"))
}

/// The text, cut to at most that many characters; control characters become spaces.
pub(crate) fn cut(text: &str, longest: usize) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut left = text.chars();
    let mut cut: String = left.by_ref().take(longest).map(plain).collect();
    if left.next().is_some() {
        cut.pop();
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_and_say_so() {
        for (text, shown) in
            [("", ""), ("abcde", "abcde"), ("abcdef", "abcd…"), ("éééééé", "éééé…"), ("a\nb\u{0}", "a b ")]
        {
            assert_eq!(cut(text, 5), shown, "{text:?}");
        }
    }
}
