//! The schemas of the catalogue, by the registry's Confluent API (docs.confluent.io, Schema Registry API).

use reqwest::{Client, Method, StatusCode};
use schemas::Subject;
use serde::Deserialize;
use serde_json::{Value, json};

use super::compatibility;
use crate::outcome::Check;

/// Every schema can read and be read by every version before it: consumers and producers of a lab start in any
/// order, and events stay for days.
const COMPATIBILITY: &str = "FULL_TRANSITIVE";

/// Why the schemas are not what the catalogue says.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the schema registry does not answer: {0}")]
    Unreachable(#[from] reqwest::Error),
    #[error("the schema registry answers {what} with {status}: {body}")]
    Answer { what: String, status: StatusCode, body: String },
    #[error("{subject} is refused by the registry: {message}")]
    Refused { subject: String, message: String },
    #[error("{subject}: {source}")]
    Incompatible { subject: String, source: compatibility::Error },
}

impl Error {
    /// One word for conditions, Events and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "SchemaRegistryUnreachable",
            Self::Answer { .. } => "SchemaRegistryFailed",
            Self::Refused { .. } | Self::Incompatible { .. } => "SchemaRefused",
        }
    }
}

/// Registers what is missing, and tells what was found.
pub async fn sync(http: &Client, url: &str) -> Check {
    let subjects = schemas::subjects();
    let registry = Registry { http, url };
    match registry.bring(&subjects).await {
        Ok(()) => Check::holds("SchemasAsInCatalogue", format!("{} schemas", subjects.len())),
        Err(error) => Check::fails(error.reason(), error.to_string()),
    }
}

struct Registry<'a> {
    http: &'a Client,
    url: &'a str,
}

#[derive(Deserialize)]
struct Version {
    schema: String,
}

impl Registry<'_> {
    /// The compatibility level comes first: a subject's first schema is taken without a look otherwise, and
    /// settings of a subject that does not exist yet are refused by some registries.
    async fn bring(&self, subjects: &[Subject]) -> Result<(), Error> {
        self.set_compatibility().await?;
        for subject in subjects {
            let versions = self.versions(&subject.name).await?;
            if versions.iter().any(|(_, text)| same_schema(text, subject.schema)) {
                continue;
            }
            compatibility::fully_transitive(subject.schema, &versions)
                .map_err(|source| Error::Incompatible { subject: subject.name.clone(), source })?;
            self.register(subject).await?;
            tracing::info!(subject = subject.name, "schema registered");
        }
        Ok(())
    }

    async fn set_compatibility(&self) -> Result<(), Error> {
        let there = self.ask(Method::GET, "/config", None).await?.unwrap_or_default();
        if there["compatibilityLevel"] == COMPATIBILITY {
            return Ok(());
        }
        self.ask(Method::PUT, "/config", Some(&json!({ "compatibility": COMPATIBILITY }))).await?;
        Ok(())
    }

    /// All versions of a subject, none when it does not exist.
    async fn versions(&self, subject: &str) -> Result<Vec<(i64, String)>, Error> {
        let path = format!("/subjects/{subject}/versions");
        let numbers = self.ask(Method::GET, &path, None).await?.unwrap_or_default();
        let mut versions = Vec::new();
        for number in numbers.as_array().into_iter().flatten().filter_map(Value::as_i64) {
            let answer = self.ask(Method::GET, &format!("{path}/{number}"), None).await?;
            let version = answer.and_then(|answer| serde_json::from_value::<Version>(answer).ok());
            versions.extend(version.map(|version| (number, version.schema)));
        }
        Ok(versions)
    }

    async fn register(&self, subject: &Subject) -> Result<(), Error> {
        let path = format!("/subjects/{}/versions", subject.name);
        match self.ask(Method::POST, &path, Some(&json!({ "schema": subject.schema }))).await {
            Err(Error::Answer { status: StatusCode::CONFLICT, body, .. }) => {
                Err(Error::Refused { subject: subject.name.clone(), message: body })
            }
            other => other.map(|_| ()),
        }
    }

    /// One request; `None` for an answer of 404.
    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Option<Value>, Error> {
        let what = format!("{method} {path}");
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status();
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            _ if status.is_success() => Ok(Some(response.json().await?)),
            _ => Err(Error::Answer { what, status, body: response.text().await? }),
        }
    }
}

/// Whether two texts are the same schema; the registry may give it back with other blanks.
fn same_schema(one: &str, other: &str) -> bool {
    let parsed = |text: &str| serde_json::from_str::<Value>(text).ok();
    parsed(one).is_some() && parsed(one) == parsed(other)
}
