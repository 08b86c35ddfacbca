//! A proxy before the API server, which numbers every write and does with it what a test says.

use std::{
    fmt::Display,
    io,
    net::Ipv4Addr,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    BoxError, Router,
    body::{Body, BodyDataStream, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::{Stream, StreamExt, future::Either};
use kube::Client;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// More than any object of a lab has, in bytes.
const LARGEST: usize = 4 << 20;

/// A write on its way to the API server. Leases do not count: they are renewed by the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Counted from 0 since the proxy began, or since [`Proxy::count_anew`].
    pub number: usize,
    pub method: Method,
    pub path: String,
}

/// What becomes of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is passed on, and the answer back.
    Pass,
    /// It is not passed on. Whoever wrote is answered this.
    Refuse(StatusCode),
    /// It is passed on, and its answer is lost with the connection.
    LoseAnswer,
    /// It is passed on after a while.
    Delay(Duration),
}

/// Decides about a write before it is passed on, and hears of it again when it was answered.
pub trait Judge: Send + Sync + 'static {
    fn before(&self, write: &Write) -> Fate;
    /// The API server has answered, and whoever wrote has not heard of it yet.
    fn between(&self, _write: &Write) {}
}

/// Lets everything pass.
#[derive(Debug, Clone, Copy)]
pub struct Open;

impl Judge for Open {
    fn before(&self, _: &Write) -> Fate {
        Fate::Pass
    }
}

/// A proxy on a port of its own. Dropping it ends it.
pub struct Proxy {
    port: u16,
    gate: Arc<Gate>,
    task: JoinHandle<()>,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("port", &self.port).finish_non_exhaustive()
    }
}

struct Gate {
    upstream: Client,
    judge: Mutex<Arc<dyn Judge>>,
    writes: Mutex<Vec<Write>>,
    /// A change cuts every watch.
    watches: watch::Sender<()>,
}

impl Proxy {
    /// Starts a proxy before the API server of `upstream`, which lets everything pass.
    pub async fn start(upstream: Client) -> io::Result<Self> {
        let gate = Arc::new(Gate {
            upstream,
            judge: Mutex::new(Arc::new(Open)),
            writes: Mutex::default(),
            watches: watch::Sender::new(()),
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let router = Router::new().fallback(pass).with_state(Arc::clone(&gate));
        let task = tokio::spawn(async move {
            // Ends with the task.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { port, gate, task })
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// From now on `judge` decides about writes.
    pub fn obey(&self, judge: impl Judge) {
        *self.gate.judge.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(judge);
    }

    /// The writes that it saw.
    pub fn writes(&self) -> Vec<Write> {
        self.gate.writes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets the writes that it saw.
    pub fn count_anew(&self) {
        self.gate.writes.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Cuts every watch, as an API server does that is restarted.
    pub fn cut_watches(&self) {
        self.gate.watches.send_replace(());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(State(gate): State<Arc<Gate>>, request: Request) -> Response {
    let Some(write) = gate.number(&request) else {
        return gate.forward(request).await;
    };
    let judge = Arc::clone(&gate.judge.lock().unwrap_or_else(PoisonError::into_inner));
    let fate = judge.before(&write);
    match fate {
        Fate::Refuse(status) => return refusal(status),
        Fate::Delay(pause) => tokio::time::sleep(pause).await,
        Fate::Pass | Fate::LoseAnswer => {}
    }
    // To its end, also when whoever wrote is killed: an API server whose client breaks off can keep a node port allocated
    // to nobody, for minutes.
    let passed = tokio::spawn(async move { gate.forward(request).await });
    let answer = passed.await.unwrap_or_else(|problem| not_passed(&problem));
    judge.between(&write);
    match fate {
        Fate::LoseAnswer => cut_off(),
        _ => answer,
    }
}

impl Gate {
    /// The write that a request is; nothing where it only reads, or keeps a Lease.
    fn number(&self, request: &Request) -> Option<Write> {
        let path = request.uri().path();
        if request.method() == Method::GET || path.contains("/leases") {
            return None;
        }
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        let write = Write { number: writes.len(), method: request.method().clone(), path: path.to_owned() };
        writes.push(write.clone());
        Some(write)
    }

    async fn forward(&self, request: Request) -> Response {
        self.try_forward(request).await.unwrap_or_else(|problem| not_passed(&problem))
    }

    async fn try_forward(&self, request: Request) -> Result<Response, BoxError> {
        let is_watch = request.uri().query().is_some_and(|query| query.contains("watch=true"));
        let (mut parts, body) = request.into_parts();
        // The client says who asks, and whom.
        for name in [header::HOST, header::AUTHORIZATION] {
            parts.headers.remove(name);
        }
        let body = to_bytes(body, LARGEST).await?;
        let response = self.upstream.send(Request::from_parts(parts, body.into())).await?.map(Body::new);
        if !is_watch {
            return Ok(response);
        }
        let cut = self.watches.subscribe();
        Ok(response.map(|body| Body::from_stream(until_cut(body.into_data_stream(), cut))))
    }
}

/// The stream until it is told to end, which it does with an error.
fn until_cut(
    stream: BodyDataStream,
    mut cut: watch::Receiver<()>,
) -> impl Stream<Item = Result<Bytes, io::Error>> + Send + 'static {
    let cut = async move {
        match cut.changed().await {
            Ok(()) => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
            // The proxy goes; so does the task that this runs in.
            Err(_) => std::future::pending().await,
        }
    };
    let passed = stream.map(|bytes| bytes.map_err(io::Error::other));
    futures::stream::unfold(
        (Box::pin(passed), Box::pin(cut), true),
        |(mut passed, mut cut, open)| async move {
            if !open {
                return None;
            }
            let next = match futures::future::select(pin!(passed.next()), &mut cut).await {
                Either::Left((next, _)) => next?,
                Either::Right((end, _)) => end,
            };
            let open = next.is_ok();
            Some((next, (passed, cut, open)))
        },
    )
}

fn not_passed(problem: &impl Display) -> Response {
    (StatusCode::BAD_GATEWAY, problem.to_string()).into_response()
}

/// A connection that breaks before the answer is whole.
fn cut_off() -> Response {
    let broken =
        futures::stream::once(async { Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset)) });
    Response::new(Body::from_stream(broken))
}

/// What an API server answers that is overloaded or broken.
fn refusal(status: StatusCode) -> Response {
    let reason = if status == StatusCode::TOO_MANY_REQUESTS { "TooManyRequests" } else { "InternalError" };
    let said = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status.as_u16(),
        "reason": reason, "message": "refused by the test",
    });
    let mut response = (status, said.to_string()).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
