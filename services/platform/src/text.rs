//! Texts of requests that mean something to the domain.

use std::str::FromStr;

use jiff::Timestamp;

/// What somebody says in their own words: 1 to 500 characters, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreeText(String);

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

impl FreeText {
    const MAX_LENGTH: usize = 500;

    pub fn into_text(self) -> String {
        self.0
    }
}

impl FromStr for FreeText {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_texts_are_bounded() {
        for (text, error) in [
            ("", TextError::Length),
            ("  ", TextError::Length),
            (&"é".repeat(501), TextError::Length),
            ("a\nb", TextError::Control),
        ] {
            assert_eq!(text.parse::<FreeText>(), Err(error), "{text:?}");
        }
        assert_eq!("é".repeat(500).parse::<FreeText>().expect("fits").into_text().chars().count(), 500);
    }

    #[test]
    fn instants_are_whole() {
        for text in ["tomorrow", "2027-01-01", "2027-01-01 00:00:00Z", "2027-01-01T00:00:00+01[Europe/Paris]"]
        {
            assert_eq!(text.parse::<Instant>(), Err(TextError::Instant), "{text}");
        }
        assert_eq!(
            "2027-01-01T01:00:00+01:00".parse(),
            Ok(Instant(Timestamp::from_second(1_798_761_600).expect("an instant")))
        );
    }
}
