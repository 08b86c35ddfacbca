//! Where Kafka, the schema registry and a Java runtime lie on this machine.

use std::{collections::HashMap, env, path::PathBuf, process::Command};

use super::{
    process::{self, ProcessError},
    program::{self, ProgramError},
};

/// A part is not there.
#[derive(Debug, thiserror::Error)]
pub enum PartsError {
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error(transparent)]
    Build(#[from] ProcessError),
    #[error("`edalab build {part} -o json` does not tell where {part} lies: {answer}")]
    Untold { part: String, answer: String },
}

/// The folder of each part that was asked for.
#[derive(Debug, Clone)]
pub struct Parts(HashMap<String, PathBuf>);

impl Parts {
    /// Takes each part from its environment variable (`EDALAB_KAFKA_HOME`, `EDALAB_REGISTRY_HOME`,
    /// `EDALAB_JAVA_HOME`, `EDALAB_KUBENODE`), and lets the `edalab` command build or find the others.
    pub async fn find(names: &[&str]) -> Result<Self, PartsError> {
        let mut found = HashMap::new();
        let mut missing = Vec::new();
        for name in names {
            match env::var_os(variable(name)) {
                Some(path) => drop(found.insert((*name).to_owned(), PathBuf::from(path))),
                None => missing.push(*name),
            }
        }
        if !missing.is_empty() {
            let mut build = Command::new(program::edalab().await?);
            build.arg("build").args(&missing).args(["-o", "json"]);
            let answer = process::output(&build).await?;
            let told: HashMap<String, PathBuf> = serde_json::from_str(&answer).unwrap_or_default();
            for name in missing {
                let path = told
                    .get(name)
                    .ok_or_else(|| PartsError::Untold { part: name.to_owned(), answer: answer.clone() })?;
                found.insert(name.to_owned(), path.clone());
            }
        }
        Ok(Self(found))
    }

    /// The part's folder, or its file where it is a single program.
    ///
    /// # Panics
    /// Where the part was not asked for in [`Parts::find`].
    pub fn path(&self, name: &str) -> &PathBuf {
        self.0.get(name).expect("a part that was asked for")
    }
}

/// The environment variable that names a part's place.
fn variable(part: &str) -> String {
    match part {
        "schema-registry" => "EDALAB_REGISTRY_HOME".to_owned(),
        "kubenode" => "EDALAB_KUBENODE".to_owned(),
        other => format!("EDALAB_{}_HOME", other.to_uppercase()),
    }
}
