//! What a process has used (Linux).

use std::fs;

use anyhow::{Context as _, Result, bail};
use edalab_tests::rig::container;

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

/// The one process of this machine that runs that service.
pub(crate) fn of_service(service: &str) -> Result<u32> {
    match container::processes(service)?[..] {
        [(process, _)] => Ok(process.as_raw_nonzero().get().unsigned_abs()),
        [] => bail!("no process of {service} on this machine; is the lab up? make up"),
        ref several => bail!("{} processes of {service}; one lab is to be measured", several.len()),
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
