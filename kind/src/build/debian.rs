//! Debian packages: unpacked, never installed, so that the machine's own packages and services stay as they are.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use tokio::process::Command;

use super::Builder;
use crate::{
    error::{Error, Result},
    hash::Inputs,
    progress::Step,
    versions::VERSIONS,
};

impl Builder {
    /// The engine and what builds images, with every library that the machine itself lacks. Use [`with_tools`].
    pub(crate) async fn tools(&self) -> Result<PathBuf> {
        self.tools
            .get_or_try_init(|| async {
                let inputs = packages(&VERSIONS.debian.tools);
                self.artefact("tools", "Docker engine from Debian's packages", inputs, async |step, dir| {
                    let archives = dir.join("archives");
                    fs::create_dir_all(archives.join("partial"))
                        .map_err(|e| Error::path("create", &archives, e))?;
                    step.run(Command::new("apt-get").args(["-qq", "update"])).await?;
                    // apt works out what the machine lacks; --download-only keeps it from installing anything
                    let mut download = Command::new("apt-get");
                    download.args([
                        "-y",
                        "install",
                        "--download-only",
                        "--no-install-recommends",
                        "--reinstall",
                    ]);
                    download.arg("-o").arg(format!("Dir::Cache::archives={}", archives.display()));
                    step.run(download.args(&VERSIONS.debian.tools)).await?;
                    unpack(step, &archives, dir).await?;
                    super::remove(&archives)
                })
                .await
            })
            .await
            .cloned()
    }

    /// The root file system of a node, as a tar file.
    pub(crate) async fn node_base(&self) -> Result<PathBuf> {
        self.node_base
            .get_or_try_init(|| async {
                let tools = self.tools().await?;
                let debian = &VERSIONS.debian;
                let inputs = packages(&debian.node);
                self.artefact("node-base", "a node's Debian", inputs, async |step, dir| {
                    let mut build = Command::new(tools.join("usr/bin/mmdebstrap"));
                    build.args(["--variant=apt", "--aptopt=APT::Install-Recommends \"false\""]);
                    for unread in ["doc", "man", "locale"] {
                        build.arg(format!("--dpkgopt=path-exclude=/usr/share/{unread}/*"));
                    }
                    build.arg(format!("--include={}", debian.node.join(",")));
                    build.arg(&debian.release).arg(dir.join("root.tar"));
                    step.run(with_tools(&mut build, &tools)).await
                })
                .await
                .map(|dir| dir.join("root.tar"))
            })
            .await
            .cloned()
    }

    /// What a Rust or Java program needs beneath it, as a tar file: the C library and a shell, about 15 MB.
    pub(crate) async fn runtime_base(&self) -> Result<PathBuf> {
        self.runtime_base
            .get_or_try_init(|| async {
                let tools = self.tools().await?; // has updated apt's lists
                let inputs = packages(&VERSIONS.debian.runtime).add(ACCOUNTS);
                self.artefact("runtime-base", "the base of our images", inputs, async |step, dir| {
                    let archives = dir.join("archives");
                    let root = dir.join("root");
                    for folder in [&archives, &root.join("tmp"), &root.join("etc"), &root.join("usr/bin")] {
                        fs::create_dir_all(folder).map_err(|e| Error::path("create", folder, e))?;
                    }
                    let mut download = Command::new("apt-get");
                    download
                        .args(["-qq", "-o", "APT::Sandbox::User=root", "download"])
                        .args(&VERSIONS.debian.runtime);
                    step.run(download.current_dir(&archives)).await?;
                    unpack(step, &archives, &root).await?;
                    super::remove(&root.join("usr/share/doc"))?;
                    super::write(&root.join("etc/passwd"), ACCOUNTS, false)?;
                    let busybox = tools.join("bin/busybox");
                    let applets = step.output(Command::new(&busybox).arg("--list")).await?;
                    for applet in applets.lines() {
                        link_applet(&root, applet)?;
                    }
                    let mut tar = Command::new("tar");
                    tar.args(["--sort=name", "--numeric-owner", "--owner=0", "--group=0", "-cf"]);
                    step.run(tar.arg(dir.join("root.tar")).arg("-C").arg(&root).arg(".")).await?;
                    super::remove(&root)?;
                    super::remove(&archives)
                })
                .await
                .map(|dir| dir.join("root.tar"))
            })
            .await
            .cloned()
    }
}

/// The inputs of what is made of Debian packages. Their versions are those that the release has on the day.
fn packages(names: &[String]) -> Inputs {
    names.iter().fold(Inputs::of(&[&VERSIONS.debian.release]), Inputs::add)
}

const ACCOUNTS: &str = "root:x:0:0:root:/:/bin/sh\nlab:x:1000:1000:lab:/:/bin/sh\n";

/// Lets `command` find the unpacked tools and the libraries beside them.
pub(crate) fn with_tools<'c>(command: &'c mut Command, tools: &Path) -> &'c mut Command {
    let mut path: Vec<PathBuf> = ["usr/sbin", "usr/bin", "bin"].iter().map(|d| tools.join(d)).collect();
    path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    let libraries: Vec<PathBuf> = ["usr/lib", "lib"]
        .iter()
        .flat_map(|lib| fs::read_dir(tools.join(lib)).into_iter().flatten().flatten())
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with("-linux-gnu"))
        .collect();
    command
        .env("PATH", env::join_paths(path).expect("no folder of a PATH contains a colon"))
        .env("LD_LIBRARY_PATH", env::join_paths(libraries).expect("the cache's path contains no colon"))
}

async fn unpack(step: &Step, archives: &Path, root: &Path) -> Result<()> {
    for entry in fs::read_dir(archives).map_err(|e| Error::path("read", archives, e))?.flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "deb") {
            step.note(entry.file_name().to_string_lossy());
            step.run(Command::new("dpkg-deb").arg("-x").arg(entry.path()).arg(root)).await?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn link_applet(root: &Path, applet: &str) -> Result<()> {
    let link = root.join("bin").join(applet);
    if applet == "busybox" {
        return Ok(());
    }
    std::os::unix::fs::symlink("busybox", &link).map_err(|e| Error::path("create", &link, e))
}

#[cfg(not(unix))]
fn link_applet(_root: &Path, _applet: &str) -> Result<()> {
    unreachable!("Debian packages are unpacked on Linux only")
}
