//! Services that are away.

use std::{sync::Arc, time::Instant};

use edalab_tests::{
    rig::{
        run::{Run, adds_up, at, count},
        stand::Stand,
    },
    suite::Outcome,
};
use serde_json::Value;

use crate::rate::EVENTS_OF_A_QUOTE;

pub(crate) async fn a_service_is_away(stand: Arc<Stand>) -> Outcome {
    let mut run = Run::start(&stand, "away", "1").await?;
    run.set(at(100), None).await?;
    let of = |status: &Value, kind: &str, outcome: &str| count(&status["byKind"][kind], outcome);
    let before = run.status_when("contracts", |status| of(status, "conversion", "answered") >= 20).await?;
    assert_eq!(count(&before, "failed"), 0, "{before}");

    run.souscription.kill9().await?;
    let (began, killed) = (Instant::now(), run.status().await?);
    let away =
        run.status_when("lost commands to be counted", |status| count(status, "failed") >= 100).await?;
    #[allow(clippy::cast_precision_loss)]
    let quotes = (of(&away, "devis", "answered") - of(&killed, "devis", "answered")) as f64;
    let expected = 100.0 / EVENTS_OF_A_QUOTE * began.elapsed().as_secs_f64();
    println!("{quotes} quotes while souscription was away, {expected:.0} expected: {away}");
    assert!((quotes - expected).abs() <= expected * 0.2 + 2.0, "quotes go on as if nothing were");
    let log = std::fs::read_to_string(run.simulator.log())?;
    let told: Vec<&str> =
        log.lines().filter(|line| line.contains("not every command was carried out")).collect();
    let most = began.elapsed().as_secs() / 5 + 1;
    assert!(!told.is_empty() && told.len() as u64 <= most, "told every few seconds: {told:#?}");
    assert!(told[0].contains("was not answered"), "{}", told[0]);

    run.souscription.restart().await?;
    let back = run.status().await?;
    run.status_when("contracts again", |status| {
        of(status, "conversion", "answered") >= of(&back, "conversion", "answered") + 50
    })
    .await?;
    let halted = run.halt().await?;
    adds_up(&halted);
    assert_eq!((count(&halted, "refused"), of(&halted, "devis", "failed")), (0, 0), "{halted}");

    // Told to stop while it runs, it waits for what is open.
    run.set(at(100), None).await?;
    let sent = count(&halted, "sent");
    run.status_when("the simulation to run again", |status| count(status, "sent") > sent + 50).await?;
    let ended = run.simulator.stop().await?.expect("it ran");
    assert!(ended.success(), "it ended with {ended}");
    let log = std::fs::read_to_string(run.simulator.log())?;
    assert!(!log.contains("requests were still open"), "{log}");
    Ok(())
}
