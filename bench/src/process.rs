//! What a process has used (Linux).

use std::fs;

use anyhow::{Context as _, Result};

/// Clock ticks a second in /proc; every Linux that Rust runs on has 100 (`getconf CLK_TCK`).
const TICKS: f64 = 100.0;

/// CPU time of all its threads, in seconds.
pub(crate) fn cpu_seconds(process: u32) -> Result<f64> {
    let path = format!("/proc/{process}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    // The name comes second, in brackets, and may hold anything.
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let field = |number: usize| -> Result<f64> {
        let text = rest.split_whitespace().nth(number).with_context(|| format!("{path} is short"))?;
        Ok(text.parse()?)
    };
    // proc_pid_stat(5): utime is field 14 and stime 15; here 0 is field 3.
    Ok((field(11)? + field(12)?) / TICKS)
}

/// The memory that is resident, in MiB.
pub(crate) fn resident_mib(process: u32) -> Result<f64> {
    mib(process, "VmRSS:")
}

/// The most memory that was resident at a time, in MiB.
pub(crate) fn most_resident_mib(process: u32) -> Result<f64> {
    mib(process, "VmHWM:")
}

fn mib(process: u32, key: &str) -> Result<f64> {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let kib: f64 =
        line.with_context(|| format!("{path} has no {key}"))?.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}
