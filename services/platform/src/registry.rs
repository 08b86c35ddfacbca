//! The schema registry, by its Confluent API. Services look ids up and never register: that is the operator's work.

use std::{collections::HashMap, sync::Arc, time::Duration};

use apache_avro::Schema;
use schemas::SchemaId;
use serde::{Deserialize, de::DeserializeOwned};
use tokio::sync::Mutex;

use crate::cause::with_cause;

/// Most schemas that are remembered: far beyond what a lab has, so only a stream of made-up ids reaches it.
const CACHE_LIMIT: usize = 1_000;

/// Why the registry gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("the schema registry cannot be reached: {}", with_cause(.0))]
    Unreachable(reqwest::Error),
    #[error("the schema registry does not know the schema of {subject} (the operator registers it)")]
    NotRegistered { subject: String },
    #[error("the schema registry has no schema with id {id}")]
    UnknownId { id: SchemaId },
    #[error("the schema registry answered {status} to {request}")]
    Refused { request: String, status: u16 },
    #[error("the schema registry's schema {id} is not Avro: {source}")]
    NotAvro { id: SchemaId, source: Box<apache_avro::Error> },
}

impl RegistryError {
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "RegistryUnreachable",
            Self::NotRegistered { .. } => "SchemaNotRegistered",
            Self::UnknownId { .. } => "UnknownSchemaId",
            Self::Refused { .. } => "RegistryRefused",
            Self::NotAvro { .. } => "SchemaNotAvro",
        }
    }
}

/// A client that asks for each schema once.
#[derive(Debug)]
pub struct RegistryClient {
    base: String,
    http: reqwest::Client,
    ids: Mutex<HashMap<(String, String), SchemaId>>,
    schemas: Mutex<HashMap<SchemaId, Arc<Schema>>>,
}

#[derive(Deserialize)]
struct IdAnswer {
    id: u32,
}

/// The registry's own error body.
#[derive(Deserialize)]
struct Refusal {
    error_code: u32,
}

/// "Schema not found" in Confluent's API.
const SCHEMA_NOT_FOUND: u32 = 40403;

#[derive(Deserialize)]
struct SchemaAnswer {
    schema: String,
}

/// A version of a subject's schema.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Registered {
    pub id: u32,
    /// JSON text.
    pub schema: String,
}

impl RegistryClient {
    /// `base` is the URL of the Confluent API, such as `http://lab-schema-registry:8085/apis/ccompat/v7`.
    pub fn new(base: &str) -> Result<Self, RegistryError> {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(2))
            .timeout(Duration::from_secs(5))
            .build()
            .map_err(RegistryError::Unreachable)?;
        Ok(Self {
            base: base.trim_end_matches('/').to_owned(),
            http,
            ids: Mutex::default(),
            schemas: Mutex::default(),
        })
    }

    /// The id under which exactly this schema is registered for the subject.
    pub async fn id_of(&self, subject: &str, schema: &str) -> Result<SchemaId, RegistryError> {
        let cached = (subject.to_owned(), schema.to_owned());
        if let Some(id) = self.ids.lock().await.get(&cached) {
            return Ok(*id);
        }
        let url = format!("{}/subjects/{subject}", self.base);
        let request = self.http.post(&url).json(&serde_json::json!({ "schema": schema }));
        let response = request.send().await.map_err(RegistryError::Unreachable)?;
        if response.status().as_u16() == 404 {
            return Err(RegistryError::NotRegistered { subject: subject.to_owned() });
        }
        let answer: IdAnswer =
            accepted(response, || format!("POST {url}"))?.json().await.map_err(RegistryError::Unreachable)?;
        let id = SchemaId(answer.id);
        remember(&mut *self.ids.lock().await, cached, id);
        Ok(id)
    }

    /// The names of all subjects.
    pub async fn subjects(&self) -> Result<Vec<String>, RegistryError> {
        self.get(&format!("{}/subjects", self.base)).await
    }

    /// The numbers of a subject's versions.
    pub async fn versions(&self, subject: &str) -> Result<Vec<u32>, RegistryError> {
        let url = format!("{}/subjects/{}/versions", self.base, segment(subject));
        self.get(&url).await
    }

    /// One version of a subject's schema.
    pub async fn version(&self, subject: &str, version: u32) -> Result<Registered, RegistryError> {
        let url = format!("{}/subjects/{}/versions/{version}", self.base, segment(subject));
        self.get(&url).await
    }

    async fn get<T: DeserializeOwned>(&self, url: &str) -> Result<T, RegistryError> {
        let response = self.http.get(url).send().await.map_err(RegistryError::Unreachable)?;
        accepted(response, || format!("GET {url}"))?.json().await.map_err(RegistryError::Unreachable)
    }

    /// The schema with that id.
    pub async fn schema(&self, id: SchemaId) -> Result<Arc<Schema>, RegistryError> {
        if let Some(schema) = self.schemas.lock().await.get(&id) {
            return Ok(Arc::clone(schema));
        }
        let url = format!("{}/schemas/ids/{id}", self.base);
        let response = self.http.get(&url).send().await.map_err(RegistryError::Unreachable)?;
        let status = response.status().as_u16();
        if status == 404 {
            // Whatever stands before the registry, or the registry while it starts, can answer 404 as well; only the
            // registry's own word says that there is no such schema.
            return match response.json::<Refusal>().await {
                Ok(Refusal { error_code: SCHEMA_NOT_FOUND }) => Err(RegistryError::UnknownId { id }),
                _ => Err(RegistryError::Refused { request: format!("GET {url}"), status }),
            };
        }
        let answer: SchemaAnswer =
            accepted(response, || format!("GET {url}"))?.json().await.map_err(RegistryError::Unreachable)?;
        let schema = Schema::parse_str(&answer.schema)
            .map_err(|source| RegistryError::NotAvro { id, source: Box::new(source) })?;
        let schema = Arc::new(schema);
        remember(&mut *self.schemas.lock().await, id, Arc::clone(&schema));
        Ok(schema)
    }
}

/// A name as one segment of a URL's path.
fn segment(name: &str) -> String {
    form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20")
}

fn accepted(
    response: reqwest::Response,
    request: impl FnOnce() -> String,
) -> Result<reqwest::Response, RegistryError> {
    let status = response.status();
    if status.is_success() {
        Ok(response)
    } else {
        Err(RegistryError::Refused { request: request(), status: status.as_u16() })
    }
}

fn remember<K: Eq + std::hash::Hash, V>(cache: &mut HashMap<K, V>, key: K, value: V) {
    if cache.len() >= CACHE_LIMIT {
        cache.clear();
    }
    cache.insert(key, value);
}
