//! The operator as a child process, before an API server of the rig.

use std::{
    io,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use super::{
    apiserver::{OPERATOR, kubeconfig},
    ports::{self, NoFreePort},
    process::{Process, ProcessError},
    program::{self, ProgramError},
};
use crate::{
    scrape::Scrape,
    wait::{self, TimedOut},
};

/// How long the operator may take until it leads. On an idle machine it takes a fraction of a second.
const START: Duration = Duration::from_secs(60);

/// The operator does not do what the test needs.
#[derive(Debug, thiserror::Error)]
pub enum OperatorRigError {
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error(transparent)]
    Port(#[from] NoFreePort),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error("the operator's folder: {0}")]
    Folder(#[from] io::Error),
    #[error(transparent)]
    Late(#[from] TimedOut),
    #[error("the operator's metrics: {0}")]
    Http(#[from] reqwest::Error),
}

/// An operator that serves all namespaces, with images that nobody pulls. Dropping it kills it.
#[derive(Debug)]
pub struct Operator {
    command: Command,
    metrics: String,
    folder: TempDir,
    process: Option<Process>,
    victim: Victim,
}

/// The operator's process, for whoever has to kill it at a moment of theirs.
#[derive(Debug, Clone, Default)]
pub struct Victim(Arc<AtomicU32>);

impl Victim {
    /// Kills it (SIGKILL). One that has ended is not there to be killed.
    pub fn kill9(&self) {
        let id = i32::try_from(self.0.swap(0, Ordering::SeqCst)).ok();
        if let Some(process) = id.filter(|id| *id > 0).and_then(Pid::from_raw) {
            // Its parent has not waited for it yet, so the id is still its own.
            let _ = kill_process(process, Signal::KILL);
        }
    }
}

impl Operator {
    /// An operator called `name` that asks the API server at `url`; it is not started yet. `hosts` are names that it alone
    /// resolves, in the format of /etc/hosts.
    pub async fn new(name: &str, url: &str, hosts: &str) -> Result<Self, OperatorRigError> {
        Self::of(program::operator().await?, name, url, hosts)
    }

    /// The same of another program.
    pub fn of(program: &Path, name: &str, url: &str, hosts: &str) -> Result<Self, OperatorRigError> {
        let folder = tempfile::Builder::new().prefix("edalab-operator-").tempdir()?;
        let file = |name: &str, text: &str| -> io::Result<PathBuf> {
            let path = folder.path().join(name);
            std::fs::write(&path, text)?;
            Ok(path)
        };
        let port = ports::free()?;
        // A mount namespace of its own: /etc/hosts is another file there.
        let mut command = Command::new("unshare");
        if !geteuid().is_root() {
            command.arg("--map-root-user");
        }
        command
            .args(["--mount", "--propagation", "private", "sh", "-c"])
            .arg(r#"mount --bind "$0" /etc/hosts && exec "$1""#)
            .arg(file("hosts", &format!("127.0.0.1 localhost\n{hosts}"))?)
            .arg(program)
            .env("KUBECONFIG", file("kubeconfig", &kubeconfig(url, OPERATOR))?)
            .env("POD_NAME", name)
            .env("HTTP_ADDR", format!("127.0.0.1:{port}"))
            .env("RELATED_IMAGE_KAFKA", "example.com/kafka:1")
            .env("RELATED_IMAGE_SCHEMA_REGISTRY", "example.com/registry:1")
            .env("RELATED_IMAGE_SERVICES", "example.com/services:1");
        let metrics = format!("http://127.0.0.1:{port}/metrics");
        Ok(Self { command, metrics, folder, process: None, victim: Victim::default() })
    }

    /// Starts it; it may end before anything else happens.
    pub fn launch(&mut self) -> Result<(), OperatorRigError> {
        let process =
            Process::start("the operator", &self.command, &self.folder.path().join("operator.log"))?;
        self.victim.0.store(process.id(), Ordering::SeqCst);
        self.process = Some(process);
        Ok(())
    }

    /// Starts it and waits until it leads.
    pub async fn start(&mut self) -> Result<(), OperatorRigError> {
        self.launch()?;
        self.leads().await
    }

    /// Waits until it leads.
    pub async fn leads(&mut self) -> Result<(), OperatorRigError> {
        wait::until("the operator to lead", START, async || {
            if let Some(process) = &mut self.process {
                process.must_run().map_err(|problem| problem.to_string())?;
            }
            let scrape = scrape(&self.metrics).await.map_err(|problem| problem.to_string())?;
            match scrape.value("edalab_operator_leader") {
                Some(leader) if leader > 0.0 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await?;
        Ok(())
    }

    /// Its metrics.
    pub async fn scrape(&self) -> Result<Scrape, OperatorRigError> {
        Ok(scrape(&self.metrics).await?)
    }

    /// Its process, also of its next starts.
    pub fn victim(&self) -> Victim {
        self.victim.clone()
    }

    /// The process id.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> Result<bool, OperatorRigError> {
        match &mut self.process {
            Some(process) => Ok(process.ended()?.is_some()),
            None => Ok(true),
        }
    }

    /// Kills it (SIGKILL) and waits until it has ended.
    pub async fn kill9(&mut self) -> Result<(), OperatorRigError> {
        if let Some(mut process) = self.process.take() {
            process.kill9().await?;
        }
        Ok(())
    }

    /// Asks it to end, and waits until it has.
    pub async fn stop(&mut self) -> Result<(), OperatorRigError> {
        if let Some(mut process) = self.process.take() {
            process.stop().await?;
        }
        Ok(())
    }
}

async fn scrape(url: &str) -> Result<Scrape, reqwest::Error> {
    Ok(Scrape::of(&reqwest::get(url).await?.error_for_status()?.text().await?))
}
