//! Leader election by a Lease (coordination.k8s.io): of several operators one works, the others wait.
//!
//! The holder renews; whoever waits takes the Lease over when it has not seen it renewed for its whole duration, by
//! its own clock, so that clocks need not agree. Every write carries the version that was read: of two that take
//! it at once, one is refused.

use std::time::{Duration, Instant};

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use tokio_util::sync::CancellationToken;

use crate::build::names::MANAGER;

/// How long the Lease holds without being renewed.
const DURATION: Duration = Duration::from_secs(30);
/// How often the holder renews it: it may fail twice.
const RENEW: Duration = Duration::from_secs(10);
/// How often those who wait look.
const LOOK: Duration = Duration::from_secs(2);

/// The operators' Lease, as one of them sees it.
#[derive(Debug)]
pub struct Election {
    leases: Api<Lease>,
    name: String,
    identity: String,
}

impl Election {
    /// An election among the operators of a namespace that watch the same labs.
    pub fn new(client: Client, namespace: &str, watched: Option<&str>, identity: &str) -> Self {
        Self {
            leases: Api::namespaced(client, namespace),
            // One that serves a namespace and one that serves all do not stand in each other's way.
            name: watched.map_or_else(|| MANAGER.to_owned(), |watched| format!("{MANAGER}-{watched}")),
            identity: identity.to_owned(),
        }
    }

    /// Returns when this process holds the Lease. Trouble with the API server is logged and waited out.
    pub async fn win(&self) -> Lease {
        let mut seen: Option<(Option<String>, Instant)> = None;
        loop {
            match self.try_win(&mut seen).await {
                Ok(Some(lease)) => return lease,
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, lease = self.name, "the Lease could not be taken"),
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn try_win(
        &self,
        seen: &mut Option<(Option<String>, Instant)>,
    ) -> Result<Option<Lease>, kube::Error> {
        let Some(there) = self.leases.get_opt(&self.name).await? else {
            return self.take(None).await;
        };
        let version = there.metadata.resource_version.clone();
        if seen.as_ref().is_none_or(|(before, _)| *before != version) {
            *seen = Some((version, Instant::now()));
        }
        let expired = seen.as_ref().is_some_and(|(_, since)| since.elapsed() > DURATION);
        let holder = there.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default();
        if holder.is_empty() || holder == self.identity || expired {
            return self.take(Some(there)).await;
        }
        Ok(None)
    }

    /// Writes this process into the Lease; `None` when another was faster.
    async fn take(&self, there: Option<Lease>) -> Result<Option<Lease>, kube::Error> {
        let now = MicroTime(Timestamp::now());
        let before = there.as_ref().and_then(|lease| lease.spec.clone()).unwrap_or_default();
        let same_holder = before.holder_identity.as_deref() == Some(self.identity.as_str());
        let transitions = before.lease_transitions.unwrap_or(0) + i32::from(there.is_some() && !same_holder);
        let spec = LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: if same_holder { before.acquire_time } else { Some(now.clone()) },
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        };
        let written = if let Some(lease) = there {
            self.write(&Lease { spec: Some(spec), ..lease }).await
        } else {
            let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
            self.leases.create(&params(), &Lease { metadata, spec: Some(spec) }).await
        };
        match written {
            Ok(lease) => Ok(Some(lease)),
            Err(kube::Error::Api(answer)) if answer.code == 409 => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn write(&self, lease: &Lease) -> Result<Lease, kube::Error> {
        self.leases.replace(&self.name, &params(), lease).await
    }

    /// Renews the Lease until `stop`, then gives it back so that the next need not wait. Returns early, without
    /// giving anything back, when the Lease is lost: the process must stop working at once.
    pub async fn hold(&self, mut lease: Lease, stop: CancellationToken) -> Held {
        let mut renewed = Instant::now();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(RENEW) => {}
            }
            match tokio::time::timeout(RENEW, self.take(Some(lease.clone()))).await {
                Ok(Ok(Some(now))) => {
                    lease = now;
                    renewed = Instant::now();
                }
                Ok(Ok(None)) => return Held::Lost,
                Ok(Err(error)) => tracing::warn!(%error, lease = self.name, "the Lease could not be renewed"),
                Err(_) => tracing::warn!(lease = self.name, "the API server does not answer"),
            }
            if renewed.elapsed() >= DURATION {
                return Held::Lost;
            }
        }
        if let Some(spec) = lease.spec.as_mut() {
            spec.holder_identity = Some(String::new());
        }
        if let Err(error) = self.write(&lease).await {
            tracing::warn!(%error, lease = self.name, "the Lease could not be given back; it runs out by itself");
        }
        Held::GivenBack
    }
}

/// How holding the Lease ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    GivenBack,
    Lost,
}

fn params() -> PostParams {
    PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() }
}
