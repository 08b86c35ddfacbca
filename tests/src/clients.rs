//! Clients that ask quotation for quotes one after another, each on a connection of its own. They come again when they are
//! told to.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use futures::future::join_all;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::Bytes,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

const BODY: &[u8] = br#"{"clientId":"C001","typeBien":"AUTO","valeur":25000}"#;
/// Between two attempts to get a connection.
const PAUSE: Duration = Duration::from_millis(50);

/// A request that was not answered.
type Broken = Box<dyn std::error::Error + Send + Sync>;

/// What came of the requests of some clients.
#[derive(Debug, Default)]
pub struct Answers {
    /// How long each answer took, ascending: 201, and 503 that says when to come again.
    pub made: Vec<Duration>,
    pub refused: Vec<Duration>,
    /// Answers of another kind, and requests without one: the first of them in words.
    pub wrong: usize,
    pub first_wrong: Option<String>,
    pub lasted: Duration,
}

impl Answers {
    /// Asks for quotes with so many clients, for a while.
    pub async fn of(server: SocketAddr, clients: usize, lasting: Duration) -> Self {
        let began = Instant::now();
        let end = began + lasting;
        let clients = (0..clients).map(|_| tokio::spawn(ask(server, end)));
        let mut all = Self::default();
        for answers in join_all(clients).await {
            let answers = answers.expect("a client does not panic");
            all.made.extend(answers.made);
            all.refused.extend(answers.refused);
            all.wrong += answers.wrong;
            all.first_wrong = all.first_wrong.or(answers.first_wrong);
        }
        all.lasted = began.elapsed();
        all.made.sort_unstable();
        all.refused.sort_unstable();
        all
    }
}

/// The time in which that share of the answers came, of times that ascend.
pub fn quantile(times: &[Duration], share: f64) -> Option<Duration> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
    // some millions
    let rank = (times.len() as f64 * share).ceil() as usize;
    times.get(rank.saturating_sub(1)).copied()
}

async fn ask(server: SocketAddr, end: Instant) -> Answers {
    let mut answers = Answers::default();
    let mut connection = None;
    while Instant::now() < end {
        let began = Instant::now();
        match one(server, &mut connection).await {
            Ok((StatusCode::CREATED, _)) => answers.made.push(began.elapsed()),
            Ok((StatusCode::SERVICE_UNAVAILABLE, Some(pause))) => {
                answers.refused.push(began.elapsed());
                tokio::time::sleep_until(end.min(Instant::now() + pause).into()).await;
            }
            other => {
                answers.wrong += 1;
                answers.first_wrong.get_or_insert_with(|| format!("{other:?}"));
                connection = None;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    answers
}

/// One request, on a new connection where the one before was closed; its status, and after how long to come again.
async fn one(
    server: SocketAddr,
    connection: &mut Option<SendRequest<Full<Bytes>>>,
) -> Result<(StatusCode, Option<Duration>), Broken> {
    let request = Request::post("/api/devis")
        .header(header::HOST, server.to_string())
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from_static(BODY)))?;
    let open = match connection {
        Some(sender) => sender.ready().await.is_ok(),
        None => false,
    };
    if !open {
        *connection = Some(connect(server).await?);
    }
    let sender = connection.as_mut().ok_or("no connection")?;
    let response = sender.send_request(request).await?;
    let pause =
        response.headers().get(header::RETRY_AFTER).and_then(|seconds| seconds.to_str().ok()?.parse().ok());
    let answer = (response.status(), pause.map(Duration::from_secs));
    response.into_body().collect().await?;
    Ok(answer)
}

async fn connect(server: SocketAddr) -> Result<SendRequest<Full<Bytes>>, Broken> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}
