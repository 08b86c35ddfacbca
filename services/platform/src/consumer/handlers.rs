//! What a service does with the events that it hears: one effect for each event type.

use std::{collections::BTreeMap, fmt, ops::Range, sync::Arc};

use apache_avro::Schema;
use schemas::{CloudEvent, Event, TopicName};

use super::prepare::Unreadable;
use crate::{
    outbox::OutboxError,
    store::{Batch, Work},
};

/// An event as it was heard.
#[derive(Debug, Clone)]
pub struct Received<E> {
    pub envelope: CloudEvent,
    pub event: E,
}

/// What was heard, without its envelopes.
pub fn events<E>(heard: &[Received<E>]) -> impl Iterator<Item = &E> {
    heard.iter().map(|received| &received.event)
}

/// Why an effect did not happen.
#[derive(Debug, thiserror::Error)]
pub enum EffectError {
    /// This event can never be applied, whenever it is tried again: it becomes a dead letter. The reason is one word.
    #[error("{detail}")]
    Unacceptable { reason: &'static str, detail: String },
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    #[error("the database answered: {0}")]
    Sql(#[from] sqlx::Error),
}

/// What hearing events of type `E` does, inside the transaction: all those of a batch at once, so that one statement can
/// do for many. None was heard before, and those of a partition are in its order; those of different topics arrive in any
/// order, and the state is the same in the end whatever it was. Where one of them is unacceptable, all of it is taken back,
/// and each comes again alone.
pub trait Effect<E>:
    for<'c> Fn(&'c mut Batch, &'c [Received<E>]) -> Work<'c, (), EffectError> + Send + Sync + 'static
{
}

impl<E, F> Effect<E> for F where
    F: for<'c> Fn(&'c mut Batch, &'c [Received<E>]) -> Work<'c, (), EffectError> + Send + Sync + 'static
{
}

/// The topics that a service listens to, and its effect for each.
#[derive(Debug, Default)]
pub struct Handlers {
    by_topic: BTreeMap<TopicName, Box<dyn Handler>>,
}

impl Handlers {
    pub fn new() -> Self {
        Self::default()
    }

    /// Listens to the topic of `E`.
    #[must_use]
    pub fn on<E: Event + Send + Sync + 'static>(mut self, effect: impl Effect<E>) -> Self {
        self.by_topic.insert(E::TOPIC, Box::new(Typed { effect: Arc::new(effect) }));
        self
    }

    /// The topics' names, sorted.
    pub(crate) fn topics(&self) -> impl Iterator<Item = TopicName> {
        self.by_topic.keys().copied()
    }

    /// The handler of a topic, with the topic's name.
    pub(super) fn get(&self, topic: &str) -> Option<(&'static str, &dyn Handler)> {
        let found = self.by_topic.iter().find(|(name, _)| name.as_str() == topic);
        found.map(|(name, handler)| (name.as_str(), handler.as_ref()))
    }
}

/// A handler whose event type is forgotten, so that one table holds them all.
pub(super) trait Handler: fmt::Debug + Send + Sync {
    /// Room for events of its type.
    fn room(&self) -> Box<dyn Pending>;
}

/// Decoded events of one topic, with their effect still to happen. It can be tried again, in another transaction.
pub(super) trait Pending: fmt::Debug + Send + Sync {
    /// Decodes a body and keeps the event with its envelope.
    fn push(
        &mut self,
        envelope: Result<CloudEvent, Unreadable>,
        writer: &Schema,
        body: &[u8],
    ) -> Result<(), Unreadable>;
    fn len(&self) -> usize;
    fn envelope(&self, index: usize) -> &CloudEvent;
    /// The effect of these of them.
    fn happen<'c>(&'c self, which: Range<usize>, batch: &'c mut Batch) -> Work<'c, (), EffectError>;
}

struct Typed<E> {
    effect: Arc<dyn Effect<E>>,
}

struct Heard<E> {
    received: Vec<Received<E>>,
    effect: Arc<dyn Effect<E>>,
}

impl<E: Event + Send + Sync + 'static> Handler for Typed<E> {
    fn room(&self) -> Box<dyn Pending> {
        Box::new(Heard { received: Vec::new(), effect: Arc::clone(&self.effect) })
    }
}

impl<E: Event + Send + Sync + 'static> Pending for Heard<E> {
    fn push(
        &mut self,
        envelope: Result<CloudEvent, Unreadable>,
        writer: &Schema,
        body: &[u8],
    ) -> Result<(), Unreadable> {
        match schemas::decode::<E>(writer, body) {
            Ok(event) => {
                self.received.push(Received { envelope: envelope?, event });
                Ok(())
            }
            Err(error) => Err(Unreadable::new(error.reason(), &error).of(envelope)),
        }
    }

    fn len(&self) -> usize {
        self.received.len()
    }

    fn envelope(&self, index: usize) -> &CloudEvent {
        &self.received[index].envelope
    }

    fn happen<'c>(&'c self, which: Range<usize>, batch: &'c mut Batch) -> Work<'c, (), EffectError> {
        (self.effect)(batch, &self.received[which])
    }
}

impl<E: Event> fmt::Debug for Typed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handler").field(&E::TYPE).finish()
    }
}

impl<E: Event> fmt::Debug for Heard<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heard")
            .field("type", &E::TYPE)
            .field("events", &self.received.len())
            .finish_non_exhaustive()
    }
}
