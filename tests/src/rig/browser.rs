//! A headless Chromium, driven by its DevTools protocol.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use chromiumoxide::{Page, error::CdpError};
use futures::StreamExt as _;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::{
    home,
    ports::{self, NoFreePort},
    process::{self, Process, ProcessError},
};
use crate::wait::{self, TimedOut};

/// How long the browser may take until it answers. On an idle machine it takes half a second.
const START: Duration = Duration::from_secs(60);
/// The Debian packages that a machine without Chromium gets it from, and letters to draw.
const PACKAGES: [&str; 3] = ["chromium", "fonts-dejavu-core", "fontconfig-config"];

/// The browser does not do what the test needs.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    #[error("{0} (the tests want Chromium: set CHROMIUM to the program, or apt-get install chromium)")]
    Get(ProcessError),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Port(#[from] NoFreePort),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error(transparent)]
    Late(#[from] TimedOut),
    #[error("the browser: {0}")]
    Protocol(#[from] CdpError),
}

/// A browser with a profile of its own. Dropping it ends both.
#[derive(Debug)]
pub struct Browser {
    chromium: chromiumoxide::Browser,
    listener: JoinHandle<()>,
    // Ended in this order.
    _process: Process,
    _profile: TempDir,
}

impl Browser {
    pub async fn start() -> Result<Self, BrowserError> {
        let profile = tempfile::Builder::new().prefix("edalab-browser-").tempdir();
        let profile = profile.map_err(|source| BrowserError::File { path: env::temp_dir(), source })?;
        let port = ports::free()?;
        let mut command = find().await?;
        command
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--hide-scrollbars", "--no-first-run", "--disable-extensions", "--mute-audio"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .arg(format!("--remote-debugging-port={port}"))
            .arg(format!("--user-data-dir={}", profile.path().join("profile").display()))
            .arg("about:blank");
        let mut process = Process::start("Chromium", &command, &profile.path().join("chromium.log"))?;
        let address = format!("http://127.0.0.1:{port}");
        let (chromium, mut events) = wait::until("Chromium to answer", START, async || {
            process.must_run().map_err(|problem| problem.to_string())?;
            chromiumoxide::Browser::connect(&address).await.map_err(|problem| problem.to_string())
        })
        .await?;
        let listener = tokio::spawn(async move { while events.next().await.is_some() {} });
        Ok(Self { chromium, listener, _process: process, _profile: profile })
    }

    /// A new tab at that address.
    pub async fn open(&self, url: &str) -> Result<Page, BrowserError> {
        Ok(self.chromium.new_page(url).await?)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// The command that runs Chromium: what `CHROMIUM` names, `chromium` of the PATH, or Debian's package, unpacked once into
/// the cache folder. It is not installed: the machine's own packages stay as they are.
async fn find() -> Result<Command, BrowserError> {
    if let Some(program) = env::var_os("CHROMIUM") {
        return Ok(Command::new(program));
    }
    let folders = env::var_os("PATH").unwrap_or_default();
    if let Some(program) =
        env::split_paths(&folders).map(|folder| folder.join("chromium")).find(|p| p.is_file())
    {
        return Ok(Command::new(program));
    }
    let key = Sha256::digest(PACKAGES.join(" "));
    let key = key.iter().take(6).fold(String::new(), |key, byte| format!("{key}{byte:02x}"));
    let folder = home::cache().join(format!("test-chromium-{key}"));
    if !folder.is_dir() {
        println!("Chromium is not there; Debian's packages of it are unpacked into {}", folder.display());
        let unfinished = folder.with_extension("unfinished");
        unpack(&unfinished).await?;
        fs::rename(&unfinished, &folder)
            .map_err(|source| BrowserError::File { path: folder.clone(), source })?;
    }
    let libraries = folder.join("usr/lib").join(format!("{}-linux-gnu", env::consts::ARCH));
    let mut command = Command::new(folder.join("usr/lib/chromium/chromium"));
    command
        .env("LD_LIBRARY_PATH", format!("{0}:{0}/pulseaudio", libraries.display()))
        .env("FONTCONFIG_FILE", fonts(&folder)?);
    Ok(command)
}

/// apt works out which libraries the machine lacks; `--download-only` keeps it from installing anything.
async fn unpack(folder: &Path) -> Result<(), BrowserError> {
    let archives = folder.join("archives");
    let failed = |source| BrowserError::File { path: archives.clone(), source };
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(archives.join("partial")).map_err(failed)?;
    process::output(Command::new("apt-get").args(["-qq", "update"])).await.map_err(BrowserError::Get)?;
    let mut download = Command::new("apt-get");
    download
        .args(["-qq", "-y", "install", "--download-only", "--no-install-recommends", "--reinstall"])
        .args(["-o", "APT::Sandbox::User=root", "-o"])
        .arg(format!("Dir::Cache::archives={}", archives.display()))
        .args(PACKAGES);
    process::output(&download).await.map_err(BrowserError::Get)?;
    for entry in fs::read_dir(&archives).map_err(failed)?.flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "deb") {
            process::output(Command::new("dpkg-deb").arg("-x").arg(entry.path()).arg(folder)).await?;
        }
    }
    fs::remove_dir_all(&archives).map_err(failed)
}

/// Fontconfig's settings: the unpacked letters and no others, so that pages look alike on every machine.
fn fonts(folder: &Path) -> Result<PathBuf, BrowserError> {
    let path = folder.join("fonts.conf");
    let (letters, cache) = (folder.join("usr/share/fonts"), folder.join("fonts-cache"));
    let text = format!(
        "<?xml version=\"1.0\"?>\n<!DOCTYPE fontconfig SYSTEM \"fonts.dtd\">\n\
         <fontconfig><dir>{}</dir><cachedir>{}</cachedir></fontconfig>\n",
        letters.display(),
        cache.display()
    );
    fs::write(&path, text).map_err(|source| BrowserError::File { path: path.clone(), source })?;
    Ok(path)
}
