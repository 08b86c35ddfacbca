//! Writes the files that come from code: `cargo run -p generate`, with `--check` to fail where one is stale.

use std::{fs, path::Path, process::ExitCode};

use anyhow::Context;
use clap::Parser;

#[derive(Parser)]
#[command(about = "Write the CRD, the chart's copy of it, and the AsyncAPI document from the Rust types")]
struct Arguments {
    /// Write nothing; fail when a file is not what would be written.
    #[arg(long)]
    check: bool,
}

/// A generated file, relative to the workspace, and what belongs in it.
struct Target {
    path: &'static str,
    wanted: String,
}

fn targets() -> anyhow::Result<Vec<Target>> {
    let crd = crds::yaml().context("the CRD as YAML")?;
    Ok(vec![
        Target { path: "crds/edalab.yaml", wanted: crd.clone() },
        // charts hold files, not links
        Target { path: "charts/kafka-eda-lab/files/edalab.yaml", wanted: crd },
        Target {
            path: "schemas/asyncapi.yaml",
            wanted: asyncapi().context("the AsyncAPI document as YAML")?,
        },
    ])
}

fn asyncapi() -> Result<String, serde_yaml_ng::Error> {
    let header = "# Generated from schemas/src by `cargo run -p generate`; do not edit.\n";
    Ok(format!("{header}{}", serde_yaml_ng::to_string(&schemas::asyncapi())?))
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("generate/ lies in the workspace")?;
    let mut stale = Vec::new();
    for Target { path, wanted } in targets()? {
        let file = root.join(path);
        if fs::read_to_string(&file).is_ok_and(|found| found == wanted) {
            continue;
        }
        if arguments.check {
            stale.push(path);
            continue;
        }
        let folder = file.parent().context("a target lies in a folder")?;
        fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        fs::write(&file, wanted).with_context(|| format!("write {}", file.display()))?;
        println!("wrote {path}");
    }
    if stale.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("stale: {}; run `cargo run -p generate`", stale.join(", "));
    Ok(ExitCode::FAILURE)
}
