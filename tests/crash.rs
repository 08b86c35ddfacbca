//! Quotation killed with SIGKILL, at chosen points and at random ones: what was answered with 201 is an event, once.

use std::{
    collections::BTreeSet,
    process::{Command, ExitCode},
    sync::Arc,
    time::{Duration, Instant},
};

use edalab_tests::{
    judge::judge,
    random_moment,
    rig::{process, program, service::Service, stand::Stand},
    suite::{Outcome, Suite},
    trial, wait,
};
use schemas::{DevisGenere, topics};
use serde_json::json;

/// Kills at each point.
const KILLS: u32 = 20;
/// Clients that ask at the same time: commands are committed in groups only when several wait.
const CLIENTS: u32 = 4;
/// How long a service may take to pass its crash point under load, or to publish what is left.
const SOON: Duration = Duration::from_secs(60);
/// How long a service may take until it listens; one that ended before is not waited for any longer.
const START: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    Suite::new("crash", 1)
        .trial("between_commit_and_publish", |stand| at("outbox.committed", &stand))
        .trial("between_confirmation_and_mark", |stand| at("relay.confirmed", &stand))
        .trial("inside_a_batch", |stand| at("store.in-batch", &stand))
        .trial("at_random", trial!(at_random))
        .trial("a_201_comes_after_a_sync", trial!(a_201_comes_after_a_sync))
        .main(Stand::start)
}

/// Kills the service [`KILLS`] times at `point`, each time at another pass.
fn at(point: &str, stand: &Stand) -> Outcome {
    edalab_tests::suite::block_on(async {
        let mut quotation = service(stand, &point.replace('.', "-")).await?;
        let mut answered = BTreeSet::new();
        for kill in 0..KILLS {
            quotation.restart_to_crash(point, 1 + kill % 5)?;
            answered.extend(ask(quotation.url("/api/devis")).await);
            wait::until(format!("quotation to end at {point}"), SOON, async || match quotation.ended() {
                Ok(Some(_)) => Ok(()),
                Ok(None) => Err("it runs".to_owned()),
                Err(problem) => Err(problem.to_string()),
            })
            .await?;
        }
        every_answer_is_one_event(stand, quotation, &answered, point).await
    })
}

async fn at_random(stand: Arc<Stand>) -> Outcome {
    let mut quotation = service(&stand, "random").await?;
    let mut answered = BTreeSet::new();
    for _ in 0..KILLS {
        quotation.restart().await?;
        let (asked, killed) = {
            let url = quotation.url("/api/devis");
            let asking = tokio::spawn(ask(url));
            tokio::time::sleep(random_moment()).await;
            let killed = quotation.kill9().await;
            (asking.await?, killed)
        };
        killed?;
        answered.extend(asked);
    }
    every_answer_is_one_event(&stand, quotation, &answered, "random moments").await
}

async fn service(stand: &Stand, lab: &str) -> Result<Service, Box<dyn std::error::Error>> {
    Ok(Service::new(stand.settings(program::services_that_crash().await?, lab))?)
}

/// The ids of the quotes that were answered with 201 until the service was gone.
async fn ask(url: String) -> BTreeSet<String> {
    let clients = (0..CLIENTS).map(|client| ask_as(client, url.clone()));
    futures::future::join_all(clients).await.into_iter().flatten().collect()
}

/// Asks one quote after the other; before the first answer, a refused connection means that the service still starts.
async fn ask_as(client: u32, url: String) -> BTreeSet<String> {
    let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().expect("a client");
    let mut answered = BTreeSet::new();
    let (deadline, started_by) = (Instant::now() + SOON, Instant::now() + START);
    let mut reached = false;
    while Instant::now() < deadline {
        let devis = json!({"clientId": format!("C{client}"), "typeBien": "AUTO", "valeur": 1000});
        match http.post(&url).json(&devis).send().await {
            Ok(response) if response.status() == reqwest::StatusCode::CREATED => {
                reached = true;
                // An answer that is cut off was not an answer.
                if let Ok(body) = response.json::<serde_json::Value>().await {
                    answered.insert(body["devisId"].as_str().unwrap_or_default().to_owned());
                }
            }
            Ok(_) => reached = true,
            Err(problem) if problem.is_connect() && !reached && Instant::now() < started_by => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(_) => break,
        }
    }
    answered
}

/// Starts the service once more and lets it publish what is left; then judges all of its records against the answers and
/// the database.
async fn every_answer_is_one_event(
    stand: &Stand,
    mut quotation: Service,
    answered: &BTreeSet<String>,
    point: &str,
) -> Outcome {
    quotation.restart().await?;
    let mut reader = stand.reader(quotation.lab())?;
    wait::until("an empty outbox", SOON, async || {
        let metrics = quotation.scrape().await.map_err(|problem| problem.to_string())?;
        match metrics.value("outbox_backlog") {
            Some(rows) if rows < 1.0 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await?;
    let records = reader.catch_up()?.to_vec();
    let verdict = judge(&records).map_err(|broken| broken.join("\n"))?;
    let mut published = BTreeSet::new();
    for record in records.iter().filter(|record| record.topic == topics::DEVIS_GENERE.as_str()) {
        published.insert(stand.decode::<DevisGenere>(record).await?.devis_id.to_string());
    }
    let lost: Vec<_> = answered.difference(&published).collect();
    assert!(lost.is_empty(), "answered with 201 and never published: {lost:?}");
    for unanswered in published.difference(answered) {
        quotation.get(&format!("/api/devis/{unanswered}")).await?; // 404 where an event has no command
    }
    assert_eq!(verdict.distinct, published.len(), "one event for each quote");
    println!(
        "{KILLS} kills, {point}: {} answers of 201, {} events, {} repeats",
        answered.len(),
        published.len(),
        verdict.repeats
    );
    Ok(())
}

/// A system-call trace: between reading a request and writing its 201, the database is synced.
async fn a_201_comes_after_a_sync(stand: Arc<Stand>) -> Outcome {
    let mut quotation = service(&stand, "traced").await?;
    let trace = quotation.data().with_file_name("trace");
    let mut strace = Command::new(strace().await?);
    strace.args([
        "-D", // the service is the process that is stopped, and strace its grandchild
        "-f",
        "-y",
        "-s",
        "64",
        "-e",
        "trace=read,recvfrom,write,writev,sendto,fsync,fdatasync",
        "-o",
    ]);
    strace.arg(&trace);
    quotation.launch(&quotation.command_under(strace)?)?;
    quotation.ready().await?;
    for _ in 0..5 {
        quotation.quote("C001", "AUTO", 1000.0).await?;
    }
    quotation.stop().await?;
    let trace = std::fs::read_to_string(&trace)?;
    let (mut asked, mut synced, mut answers) = (false, false, 0);
    for line in trace.lines() {
        if line.contains("\"POST /api/devis") {
            (asked, synced) = (true, false);
        } else if (line.contains("fdatasync(") || line.contains("fsync(")) && line.contains(".db") {
            synced = true;
        } else if asked && line.contains("HTTP/1.1 201") {
            assert!(synced, "a 201 was written before the database was synced:\n{line}");
            (asked, answers) = (false, answers + 1);
        }
    }
    assert_eq!(answers, 5, "the trace shows every answer");
    Ok(())
}

/// strace, which is installed where it is missing.
async fn strace() -> Result<&'static str, process::ProcessError> {
    if process::output(Command::new("strace").arg("-V")).await.is_err() {
        println!("installing Debian's package strace");
        process::output(Command::new("apt-get").args(["install", "--yes", "strace"])).await?;
    }
    Ok("strace")
}
