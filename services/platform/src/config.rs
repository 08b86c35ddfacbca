//! The environment that every service reads. A flag of the same name wins over the variable.

use std::{net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

/// Settings that every service has.
#[derive(Debug, Clone, clap::Args)]
pub struct ServiceConfig {
    /// Address of API, health, readiness and metrics
    #[arg(long, env = "HTTP_ADDR", default_value = "0.0.0.0:8081")]
    pub http_addr: SocketAddr,

    #[command(flatten)]
    pub kafka: KafkaConfig,

    /// Folder of the database; one process at a time may own it
    #[arg(long, env = "DATA_DIR", default_value = "/data")]
    pub data_dir: PathBuf,

    /// Events that may wait for the broker; beyond it, commands are refused with 503
    #[arg(long, env = "OUTBOX_CAPACITY", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub outbox_capacity: u32,

    #[command(flatten)]
    pub identity: Identity,
}

/// Settings of a service that keeps nothing.
#[derive(Debug, Clone, clap::Args)]
pub struct StatelessConfig {
    /// Address of API, health, readiness and metrics
    #[arg(long, env = "HTTP_ADDR", default_value = "0.0.0.0:8080")]
    pub http_addr: SocketAddr,

    #[command(flatten)]
    pub kafka: KafkaConfig,

    #[command(flatten)]
    pub identity: Identity,
}

/// Where Kafka and the schema registry are.
#[derive(Debug, Clone, clap::Args)]
pub struct KafkaConfig {
    /// Kafka's bootstrap servers, comma separated
    #[arg(long, env = "KAFKA_BOOTSTRAP_SERVERS", default_value = "localhost:9092")]
    pub kafka_bootstrap_servers: String,

    /// Base of the registry's Confluent API
    #[arg(long, env = "SCHEMA_REGISTRY_URL", default_value = "http://localhost:8085/apis/ccompat/v7")]
    pub schema_registry_url: String,
}

/// Who this process is, for logs, traces and the events' source.
#[derive(Debug, Clone, clap::Args)]
pub struct Identity {
    /// Name of the lab
    #[arg(long, env = "EDALAB_LAB", default_value = "lab")]
    pub lab: String,

    /// Name of the pod
    #[arg(long, env = "POD_NAME", default_value = "local")]
    pub pod_name: String,

    /// OTLP endpoint (HTTP); without it no trace leaves the process
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,
}

impl Identity {
    /// Where traces go, if anywhere: an empty variable is as good as none.
    pub fn otlp_endpoint(&self) -> Option<&str> {
        self.otlp_endpoint.as_deref().filter(|endpoint| !endpoint.is_empty())
    }
}

/// A length of time as the lab's resource writes it: a number and `s`, `m`, `h` or `d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

/// Why a text is no [`Span`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    #[error("must be a whole number followed by s, m, h or d, such as 30d")]
    Form,
    #[error("must be between 1s and 3650d")]
    Range,
}

impl Span {
    const LONGEST: Duration = Duration::from_secs(3650 * 86_400);
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let unit = match text.chars().last() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3_600,
            Some('d') => 86_400,
            _ => return Err(SpanError::Form),
        };
        let number = &text[..text.len() - 1];
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(SpanError::Form);
        }
        let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
        match seconds.map(Duration::from_secs) {
            Some(span) if !span.is_zero() && span <= Self::LONGEST => Ok(Self(span)),
            _ => Err(SpanError::Range),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_a_number_and_a_unit() {
        for (text, seconds) in [("1s", 1), ("90m", 5_400), ("24h", 86_400), ("30d", 2_592_000)] {
            assert_eq!(text.parse(), Ok(Span(Duration::from_secs(seconds))), "{text}");
        }
        for text in ["", "s", "30", "-1d", "1.5h", "1w", "30 d", "d30", "1é"] {
            assert_eq!(text.parse::<Span>(), Err(SpanError::Form), "{text}");
        }
        for text in ["0s", "3651d", "99999999999999999999d", "18446744073709551615d"] {
            assert_eq!(text.parse::<Span>(), Err(SpanError::Range), "{text}");
        }
    }
}
