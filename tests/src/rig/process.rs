//! A child process that writes into a log file and ends with whoever started it.

use std::{
    ffi::OsStr,
    fs::OpenOptions,
    io,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// How long a process may take to end after SIGTERM before it is killed.
const TERMINATION: Duration = Duration::from_secs(20);
/// How many lines of a log are shown.
const LAST_LINES: usize = 25;

/// A child did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    #[error("{name} cannot be started: {source}")]
    Start { name: String, source: io::Error },
    #[error("{name} cannot be waited for: {source}")]
    Wait { name: String, source: io::Error },
    #[error("{name} ended with {status}; its last lines:\n{log}")]
    Ended { name: String, status: ExitStatus, log: String },
    #[error("{name} did not end within {} s", TERMINATION.as_secs())]
    Stays { name: String },
}

/// A running or ended child. Dropping it kills it, by its id.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`, with its output appended to the file `log`. The kernel kills the child when the thread that
    /// started it ends, so that an interrupted test run leaves nothing behind.
    pub fn start(name: &str, command: &Command, log: &Path) -> Result<Self, ProcessError> {
        let failed = |source| ProcessError::Start { name: name.to_owned(), source };
        let output = OpenOptions::new().create(true).append(true).open(log).map_err(failed)?;
        let errors = output.try_clone().map_err(failed)?;
        let child =
            tied_to_us(command).stdin(Stdio::null()).stdout(output).stderr(errors).spawn().map_err(failed)?;
        Ok(Self { name: name.to_owned(), child, log: log.to_owned() })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The file that takes what the process prints.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// How the process ended; nothing while it runs.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>, ProcessError> {
        self.child.try_wait().map_err(|source| ProcessError::Wait { name: self.name.clone(), source })
    }

    /// An error with the last lines of its log where the process has ended.
    pub fn must_run(&mut self) -> Result<(), ProcessError> {
        match self.ended()? {
            None => Ok(()),
            Some(status) => {
                Err(ProcessError::Ended { name: self.name.clone(), status, log: last_lines(&self.log) })
            }
        }
    }

    /// Asks the process to end (SIGTERM) and waits until it has.
    pub async fn stop(&mut self) -> Result<ExitStatus, ProcessError> {
        if self.ended()?.is_none() {
            // It can end by itself between the look and the signal.
            let _ = kill_process(self.pid(), Signal::TERM);
        }
        self.wait().await
    }

    /// Kills the process (SIGKILL): it gets no chance to finish anything.
    pub async fn kill9(&mut self) -> Result<ExitStatus, ProcessError> {
        if self.ended()?.is_none() {
            let _ = kill_process(self.pid(), Signal::KILL);
        }
        self.wait().await
    }

    /// Waits until the process has ended by itself or by a signal.
    pub async fn wait(&mut self) -> Result<ExitStatus, ProcessError> {
        let deadline = Instant::now() + TERMINATION;
        while Instant::now() < deadline {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Err(ProcessError::Stays { name: self.name.clone() })
    }

    fn pid(&self) -> Pid {
        let id = i32::try_from(self.child.id()).ok();
        id.and_then(Pid::from_raw).expect("a child has a process id")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only for a child that has ended and was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `command` under `setpriv --pdeathsig`, which replaces itself by it: the process id stays the child's.
fn tied_to_us(command: &Command) -> Command {
    let mut tied = Command::new("setpriv");
    tied.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => tied.env(name, value),
            None => tied.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        tied.current_dir(folder);
    }
    tied
}

/// The end of a log, for an error message.
pub fn last_lines(log: &Path) -> String {
    match std::fs::read(log) {
        Err(problem) => format!("({} cannot be read: {problem})", log.display()),
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let lines: Vec<&str> = text.lines().collect();
            lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
        }
    }
}

/// Runs a command to its end; its standard output, or an error with what it printed.
pub async fn output(command: &Command) -> Result<String, ProcessError> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut tied = tokio::process::Command::from(tied_to_us(command));
    let output = tied
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|source| ProcessError::Start { name: name.clone(), source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let arguments: Vec<&OsStr> = command.get_args().collect();
    Err(ProcessError::Ended {
        name: format!("{name} {}", arguments.join(OsStr::new(" ")).to_string_lossy()),
        status: output.status,
        log: String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
    })
}
