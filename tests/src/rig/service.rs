//! A service as a child process.

use std::{
    fmt::Display,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
};

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    ports::{self, NoFreePort},
    process::{Process, ProcessError, last_lines},
};
use crate::{
    scrape::Scrape,
    wait::{self, TimedOut},
};

/// How long the service may take until it answers. On an idle machine it takes a fraction of a second.
const START: Duration = Duration::from_secs(30);
/// A service under test answers well below this, or something is wrong.
const ANSWER: Duration = Duration::from_secs(10);
/// How long an event may take from its command to its effect.
const ARRIVAL: Duration = Duration::from_secs(120);

/// The services of a lab and their ports.
pub const SERVICES: [(&str, u16); 5] = [
    ("quotation", 8081),
    ("souscription", 8082),
    ("reclamation", 8083),
    ("simulator", 8084),
    ("dashboard", 8080),
];

/// The service does not do what the test needs.
#[derive(Debug, thiserror::Error)]
pub enum ServiceRigError {
    #[error(transparent)]
    Port(#[from] NoFreePort),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error("the service's folder: {0}")]
    Folder(#[from] io::Error),
    #[error(transparent)]
    Late(#[from] TimedOut),
    #[error("the service: {0}")]
    Http(#[from] reqwest::Error),
    #[error("{asked} was answered {status}: {body}")]
    Answer { asked: String, status: StatusCode, body: String },
}

/// What a service is started with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its subcommand: `quotation`, `souscription`, `reclamation`, `simulator`, `dashboard`.
    pub service: &'static str,
    /// The `edalab-services` program.
    pub program: PathBuf,
    /// Name of the lab, by which a test tells its events from others on the same broker.
    pub lab: String,
    pub bootstrap: String,
    pub registry: String,
    /// How long quotes hold, as in `30d`; quotation's own.
    pub validity: String,
}

/// A service with its database in a temporary folder. It keeps its port and its data through stops and
/// kills; dropping it ends both.
#[derive(Debug)]
pub struct Service {
    settings: Settings,
    http: reqwest::Client,
    folder: TempDir,
    port: u16,
    process: Option<Process>,
    /// Set in every start's environment beside what the settings say.
    environment: Vec<(&'static str, String)>,
}

/// The `ce_source` of the events of a lab's service.
pub fn source_of(lab: &str, service: &str) -> String {
    format!("/edalab/{lab}/{service}")
}

impl Service {
    /// A service that is not started yet.
    pub fn new(settings: Settings) -> Result<Self, ServiceRigError> {
        Ok(Self {
            http: reqwest::Client::builder().timeout(ANSWER).build()?,
            folder: tempfile::Builder::new().prefix(&format!("edalab-{}-", settings.service)).tempdir()?,
            settings,
            port: ports::free()?,
            process: None,
            environment: Vec::new(),
        })
    }

    /// A service that answers.
    pub async fn start(settings: Settings) -> Result<Self, ServiceRigError> {
        let mut service = Self::new(settings)?;
        service.restart().await?;
        Ok(service)
    }

    /// The name of the lab that it was started for.
    pub fn lab(&self) -> &str {
        &self.settings.lab
    }

    /// The `ce_source` of its events.
    pub fn source(&self) -> String {
        source_of(&self.settings.lab, self.settings.service)
    }

    /// The address of its API.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Where its API is.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// The folder of its database.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its database.
    pub fn database(&self) -> PathBuf {
        self.data().join(format!("{}.db", self.settings.service))
    }

    /// Changes how long quotes hold, from the next start on.
    pub fn set_validity(&mut self, validity: &str) {
        validity.clone_into(&mut self.settings.validity);
    }

    /// Changes the broker, from the next start on; the one before.
    pub fn set_bootstrap(&mut self, bootstrap: &str) -> String {
        std::mem::replace(&mut self.settings.bootstrap, bootstrap.to_owned())
    }

    /// Changes the program, from the next start on.
    pub fn set_program(&mut self, program: &Path) {
        program.clone_into(&mut self.settings.program);
    }

    /// Sets a variable of its environment, from the next start on.
    pub fn set_env(&mut self, name: &'static str, value: impl Into<String>) {
        self.environment.push((name, value.into()));
    }

    /// The command that runs the service.
    pub fn command(&self) -> io::Result<Command> {
        std::fs::create_dir_all(self.data())?;
        let mut service = Command::new(&self.settings.program);
        service
            .arg(self.settings.service)
            .env("HTTP_ADDR", self.address().to_string())
            .env("KAFKA_BOOTSTRAP_SERVERS", &self.settings.bootstrap)
            .env("SCHEMA_REGISTRY_URL", &self.settings.registry)
            .env("DATA_DIR", self.data())
            .env("EDALAB_LAB", &self.settings.lab)
            .env("POD_NAME", self.pod())
            .env("RUST_LOG", "info");
        if self.settings.service == "quotation" {
            service.env("QUOTE_VALIDITY", &self.settings.validity);
        }
        service.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Ok(service)
    }

    /// The command that runs the service by way of `runner`, to whose arguments the service's own command is added.
    pub fn command_under(&self, mut runner: Command) -> io::Result<Command> {
        let service = self.command()?;
        runner.arg(service.get_program()).args(service.get_args());
        runner.envs(service.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Ok(runner)
    }

    /// The name that a pod of it would have.
    pub fn pod(&self) -> String {
        format!("{}-{}-0", self.settings.lab, self.settings.service)
    }

    /// The file that takes what the service prints.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("service.log")
    }

    /// Starts the stopped service over the same data and waits until it is ready.
    pub async fn restart(&mut self) -> Result<(), ServiceRigError> {
        let command = self.command()?;
        self.launch(&command)?;
        self.ready().await
    }

    /// Starts the service so that it kills itself when it passes the crash point `point` for the `count`th time. It
    /// is not waited for: it may be gone before it answers.
    pub fn restart_to_crash(&mut self, point: &str, count: u32) -> Result<(), ServiceRigError> {
        let mut command = self.command()?;
        command.env("EDALAB_CRASH_AT", format!("{point}:{count}"));
        self.launch(&command)
    }

    /// Starts the service by a command of [`Self::command`] or [`Self::command_under`].
    pub fn launch(&mut self, command: &Command) -> Result<(), ServiceRigError> {
        self.process = Some(Process::start(self.settings.service, command, &self.log())?);
        Ok(())
    }

    /// Waits until the service is ready.
    pub async fn ready(&mut self) -> Result<(), ServiceRigError> {
        let (http, url) = (self.http.clone(), self.url("/ready"));
        wait::until(format!("{} to be ready", self.settings.service), START, async || {
            self.must_run().map_err(|problem| problem.to_string())?;
            let response = http.get(&url).send().await.map_err(|problem| problem.to_string())?;
            if response.status().is_success() {
                return Ok(());
            }
            let status = response.status();
            Err(format!("{status}: {}", response.text().await.unwrap_or_default()))
        })
        .await?;
        Ok(())
    }

    /// Stops the service the ordinary way; how it ended.
    pub async fn stop(&mut self) -> Result<Option<ExitStatus>, ServiceRigError> {
        match self.process.take() {
            Some(mut process) => Ok(Some(process.stop().await?)),
            None => Ok(None),
        }
    }

    /// Kills the service with SIGKILL.
    pub async fn kill9(&mut self) -> Result<(), ServiceRigError> {
        if let Some(mut process) = self.process.take() {
            process.kill9().await?;
        }
        Ok(())
    }

    /// How the service ended by itself; nothing while it runs.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>, ServiceRigError> {
        match &mut self.process {
            Some(process) => Ok(process.ended()?),
            None => Ok(None),
        }
    }

    /// The end of what it printed, for an error message.
    pub fn last_words(&self) -> String {
        format!("{}'s last lines:\n{}", self.settings.service, last_lines(&self.log()))
    }

    /// The running process's id.
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// An error with its last lines where it has ended by itself.
    pub fn must_run(&mut self) -> Result<(), ProcessError> {
        self.process.as_mut().map_or(Ok(()), Process::must_run)
    }

    /// Asks quotation for a quote; whatever the answer is.
    pub async fn post(&self, devis: &Value) -> Result<Response, reqwest::Error> {
        self.send(Method::POST, "/api/devis", devis).await
    }

    /// Asks for a quote; the answer's body, which must come with 201.
    pub async fn quote(&self, client: &str, good: &str, value: f64) -> Result<Value, ServiceRigError> {
        let devis = json!({"clientId": client, "typeBien": good, "valeur": value});
        let response = self.post(&devis).await?;
        expect(StatusCode::CREATED, "POST /api/devis", response).await
    }

    /// Asks souscription to convert a quote, until it has heard of it; the contract.
    pub async fn convert(&self, devis: &str) -> Result<Value, TimedOut> {
        let body = json!({"devisId": devis});
        wait::until(format!("quote {devis} to be heard of"), ARRIVAL, async || {
            let response = self.send(Method::POST, "/api/contrats/convertir", &body).await;
            let contrat =
                expect(StatusCode::CREATED, "POST /api/contrats/convertir", response.map_err(told)?);
            contrat.await.map_err(told)
        })
        .await
    }

    /// Asks for something with a body; whatever the answer is.
    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Response, reqwest::Error> {
        self.http.request(method, self.url(path)).json(body).send().await
    }

    /// Reads one path of the API; the body, which must come with 200.
    pub async fn get(&self, path: &str) -> Result<Value, ServiceRigError> {
        let response = self.look_up(path).await?;
        expect(StatusCode::OK, path, response).await
    }

    /// Reads one path; whatever the answer is.
    pub async fn look_up(&self, path: &str) -> Result<Response, reqwest::Error> {
        self.http.get(self.url(path)).send().await
    }

    /// What it tells of itself in numbers.
    pub async fn scrape(&self) -> Result<Scrape, ServiceRigError> {
        let response = self.look_up("/metrics").await?.error_for_status()?;
        Ok(Scrape::of(&response.text().await?))
    }
}

fn told(problem: impl Display) -> String {
    problem.to_string()
}

async fn expect(wanted: StatusCode, asked: &str, response: Response) -> Result<Value, ServiceRigError> {
    let status = response.status();
    if status == wanted {
        return Ok(response.json().await?);
    }
    Err(ServiceRigError::Answer { asked: asked.to_owned(), status, body: response.text().await? })
}
