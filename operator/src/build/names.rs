//! Names, labels and addresses of a lab's objects.

use std::collections::BTreeMap;

use crds::Target;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use crate::validate::ValidatedLab;

/// Who manages a lab's objects: label `app.kubernetes.io/managed-by`, and the field manager of every write.
pub const MANAGER: &str = "edalab-operator";
const PART_OF: &str = "kafka-eda-lab";

/// One component of a lab, by the name in its objects' names and labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    Kafka,
    SchemaRegistry,
    Quotation,
    Souscription,
    Reclamation,
    Simulator,
    Dashboard,
}

impl Component {
    /// In the order in which they start.
    pub const ALL: [Self; 7] = [
        Self::Kafka,
        Self::SchemaRegistry,
        Self::Quotation,
        Self::Souscription,
        Self::Reclamation,
        Self::Simulator,
        Self::Dashboard,
    ];
    /// The services: the insurance company's, its customers and who watches them. All of them follow what is set for the
    /// lab while it runs.
    pub const SERVICES: [Self; 5] =
        [Self::Quotation, Self::Souscription, Self::Reclamation, Self::Simulator, Self::Dashboard];

    /// The component that a scenario is about.
    pub fn of(target: Target) -> Self {
        match target {
            Target::Quotation => Self::Quotation,
            Target::Souscription => Self::Souscription,
            Target::Reclamation => Self::Reclamation,
        }
    }

    /// Whether the lab's phase and scenario have it.
    pub fn is_wanted(self, lab: &ValidatedLab) -> bool {
        match self {
            Self::Kafka | Self::SchemaRegistry => true,
            service => lab.services.running && lab.services.down.map(Self::of) != Some(service),
        }
    }

    /// The name as in `<lab>-<name>` and in label `app.kubernetes.io/name`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::SchemaRegistry => "schema-registry",
            Self::Quotation => "quotation",
            Self::Souscription => "souscription",
            Self::Reclamation => "reclamation",
            Self::Simulator => "simulator",
            Self::Dashboard => "dashboard",
        }
    }

    /// Name of the component's workload and Service.
    pub fn object_name(self, lab: &str) -> String {
        format!("{lab}-{}", self.as_str())
    }
}

/// Selects all objects of one lab, and nothing of another.
pub fn lab_selector(lab: &str) -> String {
    format!("app.kubernetes.io/instance={lab},{}", managed_selector())
}

/// Selects the objects of all labs.
pub fn managed_selector() -> String {
    format!("app.kubernetes.io/part-of={PART_OF},app.kubernetes.io/managed-by={MANAGER}")
}

/// The labels that tell a component's pods from all others; a workload's selector cannot be changed later.
pub(super) fn selector_labels(lab: &ValidatedLab, component: Component) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("app.kubernetes.io/name".to_owned(), component.as_str().to_owned()),
        ("app.kubernetes.io/instance".to_owned(), lab.name.clone()),
        ("app.kubernetes.io/part-of".to_owned(), PART_OF.to_owned()),
    ])
}

pub(super) fn selector(lab: &ValidatedLab, component: Component) -> LabelSelector {
    LabelSelector { match_labels: Some(selector_labels(lab, component)), ..LabelSelector::default() }
}

/// All labels of an object. None holds a version: a volume claim's template cannot be changed, and a pod's must
/// not change when the operator does.
pub(super) fn labels(lab: &ValidatedLab, component: Component) -> BTreeMap<String, String> {
    let mut labels = selector_labels(lab, component);
    labels.insert("app.kubernetes.io/managed-by".to_owned(), MANAGER.to_owned());
    labels.insert("app.kubernetes.io/component".to_owned(), role(component).to_owned());
    labels
}

fn role(component: Component) -> &'static str {
    match component {
        Component::Kafka => "broker",
        Component::SchemaRegistry => "schema-registry",
        // Those that have something to say in the ledger are found by this.
        Component::Quotation | Component::Souscription | Component::Reclamation => "service",
        Component::Simulator => "simulator",
        Component::Dashboard => "dashboard",
    }
}

/// Metadata of an object that the lab owns.
pub(super) fn owned(lab: &ValidatedLab, component: Component, name: String) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(lab.namespace.clone()),
        labels: Some(labels(lab, component)),
        owner_references: Some(vec![lab.owner.clone()]),
        ..ObjectMeta::default()
    }
}

/// Where pods reach Kafka: `<lab>-kafka.<namespace>.svc:9092`.
pub fn kafka_bootstrap(lab: &str, namespace: &str) -> String {
    format!("{}.{namespace}.svc:9092", Component::Kafka.object_name(lab))
}

/// The registry's Confluent API as pods reach it.
pub fn registry_url(lab: &str, namespace: &str) -> String {
    format!("{}/apis/ccompat/v7", http_url(Component::SchemaRegistry, 8085, lab, namespace))
}

/// Where pods reach a component by HTTP: `http://<lab>-quotation.<namespace>.svc:8081`.
pub(super) fn http_url(component: Component, port: u16, lab: &str, namespace: &str) -> String {
    format!("http://{}.{namespace}.svc:{port}", component.object_name(lab))
}
