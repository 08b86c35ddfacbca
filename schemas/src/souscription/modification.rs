//! What can change in a contract.

use std::{fmt, str::FromStr};

/// What a `ContratModifie` changed, and so what its `nouvelle_valeur` means (enum `Modification` of
/// `ContratModifie.avsc`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Modification {
    /// The premium; the new value is an amount such as `512.50`.
    Prime,
    /// The end of the cover; the new value is an RFC 3339 instant.
    DateFin,
    /// The cover is suspended; the new value is the reason in words, or empty.
    Suspension,
    /// A suspended cover goes on; the new value is the reason in words, or empty.
    Reprise,
    /// What a newer schema knows and this one does not.
    Autre,
}

/// A text that names no modification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of PRIME, DATE_FIN, SUSPENSION, REPRISE, AUTRE")]
pub struct UnknownModification;

impl Modification {
    /// In the order of the schema's symbols.
    pub const ALL: [Self; 5] = [Self::Prime, Self::DateFin, Self::Suspension, Self::Reprise, Self::Autre];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prime => "PRIME",
            Self::DateFin => "DATE_FIN",
            Self::Suspension => "SUSPENSION",
            Self::Reprise => "REPRISE",
            Self::Autre => "AUTRE",
        }
    }

    /// The symbol's index in the schema.
    pub(super) const fn index(self) -> u32 {
        match self {
            Self::Prime => 0,
            Self::DateFin => 1,
            Self::Suspension => 2,
            Self::Reprise => 3,
            Self::Autre => 4,
        }
    }
}

impl fmt::Display for Modification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Modification {
    type Err = UnknownModification;

    fn from_str(text: &str) -> Result<Self, UnknownModification> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownModification)
    }
}
