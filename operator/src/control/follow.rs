//! One lab's control, as long as the lab is there: what its spec says goes to the topic, what the services answer to the
//! status.

use std::{convert::Infallible, time::Duration};

use crds::EdaLab;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{Api, Resource, ResourceExt, runtime::events::Recorder};
use schemas::control::Control;
use tokio::{
    sync::watch,
    time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, sleep_until},
};
use uuid::Uuid;

use super::{
    Context,
    answers::{Answers, Verdict},
    channel::{Channel, Error},
    in_force::{InForce, Standing},
    next::{Wanted, next_control},
};
use crate::{events, metrics::Metrics};

/// How long services have for their answer, which takes them some milliseconds.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it is looked whether the record is on the topic still: Kafka tells nobody when it is made anew.
const LOOK: Duration = Duration::from_secs(10);
/// When a status that could not be written is written again.
const REWRITE: Duration = Duration::from_secs(2);
/// Pauses between two attempts to reach Kafka double from the first to the last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));

/// What is gone by, of an EdaLab as it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asked {
    generation: i64,
    wanted: Wanted,
    /// Whether the phase has services.
    services: bool,
    in_force: InForce,
}

impl Asked {
    pub(super) fn of(lab: &EdaLab) -> Self {
        Self {
            generation: lab.metadata.generation.unwrap_or_default(),
            wanted: Wanted::of(&lab.spec),
            services: lab.spec.phase.has_services(),
            in_force: InForce::of(lab.status.as_ref()),
        }
    }
}

/// The lab is gone, or nobody serves it any more.
struct Gone;

/// Why a session ended.
enum End {
    Gone,
    Failed(Error),
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Gone> for End {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

/// Follows one lab.
pub(super) struct Follower {
    labs: Api<EdaLab>,
    lab: String,
    reference: ObjectReference,
    bootstrap: String,
    asked: watch::Receiver<Asked>,
    /// What the status says, by what was heard of it last.
    in_force: InForce,
    /// What is on the topic, as far as is known. It outlives a topic that was made anew, so that no peak begins again.
    said: Option<Control>,
    recorder: Recorder,
    metrics: Metrics,
}

impl Follower {
    pub(super) fn new(
        context: &Context,
        namespace: &str,
        lab: &EdaLab,
        asked: watch::Receiver<Asked>,
    ) -> Self {
        let name = lab.name_any();
        let in_force = asked.borrow().in_force.clone();
        Self {
            labs: Api::namespaced(context.client.clone(), namespace),
            reference: lab.object_ref(&()),
            bootstrap: (context.bootstrap)(&name, namespace),
            lab: name,
            in_force,
            asked,
            said: None,
            recorder: context.recorder.clone(),
            metrics: context.metrics.clone(),
        }
    }

    /// Follows until the lab is gone. A session with Kafka that fails is told, and followed by another.
    pub(super) async fn run(mut self) {
        let mut pause = PAUSES.0;
        let mut told = None;
        loop {
            let began = Instant::now();
            let Err(End::Failed(error)) = self.session().await else { return };
            let (reason, message) = (error.reason(), error.to_string());
            self.metrics.control_failed(reason);
            if began.elapsed() > LOOK {
                (pause, told) = (PAUSES.0, None);
            }
            if told.replace(reason) != Some(reason) {
                tracing::warn!(lab = self.lab, reason, message, "what the lab is set to cannot be told");
            }
            let generation = self.heed().generation;
            self.tell(&Standing::CutOff { reason, message }, generation).await;
            sleep(pause).await;
            pause = PAUSES.1.min(pause * 2);
        }
    }

    /// Takes over what is asked now.
    fn heed(&mut self) -> Asked {
        let asked = self.asked.borrow_and_update().clone();
        self.in_force = asked.in_force.clone();
        asked
    }

    /// One session with Kafka. It begins with what was said last, so that a restart says nothing twice.
    async fn session(&mut self) -> Result<Infallible, End> {
        let (mut channel, last) = Channel::open(&self.bootstrap, &self.metrics).await?;
        // A topic that was made anew is told what the old one said.
        let mut again = if last.is_none() { self.said.take() } else { None };
        self.said = last.or_else(|| again.clone());
        let mut look = every(LOOK);
        let mut answers = Answers::default();
        let mut asked = self.heed();
        // When the services were told last, and whether their answers are still counted.
        let (mut since, mut timed) = (Instant::now(), false);
        loop {
            let next = next_control(
                self.said.as_ref(),
                &asked.wanted,
                asked.generation,
                jiff::Timestamp::now(),
                Uuid::now_v7(),
            );
            if let Some(control) = next.or_else(|| again.take()) {
                channel.publish(&control).await?;
                again = None;
                (since, timed) = (Instant::now(), true);
                self.metrics.control_published();
                tracing::info!(lab = self.lab, id = %control.id, scenario = %control.scenario,
                    generation = control.generation, "said on edalab.control");
                self.said = Some(control);
            }
            let wake = self.judge(&asked, &mut answers, since, &mut timed).await;
            tokio::select! {
                // What is asked goes before what is answered.
                biased;
                changed = self.asked.changed() => {
                    changed.map_err(|_| Gone)?;
                    asked = self.heed();
                }
                answer = channel.answer() => answers.take(&answer),
                () = sleep_until(wake.unwrap_or(since)), if wake.is_some() => {}
                _ = look.tick() => channel.look().await?,
            }
        }
    }

    /// Tells how it stands with what was said; when to come back to it, if nothing happens before.
    async fn judge(
        &mut self,
        asked: &Asked,
        answers: &mut Answers,
        since: Instant,
        timed: &mut bool,
    ) -> Option<Instant> {
        let control = self.said.clone()?;
        if let Some(service) = control.down {
            answers.forget_one(service);
        }
        let verdict = answers.judge(&control, since.elapsed() >= PATIENCE);
        let open = verdict == Verdict::Open;
        if verdict == Verdict::Followed && std::mem::take(timed) {
            self.metrics.control_followed(since.elapsed());
        }
        let standing = if asked.services {
            Standing::Said(&control, verdict)
        } else {
            answers.forget();
            *timed = false;
            Standing::NobodyToFollow(&control)
        };
        if !self.tell(&standing, asked.generation).await {
            Some(Instant::now() + REWRITE)
        } else if open && asked.services {
            Some(since + PATIENCE)
        } else {
            None
        }
    }

    /// Brings the status to what stands, where it says something else. `generation` is the one that this is about: another
    /// may have been heard of since. False where it could not be written.
    async fn tell(&mut self, standing: &Standing<'_>, generation: i64) -> bool {
        let now = k8s_openapi::jiff::Timestamp::now();
        let after = self.in_force.after(standing, generation, now);
        if after == self.in_force {
            return true;
        }
        match after.publish(&self.labs, &self.lab, &self.metrics).await {
            Ok(now) => {
                let changes = self.in_force.changes(&after);
                self.in_force = now.unwrap_or(after);
                events::publish(&self.recorder, &self.reference, &changes).await;
                true
            }
            Err(error) => {
                tracing::warn!(lab = self.lab, %error, "what is in force cannot be told");
                false
            }
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
