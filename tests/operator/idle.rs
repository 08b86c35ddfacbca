//! What an operator does for a lab in which nothing happens: nothing.

use std::{
    env, fs,
    sync::Arc,
    time::{Duration, Instant},
};

use edalab_tests::{
    edalabs::{Really, apply},
    objects::Objects,
    rig::{
        apiserver::{OPERATOR, Written},
        cluster::Space,
        kubelet::Kubelet,
        operator::Operator,
    },
    suite::Outcome,
};
use serde_json::json;

use crate::{
    brokers::{Brokers, whole},
    plane::{Fallible, LAB, Plane, delete},
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
/// Linux counts a process's time in hundredths of a second (`getconf CLK_TCK`).
const TICKS: f64 = 100.0;

pub(crate) async fn an_idle_lab_is_left_alone(plane: Arc<Plane>) -> Outcome {
    plane.brokers().await?;
    let _kubelet = Kubelet::start(plane.server.client()?);
    let mut operator = Operator::new("idle", &plane.server.url(), &Brokers::hosts("i-")).await?;
    operator.start().await?;
    let space = plane.namespace("i-0").await?;
    whole(&space, &json!({})).await?;
    tokio::time::sleep(REST).await;

    let looked = env::var("IDLE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(LOOKED);
    let id = operator.id().ok_or("no operator")?;
    let (written, spent) = (plane.server.written()?.len(), cpu_seconds(id)?);
    tokio::time::sleep(Duration::from_secs(looked)).await;
    let (all, spent, memory) = (plane.server.written()?, cpu_seconds(id)? - spent, resident(id)?);
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
        apply(&space.labs(), LAB, &spec, Really::Yes).await?.map_err(|refusal| refusal.message)?;
        while before.restarted(LAB, &Objects::of(space, LAB).await?) != ["quotation"] {
            assert!(began.elapsed() < NEVER, "the edit does not arrive");
        }
        slowest = slowest.max(began.elapsed());
        whole(space, &spec).await?;
    }
    Ok(slowest)
}

/// The time that a process has spent on a core, its own and the kernel's (proc(5), stat, fields 14 and 15).
fn cpu_seconds(process: u32) -> Result<f64, Box<dyn std::error::Error>> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field is a name in brackets, which may have blanks.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks =
        |field: usize| fields.get(field).and_then(|text| text.parse::<f64>().ok()).ok_or("no such field");
    Ok((ticks(11)? + ticks(12)?) / TICKS)
}

/// The memory that a process has in bytes (VmRSS).
fn resident(process: u32) -> Result<u64, Box<dyn std::error::Error>> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kilobytes: u64 = line.trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes << 10)
}
