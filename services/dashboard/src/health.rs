//! Whether each part of the lab is up, as anybody would find out: by asking it.

use std::{collections::BTreeMap, time::Duration};

use futures::future::join_all;
use serde::Serialize;

/// A part that does not answer within this is down, whatever its process does.
const ANSWER: Duration = Duration::from_secs(1);

/// How a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    Up,
    /// It answers, and says that it should get no requests.
    NotReady,
    Down,
}

/// By the parts' names.
pub type States = BTreeMap<&'static str, State>;

/// What a part is asked.
#[derive(Debug, Clone)]
pub struct Part {
    pub name: &'static str,
    /// Base of its API.
    pub url: String,
}

/// Asks every part at the same time.
pub async fn ask(http: &reqwest::Client, parts: &[Part]) -> States {
    let states = join_all(parts.iter().map(|part| state(http, &part.url))).await;
    parts.iter().map(|part| part.name).zip(states).collect()
}

async fn state(http: &reqwest::Client, url: &str) -> State {
    match http.get(format!("{}/ready", url.trim_end_matches('/'))).timeout(ANSWER).send().await {
        Ok(response) if response.status().is_success() => State::Up,
        Ok(_) => State::NotReady,
        Err(_) => State::Down,
    }
}
