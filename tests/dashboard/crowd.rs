//! Many who listen, and one who does not.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use edalab_tests::{suite::Outcome, usage, wait};
use futures::{StreamExt as _, future::try_join_all, stream::FuturesUnordered};
use schemas::{header, topics};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::show::{ARRIVAL, Show, with_header};

const CLIENTS: usize = 200;
const PER_SECOND: u32 = 500;
/// How long, unless CROWD_SECONDS says otherwise.
const SECONDS: u32 = 10;
/// Resident memory that the dashboard may have, in bytes.
const MEMORY: u64 = 100 * 1024 * 1024;

pub(crate) async fn two_hundred(show: Arc<Show>) -> Outcome {
    let sample = show.sample().await?;
    let address = show.dashboard.url("").replace("http://", "");
    let mut deaf = TcpStream::connect(&address).await?;
    ask(&mut deaf, &address).await?;
    let seconds = std::env::var("CROWD_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SECONDS);
    let total = PER_SECOND * seconds;
    let mut listeners = Vec::new();
    for _ in 0..CLIENTS {
        let mut stream = TcpStream::connect(&address).await?;
        ask(&mut stream, &address).await?;
        listeners.push(tokio::spawn(count(stream, total)));
    }
    wait::until("everybody to listen", ARRIVAL, async || {
        let metrics = show.dashboard.scrape().await.map_err(|problem| problem.to_string())?;
        let clients = metrics.sum("dashboard_sse_clients");
        if clients >= 201.0 { Ok(()) } else { Err(format!("{clients} listen")) }
    })
    .await?;

    let began = Instant::now();
    let mut sent = FuturesUnordered::new();
    let mut most = 0;
    for number in 0..total {
        let due = Duration::from_secs(1) * number / PER_SECOND;
        tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
        // A repeat for the services, by its id, and so without an effect.
        let record = with_header(&sample, header::SUBJECT, &format!("crowd-{number}"));
        let sender = Arc::clone(&show);
        sent.push(tokio::spawn(async move {
            let sent = sender.put(topics::DEVIS_GENERE, None, &record).await;
            sent.map_err(|problem| problem.to_string())
        }));
        if number % PER_SECOND == 0 {
            most = most.max(resident(&show)?);
        }
    }
    while let Some(result) = sent.next().await {
        result??;
    }
    let sending = began.elapsed();
    let counted = tokio::time::timeout(ARRIVAL, try_join_all(listeners)).await??;
    let heard = began.elapsed();
    for told in counted {
        let numbers = told?;
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!((numbers.len(), sorted.len()), (total as usize, total as usize), "each event once");
    }
    most = most.max(resident(&show)?);
    assert!(most < MEMORY, "{most} bytes resident");
    // The kernel holds some of what the deaf one does not read; more fills it up.
    wait::until("the one who does not read to be let go", ARRIVAL, async || {
        for number in 0..50 {
            let record = with_header(&sample, header::SUBJECT, &format!("more-{number}"));
            show.put(topics::DEVIS_GENERE, None, &record).await.map_err(|problem| problem.to_string())?;
        }
        let metrics = show.dashboard.scrape().await.map_err(|problem| problem.to_string())?;
        match metrics.value("dashboard_sse_dropped_total{reason=\"stalled\"}") {
            Some(dropped) if dropped >= 1.0 => Ok(()),
            other => Err(format!("{other:?} dropped")),
        }
    })
    .await?;
    println!(
        "{CLIENTS} clients, {total} events: sent in {:.1} s, heard by all after {:.1} s, at most {} MB resident",
        sending.as_secs_f32(),
        heard.as_secs_f32(),
        most / 1_000_000
    );
    drop(deaf);
    Ok(())
}

async fn ask(stream: &mut TcpStream, address: &str) -> std::io::Result<()> {
    let request = format!("GET /api/events/stream HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await
}

/// Reads until the last of the crowd's events; the numbers of those that came.
async fn count(mut stream: TcpStream, total: u32) -> Result<Vec<u32>, String> {
    const MARK: &[u8] = b"\"subject\":\"crowd-";
    let mut numbers = Vec::new();
    let mut rest = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    while numbers.len() < total as usize {
        let length = stream.read(&mut chunk).await.map_err(|problem| problem.to_string())?;
        if length == 0 {
            return Err(format!("the stream ended after {} events", numbers.len()));
        }
        // What of a mark and its number lies across the end of a chunk is looked at with the next. (Chunked coding splits
        // no message: each is one chunk.)
        rest.extend_from_slice(&chunk[..length]);
        let mut from = 0;
        while let Some(at) = find(&rest[from..], MARK) {
            let begin = from + at + MARK.len();
            let Some(end) = find(&rest[begin..], b"\"") else { break };
            let number =
                std::str::from_utf8(&rest[begin..begin + end]).ok().and_then(|text| text.parse().ok());
            numbers.push(number.ok_or("no number")?);
            from = begin + end;
        }
        let keep = if find(&rest[from..], MARK).is_some() {
            from
        } else {
            from.max(rest.len().saturating_sub(MARK.len()))
        };
        rest.drain(..keep);
    }
    Ok(numbers)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    let first = what[0];
    let mut from = 0;
    loop {
        let at = from + bytes[from..].iter().position(|byte| *byte == first)?;
        if bytes[at..].starts_with(what) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// The dashboard's resident memory, in bytes.
fn resident(show: &Show) -> Result<u64, Box<dyn std::error::Error>> {
    Ok(usage::resident(show.dashboard.process_id().ok_or("the dashboard does not run")?)?)
}
