//! Requests as nobody should send them, byte by byte.

use std::{
    future, io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use edalab_tests::{
    rig::{
        program,
        service::{Service, ServiceRigError, Settings},
        stand::Stand,
    },
    suite::Outcome,
    usage,
};
use futures::future::join_all;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, tcp::WriteHalf},
    time::timeout,
};

/// The most memory that a service may have taken after all of it, in bytes: the 40 MiB of an ordinary load, and as much
/// again for a debug build and its crowd.
pub(crate) const MEMORY: u64 = 80 << 20;
/// A service tells a client that it is too slow well before.
const LONGEST: Duration = Duration::from_secs(15);
/// An id that nothing has.
const NOBODY: &str = "01890000-0000-7000-8000-000000000000";
const QUOTE: &str = r#"{"clientId":"C001","typeBien":"AUTO","valeur":25000}"#;

/// An answer, or the closed connection that came instead.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

/// Sends what it is given and reads until the connection closes; nothing where nothing came.
async fn send(server: SocketAddr, request: &[u8]) -> Option<Answer> {
    exchange(server, async |mut stream| stream.write_all(request).await, &shown(request)).await
}

/// Writes until the answer is there. The service may answer before it has read everything, and then reads no more.
async fn exchange(
    server: SocketAddr,
    write: impl AsyncFnOnce(WriteHalf<'_>) -> io::Result<()>,
    what: &str,
) -> Option<Answer> {
    let mut stream = TcpStream::connect(server).await.expect("a connection");
    let (mut reading, writing) = stream.split();
    let mut answer = Vec::new();
    let writing = async {
        let _ = write(writing).await;
        future::pending::<()>().await;
    };
    tokio::select! {
        // A reset after the answer is the end of it too.
        read = timeout(LONGEST, reading.read_to_end(&mut answer)) => drop(read.unwrap_or_else(|_| panic!("no end of {what}"))),
        () = writing => {}
    }
    let text = String::from_utf8(answer).expect("text");
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Some(Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() })
}

fn shown(request: &[u8]) -> String {
    String::from_utf8_lossy(&request[..request.len().min(200)]).escape_debug().to_string()
}

