//! What a service does with the events that it hears: one effect for each event type.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use apache_avro::Schema;
use schemas::{CloudEvent, DecodeError, Event, TopicName};

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

/// What hearing an event of type `E` does, inside the transaction. Events of different topics arrive in any order; an
/// effect gives the same state in the end whatever the order was.
pub type Effect<E> = for<'c> fn(&'c mut Batch, &'c Received<E>) -> Work<'c, (), EffectError>;

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
    pub fn on<E: Event + Send + Sync + 'static>(mut self, effect: Effect<E>) -> Self {
        self.by_topic.insert(E::TOPIC, Box::new(Typed { effect, event: PhantomData }));
        self
    }

    /// The topics' names, sorted.
    pub(crate) fn topics(&self) -> impl Iterator<Item = TopicName> {
        self.by_topic.keys().copied()
    }

    pub(super) fn get(&self, topic: &str) -> Option<&dyn Handler> {
        let found = self.by_topic.iter().find(|(name, _)| name.as_str() == topic);
        found.map(|(_, handler)| handler.as_ref())
    }
}

/// A handler whose event type is forgotten, so that one table holds them all.
pub(super) trait Handler: fmt::Debug + Send + Sync {
    /// The event that a body holds, with its effect still to happen.
    fn decode(
        &self,
        envelope: CloudEvent,
        writer: &Schema,
        body: &[u8],
    ) -> Result<Box<dyn Pending>, DecodeError>;
}

/// A decoded event. Its effect can be tried again, in another transaction.
pub(super) trait Pending: fmt::Debug + Send + Sync {
    fn envelope(&self) -> &CloudEvent;
    fn happen<'c>(&'c self, batch: &'c mut Batch) -> Work<'c, (), EffectError>;
}

struct Typed<E> {
    effect: Effect<E>,
    event: PhantomData<fn() -> E>,
}

struct Heard<E> {
    received: Received<E>,
    effect: Effect<E>,
}

impl<E: Event + Send + Sync + 'static> Handler for Typed<E> {
    fn decode(
        &self,
        envelope: CloudEvent,
        writer: &Schema,
        body: &[u8],
    ) -> Result<Box<dyn Pending>, DecodeError> {
        let event = schemas::decode::<E>(writer, body)?;
        Ok(Box::new(Heard { received: Received { envelope, event }, effect: self.effect }))
    }
}

impl<E: Event + Send + Sync + 'static> Pending for Heard<E> {
    fn envelope(&self) -> &CloudEvent {
        &self.received.envelope
    }

    fn happen<'c>(&'c self, batch: &'c mut Batch) -> Work<'c, (), EffectError> {
        (self.effect)(batch, &self.received)
    }
}

impl<E: Event> fmt::Debug for Typed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handler").field(&E::TYPE).finish()
    }
}

impl<E: Event> fmt::Debug for Heard<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Heard").field(&self.received.envelope).finish()
    }
}
