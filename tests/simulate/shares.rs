//! What becomes of quotes, counted from the topics.

use std::{collections::BTreeMap, sync::Arc};

use edalab_tests::{
    rig::{
        run::{Run, adds_up, at, count},
        stand::Stand,
    },
    suite::Outcome,
};
use serde_json::Value;

use crate::lives::{Life, Lives};

/// Counted for the shares.
const QUOTES: usize = 2_000;
/// Compared between two runs, and how much further the second is read: requests that are open at the same time may be
/// answered in another order.
const COMPARED: usize = 250;
const FURTHER: usize = 50;

pub(crate) async fn two_thousand_quotes(stand: Arc<Stand>) -> Outcome {
    let run = Run::start(&stand, "shares", "1").await?;
    let mut lives = Lives::of(&stand, &run)?;
    run.set(at(150), None).await?;
    lives.reach(QUOTES).await?;
    run.set(at(20), None).await?;
    let counted = lives.settled(0, QUOTES).await?;
    let status = run.halt().await?;
    println!("after {QUOTES} quotes: {status}");
    adds_up(&status);
    assert_eq!(count(&status, "refused"), 0, "a plan asks for nothing that cannot be: {status}");

    let with = |holds: &dyn Fn(&Life) -> bool| counted.iter().filter(|life| holds(life)).count();
    let said = |life: &Life, word: &str| life.then.iter().any(|said| said.starts_with(word));
    let contracts = with(&|life| said(life, "EMIS"));
    let suspended = with(&|life| said(life, "SUSPENSION"));
    let changed = with(&|life| ["PRIME", "DATE_FIN", "SUSPENSION"].iter().any(|word| said(life, word)));
    let ended = with(&|life| said(life, "RESILIE"));
    let cars = with(&|life| life.devis.contains(" AUTO "));
    let lost = |kind| lost(&status, kind);
    is_share("quotes for cars", cars, QUOTES, 0.6, 0);
    is_share("quotes that became contracts", contracts, QUOTES, 0.6, lost("conversion"));
    is_share("contracts that were changed", changed, contracts, 0.05, lost("modification"));
    is_share("contracts that were ended", ended, contracts, 0.02, lost("resiliation"));
    let claims: Vec<&Life> = counted.iter().filter(|life| !life.claim.is_empty()).collect();
    is_share("contracts with a claim", claims.len(), contracts, 0.2, lost("sinistre"));
    let paid = claims.iter().filter(|life| life.claim.len() == 3).count();
    println!("claims that were paid: {paid} of {}", claims.len());
    assert!(
        paid + lost("evaluation") + lost("indemnisation") >= claims.len(),
        "each claim is judged and paid"
    );
    for life in claims.iter().filter(|life| life.claim.len() == 3) {
        let amount = |said: &str, word: &str| said.strip_prefix(word).map(str::to_owned);
        let (judged, paid) = (amount(&life.claim[1], "ACCEPTE "), amount(&life.claim[2], "INDEMNISE "));
        assert!(judged.is_some() && judged == paid, "what was granted is paid: {:?}", life.claim);
    }
    let went_on = with(&|life| said(life, "REPRISE"));
    assert!(went_on <= suspended && went_on + lost("modification") >= suspended, "who was suspended goes on");
    Ok(())
}

/// Commands of that kind that came to nothing. On a machine that is busy with other things some are not sent: that many may
/// be missing on the topics, and no more.
fn lost(status: &Value, kind: &str) -> usize {
    let kind = &status["byKind"][kind];
    usize::try_from(count(kind, "notSent") + count(kind, "failed")).expect("few")
}

/// That `part` of `whole` is such a share, within 4.5 standard deviations: chance alone is outside once in 150,000 runs. As
/// many as were `lost` may be missing beside.
#[allow(clippy::cast_precision_loss)]
fn is_share(what: &str, part: usize, whole: usize, share: f64, lost: usize) {
    let (part, whole, lost) = (part as f64, whole as f64, lost as f64);
    let (expected, deviation) = (whole * share, (whole * share * (1.0 - share)).sqrt());
    let (least, most) = (expected - 4.5 * deviation - lost, expected + 4.5 * deviation);
    println!(
        "{what}: {part} of {whole}, {expected:.0} expected, {lost} lost, {least:.0} to {most:.0} is good"
    );
    assert!((least..=most).contains(&part), "{what}: {part} of {whole}, {expected} expected");
}

/// The simulator is started twice with one seed, over the same services.
pub(crate) async fn the_same_run_twice(stand: Arc<Stand>) -> Outcome {
    let mut run = Run::start(&stand, "twice", "7").await?;
    let mut lives = Lives::of(&stand, &run)?;
    run.set(at(100), None).await?;
    let first = lives.settled(0, COMPARED).await?;
    let status = run.halt().await?;
    assert_eq!(count(&status, "seed"), 7);
    let ended = run.simulator.stop().await?.expect("it ran");
    assert!(ended.success(), "it ended with {ended}");
    let before = lives.quotes()?.len();

    run.simulator.restart().await?;
    run.set(at(100), None).await?;
    let second = lives.settled(before, COMPARED + FURTHER).await?;
    let mut left: BTreeMap<Life, u32> = BTreeMap::new();
    for life in second {
        *left.entry(life).or_default() += 1;
    }
    let again = run.halt().await?;
    let cut_short: usize =
        ["conversion", "sinistre", "evaluation", "indemnisation", "modification", "resiliation"]
            .map(|kind| lost(&status, kind) + lost(&again, kind))
            .iter()
            .sum();
    let mut missing = Vec::new();
    for life in first {
        match left.get_mut(&life).filter(|times| **times > 0) {
            Some(times) => *times -= 1,
            None => missing.push(life),
        }
    }
    println!("{} of {COMPARED} are not in the second run, {cut_short} were cut short", missing.len());
    assert!(missing.len() <= cut_short, "not in the second run: {missing:#?}");
    Ok(())
}
