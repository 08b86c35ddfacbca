//! Refusals as `application/problem+json` (RFC 9457).

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

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

    /// 503: nothing is wrong with the request, and it may be sent again after that many seconds.
    pub fn unavailable(detail: impl Into<String>, retry_after: u32) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        problem.0.retry_after = Some(retry_after);
        problem
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
