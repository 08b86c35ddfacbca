//! A real Apicurio Registry, spoken to by its Confluent API.

use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    java::Java,
    kafka::Kafka,
    parts::Parts,
    ports::{self, NoFreePort},
    process::{Process, ProcessError},
};
use crate::wait::{self, TimedOut};

/// How long the registry may take until it answers. On an idle machine it takes 6 s.
const START: Duration = Duration::from_secs(120);
/// Quarkus leaves a request unanswered now and then, until its idle timeout of 30 minutes
/// (quarkusio/quarkus issues 35961 and 37807 are of that kind).
const ANSWER: Duration = Duration::from_secs(10);
const CONTENT_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// The registry does not do what the test needs.
#[derive(Debug, thiserror::Error)]
pub enum RegistryRigError {
    #[error(transparent)]
    Port(#[from] NoFreePort),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error("the registry's folder: {0}")]
    Folder(#[from] io::Error),
    #[error(transparent)]
    Late(#[from] TimedOut),
    #[error("the registry: {0}")]
    Http(#[from] reqwest::Error),
}

/// A registry that keeps its schemas in a [`Kafka`], with the catalogue's schemas in it. Dropping it ends it.
#[derive(Debug)]
pub struct Registry {
    http: reqwest::Client,
    port: u16,
    home: PathBuf,
    folder: TempDir,
    process: Option<Process>,
    ids: HashMap<String, u32>,
    /// What an id stands for does not change: it is asked for once.
    schemas: Mutex<HashMap<u32, String>>,
}

#[derive(Debug, Deserialize)]
struct Registered {
    id: u32,
}

#[derive(Debug, Deserialize)]
struct Stored {
    schema: String,
}

impl Registry {
    /// Starts a registry over `kafka` and registers every subject of the catalogue, as the operator does.
    pub async fn start(parts: &Parts, kafka: &Kafka) -> Result<Self, RegistryRigError> {
        let mut registry = Self {
            http: reqwest::Client::builder().timeout(ANSWER).build()?,
            port: ports::free()?,
            home: parts.path("schema-registry").clone(),
            folder: tempfile::Builder::new().prefix("edalab-registry-").tempdir()?,
            process: None,
            ids: HashMap::new(),
            schemas: Mutex::default(),
        };
        let java = Java::new(parts.path("java")).await?;
        let mut command = java.command("256m");
        command
            .current_dir(registry.folder.path())
            .arg("-jar")
            .arg(registry.home.join("quarkus-run.jar"))
            .env("APICURIO_STORAGE_KIND", "kafkasql")
            .env("APICURIO_KAFKASQL_BOOTSTRAP_SERVERS", kafka.bootstrap())
            // The first look into its empty topics is waited out to the end; the default is 5 s.
            .env("APICURIO_KAFKASQL_CONSUMER_POLL_TIMEOUT", "200")
            .env("QUARKUS_HTTP_HOST", "127.0.0.1")
            .env("QUARKUS_HTTP_PORT", registry.port.to_string())
            .env("QUARKUS_MANAGEMENT_HOST", "127.0.0.1")
            .env("QUARKUS_MANAGEMENT_PORT", ports::free()?.to_string());
        let mut process =
            Process::start("the registry", &command, &registry.folder.path().join("registry.log"))?;
        wait::until("the registry to answer", START, async || {
            process.must_run().map_err(|problem| problem.to_string())?;
            registry.subjects().await.map_err(|problem| problem.to_string())
        })
        .await?;
        registry.process = Some(process);
        registry.register().await?;
        Ok(registry)
    }

    /// Where its Confluent API begins.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/apis/ccompat/v7", self.port)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The id that a subject's schema got.
    pub fn id(&self, subject: &str) -> Option<u32> {
        self.ids.get(subject).copied()
    }

    /// The schema with this id, as JSON text.
    pub async fn schema(&self, id: u32) -> Result<String, RegistryRigError> {
        if let Some(known) = self.known().get(&id) {
            return Ok(known.clone());
        }
        let stored: Stored = self.ask(&format!("/schemas/ids/{id}")).await?;
        self.known().insert(id, stored.schema.clone());
        Ok(stored.schema)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<u32, String>> {
        self.schemas.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The names of all subjects.
    pub async fn subjects(&self) -> Result<Vec<String>, reqwest::Error> {
        self.ask("/subjects").await
    }

    /// Forgets every subject, and sets the compatibility to none.
    pub async fn empty(&self) -> Result<(), RegistryRigError> {
        for subject in self.subjects().await? {
            // The first time it is put aside, the second time deleted.
            for query in ["", "?permanent=true"] {
                let url = format!("{}/subjects/{subject}{query}", self.url());
                self.http.delete(url).send().await?.error_for_status()?;
            }
        }
        self.set_compatibility("NONE").await
    }

    /// The compatibility, and each subject with its versions' schemas.
    pub async fn versions(&self) -> Result<Value, RegistryRigError> {
        let config: Value = self.ask("/config").await?;
        let mut all = json!({"config": config});
        for subject in self.subjects().await? {
            let numbers: Vec<u32> = self.ask(&format!("/subjects/{subject}/versions")).await?;
            let mut schemas = Vec::new();
            for number in numbers {
                let stored: Stored = self.ask(&format!("/subjects/{subject}/versions/{number}")).await?;
                schemas.push(stored.schema);
            }
            all[subject] = json!(schemas);
        }
        Ok(all)
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str) -> Result<T, reqwest::Error> {
        self.http.get(format!("{}{path}", self.url())).send().await?.error_for_status()?.json().await
    }

    async fn set_compatibility(&self, level: &str) -> Result<(), RegistryRigError> {
        self.http
            .put(format!("{}/config", self.url()))
            .header("content-type", CONTENT_TYPE)
            .body(json!({"compatibility": level}).to_string())
            .send()
            .await?
            .error_for_status()?;
        Ok(())
    }

    async fn register(&mut self) -> Result<(), RegistryRigError> {
        self.set_compatibility("FULL_TRANSITIVE").await?;
        for subject in schemas::subjects() {
            let response = self
                .http
                .post(format!("{}/subjects/{}/versions", self.url(), subject.name))
                .header("content-type", CONTENT_TYPE)
                .body(json!({"schema": subject.schema}).to_string())
                .send()
                .await?;
            let registered: Registered = response.error_for_status()?.json().await?;
            self.ids.insert(subject.name, registered.id);
        }
        Ok(())
    }
}
