//! What a bare machine's lab is made of, built from package registries.
//!
//! Every artefact is a method of [`Builder`] that returns where it lies. It is built when somebody first asks for it, once
//! a process, and cached on disk under the hash of its inputs. What an artefact needs, its method asks for: that is the
//! whole dependency graph, and `try_join!` is all there is to running side by side.

pub(crate) mod debian;
mod go;
pub(crate) mod images;
mod java;
mod rust;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::OnceCell;

use crate::{
    error::{Error, Result},
    hash::Inputs,
    home::Home,
    progress::{Progress, Step},
};

type Artefact = OnceCell<PathBuf>;

/// Builds artefacts, each at most once.
pub(crate) struct Builder {
    pub(crate) home: Home,
    pub(crate) progress: Progress,
    /// The checkout: our own sources and the chart.
    pub(crate) source: PathBuf,
    tools: Artefact,
    go_programs: Artefact,
    java: Artefact,
    kafka: Artefact,
    schema_registry: Artefact,
    node_base: Artefact,
    runtime_base: Artefact,
}

impl Builder {
    pub(crate) fn new(home: Home, progress: Progress, source: PathBuf) -> Arc<Self> {
        Arc::new(Self {
            home,
            progress,
            source,
            tools: OnceCell::new(),
            go_programs: OnceCell::new(),
            java: OnceCell::new(),
            kafka: OnceCell::new(),
            schema_registry: OnceCell::new(),
            node_base: OnceCell::new(),
            runtime_base: OnceCell::new(),
        })
    }

    /// An artefact by the name that `edalab build` takes.
    pub(crate) async fn by_name(&self, name: &str) -> Result<PathBuf> {
        match name {
            "tools" => self.tools().await,
            "kubenode" => self.kubenode().await,
            "coredns" => self.coredns().await,
            "local-path-provisioner" => self.local_path_provisioner().await,
            "kind" => self.kind().await,
            "helm" => self.helm().await,
            "java" => self.java().await,
            "kafka" => self.kafka().await,
            "schema-registry" => self.schema_registry().await,
            "programs" => self.programs().await,
            _ => Err(Error::Cannot {
                what: format!("there is no artefact {name:?}"),
                next: format!("one of: {}", Self::NAMES.join(", ")),
            }),
        }
    }

    /// What [`Builder::by_name`] knows.
    pub(crate) const NAMES: [&str; 10] = [
        "tools",
        "kubenode",
        "coredns",
        "local-path-provisioner",
        "kind",
        "helm",
        "java",
        "kafka",
        "schema-registry",
        "programs",
    ];

    /// The folder of an artefact: from the cache, or filled by `build` and moved there whole. An interruption leaves a
    /// folder of the process that was interrupted, and never half an artefact.
    async fn artefact(
        &self,
        name: &str,
        title: &str,
        inputs: Inputs,
        build: impl AsyncFnOnce(&Step, &Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let target = self.home.cache().join(format!("{name}-{}", inputs.finish()));
        if target.exists() {
            return Ok(target);
        }
        let step =
            self.progress.step(name, title, "look into the log, mend it, and run the same command again")?;
        let unfinished = self.home.cache().join(format!("{name}.{}.unfinished", std::process::id()));
        remove(&unfinished)?;
        fs::create_dir_all(&unfinished).map_err(|e| Error::path("create", &unfinished, e))?;
        build(&step, &unfinished).await?;
        fs::rename(&unfinished, &target).map_err(|e| Error::path("move into place", &target, e))?;
        step.done();
        Ok(target)
    }

    /// Removes what interrupted builds left, as far as it can be: an orphan may still be writing there.
    pub(crate) fn remove_unfinished(&self) {
        for entry in fs::read_dir(self.home.cache()).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().ends_with(".unfinished") {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// Removes a folder that may not be there.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::path("remove", path, e)),
        _ => Ok(()),
    }
}

/// Writes one file of an image, with its mode.
fn write(path: &Path, content: impl AsRef<[u8]>, executable: bool) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|e| Error::path("create", parent, e))?;
    }
    fs::write(path, content).map_err(|e| Error::path("write", path, e))?;
    set_executable(path, executable)
}

#[cfg(unix)]
fn set_executable(path: &Path, executable: bool) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = if executable { 0o755 } else { 0o644 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(|e| Error::path("set the mode of", path, e))
}

#[cfg(not(unix))]
fn set_executable(_path: &Path, _executable: bool) -> Result<()> {
    Ok(()) // images are built from files on Linux only; elsewhere a Dockerfile does it
}
