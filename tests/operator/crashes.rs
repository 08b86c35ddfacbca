//! The operator killed at each of its writes: before the write is passed on, before it hears the answer, and just after.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use edalab_tests::{
    edalabs::{Really, apply},
    objects::Objects,
    rig::{
        cluster::Space,
        operator::Operator,
        proxy::{Open, Proxy},
    },
    suite::Outcome,
    wait,
};
use serde_json::{Value, json};

use crate::{
    kill::{Kill, Moment},
    plane::{Fallible, LAB, Plane, brought, delete, settled},
};

/// How long nothing may be written before a lab is done with.
const QUIET: Duration = Duration::from_millis(700);
/// How long a kill may take to be met.
const MET: Duration = Duration::from_secs(30);

/// A lab as it is made, and an edit that adds to objects, changes some and removes others.
fn specs() -> [Value; 2] {
    let services = json!({"quotation": {"quoteValidity": "1s"}});
    let kafka = json!({"resources": {"limits": {"memory": "1Gi"}}});
    [
        json!({"hostAccess": {"enabled": true}}),
        json!({"phase": "Infrastructure", "services": services, "kafka": kafka}),
    ]
}

struct Rig {
    proxy: Proxy,
    operator: Operator,
}

/// How the kills of one kind of step went.
#[derive(Default)]
struct Tally {
    met: usize,
    missed: usize,
    wrong: Vec<String>,
}

pub(crate) async fn a_kill_at_any_write_leaves_no_trace(plane: Arc<Plane>) -> Outcome {
    let began = Instant::now();
    let proxy = Proxy::start(plane.server.operators_client()?).await?;
    let mut operator = Operator::new("crashes", &proxy.url(), "").await?;
    operator.start().await?;
    let mut rig = Rig { proxy, operator };

    let space = plane.namespace("c-unharmed").await?;
    let mut unharmed = Vec::new();
    for spec in specs() {
        rig.proxy.count_anew();
        brought(&space, &spec).await?;
        unharmed.push((done(&rig, &space).await?, rig.proxy.writes().len()));
    }
    delete(&space).await?;
    let writes: Vec<usize> = unharmed.iter().map(|(_, writes)| *writes).collect();

    let most = writes.iter().copied().max().unwrap_or_default();
    let mut tally = Tally::default();
    for (number, moment) in Moment::at_each_of(most) {
        let space = plane.namespace(&format!("c-{number}-{}", format!("{moment:?}").to_lowercase())).await?;
        for (step, (spec, (wanted, writes))) in specs().iter().zip(&unharmed).enumerate() {
            if number >= *writes {
                brought(&space, spec).await?;
                continue;
            }
            let (met, found) = rig.kill(&space, spec, number, moment).await?;
            tally.met += usize::from(met);
            tally.missed += usize::from(!met);
            let differences = wanted.anywhere("c-unharmed").differences(&found.anywhere(&space.name));
            if !differences.is_empty() {
                let step = if step == 0 { "create" } else { "edit" };
                tally.wrong.push(format!("{step}, killed at write {number}, {moment:?}: {differences}"));
            }
        }
        delete(&space).await?;
    }
    rig.operator.stop().await?;
    println!(
        "{} writes to create and {} to edit: {} kills, {} not met, {} with a difference, {:.1} s",
        writes[0],
        writes[1],
        tally.met,
        tally.missed,
        tally.wrong.len(),
        began.elapsed().as_secs_f32()
    );
    if !tally.wrong.is_empty() {
        return Err(tally.wrong.join("\n").into());
    }
    assert!(tally.met * 10 > (tally.met + tally.missed) * 9, "most kills are met");
    Ok(())
}

impl Rig {
    /// Applies `spec` with the operator killed at a write of it, lets it go on, and tells whether that write came, and what
    /// stands at the end.
    async fn kill(
        &mut self,
        space: &Space,
        spec: &Value,
        number: usize,
        moment: Moment,
    ) -> Fallible<(bool, Objects)> {
        self.proxy.count_anew();
        self.proxy.obey(Kill { number, moment, victim: self.operator.victim() });
        apply(&space.labs(), LAB, spec, Really::Yes).await?.map_err(|refusal| refusal.message)?;
        let deadline = Instant::now() + MET;
        let mut met = self.operator.has_ended()?;
        let mut seen = (self.proxy.writes().len(), Instant::now());
        // The writes of one run are not always as many as those of another.
        while !met && Instant::now() < deadline && (seen.0 == 0 || seen.1.elapsed() < QUIET) {
            tokio::time::sleep(Duration::from_millis(5)).await;
            met = self.operator.has_ended()?;
            let writes = self.proxy.writes().len();
            if writes != seen.0 {
                seen = (writes, Instant::now());
            }
        }
        self.proxy.obey(Open);
        if met {
            self.operator.kill9().await?;
            self.operator.start().await?;
        }
        Ok((met, settled(space).await?))
    }
}

/// Waits until the operator has nothing more to write for the lab.
async fn done(rig: &Rig, space: &Space) -> Fallible<Objects> {
    let mut seen = (usize::MAX, Instant::now());
    wait::until("the operator to have written all", MET, async || {
        let writes = rig.proxy.writes().len();
        if writes != seen.0 {
            seen = (writes, Instant::now());
        }
        if seen.1.elapsed() > QUIET { Ok(()) } else { Err(format!("{writes} writes")) }
    })
    .await?;
    settled(space).await
}
