//! Figures of several runs, and the machine that they were seen on.

use std::{fmt, fs, thread};

use anyhow::{Context as _, Result};

/// What several runs of one thing gave.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    name: &'static str,
    runs: Vec<f64>,
}

impl Figures {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, runs: Vec::new() }
    }

    pub(crate) fn add(&mut self, figure: f64) {
        self.runs.push(figure);
    }

    /// The middle one; of an even number, the mean of the middle two.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.runs.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match sorted.len() {
            0 => f64::NAN,
            count if count % 2 == 1 => sorted[middle],
            _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
        }
    }

    /// Every one, in the order of the runs.
    pub(crate) fn all(&self) -> String {
        self.runs.iter().map(|run| format!("{run:.0}")).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn greatest(&self) -> f64 {
        self.runs.iter().copied().fold(f64::NAN, f64::max)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>10.0}  {} ({})", self.median(), self.name, self.all())
    }
}

/// What figures depend on beside the program.
#[derive(Debug)]
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    memory_gib: f64,
    kernel: String,
}

impl Machine {
    /// The one that this runs on (Linux).
    pub(crate) fn here() -> Result<Self> {
        let read = |path: &str| fs::read_to_string(path).with_context(|| format!("read {path}"));
        let value = |text: &str, key: &str| {
            let line = text.lines().find(|line| line.starts_with(key));
            line.and_then(|line| line.split_once(':')).map_or("unknown", |(_, value)| value.trim()).to_owned()
        };
        let total = value(&read("/proc/meminfo")?, "MemTotal");
        let kib: f64 = total.trim_end_matches(" kB").parse().context("MemTotal in /proc/meminfo")?;
        Ok(Self {
            processor: value(&read("/proc/cpuinfo")?, "model name"),
            cores: thread::available_parallelism()?.get(),
            memory_gib: kib / 1024.0 / 1024.0,
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, cores, memory_gib, kernel } = self;
        write!(
            f,
            "{processor}, {cores} cores, {memory_gib:.0} GiB, Linux {kernel}; Kafka on the same machine"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        let of = |runs: &[f64]| Figures { name: "", runs: runs.to_vec() }.median();
        assert!(of(&[]).is_nan());
        assert!((of(&[9.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((of(&[9.0, 1.0, 2.0, 4.0]) - 3.0).abs() < f64::EPSILON);
    }
}
