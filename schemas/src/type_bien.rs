//! What can be insured.

use std::{fmt, str::FromStr};

/// What is insured (enum `TypeBien` of `DevisGenere.avsc` and `ContratEmis.avsc`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TypeBien {
    Auto,
    Habitation,
    Autre,
}

/// A text that names no kind of good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of AUTO, HABITATION, AUTRE")]
pub struct UnknownTypeBien;

impl TypeBien {
    /// In the order of the schema's symbols.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Habitation, Self::Autre];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "AUTO",
            Self::Habitation => "HABITATION",
            Self::Autre => "AUTRE",
        }
    }

    /// The symbol's index in the schema.
    pub(crate) const fn index(self) -> u32 {
        match self {
            Self::Auto => 0,
            Self::Habitation => 1,
            Self::Autre => 2,
        }
    }
}

impl fmt::Display for TypeBien {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TypeBien {
    type Err = UnknownTypeBien;

    fn from_str(text: &str) -> Result<Self, UnknownTypeBien> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownTypeBien)
    }
}
