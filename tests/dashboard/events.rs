//! Events, by `/api/events`.

use std::{collections::BTreeSet, sync::Arc};

use edalab_tests::{
    reader::Raw,
    sse::{Message, Stream, StreamError},
    suite::Outcome,
    wait,
};
use schemas::topics;
use serde_json::Value;

use crate::show::{ARRIVAL, Show};

/// The events of a stream, one after the other.
pub(crate) struct Events {
    stream: Stream,
    waiting: std::collections::VecDeque<Value>,
    /// Id of the last message.
    pub(crate) last: Option<String>,
    /// Messages `gap` so far.
    pub(crate) gaps: Vec<String>,
}

impl Events {
    pub(crate) async fn open(show: &Show, last: Option<&str>) -> Result<Self, StreamError> {
        let stream = Stream::open(&show.http, &show.dashboard.url("/api/events/stream"), last).await?;
        Ok(Self { stream, waiting: std::collections::VecDeque::new(), last: None, gaps: Vec::new() })
    }

    pub(crate) async fn next(&mut self) -> Result<Value, StreamError> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(event);
            }
            let Message { id, event, data } = self.stream.next(ARRIVAL).await?;
            match event.as_str() {
                "events" => {
                    self.last = id;
                    self.waiting = serde_json::from_str(&data).expect("events are JSON");
                }
                "gap" => self.gaps.push(data),
                _ => {}
            }
        }
    }

    /// The next event that is as wanted.
    pub(crate) async fn find(&mut self, wanted: impl Fn(&Value) -> bool) -> Result<Value, StreamError> {
        let find = async {
            loop {
                let event = self.next().await?;
                if wanted(&event) {
                    return Ok(event);
                }
            }
        };
        // A stream shows that it lives, whether or not the event ever comes.
        tokio::time::timeout(ARRIVAL, find).await.unwrap_or(Err(StreamError::Silent(ARRIVAL)))
    }
}

async fn recent(show: &Show) -> Result<Vec<Value>, Box<dyn std::error::Error>> {
    let answer = show.dashboard.get("/api/events/recent").await?;
    Ok(answer["events"].as_array().ok_or("no events")?.clone())
}

pub(crate) async fn delivered(show: Arc<Show>) -> Outcome {
    let mut events = Events::open(&show, None).await?;
    let devis = show.quote("C-delivered").await?;
    let event = events.find(|event| event["subject"] == devis.as_str()).await?;
    for (field, wanted) in [
        ("type", "DevisGenere"),
        ("source", "quotation"),
        ("topic", "quotation.devis-genere"),
        ("status", "PUBLISHED"),
    ] {
        assert_eq!(event[field], wanted, "{event}");
    }
    assert_eq!(event["destinations"], serde_json::json!(["souscription"]));
    let summary = event["summary"].as_str().expect("text");
    assert!(summary.contains("clientId C-delivered") && summary.contains("prime 500.00"), "{summary}");

    let contrat = show.convert(&devis).await?;
    let event = events.find(|event| event["subject"] == contrat.as_str()).await?;
    assert_eq!((&event["type"], &event["source"]), (&"ContratEmis".into(), &"souscription".into()));
    assert_eq!(event["destinations"], serde_json::json!(["quotation", "reclamation"]));
    let last = recent(&show).await?;
    assert_eq!(last[0], event, "the newest is first");

    let claim = show.claim(&contrat).await?;
    // Of three topics, they come in any order.
    let mut kinds = BTreeSet::from(["SinistreDeclare", "SinistreEvalue", "IndemnisationEffectuee"]);
    while !kinds.is_empty() {
        let is_next = |event: &Value| {
            event["subject"] == contrat.as_str() && kinds.iter().any(|kind| event["type"] == *kind)
        };
        let event = events.find(is_next).await?;
        kinds.retain(|kind| event["type"] != *kind);
        assert_eq!(
            (&event["source"], &event["destinations"][0]),
            (&"reclamation".into(), &"souscription".into())
        );
        assert!(event["summary"].as_str().is_some_and(|summary| summary.contains(&claim)), "{event}");
    }
    for _ in 0..55 {
        show.quote("C-more").await?;
    }
    wait::until("fifty recent events", ARRIVAL, async || {
        let last = recent(&show).await.map_err(|problem| problem.to_string())?;
        let all_new =
            last.iter().all(|event| event["summary"].as_str().is_some_and(|s| s.contains("C-more")));
        if last.len() == 50 && all_new { Ok(()) } else { Err(format!("{} events", last.len())) }
    })
    .await?;
    Ok(())
}

