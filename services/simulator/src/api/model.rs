//! What goes over HTTP, as types.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemas::control::{Control, Peak, Scenario};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{lab::Wanted, mistakes::MistakesCame, tally::Counts};

// The requests' types are for the API's description only: a request is read field by field, so that a refusal names each.
/// How fast it is to be. Other fields are refused.
#[derive(Debug, ToSchema)]
#[schema(as = Speed)]
#[allow(dead_code)]
pub(super) struct SpeedJson {
    #[schema(rename = "eventsPerSecond", minimum = 1, maximum = 1000, example = 5)]
    events_per_second: u32,
}

/// Which scenario it is to be. Other fields are refused.
#[derive(Debug, ToSchema)]
#[schema(as = ScenarioChoice)]
#[allow(dead_code)]
pub(super) struct ScenarioChoiceJson {
    scenario: ScenarioJson,
    /// Which service CONSOMMATEUR_LENT or SERVICE_EN_PANNE is about; without it, the one that the lab names.
    target: Option<TargetJson>,
}

/// A service that a scenario can be about.
#[derive(Debug, ToSchema)]
#[schema(as = Target)]
#[allow(dead_code, non_camel_case_types)]
pub(super) enum TargetJson {
    quotation,
    souscription,
    reclamation,
}

/// A situation that the lab is put into.
#[derive(Debug, ToSchema)]
#[schema(as = Scenario)]
#[allow(dead_code, clippy::upper_case_acronyms, non_camel_case_types)]
pub(super) enum ScenarioJson {
    NORMAL,
    PIC_CHARGE,
    ERREURS,
    CONSOMMATEUR_LENT,
    SERVICE_EN_PANNE,
}

/// What the lab asks for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Wanted)]
pub(super) struct WantedJson {
    #[schema(value_type = ScenarioJson)]
    scenario: Scenario,
    simulation: SimulationJson,
    scenario_parameters: ScenarioParametersJson,
}

/// Whether events are made, and how many.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Simulation)]
struct SimulationJson {
    running: bool,
    events_per_second: u32,
}

/// How large a peak is, and which one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScenarioParameters)]
struct ScenarioParametersJson {
    peak_factor: u32,
    peak_seconds: u32,
    /// A higher one asks for another peak.
    run: u32,
}

impl From<Wanted> for WantedJson {
    fn from(wanted: Wanted) -> Self {
        let Wanted { scenario, simulation, scenario_parameters } = wanted;
        Self {
            scenario,
            simulation: SimulationJson {
                running: simulation.running,
                events_per_second: simulation.events_per_second,
            },
            scenario_parameters: ScenarioParametersJson {
                peak_factor: scenario_parameters.peak_factor,
                peak_seconds: scenario_parameters.peak_seconds,
                run: scenario_parameters.run,
            },
        }
    }
}

/// The simulator's state.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Status)]
pub(super) struct StatusJson {
    running: bool,
    /// The usual rate; 0 as long as nothing was told.
    events_per_second: u32,
    #[schema(value_type = ScenarioJson)]
    scenario: Scenario,
    /// The peak that was asked for last, also when it is over.
    #[schema(value_type = Option<PeakJson>)]
    peak: Option<Peak>,
    /// The rate at this moment: 0 where it does not run, more than usual in a peak.
    wanted_per_second: u32,
    #[serde(flatten)]
    counts: Counts,
    /// What came of the mistakes that ERREURS asks for, by flaw.
    #[schema(value_type = BTreeMap<String, MistakesCame>)]
    mistakes: BTreeMap<&'static str, MistakesCame>,
    /// The run's seed: the same seed gives the same commands, but for the ids that services give.
    seed: u64,
    /// When this run began, and with it the counts.
    #[schema(format = DateTime)]
    started_at: String,
}

// For the API's description only.
/// A time of many events.
#[derive(Debug, ToSchema)]
#[schema(as = Peak)]
#[allow(dead_code)]
struct PeakJson {
    run: u32,
    /// What the usual rate is multiplied by.
    factor: u32,
    #[schema(format = DateTime)]
    start: String,
    #[schema(format = DateTime)]
    end: String,
}

/// A run of the simulator's process, and what came of it.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) seed: u64,
    pub(super) started_at: Timestamp,
    pub(super) counts: Counts,
    pub(super) mistakes: BTreeMap<&'static str, MistakesCame>,
}

impl StatusJson {
    /// `control` is what is in force.
    pub(super) fn new(control: Option<&Control>, run: Run, now: Timestamp) -> Self {
        let Run { seed, started_at, counts, mistakes } = run;
        Self {
            running: control.is_some_and(|control| control.simulation.running),
            events_per_second: control.map_or(0, |control| control.simulation.events_per_second),
            scenario: control.map_or(Scenario::Normal, |control| control.scenario),
            peak: control.and_then(|control| control.peak),
            wanted_per_second: control.map_or(0, |control| control.events_per_second(now)),
            counts,
            mistakes,
            seed,
            started_at: format!("{started_at:.3}"),
        }
    }
}
