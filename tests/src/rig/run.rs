//! A lab's services, driven by a simulator; the test says what is set for the lab, as the operator does.

use std::time::Duration;

use jiff::Timestamp;
use schemas::control::{Control, Peak, Simulation};
use serde_json::Value;

use super::{
    control::{self, Operator},
    kafka::Kafka,
    program,
    service::{Service, Settings},
    stand::Stand,
};
use crate::wait;

/// How long something may take to become visible.
pub const ARRIVAL: Duration = Duration::from_secs(120);

/// The services and a simulator over a broker of their own: services of several labs on one broker would share
/// one group, and all simulators would follow one record.
#[allow(missing_debug_implementations)] // the operator's producer has none
pub struct Run {
    pub quotation: Service,
    pub souscription: Service,
    pub reclamation: Service,
    pub simulator: Service,
    pub kafka: Kafka,
    operator: Operator,
}

/// How fast, and until when.
pub fn at(events_per_second: u32) -> Simulation {
    Simulation { running: true, events_per_second }
}

impl Run {
    /// Starts them all with the usual program.
    pub async fn start(stand: &Stand, lab: &str, seed: &str) -> Result<Self, Box<dyn std::error::Error>> {
        Self::start_as(stand, stand.settings(program::services().await?, lab), seed).await
    }

    /// Starts them all, as `settings` say but for the broker.
    pub async fn start_as(
        stand: &Stand,
        settings: Settings,
        seed: &str,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let kafka = Kafka::start(&stand.parts).await?;
        let quotation = Settings { bootstrap: kafka.bootstrap(), ..settings };
        let souscription = Settings { service: "souscription", ..quotation.clone() };
        let reclamation = Settings { service: "reclamation", ..quotation.clone() };
        let simulator = Settings { service: "simulator", ..quotation.clone() };
        let quotation = Service::start(quotation).await?;
        let souscription = Service::start(souscription).await?;
        let reclamation = Service::start(reclamation).await?;
        let mut simulator = Service::new(simulator)?;
        simulator.set_env("QUOTATION_URL", quotation.url(""));
        simulator.set_env("SOUSCRIPTION_URL", souscription.url(""));
        simulator.set_env("RECLAMATION_URL", reclamation.url(""));
        simulator.set_env("SIMULATOR_SEED", seed);
        // Whatever cluster this machine knows is not the lab's.
        simulator.set_env("KUBECONFIG", simulator.data().join("none").display().to_string());
        simulator.restart().await?;
        let operator = Operator::of(&kafka.bootstrap())?;
        Ok(Self { quotation, souscription, reclamation, simulator, kafka, operator })
    }

    /// The services that publish events.
    pub fn services(&self) -> [&Service; 3] {
        [&self.quotation, &self.souscription, &self.reclamation]
    }

    /// Sets a usual day, or a peak, as [`Self::say`] does.
    pub async fn set(
        &self,
        simulation: Simulation,
        peak: Option<Peak>,
    ) -> Result<Timestamp, Box<dyn std::error::Error>> {
        self.say(control::usual(simulation, peak)).await
    }

    /// Sets what is to be in force, and waits until it is so in the simulator; when it was seen to be.
    pub async fn say(&self, control: Control) -> Result<Timestamp, Box<dyn std::error::Error>> {
        let id = self.operator.say(control).await?;
        control::followed(&self.simulator, id).await?;
        Ok(Timestamp::now())
    }

    /// Stops the simulation, and waits until every request was answered; the status then.
    pub async fn halt(&self) -> Result<Value, Box<dyn std::error::Error>> {
        self.set(Simulation { running: false, events_per_second: 1 }, None).await?;
        self.status_when("no request to be open", |status| status["open"] == 0).await
    }

    pub async fn status(&self) -> Result<Value, Box<dyn std::error::Error>> {
        Ok(self.simulator.get("/api/simulator/status").await?)
    }

    /// Waits until the simulator's status is such.
    pub async fn status_when(
        &self,
        what: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Result<Value, Box<dyn std::error::Error>> {
        wait::until(what, ARRIVAL, async || {
            let status = self.status().await.map_err(|problem| problem.to_string())?;
            if holds(&status) { Ok(status) } else { Err(status.to_string()) }
        })
        .await
        .map_err(Into::into)
    }
}

/// A count of the simulator's status.
pub fn count(status: &Value, field: &str) -> u64 {
    status[field].as_u64().unwrap_or_else(|| panic!("no count {field} in {status}"))
}

/// Mistakes that the simulator's status tells of, of all kinds.
pub fn mistakes(status: &Value) -> u64 {
    let kinds = status["mistakes"].as_object().expect("mistakes by their flaw").values();
    kinds.map(|kind| count(kind, "made")).sum()
}

/// The simulator's status must add up: what was sent has ended or is open, and what ended is of some kind.
pub fn adds_up(status: &Value) {
    let ended = ["answered", "retried", "refused", "failed"];
    let sum: u64 = ended.iter().map(|field| count(status, field)).sum();
    assert_eq!(count(status, "sent"), sum + count(status, "open"), "{status}");
    for field in ended.into_iter().chain(["notSent"]) {
        let kinds = status["byKind"].as_object().expect("kinds").values();
        assert_eq!(
            kinds.map(|kind| count(kind, field)).sum::<u64>(),
            count(status, field),
            "{field}: {status}"
        );
    }
}
