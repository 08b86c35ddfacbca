//! The programs under test, built from this checkout.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tokio::sync::OnceCell;

use super::process::{self, ProcessError};

/// The checkout.
pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Where cargo puts what it makes.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| Path::new(ROOT).join("target"), PathBuf::from)
}

/// A program cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    #[error(transparent)]
    Build(#[from] ProcessError),
    #[error("cargo built package {package} and names no program")]
    NoProgram { package: String },
    #[error("cannot copy {}: {source}", path.display())]
    Copy { path: PathBuf, source: std::io::Error },
}

/// The `edalab` command.
pub async fn edalab() -> Result<&'static Path, ProgramError> {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    once(&BUILT, "edalab", &[], "EDALAB_PROGRAM").await
}

/// The operator.
pub async fn operator() -> Result<&'static Path, ProgramError> {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    once(&BUILT, "edalab-operator", &[], "EDALAB_OPERATOR").await
}

/// The services, as they are released.
pub async fn services() -> Result<&'static Path, ProgramError> {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    once(&BUILT, "edalab-services", &[], "EDALAB_SERVICES").await
}

/// The services with crash points.
pub async fn services_that_crash() -> Result<&'static Path, ProgramError> {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    once(&BUILT, "edalab-services", &["crash-points"], "EDALAB_SERVICES_CRASH_POINTS").await
}

/// The environment variable `instead` names a program to be used as it is; planted bugs come in that way.
async fn once(
    built: &'static OnceCell<PathBuf>,
    package: &str,
    features: &[&str],
    instead: &str,
) -> Result<&'static Path, ProgramError> {
    let path = built
        .get_or_try_init(async || match env::var_os(instead) {
            Some(path) => Ok(PathBuf::from(path)),
            None => build(Path::new(ROOT), package, features).await,
        })
        .await?;
    Ok(path)
}

/// A program of the release before this one: of the commit that tests/released/before names.
pub async fn before(package: &str) -> Result<PathBuf, ProgramError> {
    let folder = checkout_before().await?;
    build(&folder, package, &[]).await
}

/// A copy of the release before, without its history.
pub async fn checkout_before() -> Result<PathBuf, ProgramError> {
    let folder = Path::new(ROOT).join("target/before");
    // Times are those of the commit: what was compiled of it stays so.
    let copy =
        r#"mkdir -p "$0" && git archive "$(cat tests/released/before)" | tar --extract --directory="$0""#;
    process::output(Command::new("sh").args(["-ec", copy]).arg(&folder).current_dir(ROOT)).await?;
    Ok(folder)
}

/// Builds a package of the checkout `root`; the path of its program. With features, the program is put beside the one
/// without, which would be overwritten at the next build otherwise.
pub async fn build(root: &Path, package: &str, features: &[&str]) -> Result<PathBuf, ProgramError> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(root)
        .args(["build", "--message-format", "json-render-diagnostics", "--bin", package])
        // with the features that `cargo test --workspace` gives every crate: what it compiled is used
        .arg("--workspace");
    for feature in features {
        cargo.args(["--features", &format!("{package}/{feature}")]);
    }
    let messages = process::output(&cargo).await?;
    let program = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
        .ok_or_else(|| ProgramError::NoProgram { package: package.to_owned() })?;
    if features.is_empty() {
        return Ok(program);
    }
    let beside = program.with_file_name(format!("{package}-{}", features.join("-")));
    let copying = |source| ProgramError::Copy { path: program.clone(), source };
    let unfinished = beside.with_extension(std::process::id().to_string());
    std::fs::copy(&program, &unfinished).map_err(copying)?;
    std::fs::rename(&unfinished, &beside).map_err(copying)?;
    Ok(beside)
}
