//! What an operator does for a lab in which nothing happens: nothing.

use std::{
    env,
    sync::Arc,
    time::{Duration, Instant},
};

use edalab_tests::{
    rig::{
        apiserver::{OPERATOR, Written},
        cluster::Space,
        kubelet::Kubelet,
        operator::Operator,
    },
    suite::{self, Outcome},
    usage,
};
use serde_json::json;

use crate::{
    brokers::{Brokers, whole},
    objects::Objects,
    plane::{Fallible, LAB, Plane, delete, set},
};

/// How long is looked; `IDLE_SECONDS` overrules it. The operator looks by itself once a minute.
const LOOKED: u64 = 75;
/// How long a lab that was just made is left to come to rest.
const REST: Duration = Duration::from_secs(5);
/// What the operator may take.
const MEMORY: u64 = 64 << 20;
const PERCENT_OF_A_CORE: f64 = 1.0;
/// How soon an edit is in the objects that it is about.
const APPLIED: Duration = Duration::from_secs(1);
const EDITS: u32 = 5;
const NEVER: Duration = Duration::from_secs(60);

pub(crate) async fn an_idle_lab_is_left_alone(plane: Arc<Plane>) -> Outcome {
    plane.brokers().await?;
    let _kubelet = Kubelet::start(plane.server.client()?);
    let mut operator = Operator::new("idle", &plane.server.url(), &Brokers::hosts("i-")).await?;
    operator.start().await?;
    let space = plane.namespace("i-0").await?;
    whole(&space, &json!({})).await?;
    tokio::time::sleep(REST).await;

    let looked = suite::setting("IDLE_SECONDS", LOOKED);
    let id = operator.id().ok_or("no operator")?;
    let (written, spent) = (plane.server.written()?.len(), usage::cpu_seconds(id)?);
    tokio::time::sleep(Duration::from_secs(looked)).await;
    let (all, spent, memory) =
        (plane.server.written()?, usage::cpu_seconds(id)? - spent, usage::resident(id)?);
    let ours = |write: &&Written| write.user.username == OPERATOR;
    let (leases, others): (Vec<&Written>, Vec<&Written>) =
        all[written..].iter().filter(ours).partition(|write| write.path.contains("/leases/"));
    #[allow(clippy::cast_precision_loss)] // seconds of a test
    let percent = 100.0 * spent / looked as f64;
    println!(
        "{looked} s idle: {} writes and {} of the Lease's, {percent:.2} % of a core, {} MiB resident",
        others.len(),
        leases.len(),
        memory >> 20
    );
    assert!(!leases.is_empty(), "the Lease is renewed");
    assert_eq!(others, [] as [&Written; 0], "an idle lab is not written to");
    assert!(memory < MEMORY, "{memory} bytes");
    // A program that is not optimised, beside other tests, is not judged by its time.
    let released = env::var_os("EDALAB_OPERATOR").is_some();
    if released {
        assert!(percent < PERCENT_OF_A_CORE, "{percent:.2} % of a core");
    }
    let slowest = slowest_edit(&space).await?;
    println!(
        "the slowest of {} edits was in its object after {:.0} ms",
        EDITS,
        1000.0 * slowest.as_secs_f64()
    );
    if released {
        assert!(slowest < APPLIED, "{slowest:?}");
    }
    operator.stop().await?;
    delete(&space).await?;
    Ok(())
}

/// From an edit to the object that it is about, the longest of some.
async fn slowest_edit(space: &Space) -> Fallible<Duration> {
    let mut slowest = Duration::ZERO;
    for hours in 1..=EDITS {
        let before = Objects::of(space, LAB).await?;
        let spec = json!({"services": {"quotation": {"quoteValidity": format!("{hours}h")}}});
        let began = Instant::now();
        set(space, &spec).await?;
        while before.restarted(LAB, &Objects::of(space, LAB).await?) != ["quotation"] {
            assert!(began.elapsed() < NEVER, "the edit does not arrive");
        }
        slowest = slowest.max(began.elapsed());
        whole(space, &spec).await?;
    }
    Ok(slowest)
}
