//! From what a person wrote to what the builders can rely on. Pure.

use crds::{
    DeletionPolicy, EdaLab, EdaLabSpec, Phase, PullPolicy, Quantity, ResourceAmounts, Resources, Scenario,
    Target,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt};

use crate::config::RelatedImages;

/// Kafka's port on the host before `portOffset` (design: the same as inside the cluster).
const KAFKA_HOST_PORT: u16 = 9092;

/// A lab that can be built: every default filled in, every image known.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidatedLab {
    pub name: String,
    pub namespace: String,
    pub uid: String,
    /// What every object of the lab carries, so that deleting the lab deletes it.
    pub owner: OwnerReference,
    pub phase: Phase,
    pub deletion_policy: DeletionPolicy,
    pub kafka: KafkaSettings,
    pub registry: RegistrySettings,
    pub services: ServicesSettings,
    pub host_access: HostSettings,
    pub pull_policy: PullPolicy,
    /// Names of Secrets with registry credentials.
    pub pull_secrets: Vec<String>,
}

/// The broker's container and storage.
#[derive(Clone, Debug, PartialEq)]
pub struct KafkaSettings {
    pub image: String,
    pub storage: Storage,
    pub resources: FilledResources,
    pub heap_mebibytes: u64,
}

/// Where the broker's data lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// A volume claim of this size.
    Claim(String),
    /// With the pod, and at most this much.
    Ephemeral(String),
}

/// The registry's container.
#[derive(Clone, Debug, PartialEq)]
pub struct RegistrySettings {
    pub image: String,
    pub resources: FilledResources,
    pub heap_mebibytes: u64,
}

/// The services of the insurance company.
#[derive(Clone, Debug, PartialEq)]
pub struct ServicesSettings {
    /// The one image of all services.
    pub image: String,
    /// Whether the phase has services.
    pub running: bool,
    /// The one that the scenario takes away.
    pub down: Option<Target>,
    pub quotation: QuotationSettings,
    pub souscription: FilledResources,
    pub reclamation: FilledResources,
    pub simulator: FilledResources,
    pub dashboard: FilledResources,
}

/// The service that makes quotes.
#[derive(Clone, Debug, PartialEq)]
pub struct QuotationSettings {
    pub resources: FilledResources,
    /// As the service reads it: a number and s, m, h or d.
    pub quote_validity: String,
}

/// How the lab is reached from outside the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostSettings {
    pub enabled: bool,
    pub advertised_host: String,
    /// Added to every port on the host.
    pub port_offset: u16,
    /// The port that Kafka advertises together with `advertised_host`.
    pub kafka_port: u16,
}

/// Requests and limits without gaps.
#[derive(Clone, Debug, PartialEq)]
pub struct FilledResources {
    pub requests: FilledAmounts,
    pub limits: FilledAmounts,
}

/// CPU and memory.
#[derive(Clone, Debug, PartialEq)]
pub struct FilledAmounts {
    pub cpu: Quantity,
    pub memory: Quantity,
}

/// What keeps a lab from being built.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    #[error(
        "the name {0:?} cannot be a prefix of object names: use at most 35 lower-case letters, digits and hyphens, starting with a letter"
    )]
    Name(String),
    #[error("{field}: {value:?} is not a quantity such as 500m or 768Mi")]
    Quantity { field: &'static str, value: String },
    #[error(
        "no image is known for {component}: set spec.{component}.image, or install the operator with its default images"
    )]
    NoImage { component: &'static str },
    #[error("hostAccess.portOffset: {KAFKA_HOST_PORT} + {0} is no port")]
    PortOffset(u16),
}

impl Error {
    /// One word for conditions, Events and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Name(_) => "InvalidName",
            Self::Quantity { .. } => "InvalidQuantity",
            Self::NoImage { .. } => "NoImage",
            Self::PortOffset(_) => "InvalidPortOffset",
        }
    }
}

/// Checks a lab and fills its gaps.
///
/// The API server has refused most nonsense before; what is checked again here would otherwise surface as an
/// object that the API server refuses.
pub fn validate(lab: &EdaLab, related: &RelatedImages) -> Result<ValidatedLab, Error> {
    let spec = &lab.spec;
    let registry = spec.images.registry.as_deref();
    let kafka_resources = fill("kafka.resources", &spec.kafka.resources, &crds::Kafka::default_resources())?;
    let registry_resources = fill(
        "schemaRegistry.resources",
        &spec.schema_registry.resources,
        &crds::SchemaRegistry::default_resources(),
    )?;
    Ok(ValidatedLab {
        name: name(lab)?,
        namespace: lab.namespace().unwrap_or_default(),
        uid: lab.uid().unwrap_or_default(),
        owner: lab.controller_owner_ref(&()).unwrap_or_default(),
        phase: spec.phase,
        deletion_policy: spec.deletion_policy,
        kafka: KafkaSettings {
            image: image("kafka", spec.kafka.image.as_deref(), &related.kafka, registry)?,
            storage: storage(&spec.kafka.storage),
            heap_mebibytes: heap(&kafka_resources),
            resources: kafka_resources,
        },
        registry: RegistrySettings {
            image: image(
                "schemaRegistry",
                spec.schema_registry.image.as_deref(),
                &related.schema_registry,
                registry,
            )?,
            heap_mebibytes: heap(&registry_resources),
            resources: registry_resources,
        },
        services: services(spec, related)?,
        host_access: host_access(&spec.host_access)?,
        pull_policy: spec.images.pull_policy,
        pull_secrets: spec.images.pull_secrets.iter().map(|secret| secret.name.clone()).collect(),
    })
}

