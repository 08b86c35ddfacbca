//! axe-core, which looks into a page for what keeps people from using it.

use std::{path::Path, process::Command};

use serde::Deserialize;

use super::{
    process::{self, ProcessError},
    program::{self, ROOT},
    tab::Tab,
};

/// The script, run in a page.
#[derive(Debug)]
pub struct Axe(String);

/// A rule that a page breaks, and where.
#[derive(Debug, Clone, Deserialize)]
pub struct Violation {
    pub id: String,
    pub help: String,
    pub nodes: Vec<Node>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Node {
    pub html: String,
}

/// There is no script.
#[derive(Debug, thiserror::Error)]
pub enum AxeError {
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error("read axe-core's script: {0}")]
    Read(#[from] std::io::Error),
}

impl Axe {
    /// Gets it from npm, in the version that is written down.
    pub async fn get() -> Result<Self, AxeError> {
        let folder = program::target().join("axe");
        std::fs::create_dir_all(&folder)?;
        for file in ["package.json", "package-lock.json"] {
            std::fs::copy(Path::new(ROOT).join("tests/axe").join(file), folder.join(file))?;
        }
        let mut npm = Command::new("npm");
        process::output(npm.args(["ci", "--loglevel", "error", "--prefix"]).arg(&folder)).await?;
        Ok(Self(std::fs::read_to_string(folder.join("node_modules/axe-core/axe.min.js"))?))
    }

    /// What is wrong with the page as it stands.
    pub async fn violations(&self, tab: &Tab) -> Result<Vec<Violation>, Box<dyn std::error::Error>> {
        tab.0.evaluate(self.0.as_str()).await?;
        tab.js("axe.run(document, {resultTypes: ['violations']}).then(found => found.violations)").await
    }
}
