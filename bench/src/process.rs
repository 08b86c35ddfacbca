//! What a process has used (Linux).

use std::fs;

use anyhow::{Context as _, Result, bail};

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

/// The one process whose command line begins so; its program may lie in any folder.
pub(crate) fn only(command: &[&str]) -> Result<u32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // One that has just ended is none.
        let Ok(line) = fs::read(entry.path().join("cmdline")) else { continue };
        let mut words = line.split(|byte| *byte == 0).map(String::from_utf8_lossy);
        let is_it = command.iter().enumerate().all(|(place, wanted)| {
            let word = words.next().unwrap_or_default();
            if place == 0 { word.rsplit('/').next() == Some(wanted) } else { word == *wanted }
        });
        if is_it {
            found.push(process);
        }
    }
    match found[..] {
        [process] => Ok(process),
        [] => bail!("no process {} on this machine; is the lab up? make up", command.join(" ")),
        _ => bail!("{} processes {}; one lab is to be measured", found.len(), command.join(" ")),
    }
}

/// Seconds for which the machine's cores were busy, all together.
pub(crate) fn machine_busy_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/stat").context("read /proc/stat")?;
    let first = stat.lines().next().unwrap_or_default();
    let ticks = first.split_whitespace().skip(1).map(str::parse::<f64>).collect::<Result<Vec<_>, _>>()?;
    // proc_stat(5): user nice system idle iowait irq softirq steal; what follows is in user already.
    let busy = ticks.iter().take(8).enumerate().filter(|(place, _)| !matches!(place, 3 | 4));
    Ok(busy.map(|(_, ticks)| ticks).sum::<f64>() / TICKS)
}
