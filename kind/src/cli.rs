//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::fault::{Fault, Lasting};

/// The event-driven architecture lab on one machine.
#[derive(Debug, Parser)]
#[command(name = "edalab", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// The lab's cluster; several can stand side by side, each with ports of its own.
    #[arg(long, global = true, env = "EDALAB_NAME", default_value = "edalab", value_parser = cluster_name)]
    pub(crate) name: String,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bring the lab up: from nothing, after an interruption, a stop or a reboot.
    Up(Up),
    /// Remove the lab's cluster and the private engine; what was built stays in the cache.
    Down {
        /// Remove the cache too, and every other cluster of this machine's labs.
        #[arg(long)]
        purge: bool,
    },
    /// Stop the lab and keep its data; `up` brings it back.
    Stop,
    /// Make the lab anew.
    Reset {
        /// Only topics, databases and offsets: the cluster and everything in it stay.
        #[arg(long)]
        data: bool,
    },
    /// Show the cluster, the lab's conditions and where to reach it.
    Status,
    /// Print the logs of the lab's pods.
    Logs {
        /// One component: kafka, schema-registry, quotation, souscription, reclamation, simulator, dashboard,
        /// operator.
        component: Option<String>,
        /// Go on printing.
        #[arg(long, short)]
        follow: bool,
        /// How many lines of each pod to begin with.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(0..=100_000))]
        tail: i64,
    },
    /// One line for each component; ends with 1 when one is not well.
    Health,
    /// Print where a part of the lab is reached: dashboard, quotation, kafka.
    Url { component: String },
    /// Open a part of the lab in this machine's browser: dashboard.
    Open { component: String },
    /// Print the path of the lab's kubeconfig.
    Kubeconfig,
    /// List the topics, by Kafka's own command.
    Topics {
        /// Partitions and configuration too.
        #[arg(long)]
        describe: bool,
    },
    /// Print decoded events as JSON lines.
    Events {
        /// Only these topics.
        #[arg(long = "topic")]
        topics: Vec<String>,
        /// Go on printing events as they come.
        #[arg(long, short)]
        follow: bool,
        /// End after this many events.
        #[arg(long)]
        max: Option<u64>,
    },
    /// Show what became of every event; ends with 1 when it does not add up.
    Ledger {
        /// Go on showing it, every two seconds.
        #[arg(long)]
        watch: bool,
        #[arg(long, short, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Let something happen to a component, for a while; the fault ends by itself, whatever becomes of this command.
    Fault {
        #[arg(value_enum)]
        fault: Fault,
        /// Which component: kafka, schema-registry, quotation, souscription, reclamation, simulator, dashboard.
        component: String,
        /// How long, from 1s to 10m.
        #[arg(long = "for", value_name = "TIME", default_value = "30s")]
        lasting: Lasting,
    },
    /// Build single parts of a bare machine's lab and print where they lie.
    Build {
        /// The parts; all when none is named.
        parts: Vec<String>,
        #[arg(long, short, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Which engine runs the cluster.
    #[arg(long, value_enum, default_value_t = EngineChoice::Auto)]
    pub(crate) engine: EngineChoice,
    /// Shift the ports on this machine; a cluster that was made keeps its own.
    #[arg(long, env = "EDALAB_PORT_OFFSET", value_parser = clap::value_parser!(u16).range(0..=30_000))]
    pub(crate) port_offset: Option<u16>,
    /// The EdaLab to apply where none named `lab` is there yet; examples/lab.yaml of the checkout by default.
    #[arg(long, value_name = "FILE", conflicts_with = "no_lab")]
    pub(crate) lab: Option<PathBuf>,
    /// Bring up the cluster and the operator only.
    #[arg(long)]
    pub(crate) no_lab: bool,
    /// Values for the chart, as helm takes them.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) values: Vec<String>,
    /// Add the cluster to ~/.kube/config, which is left alone otherwise.
    #[arg(long)]
    pub(crate) merge: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum EngineChoice {
    /// Docker where it answers, else a private engine.
    Auto,
    /// The engine that `docker` reaches; upstream images are pulled.
    Docker,
    /// A private engine from Debian's packages; images are built from package registries.
    Private,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Text,
    Json,
}

/// kind names containers after the cluster.
fn cluster_name(name: &str) -> Result<String, String> {
    let fits = name.len() <= 30
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !name.ends_with('-');
    if fits {
        Ok(name.into())
    } else {
        Err("small letters, digits and inner dashes, a letter first, at most 30".into())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
        assert!(super::cluster_name("edalab-test").is_ok());
        for bad in ["", "Lab", "-lab", "lab-", "a/../b", &"x".repeat(31)] {
            assert!(super::cluster_name(bad).is_err(), "{bad:?}");
        }
    }
}
