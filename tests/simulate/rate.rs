//! How many quotes are made when, by the times that their events carry.

use std::{ops::Range, sync::Arc, time::Duration};

use edalab_tests::{
    rig::{
        run::{ARRIVAL, Run, adds_up, at, count},
        stand::Stand,
    },
    suite::Outcome,
    wait,
};
use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use schemas::control::Peak;
use serde_json::{Value, json};

use crate::lives::Lives;

/// Events to a quote: six of ten become contracts, of which a fifth get a claim with its three events, some are changed,
/// some of them twice, and some ended.
pub(crate) const EVENTS_OF_A_QUOTE: f64 = 1.0 + 0.6 * (1.0 + 0.2 * 3.0 + 0.05 * 1.2 + 0.02);

const SECOND: Duration = Duration::from_secs(1);

/// That the quotes made in a stretch of time come to so many events a second, to a fifth and two quotes.
#[allow(clippy::cast_precision_loss)]
fn is_rate(what: &str, quotes: &[Timestamp], within: Range<Timestamp>, events_per_second: u32) {
    let found = quotes.iter().filter(|time| within.contains(time)).count() as f64;
    let seconds = within.end.duration_since(within.start).as_secs_f64();
    let expected = f64::from(events_per_second) / EVENTS_OF_A_QUOTE * seconds;
    println!("{what}: {found} quotes in {seconds:.1} s, {expected:.0} expected");
    assert!(
        (found - expected).abs() <= expected * 0.2 + 2.0,
        "{what}: {found} quotes, {expected:.0} expected"
    );
}

pub(crate) async fn rates(stand: Arc<Stand>) -> Outcome {
    let run = Run::start(&stand, "rates", "1").await?;
    let mut lives = Lives::of(&stand, &run)?;
    let slow = run.set(at(20), None).await?;
    lives.reach_time(slow + 5 * SECOND).await?;
    let fast = run.set(at(200), None).await?;
    lives.reach_time(fast + 5 * SECOND).await?;
    let before = Timestamp::now();
    let status = run.halt().await?;
    let stopped = Timestamp::now();
    adds_up(&status);
    // Time must pass in which something could happen that must not.
    wait::until("two seconds after the stop", ARRIVAL, async || {
        if Timestamp::now() > stopped + 2 * SECOND { Ok(()) } else { Err("not yet") }
    })
    .await?;
    assert_eq!(count(&run.status().await?, "sent"), count(&status, "sent"), "stop stops");
    let quotes = lives.quotes()?;
    is_rate("slow", &quotes, slow + SECOND..fast - SECOND / 4, 20);
    is_rate("the first second of the fast rate", &quotes, fast..fast + SECOND, 200);
    is_rate("fast", &quotes, fast..before, 200);
    is_rate("stopped", &quotes, stopped..stopped + 2 * SECOND, 0);

    // What was to follow still does, when it goes on.
    assert!(count(&status, "waiting") > 0, "{status}");
    run.set(at(1), None).await?;
    run.status_when("conversions to follow", |later| {
        count(&later["byKind"]["conversion"], "answered")
            > count(&status["byKind"]["conversion"], "answered") + 20
    })
    .await?;

    // Without Kubernetes, it says that it cannot be steered.
    let refused = run.simulator.send(Method::POST, "/api/simulator/start", &json!({})).await?;
    assert_eq!(
        (refused.status(), &refused.headers()["retry-after"]),
        (StatusCode::SERVICE_UNAVAILABLE, &"5".parse()?)
    );
    let problem: Value = refused.json().await?;
    assert!(problem["detail"].to_string().contains("there is no Kubernetes API"), "{problem}");
    Ok(())
}

pub(crate) async fn a_peak(stand: Arc<Stand>) -> Outcome {
    let run = Run::start(&stand, "peak", "1").await?;
    let mut lives = Lives::of(&stand, &run)?;
    // It is announced, and no record says when it begins and when it ends.
    let now = Timestamp::now();
    let peak = Peak { run: 1, factor: 10, start: now + 5 * SECOND, end: now + 9 * SECOND };
    let told = run.set(at(10), Some(peak)).await?;
    let status = run.status_when("the peak", |status| count(status, "wantedPerSecond") == 100).await?;
    assert_eq!((&status["peak"]["factor"], count(&status, "eventsPerSecond")), (&json!(10), 10), "{status}");
    run.status_when("the peak to be over", |status| count(status, "wantedPerSecond") == 10).await?;
    lives.reach_time(peak.end + 3 * SECOND).await?;
    adds_up(&run.halt().await?);
    let quotes = lives.quotes()?;
    is_rate("before the peak", &quotes, told..peak.start, 10);
    is_rate("in the peak", &quotes, peak.start..peak.end, 100);
    is_rate("after the peak", &quotes, peak.end + SECOND / 4..peak.end + 3 * SECOND, 10);
    Ok(())
}
