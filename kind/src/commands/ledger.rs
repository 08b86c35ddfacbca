//! `edalab ledger`: what became of every event of the lab.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use futures::future::try_join_all;
use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};
use kube::{Client, ResourceExt};
use ledger::{Ledger, judge};
use serde::de::DeserializeOwned;

use super::Context;
use crate::{
    cli::Output,
    error::{Error, Result},
    kubernetes,
    lab::LAB,
};

/// Between two looks of `--watch`.
const PERIOD: Duration = Duration::from_secs(2);
/// How long services that have just started are waited for.
const PATIENCE: Duration = Duration::from_secs(20);
const BETWEEN_TRIES: Duration = Duration::from_millis(250);

/// Prints the ledger; false where it does not add up.
pub(super) async fn ledger(context: &Context, watch: bool, output: Output) -> Result<bool> {
    let client = context.client().await?;
    loop {
        let ledger = match read_whole(&client).await {
            Ok(ledger) => ledger,
            // Watching is for when things break.
            Err(error) if watch => {
                println!("{:.0}  {error}", Timestamp::now());
                tokio::time::sleep(PERIOD).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        match output {
            Output::Text if watch => println!("{:.0}\n{}", Timestamp::now(), table(&ledger)),
            Output::Text => print!("{}", table(&ledger)),
            Output::Json => println!("{}", serde_json::to_string(&ledger).unwrap_or_default()),
        }
        if !watch {
            return Ok(ledger.closes());
        }
        tokio::time::sleep(PERIOD).await;
    }
}

/// The ledger when every service can tell its part. One that has just started reads its topics first.
async fn read_whole(client: &Client) -> Result<Ledger> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match read(client).await {
            Ok(ledger) if ledger.is_whole() => return Ok(ledger),
            told if Instant::now() >= deadline => return told,
            _ => tokio::time::sleep(BETWEEN_TRIES).await,
        }
    }
}

/// Asks every service for its part, in the order in which it adds up.
async fn read(client: &Client) -> Result<Ledger> {
    let pods = kubernetes::services(client, LAB).await?;
    if pods.is_empty() {
        return Err(Error::Cannot {
            what: "no service runs in the lab, so there is nobody to ask".into(),
            next: "set spec.phase to ProducteurConsommateur: kubectl edit edalab lab".into(),
        });
    }
    let applied = ask(client, &pods, "applied").await?;
    let on_topic = ask(client, &pods, "on-topic").await?;
    let emitted = ask(client, &pods, "emitted").await?;
    Ok(judge(&applied, &on_topic, &emitted))
}

async fn ask<T: DeserializeOwned>(client: &Client, pods: &[Pod], part: &str) -> Result<Vec<T>> {
    let path = format!("/internal/ledger/{part}");
    try_join_all(pods.iter().map(|pod| kubernetes::get(client, pod, &path))).await.map_err(|error| {
        Error::Cannot {
            what: format!("a service does not tell its part of the ledger: {error}"),
            next: format!("`edalab health` says how it is; its pods are {}", names(pods)),
        }
    })
}

fn names(pods: &[Pod]) -> String {
    pods.iter().map(ResourceExt::name_any).collect::<Vec<_>>().join(", ")
}

/// The ledger for people.
fn table(ledger: &Ledger) -> String {
    let mut text =
        format!("{:32} {:>9} {:>9} {:>9} {:>9}\n", "EVENTS", "EMITTED", "OUTBOX", "ON TOPIC", "REPEATED");
    for line in &ledger.lines {
        let _ = writeln!(
            text,
            "{:32} {:>9} {:>9} {:>9} {:>9}",
            line.topic, line.emitted, line.in_outbox, line.on_topic, line.repeated
        );
        for consumer in &line.consumers {
            let _ = writeln!(
                text,
                "  {}: {} applied, {} dead letters, {} in flight, {} missing, {} twice, {} out of order",
                consumer.group,
                consumer.applied,
                consumer.dead_letters,
                consumer.in_flight,
                consumer.missing.count(),
                consumer.twice,
                consumer.out_of_order
            );
            for anomaly in &consumer.anomalies {
                let _ = writeln!(
                    text,
                    "    {} {} at {}@{}, {}",
                    anomaly.kind.as_str(),
                    anomaly.event_id,
                    anomaly.partition,
                    anomaly.offset,
                    anomaly.number
                );
            }
        }
    }
    for line in ledger.letters.iter().filter(|line| line.buried > 0) {
        let _ = writeln!(
            text,
            "dlq.errors of {}: {} given up, {} on the topic, {} repeated, {} waiting",
            line.group, line.buried, line.on_topic, line.repeated, line.waiting
        );
    }
    if ledger.closes() {
        text.push_str("It adds up: every event is accounted for.\n");
    }
    for problem in &ledger.problems {
        let _ = writeln!(text, "DOES NOT ADD UP  {problem}");
    }
    text
}

#[cfg(test)]
mod tests {
    use ledger::{Applied, Emitted, Heard, Numbered, OnTopic, Ranges, Stream, Tally};

    use super::*;

    #[test]
    fn a_ledger_for_people() {
        let topic = || "quotation.devis-genere".to_owned();
        let number = |number| vec![Numbered { topic: topic(), number }];
        let applied = [
            Applied { service: "/edalab/lab/quotation".into(), confirmed: number(120), ..Applied::default() },
            Applied {
                service: "/edalab/lab/souscription".into(),
                group: "souscription-service".into(),
                topics: vec![Heard { topic: topic(), next: Vec::new() }],
                streams: vec![Stream {
                    source: "/edalab/lab/quotation".into(),
                    topic: topic(),
                    applied: Ranges::from_iter([(1, 99), (101, 118)]),
                    twice: 1,
                    ..Stream::default()
                }],
                ..Applied::default()
            },
        ];
        let tally = Tally {
            topic: topic(),
            distinct: Ranges::from_iter([(1, 120)]),
            repeated: 3,
            ..Tally::default()
        };
        let on_topic =
            [OnTopic { service: "/edalab/lab/quotation".into(), topics: vec![tally], ..OnTopic::default() }];
        let emitted = [Emitted { service: "/edalab/lab/quotation".into(), topics: number(121) }];
        insta::assert_snapshot!(table(&judge(&applied, &on_topic, &emitted)));
    }
}
