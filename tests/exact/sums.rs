//! What came of it: the ledger, and what an outside client of Kafka counts.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use edalab_tests::{
    judge::judge,
    reader::{Reader, raw},
    rig::{
        ledger::read_ledger,
        run::Run,
        service::Service,
        stand::{QUOTATION, RECLAMATION, SOUSCRIPTION},
    },
    suite::Outcome,
    wait::{self, TimedOut},
};
use ledger::Ledger;
use schemas::topics;

use crate::{SETTLE, load::Load};

/// What was done, and what came of it.
pub(crate) fn told(kills: &BTreeMap<&str, u32>, load: &Load, ledger: &Ledger) -> String {
    let count = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
    let mut text = format!(
        "{} kills: {kills:?}\nanswered: {} quotes, {} contracts, {} claims; {} quotes without an answer; {} poisoned records\n",
        kills.values().sum::<u32>(),
        count(&load.quotes),
        count(&load.contracts),
        count(&load.claims),
        count(&load.unanswered),
        count(&load.poison)
    );
    for line in &ledger.lines {
        text.push_str(&format!("{}: {} emitted, {} repeated", line.topic, line.emitted, line.repeated));
        for consumer in &line.consumers {
            text.push_str(&format!(
                "; {}: {} applied, {} missing, {} twice, {} out of order",
                consumer.group,
                consumer.applied,
                consumer.missing.count(),
                consumer.twice,
                consumer.out_of_order
            ));
        }
        text.push('\n');
    }
    for line in &ledger.letters {
        text.push_str(&format!(
            "letters of {}: {} given up, {} on the topic\n",
            line.group, line.buried, line.on_topic
        ));
    }
    text
}

/// The ledger when nothing is in flight any more.
pub(crate) async fn settled(run: &Run) -> Result<Ledger, TimedOut> {
    wait::until("the ledger to settle", SETTLE, async || {
        let ledger = read_ledger(&run.services()).await.map_err(|problem| {
            format!("{problem}\n{}", run.services().map(Service::last_words).join("\n"))
        })?;
        let open: u64 = ledger.lines.iter().map(|line| line.in_outbox).sum::<u64>()
            + ledger
                .lines
                .iter()
                .flat_map(|line| &line.consumers)
                .map(|consumer| consumer.in_flight)
                .sum::<u64>()
            + ledger.letters.iter().map(|line| line.waiting).sum::<u64>();
        let settled =
            (open == 0 && ledger.is_whole()) || ledger.lines.iter().any(|line| line.out_of_order > 0);
        if settled { Ok(ledger) } else { Err(format!("{open} in flight; {:?}", ledger.problems)) }
    })
    .await
}

/// The ledger closes, and counts what an outside client of Kafka counts.
pub(crate) fn agrees(ledger: &Ledger, load: &Load, run: &Run) -> Outcome {
    let bootstrap = run.kafka.bootstrap();
    assert_eq!(ledger.problems, Vec::<String>::new(), "the ledger closes");
    for (service, topics) in run.services().into_iter().zip([QUOTATION, SOUSCRIPTION, RECLAMATION]) {
        let mut reader = Reader::new(&bootstrap, topics, &service.source())?;
        let records = reader.catch_up()?;
        let verdict = judge(records).map_err(|broken| broken.join("\n"))?;
        let own = || ledger.lines.iter().filter(|line| line.source == service.source());
        let (on_topic, repeated): (u64, u64) =
            (own().map(|line| line.on_topic).sum(), own().map(|line| line.repeated).sum());
        assert_eq!(
            (on_topic, repeated),
            (verdict.distinct as u64, verdict.repeats as u64),
            "{}",
            service.source()
        );
        for line in own() {
            assert_eq!(line.emitted, line.on_topic, "{}: all of it arrived", line.topic);
            for consumer in &line.consumers {
                assert_eq!(
                    consumer.applied, line.emitted,
                    "{}: {} applied all of it",
                    line.topic, consumer.group
                );
            }
        }
    }
    let emitted = |topic: schemas::TopicName| {
        let line = ledger.lines.iter().find(|line| line.topic == topic.as_str());
        line.map_or(0, |line| line.emitted)
    };
    let answered = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
    for (topic, counted) in [
        (topics::DEVIS_GENERE, &load.quotes),
        (topics::CONTRAT_EMIS, &load.contracts),
        (topics::SINISTRE_DECLARE, &load.claims),
    ] {
        assert!(
            emitted(topic) >= answered(counted),
            "every command that was answered is an event of {topic}"
        );
    }
    let letters = raw(&bootstrap, topics::DLQ_ERRORS)?.len() as u64;
    let told: u64 = ledger.letters.iter().map(|line| line.on_topic + line.repeated).sum();
    assert_eq!(letters, told, "dead letters");
    assert!(
        ledger.letters.iter().map(|line| line.buried).sum::<u64>() >= answered(&load.poison),
        "every poisoned record"
    );
    Ok(())
}
