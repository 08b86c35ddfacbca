//! The place of an event in what this process has seen: what a client that comes back names by `Last-Event-ID`.

use std::{fmt, str::FromStr};

use jiff::Timestamp;

/// Which run of the process counted. Numbers of another run mean nothing to this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch(i64);

impl Epoch {
    /// Of a process that starts now.
    pub fn starting(now: Timestamp) -> Self {
        Self(now.as_millisecond())
    }
}

/// An event's id in the stream: `<epoch>-<number>`, both rising.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub epoch: Epoch,
    pub number: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch.0, self.number)
    }
}

/// A text is no id of this stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not an id of this stream")]
pub struct NotACursor;

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let (epoch, number) = text.split_once('-').ok_or(NotACursor)?;
        Ok(Self {
            epoch: Epoch(epoch.parse().map_err(|_| NotACursor)?),
            number: number.parse().map_err(|_| NotACursor)?,
        })
    }
}
