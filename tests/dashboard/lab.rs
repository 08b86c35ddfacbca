//! What the page is told of the lab.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use edalab_tests::{
    sse::{Stream, StreamError},
    suite::Outcome,
};
use serde_json::{Value, json};

use crate::show::{ARRIVAL, Show};

/// How long the page may take to show what the resource says.
const SOON: Duration = Duration::from_secs(1);

async fn page(show: &Show) -> Result<Stream, StreamError> {
    Stream::open(&show.http, &show.dashboard.url("/page/stream?lang=en"), None).await
}

/// Reads messages of that name until one holds the text.
async fn told(page: &mut Stream, name: &str, text: &str) -> Result<String, Box<dyn std::error::Error>> {
    let mut seen = "nothing".to_owned();
    loop {
        let message = page.named(name, ARRIVAL).await;
        let message =
            message.map_err(|problem| format!("{problem}; no {name} with {text}; last seen: {seen}"))?;
        if message.data.contains(text) {
            return Ok(message.data);
        }
        seen = message.data;
    }
}

pub(crate) async fn in_force(show: Arc<Show>) -> Outcome {
    let mut page = page(&show).await?;
    page.named("force", ARRIVAL).await?;
    for (rate, running) in [(5, true), (50, true), (50, false)] {
        let simulation = json!({"running": running, "eventsPerSecond": rate});
        show.set_spec(&json!({"simulation": simulation})).await?;
        let began = Instant::now();
        told(&mut page, "force", "Asked for, not yet in force").await?;
        assert!(began.elapsed() < SOON, "an edit took {:?}", began.elapsed());
        show.set_status(&json!({"scenario": "NORMAL", "simulation": simulation})).await?;
        let began = Instant::now();
        let force = told(&mut page, "force", &format!("{rate} events/s</span>")).await?;
        assert!(began.elapsed() < SOON, "what is in force took {:?}", began.elapsed());
        assert!(force.contains(if running { "Running" } else { "Stopped" }), "{force}");
        assert!(!force.contains("Asked for"), "{force}");
    }
    let condition = json!({
        "type": "ScenarioApplied", "status": "False", "reason": "NotAnswered",
        "message": "quotation has not answered", "lastTransitionTime": "2026-01-01T00:00:00Z",
    });
    show.set_status(&json!({"conditions": [condition]})).await?;
    told(&mut page, "force", "quotation has not answered").await?;
    show.set_status(&json!({"conditions": []})).await?;
    Ok(())
}

async fn state(
    page: &mut Stream,
    wanted: impl Fn(&Value) -> bool,
) -> Result<Value, Box<dyn std::error::Error>> {
    let mut seen = Value::Null;
    let deadline = Instant::now() + ARRIVAL;
    while Instant::now() < deadline {
        let message =
            page.named("state", ARRIVAL).await.map_err(|problem| format!("{problem}; last {seen}"))?;
        seen = serde_json::from_str(&message.data)?;
        if wanted(&seen) {
            return Ok(seen);
        }
    }
    Err(format!("last seen: {seen}").into())
}

pub(crate) async fn waiting_and_down(show: Arc<Show>) -> Outcome {
    let mut page = page(&show).await?;
    let topic = "quotation.devis-genere";
    let waiting = |state: &Value| state["lag"]["souscription"][topic].as_i64();
    state(&mut page, |state| {
        state["services"]
            == json!({"quotation": "up", "reclamation": "up", "simulator": "down", "souscription": "up"})
            && waiting(state) == Some(0)
    })
    .await?;
    let mut souscription = show.souscription.lock().await;
    souscription.stop().await?;
    for _ in 0..7 {
        show.quote("C-waiting").await?;
    }
    state(&mut page, |state| state["services"]["souscription"] == "down" && waiting(state) == Some(7))
        .await?;
    souscription.restart().await?;
    state(&mut page, |state| state["services"]["souscription"] == "up" && waiting(state) == Some(0)).await?;
    Ok(())
}

pub(crate) async fn ledger(show: Arc<Show>) -> Outcome {
    let devis = show.quote("C-ledger").await?;
    show.convert(&devis).await?;
    let mut page = page(&show).await?;
    let ledger = told(&mut page, "ledger", "It adds up").await?;
    assert!(ledger.contains("DevisGenere") && ledger.contains("souscription"), "{ledger}");
    Ok(())
}
