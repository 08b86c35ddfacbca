//! What is set while a lab runs: `spec.scenario`, `spec.simulation` and `spec.scenarioParameters` go to the topic
//! `edalab.control`, and what the services answer comes back to the status.
//!
//! This runs beside the reconciliation and waits for nothing of it: a change reaches the services in milliseconds, also
//! while pods are replaced. Each lab has a task of its own, with two clients of its Kafka.

mod answers;
mod channel;
mod follow;
mod in_force;
mod next;

use std::collections::{BTreeMap, BTreeSet};

use crds::EdaLab;
use futures::StreamExt;
use kube::{
    Api, Client, ResourceExt,
    core::DeserializeGuard,
    runtime::{WatchStreamExt, events::Recorder, watcher, watcher::Event},
};
use tokio::{
    sync::watch,
    task::{AbortHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use follow::{Asked, Follower};

pub use in_force::APPLIED;

type Lab = DeserializeGuard<EdaLab>;

/// Namespace and name of a lab.
type Key = (String, String);

/// What following labs takes.
#[allow(missing_debug_implementations)] // a Client has none
#[derive(Clone)]
pub struct Context {
    pub client: Client,
    pub recorder: Recorder,
    pub metrics: Metrics,
    /// Where the Kafka of a lab is, by the lab's name and namespace.
    pub bootstrap: fn(&str, &str) -> String,
}

/// Follows the labs that `watched` reads, until `stop`. Dropping it ends all of it.
pub async fn run(context: Context, watched: Api<Lab>, stop: CancellationToken) {
    let mut labs = Labs { context, followed: BTreeMap::new(), tasks: JoinSet::new() };
    let mut events = watcher(watched, watcher::Config::default()).default_backoff().boxed();
    let mut listed = BTreeSet::new();
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            Some(ended) = labs.tasks.join_next() => {
                if let Err(error) = ended && error.is_panic() {
                    tracing::error!(%error, "the task that follows a lab ended badly; it begins again with the next change");
                }
                continue;
            }
            () = stop.cancelled() => return,
        };
        match event {
            Some(Ok(Event::Init)) => listed.clear(),
            Some(Ok(Event::InitApply(lab))) => {
                listed.insert(key(&lab));
                labs.heed(&lab);
            }
            Some(Ok(Event::InitDone)) => labs.leave_all_but(&listed),
            Some(Ok(Event::Apply(lab))) => labs.heed(&lab),
            Some(Ok(Event::Delete(lab))) => labs.leave(&key(&lab)),
            Some(Err(error)) => tracing::warn!(%error, "the labs cannot be watched; trying again"),
            None => return,
        }
    }
}

/// The labs that are followed.
struct Labs {
    context: Context,
    followed: BTreeMap<Key, Followed>,
    /// Dropping it ends them.
    tasks: JoinSet<()>,
}

/// One that is.
struct Followed {
    uid: Option<String>,
    asked: watch::Sender<Asked>,
    task: AbortHandle,
}

impl Labs {
    /// A lab as it stands now. One that is on its way out, or that this operator cannot read, is left alone.
    fn heed(&mut self, lab: &Lab) {
        let key = key(lab);
        let lab = match &lab.0 {
            Ok(lab) if lab.metadata.deletion_timestamp.is_none() => lab,
            _ => return self.leave(&key),
        };
        let asked = Asked::of(lab);
        match self.followed.get(&key) {
            Some(followed) if followed.uid == lab.metadata.uid && !followed.task.is_finished() => {
                followed.asked.send_if_modified(|last| std::mem::replace(last, asked.clone()) != asked);
            }
            _ => {
                self.leave(&key);
                let followed = self.follow(&key.0, lab, asked);
                self.followed.insert(key, followed);
            }
        }
    }

    fn follow(&mut self, namespace: &str, lab: &EdaLab, asked: Asked) -> Followed {
        let (asked, heard) = watch::channel(asked);
        let follower = Follower::new(&self.context, namespace, lab, heard);
        let task = self.tasks.spawn(follower.run());
        Followed { uid: lab.metadata.uid.clone(), asked, task }
    }

    fn leave(&mut self, key: &Key) {
        if let Some(followed) = self.followed.remove(key) {
            followed.task.abort();
        }
    }

    fn leave_all_but(&mut self, there: &BTreeSet<Key>) {
        let gone: Vec<Key> = self.followed.keys().filter(|key| !there.contains(*key)).cloned().collect();
        for key in &gone {
            self.leave(key);
        }
    }
}

fn key(lab: &Lab) -> Key {
    (lab.namespace().unwrap_or_default(), lab.name_any())
}
