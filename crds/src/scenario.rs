//! What is set while a lab runs, without a restart: `EdaLab.spec.scenario` and what belongs to it.

// `KubeSchema` expands to a copy of each struct inside a function, on which the lint would fire.
#![allow(unreachable_pub)]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The situation that the lab is put into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Scenario {
    #[default]
    Normal,
    PicCharge,
    Erreurs,
    ConsommateurLent,
    ServiceEnPanne,
}

impl Scenario {
    /// The scenario as it stands in the CR.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "NORMAL",
            Self::PicCharge => "PIC_CHARGE",
            Self::Erreurs => "ERREURS",
            Self::ConsommateurLent => "CONSOMMATEUR_LENT",
            Self::ServiceEnPanne => "SERVICE_EN_PANNE",
        }
    }
}

/// A service that a scenario can be about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    Quotation,
    Souscription,
    #[default]
    Reclamation,
}

/// The customers that the simulator plays.
#[derive(KubeSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Simulation {
    /// Whether there are any.
    #[serde(default)]
    pub running: bool,
    /// Requests to the services in a second, each of which makes one event: from 1 to 1000.
    #[serde(default = "Simulation::default_events_per_second")]
    #[schemars(range(min = 1, max = 1000))]
    pub events_per_second: u32,
}

impl Simulation {
    fn default_events_per_second() -> u32 {
        5
    }
}

impl Default for Simulation {
    fn default() -> Self {
        Self { running: false, events_per_second: Self::default_events_per_second() }
    }
}

/// The numbers of the scenarios.
#[derive(KubeSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScenarioParameters {
    /// What a peak (`PIC_CHARGE`) multiplies `simulation.eventsPerSecond` by: from 2 to 100. It holds for the peaks
    /// that begin after it was set.
    #[serde(default = "ScenarioParameters::default_peak_factor")]
    #[schemars(range(min = 2, max = 100))]
    pub peak_factor: u32,
    /// How many seconds a peak lasts: from 1 to 3600. It holds for the peaks that begin after it was set.
    #[serde(default = "ScenarioParameters::default_peak_seconds")]
    #[schemars(range(min = 1, max = 3600))]
    pub peak_seconds: u32,
    /// A counter, at most 1000000000. While the scenario is `PIC_CHARGE`, raising it asks for another peak.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub run: u32,
    /// Of a hundred events of the simulation, those that are mistakes in `ERREURS`: from 1 to 100.
    #[serde(default = "ScenarioParameters::default_error_percent")]
    #[schemars(range(min = 1, max = 100))]
    pub error_percent: u32,
    /// Which service is slow in `CONSOMMATEUR_LENT`, or not there in `SERVICE_EN_PANNE`.
    #[serde(default)]
    pub target: Target,
    /// What each event takes longer in `CONSOMMATEUR_LENT`, in milliseconds: from 1 to 60000.
    #[serde(default = "ScenarioParameters::default_delay_milliseconds")]
    #[schemars(range(min = 1, max = 60_000))]
    pub delay_milliseconds: u32,
}

impl ScenarioParameters {
    fn default_delay_milliseconds() -> u32 {
        500
    }

    fn default_error_percent() -> u32 {
        10
    }

    fn default_peak_factor() -> u32 {
        10
    }

    fn default_peak_seconds() -> u32 {
        30
    }
}

impl Default for ScenarioParameters {
    fn default() -> Self {
        Self {
            peak_factor: Self::default_peak_factor(),
            peak_seconds: Self::default_peak_seconds(),
            run: 0,
            error_percent: Self::default_error_percent(),
            target: Target::default(),
            delay_milliseconds: Self::default_delay_milliseconds(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Scenario, ScenarioParameters, Simulation};

    #[test]
    fn a_scenario_is_written_as_it_is_named() {
        for scenario in [
            Scenario::Normal,
            Scenario::PicCharge,
            Scenario::Erreurs,
            Scenario::ConsommateurLent,
            Scenario::ServiceEnPanne,
        ] {
            assert_eq!(serde_json::to_value(scenario).unwrap(), scenario.as_str());
        }
    }

    #[test]
    fn what_is_left_out_has_the_same_default_everywhere() {
        assert_eq!(serde_json::from_str::<Simulation>("{}").unwrap(), Simulation::default());
        assert_eq!(serde_json::from_str::<ScenarioParameters>("{}").unwrap(), ScenarioParameters::default());
    }
}
