//! What an error is at its bottom.

use std::{error::Error, iter::successors};

/// An error of an HTTP client, and what lies at its bottom: "connection refused" is only said there.
pub fn with_cause(error: &(dyn Error + 'static)) -> String {
    let causes = successors(error.source(), |cause| (*cause).source());
    causes.last().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
