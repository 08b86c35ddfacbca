//! What a process has used (Linux).

use std::{fs, io, str::FromStr};

/// Clock ticks a second in /proc; every Linux that Rust runs on has 100 (`getconf CLK_TCK`).
pub const TICKS: f64 = 100.0;

/// CPU time of all its threads, in seconds.
pub fn cpu_seconds(process: u32) -> io::Result<f64> {
    let path = format!("/proc/{process}/stat");
    let stat = fs::read_to_string(&path)?;
    // The name comes second, in brackets, and may hold anything.
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let field = |number: usize| number_in::<f64>(&path, rest.split_whitespace().nth(number));
    // proc_pid_stat(5): utime is field 14 and stime 15; here 0 is field 3.
    Ok((field(11)? + field(12)?) / TICKS)
}

/// The memory that is resident, in bytes.
pub fn resident(process: u32) -> io::Result<u64> {
    bytes(process, "VmRSS:")
}

/// The most memory that was resident at a time, in bytes.
pub fn most_resident(process: u32) -> io::Result<u64> {
    bytes(process, "VmHWM:")
}

fn bytes(process: u32, key: &str) -> io::Result<u64> {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path)?;
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let kib: u64 = number_in(&path, line.map(|line| line.trim().trim_end_matches(" kB")))?;
    Ok(kib * 1024)
}

fn number_in<T: FromStr>(path: &str, text: Option<&str>) -> io::Result<T> {
    let number = text.and_then(|text| text.parse().ok());
    number.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("{path} is not as proc(5) says")))
}
