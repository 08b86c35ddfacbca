//! The answer to a command that made something.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;

use super::Problem;

/// 201 with the thing, and in Location the path where it is read.
pub fn created(path: &str, thing: impl Serialize) -> Result<Response, Problem> {
    let location = HeaderValue::try_from(path).map_err(|error| Problem::internal(&error))?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(thing)).into_response())
}
