//! What is set for a whole lab while it runs: the one record on `edalab.control`, and each service's answer on
//! `edalab.control-ack`. Both are JSON, so that they are read by anybody, and without the registry.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Service;

/// The key of the record on `edalab.control`: one lab has one Kafka, and one word is the last.
pub const KEY: &str = "lab";

/// What is in force, or is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Control {
    /// New for every change: what an answer is about.
    pub id: Uuid,
    /// `metadata.generation` of the custom resource that it was made from.
    pub generation: i64,
    pub scenario: Scenario,
    pub simulation: Simulation,
    /// The peak that PIC_CHARGE asks for, also when it is over: whoever starts late does not play it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak: Option<Peak>,
    /// Of a hundred events of the simulation, those that are mistakes in ERREURS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_percent: Option<u32>,
    /// Who is slow in CONSOMMATEUR_LENT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow: Option<Slow>,
    /// Who is not there in SERVICE_EN_PANNE, and so does not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down: Option<Service>,
}

impl Control {
    /// Events a second that are wanted at that moment; 0 where the simulation does not run.
    pub fn events_per_second(&self, now: Timestamp) -> u32 {
        let Simulation { running, events_per_second } = self.simulation;
        match &self.peak {
            _ if !running => 0,
            Some(peak) if self.scenario == Scenario::PicCharge && peak.is_on(now) => {
                events_per_second.saturating_mul(peak.factor)
            }
            _ => events_per_second,
        }
    }
}

/// A situation that the lab is put into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Scenario {
    /// Quotes become contracts, some contracts change, some end.
    Normal,
    /// The same, many times as fast for a while.
    PicCharge,
    /// Some clients and publishers get it wrong.
    Erreurs,
    /// One service takes its time for each event.
    ConsommateurLent,
    /// One service is not there.
    ServiceEnPanne,
}

impl Scenario {
    pub const ALL: [Self; 5] =
        [Self::Normal, Self::PicCharge, Self::Erreurs, Self::ConsommateurLent, Self::ServiceEnPanne];

    /// The word that stands in the custom resource and in every record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "NORMAL",
            Self::PicCharge => "PIC_CHARGE",
            Self::Erreurs => "ERREURS",
            Self::ConsommateurLent => "CONSOMMATEUR_LENT",
            Self::ServiceEnPanne => "SERVICE_EN_PANNE",
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether events are made, and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Simulation {
    pub running: bool,
    /// Requests to the services in a second, each of which makes one event.
    pub events_per_second: u32,
}

/// A time of many events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Peak {
    /// The counter by which it was asked for; a higher one asks for another.
    pub run: u32,
    /// What the usual rate is multiplied by.
    pub factor: u32,
    pub start: Timestamp,
    pub end: Timestamp,
}

impl Peak {
    /// Whether it is under way.
    pub fn is_on(&self, now: Timestamp) -> bool {
        (self.start..self.end).contains(&now)
    }
}

/// A consumer that is made slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Slow {
    pub service: Service,
    /// What each event takes longer.
    pub delay_milliseconds: u32,
}

/// A service's answer; the key of its record is the service's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ControlAck {
    pub service: String,
    /// The pod.
    pub instance: String,
    /// The control that is in force there.
    pub control: Uuid,
    pub applied_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn control(scenario: Scenario, running: bool) -> Control {
        Control {
            id: Uuid::nil(),
            generation: 3,
            scenario,
            simulation: Simulation { running, events_per_second: 5 },
            peak: Some(Peak { run: 1, factor: 10, start: at(100), end: at(130) }),
            error_percent: None,
            slow: None,
            down: None,
        }
    }

    #[test]
    fn a_peak_multiplies_from_its_start_to_before_its_end() {
        let peak = control(Scenario::PicCharge, true);
        for (second, wanted) in [(99, 5), (100, 50), (129, 50), (130, 5)] {
            assert_eq!(peak.events_per_second(at(second)), wanted, "{second}");
        }
        assert_eq!(control(Scenario::Normal, true).events_per_second(at(110)), 5, "it was called off");
        assert_eq!(control(Scenario::PicCharge, false).events_per_second(at(110)), 0);
    }

    #[test]
    fn records_are_json_that_people_read() {
        let record = serde_json::to_string(&control(Scenario::PicCharge, true)).expect("JSON");
        assert_eq!(
            record,
            r#"{"id":"00000000-0000-0000-0000-000000000000","generation":3,"scenario":"PIC_CHARGE","simulation":{"running":true,"eventsPerSecond":5},"peak":{"run":1,"factor":10,"start":"1970-01-01T00:01:40Z","end":"1970-01-01T00:02:10Z"}}"#
        );
        assert_eq!(
            serde_json::from_str::<Control>(&record).expect("its own record"),
            control(Scenario::PicCharge, true)
        );
        let slow = Slow { service: Service::Reclamation, delay_milliseconds: 500 };
        let named = serde_json::to_value((slow, Service::Quotation)).expect("JSON");
        assert_eq!(
            named,
            serde_json::json!([{"service": "reclamation", "delayMilliseconds": 500}, "quotation"])
        );
    }
}
