//! Debian packages, unpacked once into the cache folder. They are not installed: the machine's own stay as they are.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use sha2::{Digest, Sha256};

use super::{
    home,
    process::{self, ProcessError},
};

/// The packages cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DebianError {
    #[error(transparent)]
    Get(#[from] ProcessError),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
}

/// The folder in which the packages lie unpacked, with what they need and the machine lacks.
pub async fn unpacked(what: &str, packages: &[&str]) -> Result<PathBuf, DebianError> {
    let key = Sha256::digest(packages.join(" "));
    let key = key.iter().take(6).fold(String::new(), |key, byte| format!("{key}{byte:02x}"));
    let folder = home::cache().join(format!("test-{what}-{key}"));
    if !folder.is_dir() {
        println!("{what} is not there; Debian's packages of it are unpacked into {}", folder.display());
        let unfinished = folder.with_extension("unfinished");
        unpack(packages, &unfinished).await?;
        fs::rename(&unfinished, &folder)
            .map_err(|source| DebianError::File { path: folder.clone(), source })?;
    }
    Ok(folder)
}

/// apt works out which libraries the machine lacks; `--download-only` keeps it from installing anything.
async fn unpack(packages: &[&str], folder: &Path) -> Result<(), DebianError> {
    let archives = folder.join("archives");
    let failed = |source| DebianError::File { path: archives.clone(), source };
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(archives.join("partial")).map_err(failed)?;
    process::output(Command::new("apt-get").args(["-qq", "update"])).await?;
    let mut download = Command::new("apt-get");
    download
        .args(["-qq", "-y", "install", "--download-only", "--no-install-recommends", "--reinstall"])
        .args(["-o", "APT::Sandbox::User=root", "-o"])
        .arg(format!("Dir::Cache::archives={}", archives.display()))
        .args(packages);
    process::output(&download).await?;
    for entry in fs::read_dir(&archives).map_err(failed)?.flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "deb") {
            process::output(Command::new("dpkg-deb").arg("-x").arg(entry.path()).arg(folder)).await?;
        }
    }
    fs::remove_dir_all(&archives).map_err(failed)
}
