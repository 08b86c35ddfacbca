//! The Java runtime that runs Kafka and the registry.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::{
    home,
    process::{self, ProcessError},
};

/// A Java runtime with an archive of its own classes, which halves a JVM's start.
#[derive(Debug, Clone)]
pub struct Java {
    program: PathBuf,
    archive: PathBuf,
}

impl Java {
    /// The runtime in the folder `home`. Its archive is made once in the cache folder where it came without one.
    pub async fn new(home: &Path) -> Result<Self, ProcessError> {
        static ARCHIVE: OnceCell<PathBuf> = OnceCell::const_new();
        let program = home.join("bin/java");
        let archive = ARCHIVE.get_or_try_init(|| archive(home, &program)).await?.clone();
        Ok(Self { program, archive })
    }

    /// A JVM with a heap of at most `heap` (as in `256m`). Tests start many and run each for a short time, so it
    /// compiles quickly rather than well, and collects garbage in one thread.
    pub fn command(&self, heap: &str) -> Command {
        let mut java = Command::new(&self.program);
        java.arg(format!("-XX:SharedArchiveFile={}", self.archive.display()))
            .args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .arg(format!("-Xmx{heap}"));
        java
    }
}

async fn archive(home: &Path, program: &Path) -> Result<PathBuf, ProcessError> {
    let own = home.join("lib/server/classes.jsa");
    if own.is_file() {
        return Ok(own);
    }
    let key = Sha256::digest(home.as_os_str().as_encoded_bytes());
    let folder = home::cache();
    let made = folder.join(format!("test-java-{:02x}{:02x}{:02x}{:02x}.jsa", key[0], key[1], key[2], key[3]));
    if !made.is_file() {
        let failed = |source| ProcessError::Start { name: program.display().to_string(), source };
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let unfinished = made.with_extension(std::process::id().to_string());
        let mut dump = Command::new(program);
        dump.args(["-Xshare:dump", "-XX:+UseSerialGC"])
            .arg(format!("-XX:SharedArchiveFile={}", unfinished.display()));
        process::output(&dump).await?;
        std::fs::rename(&unfinished, &made).map_err(failed)?;
    }
    Ok(made)
}
