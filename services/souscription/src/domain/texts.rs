//! Texts of requests that mean something to the domain.

use std::str::FromStr;

use jiff::Timestamp;

/// Why somebody asks for something, in words: 1 to 500 characters, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Motif(String);

/// An instant in RFC 3339, with a date, a time and an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instant(pub Timestamp);

/// Why a text is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("must have 1 to 500 characters that are not only spaces")]
    Length,
    #[error("must not have control characters")]
    Control,
    #[error("must be an instant such as 2027-11-26T00:00:00Z")]
    Instant,
}

impl Motif {
    const MAX_LENGTH: usize = 500;

    pub fn into_text(self) -> String {
        self.0
    }
}

impl FromStr for Motif {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > Self::MAX_LENGTH {
            return Err(TextError::Length);
        }
        if text.chars().any(char::is_control) {
            return Err(TextError::Control);
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for Instant {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        // jiff takes more than RFC 3339 has: a space for the T, a time zone in brackets.
        let plain = text.contains('T') && !text.contains('[');
        text.parse().ok().filter(|_| plain).map(Self).ok_or(TextError::Instant)
    }
}
