//! What a person asks for: `EdaLab.spec`.

// `KubeSchema` expands to a copy of each struct inside a function, on which the lint would fire.
#![allow(unreachable_pub)]

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    EdaLabStatus, Quantity, Scenario, ScenarioParameters, Services, Simulation, schema::memory_floor,
};

/// A whole event-driven lab: Kafka, a schema registry and the services of an insurance company. Everything has a
/// default: `spec: {}` is a lab. Change it with `kubectl edit`, watch it with `kubectl get edalab`.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "edalab.dev",
    version = "v1alpha1",
    kind = "EdaLab",
    plural = "edalabs",
    singular = "edalab",
    shortname = "lab",
    category = "all",
    namespaced,
    status = "EdaLabStatus",
    derive = "PartialEq",
    doc = "A whole event-driven lab on Apache Kafka, described by one object: `spec: {}` is a lab with everything at its default.",
    printcolumn(
        name = "Phase",
        type_ = "string",
        json_path = ".status.phase",
        description = "The phase in force."
    ),
    printcolumn(
        name = "Scenario",
        type_ = "string",
        json_path = ".status.scenario",
        description = "The scenario in force."
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "Whether everything that the lab asks for works."
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        description = "Why the lab is ready or not, in one word."
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("size(self.metadata.name) <= 35 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')")
        .message("a lab's name is a prefix of the names of its objects: use at most 35 lower-case letters, digits and hyphens, starting with a letter and ending with a letter or digit")
)]
#[serde(rename_all = "camelCase")]
pub struct EdaLabSpec {
    /// How far the lab goes. `Infrastructure`: Kafka and the schema registry, no services (those that ran are
    /// stopped, their data stays). `ProducteurConsommateur`: the services too, which publish and consume events.
    #[serde(default)]
    pub phase: Phase,
    /// The situation that the lab is put into, while it runs and without a restart. `NORMAL`: quotes become contracts,
    /// some contracts change, some end. `PIC_CHARGE`: the same, `scenarioParameters.peakFactor` times as fast for
    /// `scenarioParameters.peakSeconds`. `ERREURS`: `scenarioParameters.errorPercent` of a hundred events are mistakes:
    /// requests that services refuse, and records on their topics that nobody can read. `CONSOMMATEUR_LENT`: `scenarioParameters.target` takes
    /// `scenarioParameters.delayMilliseconds` longer for each event that it hears. `SERVICE_EN_PANNE`: that service is
    /// scaled to zero, and back with the next scenario. `status.scenario` is the one in force.
    #[serde(default)]
    pub scenario: Scenario,
    /// Whether the simulator plays the customers, and how busy they are; it holds at once, without a restart.
    #[serde(default)]
    pub simulation: Simulation,
    /// The numbers of the scenarios; they hold at once, without a restart.
    #[serde(default)]
    pub scenario_parameters: ScenarioParameters,
    /// The Kafka broker.
    #[serde(default)]
    pub kafka: Kafka,
    /// The schema registry (Apicurio Registry, spoken to by the Confluent API under /apis/ccompat/v7).
    #[serde(default)]
    pub schema_registry: SchemaRegistry,
    /// The services of the insurance company.
    #[serde(default)]
    pub services: Services,
    /// Reaching the lab from the machine that runs the cluster, without port-forward.
    #[serde(default)]
    pub host_access: HostAccess,
    /// Where images come from. A component's own `image` wins over all of this.
    #[serde(default)]
    pub images: ImageDefaults,
    /// What becomes of the volumes when the lab is deleted. `Delete`: they go too. `Retain`: they stay, and a lab
    /// created later under the same name takes them up again.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// When true, the operator leaves everything as it is, also what somebody changes by hand; the status goes on
    /// telling what it sees. Scenario and simulation are followed all the same, but for `SERVICE_EN_PANNE`, which waits.
    #[serde(default)]
    pub paused: bool,
}