fn request(method: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A refusal of the service's own: problem+json that says what is wrong.
fn in_words(answer: &Answer, asked: &[u8]) {
    let asked = shown(asked);
    assert!(answer.head.contains("content-type: application/problem+json"), "{asked}: {answer:?}");
    let problem: Value = serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{asked}: {answer:?}"));
    assert_eq!(problem["status"], answer.status, "{asked}");
    assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{asked}: {answer:?}");
}

pub(crate) async fn whatever_is_sent(stand: Arc<Stand>) -> Outcome {
    let quotation = stand.settings(program::services().await?, "abuse");
    let souscription = Settings { service: "souscription", ..quotation.clone() };
    let reclamation = Settings { service: "reclamation", ..quotation.clone() };
    let (quotation, souscription) = (Service::start(quotation).await?, Service::start(souscription).await?);
    let reclamation = Service::start(reclamation).await?;
    let modify = format!("/api/contrats/{NOBODY}/modifier");
    let end = format!("/api/contrats/{NOBODY}/resilier");
    let judge = format!("/api/sinistres/{NOBODY}/evaluer");
    let commands = [
        (&quotation, "POST", "/api/devis"),
        (&souscription, "POST", "/api/contrats/convertir"),
        (&souscription, "PUT", &modify),
        (&souscription, "POST", &end),
        (&reclamation, "POST", "/api/sinistres"),
        (&reclamation, "PUT", &judge),
    ];
    let mut sent = 0;
    for (service, method, path) in commands {
        for body in bodies() {
            let asked = request(method, path, &body);
            let answer = send(service.address(), &asked).await.unwrap_or_else(|| panic!("{}", shown(&asked)));
            assert!(matches!(answer.status, 400 | 413 | 422), "{}: {answer:?}", shown(&asked));
            in_words(&answer, &asked);
            sent += 1;
        }
    }
    for valeur in [
        "0",
        "-1",
        "-0",
        "NaN",
        "Infinity",
        "1e300",
        "1e-300",
        "1.001",
        "1e999999999",
        "9999999999999",
        "\"25000\"",
        "true",
        "null",
        "[]",
        "{}",
        "0x10",
        "1_000",
        "٣",
    ] {
        let body = format!(r#"{{"clientId":"C001","typeBien":"AUTO","valeur":{valeur}}}"#);
        let asked = request("POST", "/api/devis", body.as_bytes());
        let answer = send(quotation.address(), &asked).await.expect("an answer");
        assert!(matches!(answer.status, 400 | 422), "{valeur}: {answer:?}");
        in_words(&answer, &asked);
        sent += 1;
    }
    for asked in heads() {
        for service in [&quotation, &souscription, &reclamation] {
            // What does not get past the HTTP library is refused with a bare status, or not answered at all.
            if let Some(answer) = send(service.address(), &asked).await {
                assert!((400..500).contains(&answer.status), "{}: {answer:?}", shown(&asked));
                if !matches!(answer.status, 400 | 414 | 431) || !answer.body.is_empty() {
                    in_words(&answer, &asked);
                }
            }
            sent += 1;
        }
    }
    println!("{sent} requests");
    for service in [&quotation, &souscription, &reclamation] {
        well_afterwards(service).await?;
    }
    quotation.quote("C001", "AUTO", 25_000.0).await?;
    Ok(())
}

/// It is ready, answered nothing with 500, and has not grown.
pub(crate) async fn well_afterwards(service: &Service) -> Outcome {
    assert!(service.look_up("/ready").await?.status().is_success());
    let failed = service.scrape().await?.sum_where("http_requests_total", "status", "500");
    assert!(failed.abs() < f64::EPSILON, "{failed} answers were 500");
    let memory = usage::most_resident(service.process_id().expect("it runs"))?;
    println!("{}: {} MiB at most", service.source(), memory >> 20);
    assert!(memory < MEMORY, "{} MiB", memory >> 20);
    Ok(())
}

/// Bodies that no command takes.
fn bodies() -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> = [
        "",
        " ",
        "{",
        "}",
        "{}",
        "[]",
        "null",
        "true",
        "1",
        "\"text\"",
        "{]",
        "{\"a\"",
        "{\"a\":}",
        "{'a':1}",
        "{a:1}",
        "{\"clientId\":1}",
        "{\"clientId\":\"\\ud800\"}",
        "{\"devisId\":\"x\",\"devisId\":\"y\"}",
        "{\"devisId\":\"\\u0000\"}",
        "{\"motif\":[[]]}",
        "{\"modification\":{}}",
        "// comment\n{}",
        "{}{}",
        "\u{feff}{}",
        "{\"__proto__\":{}}",
        "{\"valeur\":1e400}",
    ]
    .map(|body| body.as_bytes().to_vec())
    .into();
    bodies.push(b"{\"clientId\":\"\xff\xfe\"}".to_vec());
    bodies.push(b"\x80\x81\x82".to_vec());
    bodies.push(vec![0; 1000]);
    bodies.push("[".repeat(16_000).into_bytes());
    bodies.push("{\"a\":".repeat(3_000).into_bytes());
    bodies.push(
        format!("{{{}}}", (0..1_000).map(|n| format!("\"f{n}\":0")).collect::<Vec<_>>().join(","))
            .into_bytes(),
    );
    bodies.push(format!("{{\"clientId\":\"{}\"}}", "x".repeat(10_000)).into_bytes());
    bodies.push(format!("{{\"clientId\":\"{}\"}}", "x".repeat(10 << 20)).into_bytes());
    bodies.push(vec![b' '; 10 << 20]);
    bodies
}

/// Requests that are wrong before their body.
fn heads() -> Vec<Vec<u8>> {
    let close = "Host: x\r\nConnection: close\r\n";
    let long = "x".repeat(1 << 20);
    let many: String = (0..10_000).map(|number| format!("X-{number}: y\r\n")).collect();
    let wrong_type = format!(
        "POST /api/devis HTTP/1.1\r\n{close}Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n{QUOTE}",
        QUOTE.len()
    );
    [
        format!("GET /{long} HTTP/1.1\r\n{close}\r\n"),
        format!("GET /api/devis?clientId={long} HTTP/1.1\r\n{close}\r\n"),
        format!("GET /api/devis?clientId=%00&limit=-1 HTTP/1.1\r\n{close}\r\n"),
        format!("GET /api/devis?limit=99999999999999999999 HTTP/1.1\r\n{close}\r\n"),
        format!("GET /api/contrats?clientId=%ff&cursor=%ff HTTP/1.1\r\n{close}\r\n"),
        format!("GET /api/devis/%00 HTTP/1.1\r\n{close}\r\n"),
        format!("GET /api/devis/%ff HTTP/1.1\r\n{close}\r\n"),
        format!("GET /api/devis/../../etc/passwd HTTP/1.1\r\n{close}\r\n"),
        format!("GET /api/contrats/%2e%2e%2f HTTP/1.1\r\n{close}\r\n"),
        format!("GET //api//devis HTTP/1.1\r\n{close}\r\n"),
        format!("GET http://elsewhere/ HTTP/1.1\r\n{close}\r\n"),
        format!("CONNECT elsewhere:443 HTTP/1.1\r\n{close}\r\n"),
        format!("TRACE /api/devis HTTP/1.1\r\n{close}\r\n"),
        format!("DELETE /api/devis HTTP/1.1\r\n{close}\r\n"),
        format!("MADEUP /api/contrats/{NOBODY} HTTP/1.1\r\n{close}\r\n"),
        format!("GET / HTTP/1.1\r\n{close}X-Long: {long}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{close}{many}\r\n"),
        format!("POST /api/devis HTTP/1.1\r\n{close}Content-Length: -1\r\n\r\n"),
        format!("POST /api/devis HTTP/1.1\r\n{close}Content-Length: 5\r\nContent-Length: 6\r\n\r\n{{}}   "),
        format!("POST /api/devis HTTP/1.1\r\n{close}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\nzz\r\n\r\n"),
        format!("POST /api/devis HTTP/1.1\r\n{close}Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n"),
        format!("POST /api/devis HTTP/1.1\r\n{close}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"),
        format!("POST /api/devis HTTP/1.1\r\n{close}Content-Type: \u{1}\r\n\r\n"),
        wrong_type,
        format!("GET / HTTP/9.9\r\n{close}\r\n"),
        "GET / HTTP/1.1 and more\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "\r\n\r\n\r\n\r\n\u{0}\u{0}\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{fc}\u{3}\u{3}".repeat(50),
    ]
    .map(String::into_bytes)
    .into()
}

/// Two hundred clients send a body, or a head, a byte at a time; others are served all the while.
pub(crate) async fn slow_clients(stand: Arc<Stand>) -> Outcome {
    let quotation = Service::start(stand.settings(program::services().await?, "slow")).await?;
    let server = quotation.address();
    let bodies = join_all((0..200).map(|_| tokio::spawn(trickle(server, 20))));
    let others = async {
        let began = Instant::now();
        let mut slowest = Duration::ZERO;
        while began.elapsed() < Duration::from_secs(5) {
            let asked = Instant::now();
            quotation.quote("C001", "AUTO", 25_000.0).await?;
            slowest = slowest.max(asked.elapsed());
        }
        Ok::<_, ServiceRigError>(slowest)
    };
    let (bodies, slowest) = futures::join!(bodies, others);
    println!("the slowest of the others' quotes took {:?}", slowest?);
    for answer in bodies {
        let answer = answer?.expect("a slow body is told");
        assert_eq!(answer.status, 408, "{answer:?}");
        in_words(&answer, b"a slow body");
    }
    well_afterwards(&quotation).await
}

/// Announces a body and sends a byte of it each half second.
async fn trickle(server: SocketAddr, length: usize) -> Option<Answer> {
    let asked = request("POST", "/api/devis", &vec![b' '; length]);
    let (head, body) = asked.split_at(asked.len() - length);
    let write = async |mut stream: WriteHalf<'_>| {
        stream.write_all(head).await?;
        for byte in body {
            stream.write_all(&[*byte]).await?;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Ok(())
    };
    exchange(server, write, "a slow body").await
}
