//! Where everything lives that this command writes.
//!
//! ```text
//! $EDALAB_HOME (default $XDG_DATA_HOME/edalab, ~/.local/share/edalab)
//!   cache/NAME-HASH/     what was built, one folder for each artefact and hash of its inputs
//!   bin/                 the programs that people type: edalab, kubectl, helm, kind
//!   engine/              the private engine's images and, while a lab exists, its volumes
//!   clusters/NAME/       kubeconfig, kind's configuration, the ports in use
//!   logs/                one log for each step, the last run's
//! /run/edalab-KEY/       sockets, process ids and mounts of the private engine: gone after a reboot, as they should be
//! ```

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::{
    error::{Error, Result},
    hash::short_hash,
};

/// The folders of one user's labs.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    root: PathBuf,
}

impl Home {
    /// Finds the folder by the environment; creates nothing.
    pub(crate) fn find() -> Result<Self> {
        let set = |name: &str| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let root = set("EDALAB_HOME")
            .or_else(|| set("XDG_DATA_HOME").map(|d| d.join("edalab")))
            .or_else(|| env::home_dir().map(|h| h.join(".local/share/edalab")))
            .ok_or_else(|| Error::Cannot {
                what: "there is no home folder to keep the lab in".into(),
                next: "set EDALAB_HOME to a folder with 10 GB of room".into(),
            })?;
        let root = if root.is_absolute() {
            root
        } else {
            env::current_dir().map_err(|e| Error::io("read the current folder", e))?.join(root)
        };
        Ok(Self { root })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    pub(crate) fn engine(&self) -> PathBuf {
        self.root.join("engine")
    }

    pub(crate) fn bin(&self) -> PathBuf {
        self.root.join("bin")
    }

    /// Puts the programs that people type into one folder, for their PATH: links to those of the cache, and a copy of
    /// this one, whose place may be a checkout that goes.
    pub(crate) fn offer_programs(&self, cached: &[(&str, &Path)]) -> Result<()> {
        let bin = self.bin();
        fs::create_dir_all(&bin).map_err(|e| Error::path("create", &bin, e))?;
        let (own, copy) =
            (env::current_exe().map_err(|e| Error::io("find this program", e))?, bin.join("edalab"));
        if own != copy {
            let unfinished = copy.with_extension("unfinished");
            fs::copy(&own, &unfinished).map_err(|e| Error::path("copy", &own, e))?;
            fs::rename(&unfinished, &copy).map_err(|e| Error::path("write", &copy, e))?;
        }
        for (name, program) in cached {
            let link = bin.join(name);
            let _ = fs::remove_file(&link);
            #[cfg(unix)]
            std::os::unix::fs::symlink(program, &link).map_err(|e| Error::path("create", &link, e))?;
        }
        Ok(())
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    pub(crate) fn cluster(&self, name: &str) -> PathBuf {
        self.root.join("clusters").join(name)
    }

    pub(crate) fn kubeconfig(&self, name: &str) -> PathBuf {
        self.cluster(name).join("kubeconfig")
    }

    /// The names of the clusters that were made and not taken down.
    pub(crate) fn clusters(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.root.join("clusters"))
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    /// What must not outlive a reboot: sockets, process ids, mounts. Short, because a socket's path may have 107 bytes.
    pub(crate) fn run(&self) -> PathBuf {
        Path::new("/run").join(format!("edalab-{}", short_hash(self.root.as_os_str().as_encoded_bytes())))
    }

    /// Holds the lock `name` until the returned file is dropped; says so when another process holds it.
    pub(crate) fn lock(&self, name: &str, on_wait: impl FnOnce()) -> Result<fs::File> {
        fs::create_dir_all(&self.root).map_err(|e| Error::path("create", &self.root, e))?;
        let path = self.root.join(format!("{name}.lock"));
        let file = fs::File::create(&path).map_err(|e| Error::path("open", &path, e))?;
        if file.try_lock().is_err() {
            on_wait();
            file.lock().map_err(|e| Error::path("lock", &path, e))?;
        }
        Ok(file)
    }
}
