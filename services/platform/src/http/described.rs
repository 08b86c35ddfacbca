//! What the descriptions of several APIs name, and amounts in JSON.

use std::fmt::Display;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

// For the APIs' descriptions only: the type that is sent is `Problem`.
/// A refusal (RFC 9457).
#[derive(Debug, ToSchema)]
#[schema(as = Problem)]
#[allow(dead_code)]
pub struct ProblemJson {
    #[schema(rename = "type", example = "about:blank")]
    kind: String,
    title: String,
    status: u16,
    /// What is wrong and what to do.
    detail: String,
    /// The first field at fault.
    field: Option<String>,
    /// Every field at fault.
    errors: Option<Vec<ViolationJson>>,
}

/// One field at fault.
#[derive(Debug, ToSchema)]
#[schema(as = Violation)]
#[allow(dead_code)]
pub struct ViolationJson {
    field: String,
    detail: String,
}

/// What is insured.
#[derive(Debug, ToSchema)]
#[schema(as = TypeBien)]
#[allow(dead_code, clippy::upper_case_acronyms)]
pub enum TypeBienJson {
    AUTO,
    HABITATION,
    AUTRE,
}

/// An amount, or a total, as a JSON number with two decimals, digit by digit.
pub fn amount<S: Serializer>(amount: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    RawValue::from_string(amount.to_string()).map_err(serde::ser::Error::custom)?.serialize(serializer)
}
