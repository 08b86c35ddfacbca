//! How the commands of services fail.

use schemas::{EncodeError, Event};

use super::WriteError;
use crate::outbox::{OutboxError, Outgoing};

/// Why a command took no effect. `R` is what the domain itself refuses with.
#[derive(Debug, thiserror::Error)]
pub enum CommandError<R> {
    #[error("{0}")]
    Refused(R),
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    #[error(transparent)]
    Encode(#[from] EncodeError),
    #[error("the database answered: {0}")]
    Sql(#[from] sqlx::Error),
}

impl<R> CommandError<R> {
    /// One word for what is wrong with the service; the domain's refusals are no fault of it.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Refused(_) => "Refused",
            Self::Outbox(error) => error.reason(),
            Self::Encode(error) => error.reason(),
            Self::Sql(_) => "DatabaseError",
        }
    }

    /// Whether the disk is at fault, and neither the command nor the service: it is full, or cannot be written to.
    pub fn is_of_the_disk(&self) -> bool {
        let (Self::Sql(error) | Self::Outbox(OutboxError::Sql(error))) = self else { return false };
        let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
        // The lowest byte of an extended code is the kind (sqlite.org/rescode.html): SQLITE_IOERR and SQLITE_FULL.
        code.is_some_and(|code| matches!(code & 0xff, 10 | 13))
    }
}

/// What a command's caller gets.
pub type Write<T, R> = Result<T, WriteError<CommandError<R>>>;

/// Encodes an event before its transaction; a failure is the command's, as if it had happened inside.
pub fn encoded<E: Event, R>(event: &E) -> Write<Outgoing, R> {
    Outgoing::new(event).map_err(|error| WriteError::Refused(error.into()))
}
