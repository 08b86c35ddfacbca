//! What the operator is started with.

use std::net::SocketAddr;

use clap::Parser;

/// Command line and environment of the operator; the chart sets all of it.
#[derive(Clone, Debug, Parser)]
#[command(name = "edalab-operator", version, about = "Makes a whole Kafka lab of one EdaLab")]
pub struct Config {
    /// Namespace whose labs are served; without it, those of all namespaces.
    #[arg(long, env = "WATCH_NAMESPACE")]
    pub watch_namespace: Option<String>,
    /// Namespace of the operator itself: its Lease lies there.
    #[arg(long, env = "POD_NAMESPACE", default_value = "default")]
    pub namespace: String,
    /// Name under which this process holds the Lease and reports Events.
    #[arg(long, env = "POD_NAME", default_value = "edalab-operator")]
    pub pod_name: String,
    /// Where /metrics, /healthz and /readyz are served.
    #[arg(long, env = "HTTP_ADDR", default_value = "0.0.0.0:8080")]
    pub http_addr: SocketAddr,
    #[command(flatten)]
    pub images: RelatedImages,
}

/// The images that a lab uses where its CR names none.
#[derive(Clone, Debug, Default, Parser)]
pub struct RelatedImages {
    /// Apache Kafka.
    #[arg(long, env = "RELATED_IMAGE_KAFKA", default_value = "")]
    pub kafka: String,
    /// Apicurio Registry.
    #[arg(long, env = "RELATED_IMAGE_SCHEMA_REGISTRY", default_value = "")]
    pub schema_registry: String,
    /// The lab's services.
    #[arg(long, env = "RELATED_IMAGE_SERVICES", default_value = "")]
    pub services: String,
}
