//! What a process has used (Linux).

use std::fs;

use anyhow::{Context as _, Result, bail};
use edalab_tests::{
    rig::container,
    usage::{self, TICKS},
};

/// The memory that is resident, in MiB.
pub(crate) fn resident_mib(process: u32) -> Result<f64> {
    Ok(mib(usage::resident(process)?))
}

/// The most memory that was resident at a time, in MiB.
pub(crate) fn most_resident_mib(process: u32) -> Result<f64> {
    Ok(mib(usage::most_resident(process)?))
}

#[allow(clippy::cast_precision_loss)] // of a process's memory, in a figure for people
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
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
