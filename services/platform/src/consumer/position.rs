//! Where the service is on its topics, as the database has it. The database has one owner, so what is kept here is never
//! older than what it says.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sqlx::SqliteConnection;

use super::rows;

/// The broker belongs to another Kafka cluster than the offsets in the database: they mean nothing there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is Kafka cluster {found}, and the offsets in the database belong to cluster {stored}; nothing is consumed until \
     somebody decides: bring the old broker's data back, or start over with `edalab reset --data`"
)]
pub struct ClusterMismatch {
    pub stored: String,
    pub found: String,
}

/// The next offset of each partition, and the cluster that they belong to. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Position {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    cluster: Option<String>,
    /// By topic and partition.
    next: HashMap<String, HashMap<i32, i64>>,
    mismatch: Option<ClusterMismatch>,
}

impl Position {
    pub(crate) async fn open(connection: &mut SqliteConnection) -> Result<Self, sqlx::Error> {
        let cluster = rows::cluster(connection).await?;
        let position = Self { state: Arc::new(Mutex::new(State { cluster, ..State::default() })) };
        position.moved(rows::offsets(connection).await?);
        Ok(position)
    }

    /// What keeps the consumer waiting for a decision.
    pub(crate) fn mismatch(&self) -> Option<ClusterMismatch> {
        self.state().mismatch.clone()
    }

    /// Whether the offsets belong to the cluster `found`. `false` where they belong to none yet.
    pub(super) fn check(&self, found: &str) -> Result<bool, ClusterMismatch> {
        let mut state = self.state();
        state.mismatch = match &state.cluster {
            Some(stored) if stored != found => {
                Some(ClusterMismatch { stored: stored.clone(), found: found.to_owned() })
            }
            _ => None,
        };
        match &state.mismatch {
            Some(mismatch) => Err(mismatch.clone()),
            None => Ok(state.cluster.is_some()),
        }
    }

    /// The offsets belong to this cluster from now on; the database says so already.
    pub(super) fn adopted(&self, cluster: String) {
        self.state().cluster = Some(cluster);
    }

    /// The offset to read next; nothing where no record of the partition was ever dealt with.
    pub(super) fn next(&self, topic: &str, partition: i32) -> Option<i64> {
        self.state().next.get(topic)?.get(&partition).copied()
    }

    /// Whether the record at that offset was dealt with.
    pub(super) fn has_passed(&self, topic: &str, partition: i32, offset: i64) -> bool {
        self.next(topic, partition).is_some_and(|next| offset < next)
    }

    /// What a COMMIT has made durable.
    pub(super) fn moved(&self, next: impl IntoIterator<Item = ((String, i32), i64)>) {
        let mut state = self.state();
        for ((topic, partition), next) in next {
            state.next.entry(topic).or_default().insert(partition, next);
        }
    }

    /// A thread that panicked with the lock held left a whole map behind: every change is one insertion.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
