//! The operator killed at each of its writes: before the write is passed on, before it hears the answer, and just after.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use edalab_tests::{
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
    kill::{Kill, Moment, Tally},
    objects::Objects,
    plane::{Fallible, Plane, brought, delete, set, settled},
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

pub(crate) async fn a_kill_at_any_write_leaves_no_trace(plane: Arc<Plane>) -> Outcome {
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
    let writes = [unharmed[0].1, unharmed[1].1];

    let mut tally = Tally::begin();
    for (number, moment) in Moment::at_each_of(writes[0].max(writes[1])) {
        let space = plane.namespace(&format!("c-{number}-{}", format!("{moment:?}").to_lowercase())).await?;
        for (step, (spec, (wanted, writes))) in specs().iter().zip(&unharmed).enumerate() {
            if number >= *writes {
                brought(&space, spec).await?;
                continue;
            }
            let (met, found) = rig.kill(&space, spec, number, moment).await?;
            tally.killed(met);
            let differences = wanted.anywhere("c-unharmed").differences(&found.anywhere(&space.name));
            if !differences.is_empty() {
                let step = if step == 0 { "create" } else { "edit" };
                tally.differs(format!("{step}, killed at write {number}, {moment:?}: {differences}"));
            }
        }
        delete(&space).await?;
    }
    rig.operator.stop().await?;
    tally.close(writes, 9)
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
        set(space, spec).await?;
        let deadline = Instant::now() + MET;
        let mut met = self.operator.has_ended()?;
        let mut rest = Rest::begin();
        // The writes of one run are not always as many as those of another.
        while !met && Instant::now() < deadline && !rest.has_come(self.proxy.writes().len()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
            met = self.operator.has_ended()?;
        }
        self.proxy.obey(Open);
        if met {
            self.operator.kill9().await?;
            self.operator.start().await?;
        }
        Ok((met, settled(space).await?))
    }
}

/// Whether an operator that has begun to write has come to rest.
struct Rest {
    writes: usize,
    since: Instant,
}

impl Rest {
    fn begin() -> Self {
        Self { writes: 0, since: Instant::now() }
    }

    /// So many writes were seen by now.
    fn has_come(&mut self, writes: usize) -> bool {
        if writes != self.writes {
            *self = Self { writes, since: Instant::now() };
        }
        writes > 0 && self.since.elapsed() > QUIET
    }
}

/// Waits until the operator has nothing more to write for the lab.
async fn done(rig: &Rig, space: &Space) -> Fallible<Objects> {
    let mut rest = Rest::begin();
    wait::until("the operator to have written all", MET, async || {
        let writes = rig.proxy.writes().len();
        if rest.has_come(writes) { Ok(()) } else { Err(format!("{writes} writes")) }
    })
    .await?;
    settled(space).await
}
