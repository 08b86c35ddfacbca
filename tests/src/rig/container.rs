//! The processes of a lab's pods, found and held still from outside: the node runs on this machine, so its processes are
//! among ours.

use std::{fs, io};

use rustix::process::{Pid, Signal, kill_process};

/// The process cannot be held.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    #[error("no process of this machine is {service} of {lab} in {namespace}")]
    NoProcess { service: String, lab: String, namespace: String },
    #[error("processes cannot be listed: {0}")]
    List(#[from] io::Error),
    #[error("the process takes no signal: {0}")]
    Signal(#[from] rustix::io::Errno),
}

/// A process that was sent SIGSTOP. Dropping it lets it go on.
#[derive(Debug)]
pub struct Held {
    process: Pid,
}

impl Held {
    /// Holds the process of a lab's service.
    pub fn service(service: &str, lab: &str, namespace: &str) -> Result<Self, HoldError> {
        // A Kafka's address names lab and namespace, and every service is told one.
        let kafka = format!("KAFKA_BOOTSTRAP_SERVERS={lab}-kafka.{namespace}.svc:9092");
        for (process, environment) in processes(service)? {
            if words(&environment).any(|variable| variable == kafka) {
                kill_process(process, Signal::STOP)?;
                return Ok(Self { process });
            }
        }
        Err(HoldError::NoProcess {
            service: service.to_owned(),
            lab: lab.to_owned(),
            namespace: namespace.to_owned(),
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Fails only for a process that has ended.
        let _ = kill_process(self.process, Signal::CONT);
    }
}

/// The processes of this machine that run that service, whichever lab's, each with its environment as /proc has it.
pub fn processes(service: &str) -> io::Result<Vec<(Pid, Vec<u8>)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let folder = entry?.path();
        let process = folder.file_name().and_then(|name| name.to_str()?.parse().ok()).and_then(Pid::from_raw);
        // One that has just ended is none.
        let (Some(process), Ok(arguments), Ok(environment)) =
            (process, fs::read(folder.join("cmdline")), fs::read(folder.join("environ")))
        else {
            continue;
        };
        let mut arguments = words(&arguments);
        let program = arguments.next().and_then(|program| program.rsplit('/').next());
        if program == Some("edalab-services") && arguments.next() == Some(service) {
            found.push((process, environment));
        }
    }
    Ok(found)
}

/// What /proc separates by NUL.
fn words(bytes: &[u8]) -> impl Iterator<Item = &str> {
    bytes.split(|byte| *byte == 0).filter_map(|word| std::str::from_utf8(word).ok())
}