fn number(event: &Value) -> u64 {
    let id = event["id"].as_str().expect("an id");
    id.rsplit('-').next().and_then(|number| number.parse().ok()).expect("a number")
}

pub(crate) async fn resumed(show: Arc<Show>) -> Outcome {
    let mut events = Events::open(&show, None).await?;
    let first = show.quote("C-first").await?;
    let seen = events.find(|event| event["subject"] == first.as_str()).await?;
    let last = events.last.clone().expect("an id");
    drop(events);
    let mut missed = Vec::new();
    for _ in 0..5 {
        missed.push(show.quote("C-missed").await?);
    }
    wait::until("the events to have passed", ARRIVAL, async || {
        let recent = recent(&show).await.map_err(|problem| problem.to_string())?;
        let passed = |devis: &&String| recent.iter().any(|event| event["subject"] == devis.as_str());
        let passed = missed.iter().filter(passed).count();
        if passed == missed.len() { Ok(()) } else { Err(format!("{passed} of {}", missed.len())) }
    })
    .await?;
    let mut events = Events::open(&show, Some(&last)).await?;
    missed.push(show.quote("C-after").await?);
    // Events of several partitions come in any order; their numbers have no gap, and none is missing.
    let mut expected = number(&seen);
    let mut came = Vec::new();
    for _ in &missed {
        let event = events.next().await?;
        expected += 1;
        assert_eq!(number(&event), expected, "{event}");
        came.push(event["subject"].as_str().unwrap_or_default().to_owned());
    }
    came.sort();
    missed.sort();
    assert_eq!(came, missed);
    assert!(events.gaps.is_empty(), "{:?}", events.gaps);

    // An id of a process that is no more.
    let mut events = Events::open(&show, Some("1-1")).await?;
    events.next().await?;
    assert_eq!(events.gaps, [r#"{"missed":null}"#]);
    Ok(())
}

pub(crate) async fn unreadable(show: Arc<Show>) -> Outcome {
    let mut events = Events::open(&show, None).await?;
    // It claims no number in any service's count: the ledger closes over it.
    let garbage = Raw { key: None, value: Some(b"{\"a\": 1}".to_vec()), headers: Vec::new() };
    let (partition, offset) = show.put(topics::DEVIS_GENERE, Some(0), &garbage).await?;
    let here = |event: &Value| event["partition"] == partition && event["offset"] == offset;
    let event = events.find(|event| event["topic"] == "quotation.devis-genere" && here(event)).await?;
    assert_eq!((&event["status"], &event["type"]), (&"UNREADABLE".into(), &"DevisGenere".into()));
    assert!(event["summary"].as_str().is_some_and(|text| text.contains("first byte")), "{event}");
    let letter = events.find(|event| event["topic"] == "dlq.errors").await?;
    assert_eq!((&letter["status"], &letter["source"]), (&"DEAD_LETTER".into(), &"souscription".into()));
    let summary = letter["summary"].as_str().unwrap_or_default();
    assert!(summary.starts_with("MissingHeader: ") || summary.starts_with("WrongMagic: "), "{letter}");

    // What has no header and no value at all, and what follows it.
    let nothing = Raw { key: None, value: None, headers: Vec::new() };
    show.put(topics::SINISTRE_DECLARE, Some(0), &nothing).await?;
    let event = events.find(|event| event["topic"] == "reclamation.sinistre-declare").await?;
    assert_eq!((&event["status"], &event["type"]), (&"UNREADABLE".into(), &"SinistreDeclare".into()));
    let devis = show.quote("C-behind").await?;
    events.find(|event| event["subject"] == devis.as_str()).await?;
    Ok(())
}

pub(crate) async fn added_partitions(show: Arc<Show>) -> Outcome {
    let sample = show.sample().await?;
    let mut events = Events::open(&show, None).await?;
    show.stand.kafka.raise_partitions(topics::INDEMNISATION_EFFECTUEE, 4).await?;
    let (partition, offset) = show.put(topics::INDEMNISATION_EFFECTUEE, Some(3), &sample).await?;
    let event = events.find(|event| event["topic"] == "reclamation.indemnisation-effectuee").await?;
    assert_eq!((&event["partition"], &event["offset"]), (&partition.into(), &offset.into()));
    Ok(())
}
