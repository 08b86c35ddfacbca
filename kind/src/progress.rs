//! Steps that take time: each has a line on the terminal with its elapsed time and the last thing it said, and a log file.

use std::{
    fs::{self, File},
    io::{IsTerminal, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::process::Command;

use crate::error::{Error, Result};

/// How much of a log is looked at for its last lines, in bytes.
const TAIL_BYTES: u64 = 8192;
/// How often a program's last line is looked for.
const LOOK: Duration = Duration::from_millis(500);
/// How often a running step says on a pipe that it still runs.
const REMINDER: Duration = Duration::from_secs(60);

/// The terminal's share of all running steps. On a pipe, each step prints a line at its start, at its end, and once a
/// minute in between.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    bars: Option<MultiProgress>,
    logs: PathBuf,
}

impl Progress {
    pub(crate) fn new(logs: PathBuf) -> Self {
        Self { bars: std::io::stderr().is_terminal().then(MultiProgress::new), logs }
    }

    /// Prints a line above the running steps.
    pub(crate) fn say(&self, line: impl AsRef<str>) {
        match &self.bars {
            Some(bars) => drop(bars.println(line.as_ref())),
            None => eprintln!("{}", line.as_ref()),
        }
    }

    /// Begins a step. `name` also names its log file; `next` is what a person should do when it fails.
    pub(crate) fn step(&self, name: &str, title: &str, next: &str) -> Result<Step> {
        fs::create_dir_all(&self.logs).map_err(|e| Error::path("create", &self.logs, e))?;
        let log = self.logs.join(format!("{name}.log"));
        File::create(&log).map_err(|e| Error::path("write", &log, e))?;
        let bar = if let Some(bars) = &self.bars {
            let bar = bars.add(ProgressBar::new_spinner());
            bar.set_style(
                ProgressStyle::with_template("{spinner:.cyan} {prefix:42} {elapsed:>4} {wide_msg:.dim}")
                    .expect("the template is checked by every run"),
            );
            bar.set_prefix(title.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            Some(bar)
        } else {
            eprintln!("  …  {title}");
            None
        };
        Ok(Step {
            progress: self.clone(),
            title: title.to_owned(),
            next: next.to_owned(),
            log,
            bar,
            began: Instant::now(),
        })
    }
}

/// One running step. Dropped without [`Step::done`], it counts as failed and its line goes.
#[derive(Debug)]
pub(crate) struct Step {
    progress: Progress,
    title: String,
    next: String,
    log: PathBuf,
    bar: Option<ProgressBar>,
    began: Instant,
}

impl Step {
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// Shows what the step is at.
    pub(crate) fn note(&self, text: impl Into<String>) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.into());
        }
    }

    pub(crate) fn done(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let took = format!("{:6.1} s", self.began.elapsed().as_secs_f32());
        self.progress.say(format!("  {}  {:42} {}", style("✓").green(), self.title, style(took).dim()));
    }

    /// Runs a program to its end, its output in the log.
    pub(crate) async fn run(&self, command: &mut Command) -> Result<()> {
        command.stdout(self.append()?);
        self.finish(command).await
    }

    /// Runs a program to its end and returns its standard output; standard error goes to the log.
    pub(crate) async fn output(&self, command: &mut Command) -> Result<String> {
        command.stdin(Stdio::null()).stderr(self.append()?);
        let output = command.output().await.map_err(|e| self.not_started(command, e))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() { Ok(text) } else { Err(self.failed(command, &output.status.to_string())) }
    }

    async fn finish(&self, command: &mut Command) -> Result<()> {
        command.stdin(Stdio::null()).stderr(self.append()?).kill_on_drop(true);
        let mut child = command.spawn().map_err(|e| self.not_started(command, e))?;
        let mut looks = tokio::time::interval(if self.bar.is_some() { LOOK } else { REMINDER });
        looks.tick().await; // the first one comes at once
        let status = loop {
            tokio::select! {
                status = child.wait() => break status.map_err(|e| self.not_started(command, e))?,
                _ = looks.tick() => self.still_at(tail(&self.log, 1).trim_start_matches([' ', '|'])),
            }
        };
        if status.success() { Ok(()) } else { Err(self.failed(command, &status.to_string())) }
    }

    /// Shows the last line that a program said: in the step's line, or on one of its own.
    fn still_at(&self, line: &str) {
        match &self.bar {
            Some(_) => self.note(line),
            None => eprintln!("  …  {:42} {:6.1} s  {line}", self.title, self.began.elapsed().as_secs_f32()),
        }
    }

    fn append(&self) -> Result<File> {
        File::options().append(true).open(&self.log).map_err(|e| Error::path("write", &self.log, e))
    }

    fn not_started(&self, command: &Command, source: std::io::Error) -> Error {
        Error::io(&format!("{}: start {}", self.title, command.as_std().get_program().display()), source)
    }

    /// The step's failure, told by what its log says last.
    pub(crate) fn failed(&self, command: &Command, why: &str) -> Error {
        self.error(&format!("{} ended with {why}", command.as_std().get_program().display()))
    }

    pub(crate) fn error(&self, why: &str) -> Error {
        Error::Step {
            step: self.title.clone(),
            why: why.to_owned(),
            tail: tail(&self.log, 12),
            log: self.log.clone(),
            next: self.next.clone(),
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The last `lines` lines of a file, indented; nothing when it cannot be read.
fn tail(path: &Path, lines: usize) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    all[all.len().saturating_sub(lines)..]
        .iter()
        .map(|line| format!("  | {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(dir: &Path) -> Step {
        Progress { bars: None, logs: dir.to_owned() }.step("one", "One step", "try again").unwrap()
    }

    #[tokio::test]
    async fn a_failure_says_what_why_and_what_next() {
        let dir = tempfile::tempdir().unwrap();
        let failure = step(dir.path())
            .run(Command::new("sh").args(["-c", "echo compiling; echo no room left >&2; exit 3"]))
            .await
            .unwrap_err()
            .to_string();
        for part in
            ["One step", "exit status: 3", "| compiling", "| no room left", "one.log", "next: try again"]
        {
            assert!(failure.contains(part), "{part:?} is missing in {failure}");
        }
    }

    #[tokio::test]
    async fn output_is_returned_and_a_missing_program_named() {
        let dir = tempfile::tempdir().unwrap();
        let step = step(dir.path());
        assert_eq!(step.output(Command::new("echo").arg("hello")).await.unwrap(), "hello\n");
        let missing = step.run(&mut Command::new("/no/such/program")).await.unwrap_err().to_string();
        assert!(missing.contains("/no/such/program"), "{missing}");
    }

    #[test]
    fn the_tail_is_short() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        fs::write(&path, (0..5000).map(|n| format!("line {n}\n")).collect::<String>()).unwrap();
        assert_eq!(tail(&path, 2), "  | line 4998\n  | line 4999");
    }
}
