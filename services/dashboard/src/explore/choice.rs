//! Which messages of a topic are looked at, as the address says. Pure.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::Deserialize;

use crate::broker::offsets::Ends;

/// Messages on a page.
pub(crate) const MOST: i64 = 50;

/// What the address asks for; an empty field is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    pub(crate) partition: String,
    pub(crate) offset: String,
    pub(crate) time: String,
}

/// The same, understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Choice {
    /// All of them where none is named.
    pub(super) partition: Option<i32>,
    pub(super) from: Since,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    /// The last ones.
    Last,
    Offset(i64),
    Time(Timestamp),
}

/// A field that is no such thing: its name, and what is wrong.
pub(super) type Wrong = (&'static str, String);

impl Asked {
    pub(super) fn understood(&self) -> Result<Choice, Wrong> {
        let wrong = |field: &'static str| move |error: std::num::ParseIntError| (field, error.to_string());
        let partition = filled(&self.partition).map(str::parse).transpose().map_err(wrong("partition"))?;
        let offset = filled(&self.offset).map(str::parse).transpose().map_err(wrong("offset"))?;
        let from = match (offset, filled(&self.time)) {
            (Some(offset), _) => Since::Offset(offset),
            (None, Some(text)) => Since::Time(instant(text).map_err(|error| ("time", error))?),
            (None, None) => Since::Last,
        };
        Ok(Choice { partition, from })
    }
}

fn filled(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// An instant, or the date and time of a form, which are UTC.
fn instant(text: &str) -> Result<Timestamp, String> {
    text.parse::<Timestamp>().or_else(|_| {
        let civil = text.parse::<DateTime>().map_err(|error| error.to_string())?;
        TimeZone::UTC.to_timestamp(civil).map_err(|error| error.to_string())
    })
}

impl Choice {
    /// The partitions that are looked at, of those that there are.
    pub(super) fn partitions<'a>(
        &self,
        all: &'a BTreeMap<i32, Ends>,
    ) -> impl Iterator<Item = (i32, Ends)> + use<'a> {
        let wanted = self.partition;
        all.iter()
            .filter(move |(partition, _)| wanted.is_none_or(|wanted| wanted == **partition))
            .map(|(partition, ends)| (*partition, *ends))
    }

    /// Where a partition is read from, if its ends say so: not for a time, which Kafka knows.
    pub(super) fn start(&self, ends: Ends) -> Option<i64> {
        match self.from {
            Since::Last => Some((ends.high - MOST).max(ends.low)),
            Since::Offset(offset) => Some(offset.max(ends.low)),
            Since::Time(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(partition: &str, offset: &str, time: &str) -> Asked {
        Asked { partition: partition.to_owned(), offset: offset.to_owned(), time: time.to_owned() }
    }

    #[test]
    fn an_address_says_which_messages() {
        let time: Timestamp = "2026-11-25T04:05:00Z".parse().expect("an instant");
        for (asked, wanted) in [
            (asked("", "", ""), Choice { partition: None, from: Since::Last }),
            (asked("1", " ", ""), Choice { partition: Some(1), from: Since::Last }),
            (asked("1", "7", "2026-11-25T04:05"), Choice { partition: Some(1), from: Since::Offset(7) }),
            (asked("", "", "2026-11-25T04:05"), Choice { partition: None, from: Since::Time(time) }),
            (asked("", "", "2026-11-25T04:05:00Z"), Choice { partition: None, from: Since::Time(time) }),
        ] {
            assert_eq!(asked.understood(), Ok(wanted), "{asked:?}");
        }
        for (asked, field) in [
            (asked("x", "", ""), "partition"),
            (asked("", "-", ""), "offset"),
            (asked("", "", "soon"), "time"),
        ] {
            assert_eq!(asked.understood().map_err(|(field, _)| field), Err(field), "{asked:?}");
        }
    }

    #[test]
    fn a_reading_begins_within_the_partition() {
        let ends = Ends { low: 10, high: 100 };
        for (from, start) in [
            (Since::Last, Some(50)),
            (Since::Offset(70), Some(70)),
            (Since::Offset(-5), Some(10)),
            (Since::Time(Timestamp::UNIX_EPOCH), None),
        ] {
            assert_eq!(Choice { partition: None, from }.start(ends), start);
        }
        assert_eq!(
            Choice { partition: None, from: Since::Last }.start(Ends { low: 95, high: 100 }),
            Some(95)
        );
    }
}
