//! Python with the packages of tests/python/requirements.txt, in an environment of its own.

use std::{io, path::PathBuf, process::Command};

use sha2::{Digest, Sha256};

use super::{
    home,
    process::{self, ProcessError},
    program::ROOT,
};

/// The environment cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PythonError {
    #[error("{0} (the tests want python3 with its venv module; Debian: apt-get install python3-venv)")]
    Make(#[from] ProcessError),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
}

/// A command that runs a script of tests/python. The environment is made once for each version of the requirements,
/// in the cache folder.
pub async fn script(name: &str) -> Result<Command, PythonError> {
    let scripts = PathBuf::from(ROOT).join("tests/python");
    let requirements = scripts.join("requirements.txt");
    let failed = |path: &PathBuf, source| PythonError::File { path: path.clone(), source };
    let text = std::fs::read(&requirements).map_err(|source| failed(&requirements, source))?;
    let key =
        Sha256::digest(&text).iter().take(6).fold(String::new(), |key, byte| format!("{key}{byte:02x}"));
    let environment = home::cache().join(format!("test-python-{key}"));
    if !environment.is_dir() {
        // Of what is inside, only the scripts in bin name the folder; they are not used.
        let unfinished = environment.with_extension("unfinished");
        std::fs::create_dir_all(home::cache()).map_err(|source| failed(&environment, source))?;
        process::output(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&unfinished)).await?;
        let mut pip = Command::new(unfinished.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&requirements);
        process::output(&pip).await?;
        std::fs::rename(&unfinished, &environment).map_err(|source| failed(&environment, source))?;
    }
    let mut python = Command::new(environment.join("bin/python"));
    python.arg(scripts.join(name));
    Ok(python)
}
