//! A running service and a client for it.

use std::time::{Duration, Instant};

use platform::service::ServeError;
use quotation::Config;
use reqwest::{Response, StatusCode};
use serde_json::Value as Json;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// Longest wait for a condition.
const DEADLINE: Duration = Duration::from_secs(20);

#[derive(clap::Parser)]
struct Settings {
    #[command(flatten)]
    config: Config,
}

/// The settings as a user gets them who sets nothing but a folder, and a broker and a registry that are not there.
fn settings(folder: &TempDir) -> Config {
    let data = folder.path().to_str().expect("a readable path");
    let arguments = [
        "quotation",
        "--data-dir",
        data,
        "--kafka-bootstrap-servers",
        "127.0.0.1:1",
        "--schema-registry-url",
        "http://127.0.0.1:1",
    ];
    let settings = <Settings as clap::Parser>::try_parse_from(arguments);
    settings.expect("settings").config
}

pub(crate) struct Service {
    folder: TempDir,
    config: Config,
    base: String,
    client: reqwest::Client,
    stop: CancellationToken,
    task: JoinHandle<Result<(), ServeError>>,
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = settings(&folder);
        change(&mut config);
        Self::on(folder, config).await
    }

    async fn on(folder: TempDir, config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
        let base = format!("http://{}", listener.local_addr().expect("its address"));
        let stop = CancellationToken::new();
        let task = tokio::spawn(quotation::serve(listener, config.clone(), stop.clone()));
        let service = Self { folder, config, base, client: reqwest::Client::new(), stop, task };
        service.until("the service answers", async || service.get("/health").await.0 == StatusCode::OK).await;
        service
    }

    /// Starts another service over the same data.
    pub(crate) async fn start_second(&self) -> Result<(), ServeError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
        quotation::serve(listener, self.config.clone(), CancellationToken::new()).await
    }

    pub(crate) async fn stop(self) -> TempDir {
        self.stop.cancel();
        self.task.await.expect("no panic").expect("a good end");
        self.folder
    }

    pub(crate) async fn restart(self) -> Self {
        let config = self.config.clone();
        Self::on(self.stop().await, config).await
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Json) {
        let response = self.client.get(format!("{}{path}", self.base)).send().await.expect("an answer");
        (response.status(), response.json().await.expect("JSON"))
    }

    pub(crate) async fn metrics(&self) -> String {
        let response = self.client.get(format!("{}/metrics", self.base)).send().await.expect("an answer");
        response.text().await.expect("text")
    }

    pub(crate) async fn send(&self, method: reqwest::Method, path: &str) -> Response {
        self.client.request(method, format!("{}{path}", self.base)).send().await.expect("an answer")
    }

    pub(crate) async fn post(&self, body: &Json) -> Response {
        self.post_raw(Some("application/json"), body.to_string().into()).await
    }

    pub(crate) async fn post_raw(&self, content_type: Option<&str>, body: reqwest::Body) -> Response {
        let mut request = self.client.post(format!("{}/api/devis", self.base)).body(body);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        request.send().await.expect("an answer")
    }

    /// Waits until the condition holds.
    pub(crate) async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let started = Instant::now();
        while !holds().await {
            assert!(started.elapsed() < DEADLINE, "after {DEADLINE:?}, still not: {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
