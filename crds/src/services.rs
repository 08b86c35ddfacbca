//! The services of the insurance company, as a person asks for them: `EdaLab.spec.services`.

// `KubeSchema` expands to a copy of each struct inside a function, on which the lint would fire.
#![allow(unreachable_pub)]

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::{Resources, schema::memory_floor};

/// The services of a lab; all of them run from one image.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Services {
    /// The image of all services; by default the one that the operator was installed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::image")]
    pub image: Option<String>,
    /// The service that makes quotes (devis).
    #[serde(default)]
    pub quotation: Quotation,
    /// The service that makes contracts (contrats) of quotes.
    #[serde(default)]
    pub souscription: Souscription,
    /// The service that takes claims (sinistres) on contracts.
    #[serde(default)]
    pub reclamation: Reclamation,
    /// The service that plays the customers.
    #[serde(default)]
    pub simulator: Simulator,
    /// The lab in a browser.
    #[serde(default)]
    pub dashboard: Dashboard,
}

impl Services {
    /// What a service gets where the CR says nothing.
    pub fn default_resources() -> Resources {
        Resources::of(("10m", "48Mi"), ("1", "192Mi"))
    }
}

/// The service that makes quotes.
#[derive(KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = memory_floor("services.quotation", "64Mi", "give the service at least 64Mi")
)]
pub struct Quotation {
    /// CPU and memory of the service. What is left out keeps its default: requests cpu 10m, memory 48Mi; limits
    /// cpu 1, memory 192Mi.
    #[serde(default = "Services::default_resources")]
    pub resources: Resources,
    /// How long a quote holds before it expires (DevisExpire): a number and s, m, h or d, at most 3650d. A change
    /// holds for the quotes made after it.
    #[serde(default = "Quotation::default_quote_validity")]
    #[schemars(length(max = 10), regex(pattern = r"^[1-9][0-9]{0,8}[smhd]$"))]
    #[x_kube(
        validation = Rule::new("int(self.substring(0, size(self) - 1)) * {'s': 1, 'm': 60, 'h': 3600, 'd': 86400}[self.substring(size(self) - 1)] <= 315360000")
            .message("services.quotation.quoteValidity: a quote holds at most 3650d")
    )]
    pub quote_validity: String,
}

impl Quotation {
    fn default_quote_validity() -> String {
        "30d".to_owned()
    }
}

impl Default for Quotation {
    fn default() -> Self {
        Self { resources: Services::default_resources(), quote_validity: Self::default_quote_validity() }
    }
}

/// The service that makes contracts of quotes, changes them and ends them.
#[derive(KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = memory_floor("services.souscription", "64Mi", "give the service at least 64Mi")
)]
pub struct Souscription {
    /// CPU and memory of the service. What is left out keeps its default: requests cpu 10m, memory 48Mi; limits
    /// cpu 1, memory 192Mi.
    #[serde(default = "Services::default_resources")]
    pub resources: Resources,
}

impl Default for Souscription {
    fn default() -> Self {
        Self { resources: Services::default_resources() }
    }
}

/// The service that takes claims on contracts, has them judged and pays them.
#[derive(KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = memory_floor("services.reclamation", "64Mi", "give the service at least 64Mi")
)]
pub struct Reclamation {
    /// CPU and memory of the service. What is left out keeps its default: requests cpu 10m, memory 48Mi; limits
    /// cpu 1, memory 192Mi.
    #[serde(default = "Services::default_resources")]
    pub resources: Resources,
}

impl Default for Reclamation {
    fn default() -> Self {
        Self { resources: Services::default_resources() }
    }
}

/// The service that plays the customers: it sends requests to the others at the rate that the lab asks for.
#[derive(KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = memory_floor("services.simulator", "64Mi", "give the service at least 64Mi")
)]
pub struct Simulator {
    /// CPU and memory of the service. What is left out keeps its default: requests cpu 10m, memory 48Mi; limits
    /// cpu 1, memory 192Mi.
    #[serde(default = "Services::default_resources")]
    pub resources: Resources,
}

impl Default for Simulator {
    fn default() -> Self {
        Self { resources: Services::default_resources() }
    }
}

/// The lab in a browser: what happens, and how to steer it.
#[derive(KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = memory_floor("services.dashboard", "64Mi", "give the service at least 64Mi")
)]
pub struct Dashboard {
    /// CPU and memory of the service. What is left out keeps its default: requests cpu 10m, memory 48Mi; limits
    /// cpu 1, memory 192Mi.
    #[serde(default = "Services::default_resources")]
    pub resources: Resources,
}

impl Default for Dashboard {
    fn default() -> Self {
        Self { resources: Services::default_resources() }
    }
}
