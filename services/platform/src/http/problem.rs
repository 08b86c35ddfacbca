//! Refusals as `application/problem+json` (RFC 9457).

use std::{collections::BTreeMap, fmt::Display};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{
    outbox::OutboxError,
    store::{CommandError, WriteError},
};

/// What a client is told to wait when the outbox is full: the relay empties it as soon as the broker is back.
const RETRY_FULL: u32 = 5;

/// What is wrong with one field. A body with several faults names them all at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The field's name in the body or the query.
    pub field: String,
    /// What is wrong with it, as the end of a sentence that starts with the field's name.
    pub detail: String,
}

/// A refusal. Boxed, because it travels in the error half of every handler's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problem(Box<Details>);

/// `type` is `about:blank` throughout (RFC 9457, section 4.2.1): the status says what kind it is, and `detail` and
/// `errors` what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Details {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    /// The first field at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Violation>,
    #[serde(flatten)]
    more: BTreeMap<&'static str, serde_json::Value>,
    #[serde(skip)]
    retry_after: Option<u32>,
    #[serde(skip)]
    allow: Option<HeaderValue>,
}

impl Problem {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Details {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            field: None,
            errors: Vec::new(),
            more: BTreeMap::new(),
            retry_after: None,
            allow: None,
        }))
    }

    /// 400 or 422 for fields that are not as they should be.
    pub fn fields(status: StatusCode, errors: Vec<Violation>) -> Self {
        let described: Vec<_> =
            errors.iter().map(|error| format!("{} {}", error.field, error.detail)).collect();
        let mut problem = Self::new(status, described.join("; "));
        problem.0.field = errors.first().map(|error| error.field.clone());
        problem.0.errors = errors;
        problem
    }

    /// One query parameter that is not as it should be.
    pub fn parameter(name: &str, detail: impl Into<String>) -> Self {
        let violation = Violation { field: name.to_owned(), detail: detail.into() };
        Self::fields(StatusCode::BAD_REQUEST, vec![violation])
    }

    /// 422 for one field of a body, found out after the body was read.
    pub fn field(name: &str, detail: impl Into<String>) -> Self {
        let violation = Violation { field: name.to_owned(), detail: detail.into() };
        Self::fields(StatusCode::UNPROCESSABLE_ENTITY, vec![violation])
    }

    /// 503: nothing is wrong with the request, and it may be sent again after that many seconds.
    pub fn unavailable(detail: impl Into<String>, retry_after: u32) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        problem.0.retry_after = Some(retry_after);
        problem
    }

    /// The answer to a command that took no effect, where it was not the domain that refused it.
    pub fn command<R: Display>(error: &WriteError<CommandError<R>>) -> Self {
        match error {
            WriteError::Refused(CommandError::Outbox(OutboxError::Full { capacity })) => {
                let detail =
                    format!("{capacity} events wait for the broker; no more fit until it takes some");
                Self::unavailable(detail, RETRY_FULL)
            }
            WriteError::Refused(error) if error.is_of_the_disk() => {
                tracing::debug!(%error, "a command found the disk full");
                Self::unavailable("the database takes no writes", RETRY_FULL)
            }
            WriteError::Refused(error) => {
                tracing::error!(reason = error.reason(), %error, "a command could not be carried out");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the command could not be carried out")
            }
            WriteError::Database(_) => Self::unavailable("the database takes no writes", RETRY_FULL),
            WriteError::Stopped => Self::unavailable("the service is stopping", 1),
        }
    }

    /// 500: a fault of the service, which its log tells.
    pub fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "a request could not be answered");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the service could not answer; its log says why")
    }

    /// The same refusal with one more member (RFC 9457, section 3.2).
    #[must_use]
    pub fn with(mut self, member: &'static str, value: impl Into<serde_json::Value>) -> Self {
        self.0.more.insert(member, value.into());
        self
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 405; `allow` is the answer's Allow header, which that status demands (RFC 9110, section 15.5.6).
    pub(super) fn method_not_allowed(allow: Option<HeaderValue>) -> Self {
        let detail = "this resource does not take this method";
        let mut problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, detail);
        problem.0.allow = allow;
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.0.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = self.0.allow {
            headers.insert(header::ALLOW, allow);
        }
        response
    }
}
