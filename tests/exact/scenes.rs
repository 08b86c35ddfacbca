//! The lab's scenarios, one after the other, while it is under fire.

use edalab_tests::rig::{
    control::{errors, slow, usual},
    run::{Run, at},
};
use jiff::{SignedDuration, Timestamp};
use schemas::{
    Service,
    control::{Control, Peak, Scenario, Slow},
};

use crate::Fallible;

/// What the simulator makes in a second, beside the load.
const RATE: u32 = 40;
/// Of a hundred of those, mistakes.
const PERCENT: u32 = 25;
const PEAK: u32 = 5;
const DELAY_MILLISECONDS: u32 = 5;
/// Longer than any round.
const LASTING: SignedDuration = SignedDuration::from_mins(5);
/// Who is slow, or away.
const TARGETS: [Service; 3] = [Service::Reclamation, Service::Souscription, Service::Quotation];

/// Puts the lab into the next scenario, and sees it in force. A service that is away in it is stopped, as the operator would.
pub(crate) async fn enter(run: &mut Run, round: usize) -> Fallible<Scenario> {
    let scenario = Scenario::ALL[round % Scenario::ALL.len()];
    let target = target(round);
    let now = Timestamp::now();
    let counter = u32::try_from(round)?;
    let peak = Peak { run: counter, factor: PEAK, start: now, end: now + LASTING };
    let usual = |peak| usual(at(RATE), peak);
    run.say(match scenario {
        Scenario::Normal => usual(None),
        Scenario::PicCharge => usual(Some(peak)),
        Scenario::Erreurs => errors(at(RATE), PERCENT),
        Scenario::ConsommateurLent => {
            let slow = slow(Slow { service: target, delay_milliseconds: DELAY_MILLISECONDS });
            Control { simulation: at(RATE), ..slow }
        }
        Scenario::ServiceEnPanne => Control { scenario, down: Some(target), ..usual(None) },
    })
    .await?;
    if scenario == Scenario::ServiceEnPanne {
        service(run, target).stop().await?;
    }
    Ok(scenario)
}

/// Brings back who is away in this round's scenario.
pub(crate) async fn leave(run: &mut Run, scenario: Scenario, round: usize) -> Fallible<()> {
    if scenario == Scenario::ServiceEnPanne {
        service(run, target(round)).restart().await?;
    }
    Ok(())
}

fn target(round: usize) -> Service {
    TARGETS[round / Scenario::ALL.len() % TARGETS.len()]
}

fn service(run: &mut Run, service: Service) -> &mut edalab_tests::rig::service::Service {
    match service {
        Service::Souscription => &mut run.souscription,
        Service::Reclamation => &mut run.reclamation,
        Service::Quotation => &mut run.quotation,
    }
}
