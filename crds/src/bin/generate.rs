//! Writes the CRD from the types: `cargo run -p crds --bin generate`, with `--check` to fail where a file is stale.

use std::{fs, path::Path, process::ExitCode};

use anyhow::Context;
use clap::Parser;

/// The committed CRD, and the copy that the chart installs (charts hold files, not links).
const TARGETS: [&str; 2] = ["crds/edalab.yaml", "charts/kafka-eda-lab/files/edalab.yaml"];

#[derive(Parser)]
#[command(about = "Write crds/edalab.yaml and the chart's copy from the EdaLab types")]
struct Arguments {
    /// Write nothing; fail when a file is not what would be written.
    #[arg(long)]
    check: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("crds/ lies in the workspace")?;
    let wanted = crds::yaml().context("the CRD as YAML")?;
    let mut stale = Vec::new();
    for target in TARGETS {
        let path = root.join(target);
        if fs::read_to_string(&path).is_ok_and(|found| found == wanted) {
            continue;
        }
        if arguments.check {
            stale.push(target);
            continue;
        }
        let folder = path.parent().context("a target lies in a folder")?;
        fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        fs::write(&path, &wanted).with_context(|| format!("write {}", path.display()))?;
        println!("wrote {target}");
    }
    if stale.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("stale: {}; run `cargo run -p crds --bin generate`", stale.join(", "));
    Ok(ExitCode::FAILURE)
}
