//! The simulator's control API, as the page and `/api/simulation` use it.

use std::time::Duration;

use axum::{
    body::Bytes,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use platform::{cause::with_cause, http::Problem};
use reqwest::Method;
use serde_json::{Value as Json, json};

/// How long the simulator may take; it asks the Kubernetes API in turn.
const ANSWER: Duration = Duration::from_secs(5);
/// Longest answer that is passed on.
const LONGEST: usize = 64 * 1024;

/// What is asked of the simulator.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Command {
    Start,
    Stop,
    /// The body as it came, or as the page's form makes it.
    Speed(Bytes),
    Scenario(Bytes),
    Status,
}

impl Command {
    pub(crate) fn speed(events_per_second: &str) -> Self {
        // What is no number is sent as it is: the simulator says what is wrong with it.
        let number = events_per_second.trim();
        let value = number.parse::<u64>().map_or_else(|_| json!(number), |number| json!(number));
        Self::Speed(json!({ "eventsPerSecond": value }).to_string().into())
    }

    /// `target` is the service that it is about, where one is named.
    pub(crate) fn scenario(name: &str, target: &str) -> Self {
        let mut body = json!({ "scenario": name });
        if !target.is_empty() {
            body["target"] = json!(target);
        }
        Self::Scenario(body.to_string().into())
    }

    fn request(self) -> (Method, &'static str, Option<Bytes>) {
        match self {
            Self::Start => (Method::POST, "start", None),
            Self::Stop => (Method::POST, "stop", None),
            Self::Speed(body) => (Method::PUT, "speed", Some(body)),
            Self::Scenario(body) => (Method::PUT, "scenario", Some(body)),
            Self::Status => (Method::GET, "status", None),
        }
    }
}

/// The simulator did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the simulator does not answer: {0}")]
pub(crate) struct NoAnswer(String);

/// The simulator's answer, whatever it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    status: StatusCode,
    kind: Option<header::HeaderValue>,
    body: Bytes,
}

impl Answer {
    /// Why it refused, in its words; nothing where it did not.
    pub(crate) fn refusal(&self) -> Option<String> {
        if self.status.is_success() {
            return None;
        }
        let told = serde_json::from_slice::<Json>(&self.body).unwrap_or_default();
        Some(told["detail"].as_str().map_or_else(|| self.status.to_string(), str::to_owned))
    }
}

/// Speaks to the simulator.
#[derive(Debug, Clone)]
pub(crate) struct Simulator {
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
}

impl Simulator {
    pub(crate) async fn ask(&self, command: Command) -> Result<Answer, NoAnswer> {
        let (method, path, body) = command.request();
        let url = format!("{}/api/simulator/{path}", self.url.trim_end_matches('/'));
        let mut request = self.http.request(method, url).timeout(ANSWER);
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body);
        }
        let no_answer = |error: reqwest::Error| NoAnswer(with_cause(&error.without_url()));
        let mut response = request.send().await.map_err(no_answer)?;
        let (status, kind) = (response.status(), response.headers().get(header::CONTENT_TYPE).cloned());
        let mut body = Vec::new();
        while let Some(more) = response.chunk().await.map_err(no_answer)? {
            if body.len() + more.len() > LONGEST {
                return Err(NoAnswer("its answer is too long".to_owned()));
            }
            body.extend_from_slice(&more);
        }
        Ok(Answer { status, kind, body: body.into() })
    }

    /// The answer passed on; 502 where there is none.
    pub(crate) async fn pass_on(&self, command: Command) -> Response {
        match self.ask(command).await {
            Ok(Answer { status, kind, body }) => {
                let kind = kind.unwrap_or(header::HeaderValue::from_static("application/json"));
                (status, [(header::CONTENT_TYPE, kind)], body).into_response()
            }
            Err(error) => Problem::new(StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_become_what_the_simulator_reads() {
        for (text, body) in [
            ("50", r#"{"eventsPerSecond":50}"#),
            (" 7 ", r#"{"eventsPerSecond":7}"#),
            ("-1", r#"{"eventsPerSecond":"-1"}"#),
            ("a\"b", r#"{"eventsPerSecond":"a\"b"}"#),
        ] {
            assert_eq!(Command::speed(text), Command::Speed(body.into()), "{text}");
        }
    }

    #[test]
    fn a_refusal_is_told_in_the_simulators_words() {
        let answer = |status, body: &'static str| Answer { status, kind: None, body: body.into() };
        assert_eq!(answer(StatusCode::ACCEPTED, "{}").refusal(), None);
        let told =
            answer(StatusCode::UNPROCESSABLE_ENTITY, r#"{"detail": "eventsPerSecond must be a number"}"#);
        assert_eq!(told.refusal().as_deref(), Some("eventsPerSecond must be a number"));
        let mute = answer(StatusCode::BAD_GATEWAY, "<html>");
        assert_eq!(mute.refusal().as_deref(), Some("502 Bad Gateway"));
    }
}
