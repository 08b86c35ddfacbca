//! Asks the simulator as a client would, on a real socket, with neither Kafka nor Kubernetes nor services there.

use std::time::{Duration, Instant};

use platform::service::ServeError;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use simulator::Config;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// Longest wait for a condition.
const DEADLINE: Duration = Duration::from_secs(20);

#[derive(clap::Parser)]
struct Settings {
    #[command(flatten)]
    config: Config,
}

struct Simulator {
    base: String,
    client: reqwest::Client,
    stop: CancellationToken,
    task: JoinHandle<Result<(), ServeError>>,
}

impl Simulator {
    async fn start() -> Self {
        let arguments = [
            "simulator",
            "--kafka-bootstrap-servers",
            "127.0.0.1:1",
            "--quotation-url",
            "http://127.0.0.1:1",
            "--souscription-url",
            "http://127.0.0.1:1",
            "--seed",
            "7",
        ];
        let settings = <Settings as clap::Parser>::try_parse_from(arguments).expect("settings");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
        let base = format!("http://{}", listener.local_addr().expect("its address"));
        let stop = CancellationToken::new();
        let task = tokio::spawn(simulator::serve(listener, settings.config, stop.clone()));
        let simulator = Self { base, client: reqwest::Client::new(), stop, task };
        let began = Instant::now();
        while simulator.client.get(format!("{}/health", simulator.base)).send().await.is_err() {
            assert!(began.elapsed() < DEADLINE, "the simulator does not answer");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        simulator
    }

    fn ask(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Response {
        self.ask(method, path).json(body).send().await.expect("an answer")
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("no panic").expect("a good end");
    }
}

async fn problem(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    (status, response.json().await.expect("JSON"))
}

#[tokio::test]
async fn before_anything_is_told_nothing_runs() {
    let simulator = Simulator::start().await;
    for path in ["/health", "/ready"] {
        assert_eq!(
            simulator.ask(Method::GET, path).send().await.expect("an answer").status(),
            StatusCode::OK
        );
    }
    let status = simulator.ask(Method::GET, "/api/simulator/status").send().await.expect("an answer");
    let mut status: Value = status.json().await.expect("JSON");
    let started = status["startedAt"].take();
    assert!(started.as_str().expect("text").parse::<jiff::Timestamp>().is_ok(), "{started}");
    let no_mistakes = json!({"made": 0, "accepted": 0, "failed": 0, "notMade": 0});
    let none = json!({"answered": 0, "retried": 0, "refused": 0, "failed": 0, "notSent": 0});
    assert_eq!(
        status,
        json!({
            "running": false, "eventsPerSecond": 0, "scenario": "NORMAL", "peak": null, "wantedPerSecond": 0,
            "sent": 0, "answered": 0, "retried": 0, "refused": 0, "failed": 0, "open": 0, "waiting": 0, "notSent": 0,
            "byKind": {
                "devis": none, "conversion": none, "sinistre": none, "evaluation": none, "indemnisation": none,
                "modification": none, "resiliation": none,
            },
            "mistakes": {
                "json": no_mistakes, "type": no_mistakes, "value": no_mistakes, "unknown": no_mistakes,
                "no_magic_byte": no_mistakes, "unknown_schema": no_mistakes, "truncated": no_mistakes,
                "impossible": no_mistakes,
            },
            "seed": 7, "startedAt": null,
        })
    );
    let metrics = simulator.ask(Method::GET, "/metrics").send().await.expect("an answer").text().await;
    let metrics = metrics.expect("text");
    for line in [
        r#"simulator_commands_total{kind="devis",outcome="answered"} 0"#,
        r#"simulator_not_sent_total{kind="devis"} 0"#,
        "simulator_wanted_per_second 0",
        r#"simulator_request_duration_seconds_count{kind="conversion"} 0"#,
    ] {
        assert!(metrics.lines().any(|found| found == line), "no {line} in\n{metrics}");
    }
    simulator.stop().await;
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_in_words() {
    let simulator = Simulator::start().await;
    let (speed, scenario) = ("/api/simulator/speed", "/api/simulator/scenario");
    for (path, body, said) in [
        (speed, json!({}), "eventsPerSecond is missing"),
        (
            speed,
            json!({"eventsPerSecond": 2.5}),
            "eventsPerSecond must be a whole number that is not negative",
        ),
        (
            speed,
            json!({"eventsPerSecond": "5"}),
            "eventsPerSecond must be a whole number that is not negative",
        ),
        (speed, json!({"eventsPerSecond": 5, "x": 1}), "x is not a field of this request"),
        (
            scenario,
            json!({"scenario": "FINAL"}),
            "scenario must be one of NORMAL, PIC_CHARGE, ERREURS, CONSOMMATEUR_LENT, SERVICE_EN_PANNE",
        ),
        (scenario, json!({"scenario": 1}), "scenario must be a string"),
        (
            scenario,
            json!({"scenario": "NORMAL", "target": "dashboard"}),
            "target must be one of quotation, souscription, reclamation",
        ),
        (scenario, json!([]), "the body must be a JSON object"),
    ] {
        let (status, problem) = problem(simulator.send(Method::PUT, path, &body).await).await;
        assert_eq!((status, &problem["detail"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(said)), "{body}");
    }
    let (status, problem_) =
        problem(simulator.send(Method::POST, "/api/simulator/start", &json!({"speed": 1})).await).await;
    assert_eq!((status, &problem_["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("speed")));

    let response = simulator.ask(Method::GET, "/api/simulator/start").send().await.expect("an answer");
    assert_eq!(response.headers()["allow"], "POST");
    assert_eq!(problem(response).await.0, StatusCode::METHOD_NOT_ALLOWED);
    let nothing = simulator.ask(Method::GET, "/api/simulator").send().await.expect("an answer");
    assert_eq!(problem(nothing).await.0, StatusCode::NOT_FOUND);
    let plain = simulator.ask(Method::PUT, speed).header("content-type", "text/plain").body("{}");
    assert_eq!(problem(plain.send().await.expect("an answer")).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    simulator.stop().await;
}

#[tokio::test]
async fn a_page_of_another_site_cannot_steer() {
    let simulator = Simulator::start().await;
    for (method, path) in [
        (Method::POST, "/api/simulator/start"),
        (Method::POST, "/api/simulator/stop"),
        (Method::PUT, "/api/simulator/speed"),
        (Method::PUT, "/api/simulator/scenario"),
    ] {
        let asked = simulator.ask(method, path).header("sec-fetch-site", "cross-site");
        let (status, problem) = problem(asked.send().await.expect("an answer")).await;
        let said = json!("a page of another site may not steer the lab");
        assert_eq!((status, &problem["detail"]), (StatusCode::FORBIDDEN, &said), "{path}");
    }
    let status = simulator.ask(Method::GET, "/api/simulator/status").header("sec-fetch-site", "cross-site");
    assert_eq!(status.send().await.expect("an answer").status(), StatusCode::OK, "it may be looked at");
    simulator.stop().await;
}

#[tokio::test]
async fn the_api_is_described() {
    let simulator = Simulator::start().await;
    let described = simulator.ask(Method::GET, "/api/openapi.json").send().await.expect("an answer");
    let described: Value = described.json().await.expect("JSON");
    let paths: Vec<&String> = described["paths"].as_object().expect("paths").keys().collect();
    let expected =
        ["scenario", "speed", "start", "status", "stop"].map(|name| format!("/api/simulator/{name}"));
    assert_eq!(paths, expected.iter().collect::<Vec<_>>());
    let status = described["components"]["schemas"]["Status"].to_string();
    for field in ["wantedPerSecond", "startedAt", "Counts"] {
        assert!(status.contains(field), "no {field} in {status}");
    }
    simulator.stop().await;
}
