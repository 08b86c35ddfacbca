//! Our own two programs, for the images of a bare machine.

use std::{fs, path::PathBuf};

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
    /// The compiler's output is kept between versions and checkouts, so that a change compiles what it changed.
    pub(crate) async fn programs(&self) -> Result<PathBuf> {
        let inputs = Inputs::of(&[&self.source_hash()?]);
        self.artefact("programs", "operator and services, compiled", inputs, async |step, dir| {
            let target = self.home.cache().join("cargo-target");
            let cargo = |arguments: &[&str]| {
                let mut cargo = Command::new("cargo");
                cargo.args(arguments).arg("--target-dir").arg(&target).current_dir(&self.source);
                cargo
            };
            // cargo knows our crates' files by age alone: an older checkout's would pass for what a newer one compiled
            let last = target.join("checkout");
            let checkout = self.source.as_os_str().as_encoded_bytes();
            if fs::read(&last).ok().as_deref() != Some(checkout) {
                step.run(&mut cargo(&["clean", "--release", "--workspace"])).await?;
                super::write(&last, checkout, false)?;
            }
            step.run(&mut cargo(&["build", "--release", "--locked", "-p", OPERATOR, "-p", SERVICES])).await?;
            for program in [OPERATOR, SERVICES] {
                let built = target.join("release").join(program);
                fs::copy(&built, dir.join(program)).map_err(|e| Error::path("copy", &built, e))?;
            }
            Ok(())
        })
        .await
    }
}
