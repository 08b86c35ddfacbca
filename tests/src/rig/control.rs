//! Says what is set for a lab, as its operator does.

use std::time::Duration;

use rdkafka::{
    ClientConfig,
    error::KafkaError,
    producer::{FutureProducer, FutureRecord},
};
use schemas::{
    EventId,
    control::{self, Control, Peak, Scenario, Simulation, Slow},
    topics,
};
use uuid::Uuid;

use super::service::Service;
use crate::wait::{self, TimedOut};

/// How long something may take to become visible.
const ARRIVAL: Duration = Duration::from_secs(120);

/// The lab's word on `edalab.control`.
#[allow(missing_debug_implementations)] // a producer has none
pub struct Operator {
    producer: FutureProducer,
}

impl Operator {
    /// Of the lab that this broker is of.
    pub fn of(bootstrap: &str) -> Result<Self, KafkaError> {
        Ok(Self { producer: ClientConfig::new().set("bootstrap.servers", bootstrap).create()? })
    }

    /// Says that this is set; what it is called.
    pub async fn say(&self, control: Control) -> Result<Uuid, KafkaError> {
        let value = serde_json::to_vec(&control).expect("a control is JSON");
        let record = FutureRecord::to(topics::CONTROL.as_str()).key(control::KEY).payload(&value);
        self.producer.send(record, ARRIVAL).await.map_err(|(problem, _)| problem)?;
        Ok(control.id)
    }
}

/// A usual day, or a peak.
pub fn usual(simulation: Simulation, peak: Option<Peak>) -> Control {
    let scenario = if peak.is_some() { Scenario::PicCharge } else { Scenario::Normal };
    Control {
        id: EventId::generate().uuid(),
        generation: 1,
        scenario,
        simulation,
        peak,
        error_percent: None,
        slow: None,
        down: None,
    }
}

/// A usual day on which nobody asks for anything.
pub fn quiet() -> Control {
    usual(Simulation { running: false, events_per_second: 5 }, None)
}

/// The scenario ERREURS.
pub fn errors(simulation: Simulation, percent: u32) -> Control {
    Control { scenario: Scenario::Erreurs, error_percent: Some(percent), ..usual(simulation, None) }
}

/// The scenario CONSOMMATEUR_LENT.
pub fn slow(slow: Slow) -> Control {
    Control { scenario: Scenario::ConsommateurLent, slow: Some(slow), ..quiet() }
}

/// Waits until the service follows what was called so.
pub async fn followed(service: &Service, id: Uuid) -> Result<(), TimedOut> {
    wait::until("what was set to be in force", ARRIVAL, async || {
        let answer = service.look_up("/internal/control").await.map_err(|problem| problem.to_string())?;
        let told = answer.text().await.map_err(|problem| problem.to_string())?;
        if told.contains(&id.to_string()) { Ok(()) } else { Err(told) }
    })
    .await
}