fn services(spec: &EdaLabSpec, related: &RelatedImages) -> Result<ServicesSettings, Error> {
    let asked = &spec.services;
    let default = crds::Services::default_resources();
    Ok(ServicesSettings {
        image: image("services", asked.image.as_deref(), &related.services, spec.images.registry.as_deref())?,
        running: spec.phase.has_services(),
        down: (spec.scenario == Scenario::ServiceEnPanne).then_some(spec.scenario_parameters.target),
        quotation: QuotationSettings {
            resources: fill("services.quotation.resources", &asked.quotation.resources, &default)?,
            quote_validity: asked.quotation.quote_validity.clone(),
        },
        souscription: fill("services.souscription.resources", &asked.souscription.resources, &default)?,
        reclamation: fill("services.reclamation.resources", &asked.reclamation.resources, &default)?,
        simulator: fill("services.simulator.resources", &asked.simulator.resources, &default)?,
        dashboard: fill("services.dashboard.resources", &asked.dashboard.resources, &default)?,
    })
}

/// A DNS-1035 label of at most 35 characters: `<lab>-schema-registry-<hash>` must fit a label of 63.
fn name(lab: &EdaLab) -> Result<String, Error> {
    let name = lab.name_any();
    let inner = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let ends = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase()) && !name.ends_with('-');
    if inner && ends && name.len() <= 35 { Ok(name) } else { Err(Error::Name(name)) }
}

fn storage(storage: &crds::KafkaStorage) -> Storage {
    if storage.ephemeral {
        Storage::Ephemeral(storage.size.clone())
    } else {
        Storage::Claim(storage.size.clone())
    }
}

fn host_access(host: &crds::HostAccess) -> Result<HostSettings, Error> {
    let kafka_port =
        KAFKA_HOST_PORT.checked_add(host.port_offset).ok_or(Error::PortOffset(host.port_offset))?;
    Ok(HostSettings {
        enabled: host.enabled,
        advertised_host: host.advertised_host.clone(),
        port_offset: host.port_offset,
        kafka_port,
    })
}

/// A component's own image wins; else the operator's default, in the registry that stands in for its own.
fn image(
    component: &'static str,
    own: Option<&str>,
    related: &str,
    registry: Option<&str>,
) -> Result<String, Error> {
    match (own, registry) {
        (Some(own), _) => Ok(own.to_owned()),
        (None, _) if related.is_empty() => Err(Error::NoImage { component }),
        (None, None) => Ok(related.to_owned()),
        (None, Some(registry)) => Ok(format!("{registry}/{}", without_registry(related))),
    }
}

/// The part after the registry's host: Docker's rule is that a first part with a dot or a colon, or `localhost`,
/// is a host.
fn without_registry(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => rest,
        _ => image,
    }
}

fn fill(field: &'static str, asked: &Resources, default: &Resources) -> Result<FilledResources, Error> {
    let (cpu_request, cpu_limit) = pair(field, asked, default, |amounts| amounts.cpu.as_ref())?;
    let (memory_request, memory_limit) = pair(field, asked, default, |amounts| amounts.memory.as_ref())?;
    Ok(FilledResources {
        requests: FilledAmounts { cpu: cpu_request, memory: memory_request },
        limits: FilledAmounts { cpu: cpu_limit, memory: memory_limit },
    })
}

/// Request and limit of one resource. A default gives way where it would stand on the wrong side of what was asked.
fn pair(
    field: &'static str,
    asked: &Resources,
    default: &Resources,
    of: impl Fn(&ResourceAmounts) -> Option<&Quantity>,
) -> Result<(Quantity, Quantity), Error> {
    let milli = |quantity: &Quantity| {
        quantity.milli().ok_or_else(|| Error::Quantity { field, value: quantity.to_string() })
    };
    let or_default = |asked: Option<&Quantity>, default: Option<&Quantity>| {
        asked.or(default).cloned().unwrap_or_else(|| Quantity::new("0"))
    };
    let mut request = or_default(of(&asked.requests), of(&default.requests));
    let mut limit = or_default(of(&asked.limits), of(&default.limits));
    if milli(&request)? > milli(&limit)? {
        match (of(&asked.requests), of(&asked.limits)) {
            (None, _) => request = limit.clone(),
            (Some(_), None) => limit = request.clone(),
            // the API server refuses this one
            (Some(_), Some(_)) => {}
        }
    }
    Ok((request, limit))
}

/// A JVM's heap: a third of its container's memory. The rest is metaspace, code, threads and direct buffers, and
/// for Kafka the page cache, which the kernel charges to the container as well.
fn heap(resources: &FilledResources) -> u64 {
    resources.limits.memory.mebibytes().unwrap_or_default() / 3
}

#[cfg(test)]
mod tests;
