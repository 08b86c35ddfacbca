//! The names that the domain gives to its things.

use std::{fmt, str::FromStr};

use uuid::Uuid;

/// An id of its own type over a UUID.
macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh id.
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

uuid_id! {
    /// Identifies a quote (devis): a UUIDv7, so that ids rise with time.
    DevisId
}

uuid_id! {
    /// Identifies a contract (contrat): a UUIDv7, as a quote's id.
    ContratId
}

uuid_id! {
    /// Identifies a claim (sinistre): a UUIDv7, as a quote's id.
    SinistreId
}

uuid_id! {
    /// Identifies the payment of a claim (indemnisation): a UUIDv7, as a quote's id.
    IndemnisationId
}

uuid_id! {
    /// Identifies an event (CloudEvents attribute `id`): the same on every repeat of the same event.
    EventId
}

/// Identifies a client. Clients live outside the lab, so this is whatever name a caller gave, within bounds:
/// 1 to 64 letters, digits, `-`, `_`, `.` or `:`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(String);

/// Why a text is no client id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientIdError {
    #[error("must have 1 to 64 characters")]
    Length,
    #[error("may hold letters, digits, '-', '_', '.' and ':' only")]
    Charset,
}

impl ClientId {
    /// The most characters of a client id.
    pub const MAX_LENGTH: usize = 64;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ClientId {
    type Err = ClientIdError;

    fn from_str(text: &str) -> Result<Self, ClientIdError> {
        if text.is_empty() || text.chars().count() > Self::MAX_LENGTH {
            return Err(ClientIdError::Length);
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b)) {
            return Err(ClientIdError::Charset);
        }
        Ok(Self(text.to_owned()))
    }
}

/// An aggregate's version after an event: 1 for its first event, rising by one. Consumers order one aggregate's
/// events by it, because they may lie on several topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(i64);

impl Version {
    /// After the aggregate's first event.
    pub const FIRST: Self = Self(1);

    /// The version of that number, if it is one: versions start at 1.
    pub const fn new(number: i64) -> Option<Self> {
        if number >= 1 { Some(Self(number)) } else { None }
    }

    pub const fn get(self) -> i64 {
        self.0
    }

    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_ids_are_bounded() {
        for good in ["C001", "a", "urn:client:7", "x_y.z-1", &"c".repeat(64)] {
            assert_eq!(good.parse::<ClientId>().expect(good).as_str(), good);
        }
        assert_eq!("".parse::<ClientId>(), Err(ClientIdError::Length));
        assert_eq!("c".repeat(65).parse::<ClientId>(), Err(ClientIdError::Length));
        for bad in ["a b", "é", "a/b", "a\n", "a\0", "\u{202e}x"] {
            assert_eq!(bad.parse::<ClientId>(), Err(ClientIdError::Charset), "{bad:?}");
        }
    }

    #[test]
    fn ids_print_as_they_parse_and_rise() {
        let (first, second) = (DevisId::generate(), DevisId::generate());
        assert_eq!(first.to_string().parse::<DevisId>().expect("parses"), first);
        assert!(first < second);
    }
}