/// How far the lab goes; each phase keeps what those before it turned on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Phase {
    Infrastructure,
    #[default]
    ProducteurConsommateur,
}

impl Phase {
    /// Whether the services run in it.
    pub fn has_services(self) -> bool {
        self != Self::Infrastructure
    }

    /// The phase as it stands in the CR.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Infrastructure => "Infrastructure",
            Self::ProducteurConsommateur => "ProducteurConsommateur",
        }
    }
}

/// The Kafka broker of a lab: one, in combined mode (broker and KRaft controller in one process).
#[derive(KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.storage == oldSelf.storage")
        .message("kafka.storage cannot be changed after the lab is created, because a volume claim cannot: create another lab with the storage that you want"),
    validation = memory_floor("kafka", "512Mi", "give Kafka at least 512Mi, below that the broker does not start")
)]
pub struct Kafka {
    /// The image of Kafka; by default the one that the operator was installed with (apache/kafka 4.1.0).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::image")]
    pub image: Option<String>,
    /// Where the broker keeps its data. It cannot be changed after the lab is created.
    #[serde(default)]
    pub storage: KafkaStorage,
    /// CPU and memory of the broker. What is left out keeps its default: requests cpu 100m, memory 512Mi; limits
    /// cpu 2, memory 768Mi. The JVM's heap is a third of the memory limit.
    #[serde(default = "Kafka::default_resources")]
    pub resources: Resources,
}

impl Kafka {
    /// What Kafka gets where the CR says nothing; measured: 310 to 360 MB resident with a heap of 256 MB.
    pub fn default_resources() -> Resources {
        Resources::of(("100m", "512Mi"), ("2", "768Mi"))
    }
}

impl Default for Kafka {
    fn default() -> Self {
        Self { image: None, storage: KafkaStorage::default(), resources: Self::default_resources() }
    }
}

/// A volume claim of a size, or storage that goes with the pod.
#[derive(KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KafkaStorage {
    /// When true, the data lives as long as the pod: nothing is claimed from the cluster, and a restarted pod is a
    /// new, empty Kafka. `size` is then the most that it may use.
    #[serde(default)]
    pub ephemeral: bool,
    /// Size of the volume, from 4Gi (what the topics can come to) to 1Ti, in Mi, Gi or Ti.
    #[serde(default = "KafkaStorage::default_size")]
    #[schemars(length(max = 8), regex(pattern = r"^[1-9][0-9]{0,5}(Mi|Gi|Ti)$"))]
    #[x_kube(
        validation = Rule::new("quantity(self).compareTo(quantity('4Gi')) >= 0 && quantity(self).compareTo(quantity('1Ti')) <= 0")
            .message("kafka.storage.size: give the broker from 4Gi (what the topics can come to) to 1Ti")
    )]
    pub size: String,
}

impl KafkaStorage {
    fn default_size() -> String {
        "5Gi".to_owned()
    }
}

impl Default for KafkaStorage {
    fn default() -> Self {
        Self { ephemeral: false, size: Self::default_size() }
    }
}

/// The schema registry of a lab.
#[derive(KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = memory_floor("schemaRegistry", "384Mi", "give the registry at least 384Mi, below that it does not start")
)]
pub struct SchemaRegistry {
    /// The image of the registry; by default the one that the operator was installed with (apicurio-registry 3.3.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::image")]
    pub image: Option<String>,
    /// CPU and memory of the registry. What is left out keeps its default: requests cpu 50m, memory 320Mi; limits
    /// cpu 2, memory 512Mi. The JVM's heap is a third of the memory limit.
    #[serde(default = "SchemaRegistry::default_resources")]
    pub resources: Resources,
}

impl SchemaRegistry {
    /// What the registry gets where the CR says nothing; measured: 258 MB resident.
    pub fn default_resources() -> Resources {
        Resources::of(("50m", "320Mi"), ("2", "512Mi"))
    }
}

impl Default for SchemaRegistry {
    fn default() -> Self {
        Self { image: None, resources: Self::default_resources() }
    }
}

