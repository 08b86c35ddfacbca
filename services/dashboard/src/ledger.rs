//! The lab's ledger: every service is asked for its part, in the order in which it adds up.

use std::time::Duration;

use futures::future::try_join_all;
use ledger::{Ledger, judge};
use platform::cause::with_cause;
use serde::de::DeserializeOwned;

use crate::health::Part;

/// How long a service may take for its part.
const ANSWER: Duration = Duration::from_secs(10);

/// A service does not tell its part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{service}: {problem}")]
pub struct Untold {
    service: &'static str,
    problem: String,
}

/// Asks the services, and adds up.
pub async fn read(http: &reqwest::Client, services: &[Part]) -> Result<Ledger, Untold> {
    let applied = ask(http, services, "applied").await?;
    let on_topic = ask(http, services, "on-topic").await?;
    let emitted = ask(http, services, "emitted").await?;
    Ok(judge(&applied, &on_topic, &emitted))
}

async fn ask<T: DeserializeOwned>(
    http: &reqwest::Client,
    services: &[Part],
    part: &str,
) -> Result<Vec<T>, Untold> {
    try_join_all(services.iter().map(|service| ask_one(http, service, part))).await
}

async fn ask_one<T: DeserializeOwned>(
    http: &reqwest::Client,
    service: &Part,
    part: &str,
) -> Result<T, Untold> {
    let url = format!("{}/internal/ledger/{part}", service.url.trim_end_matches('/'));
    let told = async { http.get(url).timeout(ANSWER).send().await?.error_for_status()?.json().await };
    told.await.map_err(|error| Untold { service: service.name, problem: with_cause(&error.without_url()) })
}
