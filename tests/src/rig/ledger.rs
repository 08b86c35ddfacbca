//! The ledger of services that run as child processes.

use ledger::{Applied, Emitted, Ledger, OnTopic};
use serde::de::DeserializeOwned;

use super::service::{Service, ServiceRigError};

/// A part of the ledger cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error(transparent)]
    Service(#[from] ServiceRigError),
    #[error("it is no part of a ledger: {0}")]
    Form(#[from] serde_json::Error),
}

/// Asks the services in the order in which it adds up.
pub async fn read_ledger(services: &[&Service]) -> Result<Ledger, LedgerError> {
    let applied: Vec<Applied> = ask(services, "applied").await?;
    let on_topic: Vec<OnTopic> = ask(services, "on-topic").await?;
    let emitted: Vec<Emitted> = ask(services, "emitted").await?;
    Ok(ledger::judge(&applied, &on_topic, &emitted))
}

async fn ask<T: DeserializeOwned>(services: &[&Service], part: &str) -> Result<Vec<T>, LedgerError> {
    let mut parts = Vec::with_capacity(services.len());
    for service in services {
        parts.push(serde_json::from_value(service.get(&format!("/internal/ledger/{part}")).await?)?);
    }
    Ok(parts)
}
