//! How the lab's services and its broker are killed.

use edalab_tests::{
    rig::{program, run::Run, service::Service, stand::Stand},
    wait,
};

use crate::{Fallible, SETTLE};

/// A lab two of whose services have a fifth of their batches delivered again.
pub(crate) async fn lab(stand: &Stand) -> Fallible<Run> {
    let settings = stand.settings(program::services_that_crash().await?, "exact");
    let mut run = Run::start_as(stand, settings, "1").await?;
    for service in [&mut run.souscription, &mut run.reclamation] {
        service.set_env("EDALAB_REDELIVER_PERCENT", "20");
        again(service).await?;
    }
    Ok(run)
}

/// Kills one of them, at a random moment or at a point where it hurts most, and starts it again.
pub(crate) async fn kill(run: &mut Run, round: usize) -> Fallible<&'static str> {
    Ok(match round % 9 {
        0 => {
            // Confirmed, and not marked: it is published a second time.
            crash(&mut run.quotation, "relay.confirmed", 3).await?;
            "quotation between confirmation and mark"
        }
        1 | 3 => {
            again(&mut run.souscription).await?;
            "souscription"
        }
        2 => {
            again(&mut run.quotation).await?;
            "quotation"
        }
        4 => {
            // Applied, and Kafka is not told.
            crash(&mut run.souscription, "consumer.applied", 5).await?;
            "souscription between effect and offset"
        }
        5 => {
            run.kafka.kill9().await?;
            run.kafka.restart().await?;
            "the broker"
        }
        6 => {
            again(&mut run.reclamation).await?;
            "reclamation"
        }
        7 => {
            crash(&mut run.reclamation, "consumer.applied", 5).await?;
            "reclamation between effect and offset"
        }
        _ => {
            crash(&mut run.reclamation, "relay.confirmed", 2).await?;
            "reclamation between confirmation and mark"
        }
    })
}

async fn again(service: &mut Service) -> Fallible<()> {
    fell(service).await?;
    Ok(service.restart().await?)
}

/// Kills a service that has not ended by itself: a start would hide that.
async fn fell(service: &mut Service) -> Fallible<()> {
    service.must_run()?;
    Ok(service.kill9().await?)
}

async fn crash(service: &mut Service, point: &str, count: u32) -> Fallible<()> {
    fell(service).await?;
    service.restart_to_crash(point, count)?;
    wait::until(format!("a crash at {point}"), SETTLE, async || match service.ended() {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err("it runs".to_owned()),
        Err(problem) => Err(problem.to_string()),
    })
    .await?;
    Ok(service.restart().await?)
}
