//! Plants each bug of tests/planted/ into a copy of the checkout, and sees that its trial fails for the right reason.
//!
//! An argument names the patches, by how their names begin; without one, all are planted. A patch begins with what the bug is, `trial:` the suite and trial that must catch it (`crash::at_random`), and `says:`
//! words of the trial's failure. `program:` is the one that it is planted in; where there is no such line, it is
//! edalab-services with its crash points.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use edalab_tests::rig::{
    process,
    program::{self, ROOT},
};

fn main() -> ExitCode {
    let wanted = env::args().nth(1).unwrap_or_default();
    let mut patches: Vec<PathBuf> = fs::read_dir(format!("{ROOT}/tests/planted"))
        .expect("tests/planted is there")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "patch"))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&wanted)))
        .collect();
    patches.sort();
    let runtime = tokio::runtime::Runtime::new().expect("a process can have threads, a timer and a poller");
    let missed: Vec<&PathBuf> = patches
        .iter()
        .filter(|patch| match runtime.block_on(plant(patch)) {
            Ok(()) => false,
            Err(problem) => {
                eprintln!("{}: {problem}", patch.display());
                true
            }
        })
        .collect();
    println!("{} planted, {} caught", patches.len(), patches.len() - missed.len());
    if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn plant(patch: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let text = fs::read_to_string(patch)?;
    let head = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        line.map(str::trim).ok_or(format!("it has no line {key:?}"))
    };
    let (trial, says) = (head("trial:")?, head("says:")?);
    let (package, features, instead): (_, &[&str], _) = match head("program:") {
        Ok("edalab-operator") => ("edalab-operator", &[], "EDALAB_OPERATOR"),
        Ok("edalab-services") => ("edalab-services", &[], "EDALAB_SERVICES"),
        _ => ("edalab-services", &["crash-points"], "EDALAB_SERVICES_CRASH_POINTS"),
    };
    println!(
        "{}: {}",
        patch.file_stem().unwrap_or_default().display(),
        text.lines().next().unwrap_or_default()
    );

    // One folder for all: what a patch does not touch is compiled once.
    let copy = PathBuf::from(ROOT).join("target/planted");
    fs::create_dir_all(&copy)?;
    let script =
        "git ls-files -z | tar --null --files-from=- --create | tar --extract --touch --directory=\"$0\"";
    process::output(Command::new("sh").args(["-c", script]).arg(&copy).current_dir(ROOT)).await?;
    let mut apply = Command::new("patch");
    apply.args(["--strip=1", "--input"]).arg(fs::canonicalize(patch)?);
    process::output(apply.current_dir(&copy)).await?;
    let program = program::build(&copy, package, features).await?;

    let mut suite = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let (name, _) = trial.split_once("::").ok_or(format!("trial: {trial} names no suite"))?;
    suite.args(["test", "--quiet", "--workspace", "--test", name, "--", "--exact", trial]);
    // Enough kills that a bug with a narrow window is met.
    suite.env("EXACT_SECONDS", "60").env("EXACT_PAUSE", "0");
    let output = suite.env(instead, program).current_dir(ROOT).output()?;
    let told =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    match (output.status.success(), told.contains(says)) {
        (false, true) => {
            println!("  caught by {trial}: ...{says}...");
            Ok(())
        }
        (true, _) => Err(format!("{trial} passes with the bug in place").into()),
        (false, false) => Err(format!("{trial} fails, but not for this: {told}").into()),
    }
}