/// Requests and limits of one container.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.requests.cpu) || !has(self.limits.cpu) || quantity(string(self.requests.cpu)).compareTo(quantity(string(self.limits.cpu))) <= 0")
        .message("resources: requests.cpu must not be above limits.cpu"),
    validation = Rule::new("!has(self.requests.memory) || !has(self.limits.memory) || quantity(string(self.requests.memory)).compareTo(quantity(string(self.limits.memory))) <= 0")
        .message("resources: requests.memory must not be above limits.memory")
)]
pub struct Resources {
    /// What the container is promised; the scheduler looks for a node with this much to spare.
    #[serde(default)]
    pub requests: ResourceAmounts,
    /// What the container may use at most; over the memory limit it is killed (OOMKilled).
    #[serde(default)]
    pub limits: ResourceAmounts,
}

impl Resources {
    pub(crate) fn of(requests: (&str, &str), limits: (&str, &str)) -> Self {
        let amounts = |(cpu, memory): (&str, &str)| ResourceAmounts {
            cpu: Some(Quantity::new(cpu)),
            memory: Some(Quantity::new(memory)),
        };
        Self { requests: amounts(requests), limits: amounts(limits) }
    }
}

/// An amount of CPU and of memory.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceAmounts {
    /// CPUs, such as 2, 0.5 or 500m, from 1m to 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::cpu")]
    pub cpu: Option<Quantity>,
    /// Bytes, such as 512Mi or 1Gi, from 16Mi to 64Gi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::memory")]
    pub memory: Option<Quantity>,
}

/// Node ports of the lab, for a cluster on one's own machine.
#[derive(KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HostAccess {
    /// When true, the lab's node ports are opened (30080 dashboard, 30081 quotation, 30082 souscription, 30083
    /// reclamation, 30084 simulator, 30085 registry, 30092 Kafka), which `edalab up` maps to localhost. One lab of a cluster can have them.
    #[serde(default)]
    pub enabled: bool,
    /// The host name or IPv4 address under which clients outside the cluster reach Kafka; Kafka advertises it on
    /// its listener HOST (9094), with port 9092 plus `portOffset`. A change restarts Kafka.
    #[serde(default = "HostAccess::default_advertised_host")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?$"))]
    pub advertised_host: String,
    /// Added to every port on the host (`edalab up --port-offset`), so that several clusters fit on one machine. A
    /// change restarts Kafka.
    #[serde(default)]
    #[schemars(range(min = 0, max = 40000))]
    pub port_offset: u16,
}

impl HostAccess {
    fn default_advertised_host() -> String {
        "localhost".to_owned()
    }
}

impl Default for HostAccess {
    fn default() -> Self {
        Self { enabled: false, advertised_host: Self::default_advertised_host(), port_offset: 0 }
    }
}

/// Where the images of a lab come from.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageDefaults {
    /// A registry, with a path if need be, that stands in for the one in the default images' names:
    /// `mirror.example/hub` makes `mirror.example/hub/apache/kafka:4.1.0` of `docker.io/apache/kafka:4.1.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::image_registry")]
    pub registry: Option<String>,
    /// When nodes pull: `IfNotPresent`, `Always` or `Never`.
    #[serde(default)]
    pub pull_policy: PullPolicy,
    /// Secrets of the lab's namespace with credentials for the registries (`kubectl create secret docker-registry`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub pull_secrets: Vec<PullSecret>,
}

/// A Secret by its name.
#[derive(KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PullSecret {
    /// Name of the Secret (type kubernetes.io/dockerconfigjson).
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub name: String,
}

/// When nodes pull images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum PullPolicy {
    Always,
    #[default]
    IfNotPresent,
    Never,
}

impl PullPolicy {
    /// The policy as a pod's container names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

/// What becomes of volumes when the lab is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum DeletionPolicy {
    #[default]
    Delete,
    Retain,
}
