//! An operator that takes over from the one of the release before.

use std::{sync::Arc, time::Duration};

use edalab_tests::{
    edalabs,
    rig::{kubelet::Kubelet, operator::Operator, program},
    suite::Outcome,
    wait,
};
use serde_json::json;

use crate::{
    brokers::{Brokers, whole},
    objects::Objects,
    plane::{LAB, Plane, delete},
};

/// How long an operator may take until it has looked at every lab.
const LOOKED: Duration = Duration::from_secs(60);
/// And to come to rest after it.
const REST: Duration = Duration::from_secs(5);

/// Whose pods this version makes, or makes anew: reclamation is new, and these two are told where it is.
const CHANGED: [&str; 3] = ["reclamation", "simulator", "dashboard"];

/// The definition, the example and the operator of the release before make a lab; then come this checkout's definition and
/// operator. No pod is another but for a reason, the lab is followed, and an edit arrives.
pub(crate) async fn from_the_release_before(plane: Arc<Plane>) -> Outcome {
    let before = program::checkout_before().await?;
    let program = program::before("edalab-operator").await?;
    plane.brokers().await?;
    let _kubelet = Kubelet::start(plane.server.client()?);
    plane.server.install(&edalabs::definition_of(&before)).await?;
    let (url, hosts) = (plane.server.url(), Brokers::hosts("t-"));
    let mut operator = Operator::of(&program, "before", &url, &hosts)?;
    operator.start().await?;
    let space = plane.namespace("t-0").await?;
    let spec = edalabs::example_of(&before);
    whole(&space, &spec).await?;
    tokio::time::sleep(REST).await;
    let made = Objects::of(&space, LAB).await?;
    operator.stop().await?;

    plane.server.install(&edalabs::definition()).await?;
    let mut operator = Operator::new("now", &url, &hosts).await?;
    operator.start().await?;
    wait::until("a reconciliation", LOOKED, async || {
        let scrape = operator.scrape().await.map_err(|problem| problem.to_string())?;
        let looked = scrape.sum("edalab_operator_reconciliations_total");
        if looked > 0.0 { Ok(()) } else { Err("none".to_owned()) }
    })
    .await?;
    tokio::time::sleep(REST).await;
    whole(&space, &spec).await?;
    let after = Objects::of(&space, LAB).await?;
    println!("what differs:\n{}", made.differences(&after));
    let restarted = made.restarted(LAB, &after);
    assert!(restarted.iter().all(|component| CHANGED.contains(&component.as_str())), "{restarted:?}");

    let mut edited = spec;
    edited["services"]["quotation"]["quoteValidity"] = json!("7h");
    whole(&space, &edited).await?;
    assert_eq!(after.restarted(LAB, &Objects::of(&space, LAB).await?), ["quotation"]);
    operator.stop().await?;
    delete(&space).await?;
    Ok(())
}
