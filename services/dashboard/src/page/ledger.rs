//! The ledger for people.

use askama::Template;
use ledger::{ConsumerLine, Ledger, Line};

use super::rendered;
use crate::{
    ledger::Untold,
    texts::{Lang, Texts, filled},
};

/// Most problems, and most anomalies of a consumer, that are listed.
const LISTED: usize = 20;

#[derive(Template)]
#[template(path = "ledger.html")]
struct Shown {
    t: &'static Texts,
    verdict: Verdict,
    problems: Vec<String>,
    lines: Vec<ShownLine>,
}

enum Verdict {
    Waiting,
    Unknown(String),
    Reading(String),
    Closes,
    Open,
}

struct ShownLine {
    event: &'static str,
    emitted: String,
    in_outbox: String,
    on_topic: String,
    consumers: Vec<ShownConsumer>,
}

struct ShownConsumer {
    name: String,
    applied: String,
    in_flight: String,
    dead_letters: String,
    missing: Option<String>,
    anomalies: Vec<String>,
}

/// The ledger, or why there is none; nothing where nobody was asked yet.
pub(crate) fn ledger(lang: Lang, told: Option<&Result<Ledger, Untold>>) -> String {
    let t = lang.texts();
    let (verdict, problems, lines) = match told {
        None => (Verdict::Waiting, Vec::new(), Vec::new()),
        Some(Err(error)) => {
            (Verdict::Unknown(filled(t.ledger_unknown, &[("why", error)])), Vec::new(), Vec::new())
        }
        Some(Ok(ledger)) => {
            let lines = ledger.lines.iter().map(|told| line(lang, told)).collect();
            if !ledger.is_whole() {
                let words = filled(t.ledger_reading, &[("n", &lang.number(ledger.unread))]);
                (Verdict::Reading(words), Vec::new(), lines)
            } else if ledger.closes() {
                (Verdict::Closes, Vec::new(), lines)
            } else {
                (Verdict::Open, ledger.problems.iter().take(LISTED).cloned().collect(), lines)
            }
        }
    };
    rendered(&Shown { t, verdict, problems, lines })
}

fn line(lang: Lang, line: &Line) -> ShownLine {
    let event = schemas::topic(&line.topic).and_then(schemas::Topic::event);
    ShownLine {
        event: event.unwrap_or("?"),
        emitted: lang.number(line.emitted),
        in_outbox: lang.number(line.in_outbox),
        on_topic: lang.number(line.on_topic),
        consumers: line.consumers.iter().map(|told| consumer(lang, told)).collect(),
    }
}

fn consumer(lang: Lang, line: &ConsumerLine) -> ShownConsumer {
    let t = lang.texts();
    let anomalies = line.anomalies.iter().take(LISTED).map(|anomaly| {
        let what = match anomaly.kind {
            ledger::AnomalyKind::Twice => t.twice,
            ledger::AnomalyKind::OutOfOrder => t.out_of_order,
        };
        format!("{} — {what} ({}@{})", anomaly.event_id, anomaly.partition, anomaly.offset)
    });
    ShownConsumer {
        name: line.group.strip_suffix("-service").unwrap_or(&line.group).to_owned(),
        applied: lang.number(line.applied),
        in_flight: lang.number(line.in_flight),
        dead_letters: lang.number(line.dead_letters),
        missing: (!line.missing.is_empty()).then(|| lang.number(line.missing.count())),
        anomalies: anomalies.collect(),
    }
}

#[cfg(test)]
mod tests {
    use ledger::{Anomaly, AnomalyKind, Ranges};

    use super::*;

    fn told(unread: u64, problems: Vec<String>) -> Ledger {
        let consumer = ConsumerLine {
            group: "souscription-service".to_owned(),
            applied: 1_200,
            dead_letters: 0,
            in_flight: 3,
            missing: Ranges::default(),
            twice: 1,
            out_of_order: 0,
            anomalies: vec![Anomaly {
                kind: AnomalyKind::Twice,
                number: 7,
                event_id: "019abf0e".to_owned(),
                partition: 2,
                offset: 41,
            }],
        };
        let line = Line {
            source: "/edalab/lab/quotation".to_owned(),
            topic: "quotation.devis-genere".to_owned(),
            emitted: 1_203,
            on_topic: 1_203,
            repeated: 0,
            out_of_order: 0,
            in_outbox: 0,
            missing: Ranges::default(),
            consumers: vec![consumer],
        };
        Ledger { lines: vec![line], letters: Vec::new(), unread, problems }
    }

    #[test]
    fn the_verdict_is_told_in_words_and_problems_by_name() {
        let problem = "souscription-service: 019abf0e was applied twice <b>".to_owned();
        for (ledger, words) in [
            (told(0, Vec::new()), "It adds up"),
            (told(5, vec![problem.clone()]), "5 records to go"),
            (told(0, vec![problem]), "It does not add up"),
        ] {
            let html = super::ledger(Lang::En, Some(&Ok(ledger)));
            assert!(html.contains(words), "{words}: {html}");
            assert!(html.contains("1,203") && html.contains("019abf0e — applied twice (2@41)"), "{html}");
            assert!(!html.contains("<b>"), "{html}");
            assert_eq!(html.contains("was applied twice"), words.contains("not"), "{html}");
        }
        assert!(super::ledger(Lang::Fr, None).contains("interrogés"));
    }
}
