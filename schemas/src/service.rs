//! The services that speak through the topics.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A service that publishes or consumes events. One enters with its first event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    Quotation,
    Souscription,
    Reclamation,
}

impl Service {
    pub const ALL: [Self; 3] = [Self::Quotation, Self::Souscription, Self::Reclamation];

    /// The name that the service goes by: of its Deployment after the lab's, and last in its `ce_source`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quotation => "quotation",
            Self::Souscription => "souscription",
            Self::Reclamation => "reclamation",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
