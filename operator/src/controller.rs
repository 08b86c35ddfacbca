//! The loop: dereference, validate, build, apply, look at Kafka, tell.

use std::{sync::Arc, time::Instant};

use crds::EdaLab;
use k8s_openapi::jiff::Timestamp;
use kube::{
    Client, Resource, ResourceExt,
    core::DeserializeGuard,
    runtime::{controller::Action, events::Recorder},
};
use std::time::Duration;

use crate::{
    apply::{apply, look},
    build::{build, endpoints},
    config::RelatedImages,
    dereference::dereference,
    events,
    kafka::Kafka,
    metrics::Metrics,
    observe::observe,
    outcome::{Outcome, Stop},
    retry::Retries,
    status,
    validate::validate,
};

/// What every reconciliation uses.
#[allow(missing_debug_implementations)] // a Client has none
pub struct Context {
    pub client: Client,
    pub images: RelatedImages,
    pub kafka: Kafka,
    pub metrics: Metrics,
    pub recorder: Recorder,
    pub retries: Retries,
}

/// The status could not be written; everything else ends in the status.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("write the status: {0}")]
    Status(#[source] kube::Error),
}

impl Error {
    /// One word for metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Status(_) => "StatusNotWritten",
        }
    }
}

/// One reconciliation of one lab.
pub async fn reconcile(guarded: Arc<DeserializeGuard<EdaLab>>, ctx: Arc<Context>) -> Result<Action, Error> {
    let lab = match &guarded.0 {
        Ok(lab) => lab,
        Err(invalid) => {
            let name = invalid.metadata.name.as_deref().unwrap_or_default();
            tracing::warn!(lab = name, error = invalid.error, "this EdaLab cannot be read; it is left alone");
            let event = events::unreadable(&invalid.error);
            events::publish(&ctx.recorder, &guarded.object_ref(&()), &[event]).await;
            ctx.metrics.reconciled("Unreadable", Duration::ZERO);
            return Ok(Action::await_change());
        }
    };
    if lab.metadata.deletion_timestamp.is_some() {
        // What the lab owns goes with it; nothing outside the cluster waits to be told.
        return Ok(Action::await_change());
    }
    let started = Instant::now();
    let outcome = converge(lab, &ctx).await;
    let status = status::compute(lab.status.as_ref(), &outcome, Timestamp::now());
    status::publish(&ctx.client, lab, &status, &ctx.metrics).await.map_err(Error::Status)?;
    let changes = events::changes(lab.status.as_ref(), &status, &outcome);
    events::publish(&ctx.recorder, &lab.object_ref(&()), &changes).await;
    ctx.metrics.reconciled(outcome.word(), started.elapsed());
    Ok(outcome.next_action(&lab.uid().unwrap_or_default(), &ctx.retries))
}

/// Brings the lab as far as it goes now. It ends in an outcome on every path, because the status is told on every
/// path.
async fn converge(lab: &EdaLab, ctx: &Context) -> Outcome {
    let mut outcome = Outcome::begin(lab);
    if let Err(stop) = advance(lab, ctx, &mut outcome).await {
        tracing::warn!(lab = lab.name_any(), reason = stop.reason, message = stop.message, "stopped");
        ctx.metrics.failed(stop.reason);
        outcome.stopped = Some(stop);
    }
    outcome
}

async fn advance(lab: &EdaLab, ctx: &Context, outcome: &mut Outcome) -> Result<(), Stop> {
    let namespace = lab.namespace().unwrap_or_default();
    let refs = dereference(&ctx.client, &namespace, &lab.name_any()).await?;
    let wanted = validate(lab, &ctx.images)?;
    let applied = if lab.spec.paused {
        look(&refs)
    } else {
        apply(&ctx.client, &wanted, build(&wanted), &refs, &ctx.metrics).await
    };
    for (_, error) in &applied.failures {
        tracing::warn!(reason = error.reason(), %error, "an object could not be applied");
        ctx.metrics.failed(error.reason());
    }
    outcome.parts = observe(&wanted, &refs, &applied);
    outcome.endpoints = endpoints(&wanted);
    outcome.record(applied);
    if !lab.spec.paused {
        let (topics, schemas) = ctx.kafka.sync(&wanted, &outcome.parts, &refs, &ctx.metrics).await;
        (outcome.topics, outcome.schemas) = (Some(topics), Some(schemas));
    }
    Ok(())
}
