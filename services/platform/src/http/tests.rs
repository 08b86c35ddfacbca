//! The guard and the server, on a real socket.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, routing::get};
use reqwest::{Client, Method, Response};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{Guard, Limits, serve};
use crate::metrics::Metrics;

struct Server {
    address: SocketAddr,
    metrics: Metrics,
    /// Lets `/slow` answer.
    go: Arc<Notify>,
    /// `/slow` has begun.
    begun: Arc<Notify>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(limits: Limits) -> Self {
        let (go, begun) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (may_go, has_begun) = (Arc::clone(&go), Arc::clone(&begun));
        let slow = async move || {
            has_begun.notify_one();
            may_go.notified().await;
            "done"
        };
        let routes = Router::new().route("/slow", get(slow)).route("/items/{id}", get(async || "item"));
        let metrics = Metrics::new();
        let routes = Guard::new(limits, &metrics).protect(routes);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
        let address = listener.local_addr().expect("its address");
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(listener, routes, stop.clone()));
        Self { address, metrics, go, begun, stop, task }
    }

    fn get(&self, path: &str) -> JoinHandle<Response> {
        let url = format!("http://{}{path}", self.address);
        tokio::spawn(async move { Client::new().get(url).send().await.expect("an answer") })
    }
}

#[tokio::test]
async fn one_request_too_many_is_told_to_come_back() {
    let server = Server::start(Limits { requests: 1, duration: Duration::from_secs(30) }).await;
    let first = server.get("/slow");
    server.begun.notified().await;
    let refused = server.get("/items/1").await.expect("no panic");
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    server.go.notify_one();
    assert_eq!(first.await.expect("no panic").status(), 200);
    assert_eq!(server.get("/items/1").await.expect("no panic").status(), 200);
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_ended() {
    let server = Server::start(Limits { requests: 1, duration: Duration::from_millis(100) }).await;
    assert_eq!(server.get("/slow").await.expect("no panic").status(), 503);
    assert_eq!(server.get("/items/1").await.expect("no panic").status(), 200, "its place is free again");
}

#[tokio::test]
async fn a_stopping_server_answers_what_it_has_begun() {
    let server = Server::start(Limits::default()).await;
    let begun = server.get("/slow");
    server.begun.notified().await;
    server.stop.cancel();
    tokio::task::yield_now().await;
    server.go.notify_one();
    assert_eq!(begun.await.expect("no panic").text().await.expect("a body"), "done");
    server.task.await.expect("a good end");
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn labels_are_bounded_whatever_callers_make_up() {
    let server = Server::start(Limits::default()).await;
    for number in 0..20 {
        server.get(&format!("/items/{number}")).await.expect("no panic");
        server.get(&format!("/made/up/{number}")).await.expect("no panic");
        let method = Method::from_bytes(format!("MADE{number}").as_bytes()).expect("a method");
        let url = format!("http://{}/items/1", server.address);
        Client::new().request(method, url).send().await.expect("an answer");
    }
    let text = server.metrics.render().expect("metrics");
    let series: Vec<_> = text.lines().filter(|line| line.starts_with("http_requests_total{")).collect();
    assert_eq!(
        series,
        [
            r#"http_requests_total{method="GET",route="/items/{id}",status="200"} 20"#,
            r#"http_requests_total{method="GET",route="unmatched",status="404"} 20"#,
            r#"http_requests_total{method="OTHER",route="/items/{id}",status="405"} 20"#,
        ]
    );
}

#[tokio::test]
async fn an_oversized_head_is_refused_and_the_server_lives() {
    let server = Server::start(Limits::default()).await;
    let mut stream = TcpStream::connect(server.address).await.expect("connected");
    let head = format!("GET /items/1 HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "x".repeat(100_000));
    // The server may close before it has read everything.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"),
        "{:?}",
        String::from_utf8_lossy(&answer)
    );
    assert_eq!(server.get("/items/1").await.expect("no panic").status(), 200);
}
