//! Our own two programs, for the images of a bare machine.

use std::{env, fs, path::PathBuf};

use tokio::process::Command;

use super::Builder;
use crate::{
    error::{Error, Result},
    hash::Inputs,
};

/// What the two programs are compiled from, relative to the checkout.
const SOURCES: [&str; 10] = [
    ".cargo/config.toml",
    "Cargo.lock",
    "Cargo.toml",
    "crds/Cargo.toml",
    "crds/src",
    "ledger",
    "operator",
    "rust-toolchain.toml",
    "schemas",
    "services",
];

const OPERATOR: &str = "edalab-operator";
const SERVICES: &str = "edalab-services";

impl Builder {
    /// The hash of the sources of our own two programs: their images' tag.
    pub(crate) fn source_hash(&self) -> Result<String> {
        let inputs = SOURCES.iter().try_fold(Inputs::new(), |all, path| all.add_tree(&self.source, path))?;
        Ok(inputs.finish())
    }

    /// A folder with `edalab-operator` and `edalab-services`, release build.
    ///
    /// `edalab` is named with them, so that each crate has the features that it had when `make` compiled `edalab`, and
    /// what they share, most of `edalab`, is compiled once.
    pub(crate) async fn programs(&self) -> Result<PathBuf> {
        let inputs = Inputs::of(&[&self.source_hash()?]);
        self.artefact("programs", "operator and services, compiled", inputs, async |step, dir| {
            let mut cargo = Command::new("cargo");
            cargo.args(["build", "--release", "--locked", "-p", "edalab", "-p", OPERATOR, "-p", SERVICES]);
            cargo.args(["--bin", OPERATOR, "--bin", SERVICES]).current_dir(&self.source);
            step.run(&mut cargo).await?;
            let target = self.source.join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()));
            for program in [OPERATOR, SERVICES] {
                let built = target.join("release").join(program);
                fs::copy(&built, dir.join(program)).map_err(|e| Error::path("copy", &built, e))?;
            }
            Ok(())
        })
        .await
    }
}
