//! Faults from outside of the lab: a script in the node brings one about and ends it.
//!
//! The script has been handed over when the command says so: from then on the fault ends by itself, whatever becomes of
//! the terminal, of this process or of the API server. With the node's own end, all of it is gone.

use std::{fmt, str::FromStr, time::Duration};

use clap::ValueEnum;

/// The script that runs in the node.
pub(crate) const SCRIPT: &str = include_str!("fault.sh");

/// What happens to a component's pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// Its processes are killed (SIGKILL); what Kubernetes starts in their place is cut off until the time is over.
    Kill,
    /// Its processes stand still (SIGSTOP) and then go on; after a minute Kubernetes takes them for dead.
    Pause,
    /// Nothing reaches it, and it reaches nobody; only the node does, so Kubernetes takes it for well.
    Partition,
}

impl Fault {
    /// The word that the script knows.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Partition => "partition",
        }
    }

    /// What is so while it lasts.
    pub(crate) const fn about(self) -> &'static str {
        match self {
            Self::Kill => "killed, and what comes in its place is cut off,",
            Self::Pause => "standing still",
            Self::Partition => "cut off from everybody",
        }
    }
}

/// A pod that runs, as the node knows it.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) address: String,
}

/// How long a fault lasts: a number and `s` or `m`, from a second to ten minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lasting(Duration);

impl Lasting {
    const LONGEST: u64 = 600;

    pub(crate) const fn time(self) -> Duration {
        self.0
    }

    pub(crate) const fn seconds(self) -> u64 {
        self.0.as_secs()
    }
}

impl FromStr for Lasting {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "must be a whole number followed by s or m, from 1s to 10m, such as 30s";
        let (number, unit) = match (text.strip_suffix('s'), text.strip_suffix('m')) {
            (Some(number), _) => (number, 1),
            (_, Some(number)) => (number, 60),
            _ => return Err(FORM),
        };
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = number.parse::<u64>().ok().filter(|_| is_number).and_then(|n| n.checked_mul(unit));
        match seconds {
            Some(seconds @ 1..=Self::LONGEST) => Ok(Self(Duration::from_secs(seconds))),
            _ => Err(FORM),
        }
    }
}

impl fmt::Display for Lasting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.seconds())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_lasts_from_a_second_to_ten_minutes() {
        for (text, seconds) in [("1s", 1), ("30s", 30), ("2m", 120), ("10m", 600)] {
            assert_eq!(text.parse::<Lasting>().map(Lasting::seconds), Ok(seconds), "{text}");
        }
        for text in ["", "s", "30", "0s", "601s", "11m", "-1s", "+1s", "1.5s", "1h", "99999999999999999999m"]
        {
            assert!(text.parse::<Lasting>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_script_knows_every_fault() {
        for fault in Fault::value_variants() {
            assert!(SCRIPT.contains(&format!("\n  {})", fault.as_str())), "{fault:?}");
        }
    }
}
