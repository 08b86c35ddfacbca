//! From a record to the event that it holds, or to why it holds none.

use std::{collections::BTreeMap, sync::Arc};

use schemas::{CloudEvent, SchemaId, wire};
use tokio::task::coop::consume_budget;

use super::handlers::{Handlers, Pending};
use crate::{
    record::Record,
    registry::{RegistryClient, RegistryError},
};

/// Records with what they hold.
#[derive(Debug)]
pub(super) struct Prepared {
    records: Arc<Vec<Record>>,
    contents: Vec<Content>,
    events: BTreeMap<&'static str, Box<dyn Pending>>,
}

/// What a record holds: an event, by its place among those of its topic, or why there is none.
pub(super) type Content = Result<usize, Unreadable>;

impl Prepared {
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Record, &Content)> {
        self.records.iter().zip(&self.contents)
    }

    /// The events of each topic that has some.
    pub(super) fn events(&self) -> impl Iterator<Item = (&'static str, &dyn Pending)> {
        let events = self.events.iter().map(|(topic, events)| (*topic, events.as_ref()));
        events.filter(|(_, events)| events.len() > 0)
    }

    /// The events of the record's topic.
    pub(super) fn beside(&self, record: &Record) -> &dyn Pending {
        self.events.get(record.topic()).expect("a record that holds an event").as_ref()
    }
}

/// Why a record will never be read: one word for metrics and headers, and the whole in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreadable {
    pub(super) reason: &'static str,
    pub(super) detail: String,
    /// What the record says of itself, where that can be read.
    pub(super) envelope: Option<Box<CloudEvent>>,
}

impl Unreadable {
    pub(super) fn new(reason: &'static str, detail: &(impl ToString + ?Sized)) -> Self {
        Self { reason, detail: detail.to_string(), envelope: None }
    }

    /// Of a record that says this of itself, if that can be read.
    pub(super) fn of(self, envelope: Result<CloudEvent, Self>) -> Self {
        Self { envelope: envelope.ok().map(Box::new), ..self }
    }
}

/// Reads records. An error means that the registry did not answer, and says nothing of them.
pub(super) async fn prepare(
    records: Arc<Vec<Record>>,
    handlers: &Handlers,
    registry: &RegistryClient,
) -> Result<Prepared, RegistryError> {
    let mut contents = Vec::with_capacity(records.len());
    let mut events = BTreeMap::new();
    for record in records.iter() {
        // Decoding never waits; the writer's task is to have its turn all the same.
        consume_budget().await;
        contents.push(read(record, handlers, registry, &mut events).await?);
    }
    Ok(Prepared { records, contents, events })
}

/// What the record holds is judged before what it says of itself: a value that is no event at all is not told to lack a
/// header.
async fn read(
    record: &Record,
    handlers: &Handlers,
    registry: &RegistryClient,
    events: &mut BTreeMap<&'static str, Box<dyn Pending>>,
) -> Result<Content, RegistryError> {
    let envelope = envelope(record);
    let (schema, body) = match value(record) {
        Ok(value) => value,
        Err(unreadable) => return Ok(Err(unreadable.of(envelope))),
    };
    let writer = match registry.schema(schema).await {
        Ok(writer) => writer,
        Err(error @ (RegistryError::UnknownId { .. } | RegistryError::NotAvro { .. })) => {
            return Ok(Err(Unreadable::new(error.reason(), &error).of(envelope)));
        }
        Err(error) => return Err(error),
    };
    let Some((topic, handler)) = handlers.get(record.topic()) else {
        return Ok(Err(
            Unreadable::new("NoHandler", "the service does not listen to this topic").of(envelope)
        ));
    };
    let heard = events.entry(topic).or_insert_with(|| handler.room());
    Ok(heard.push(envelope, &writer, body).map(|()| heard.len() - 1))
}

fn envelope(record: &Record) -> Result<CloudEvent, Unreadable> {
    if record.headers().is_none() {
        return Err(Unreadable::new("BadHeaderName", "the name of a header is not UTF-8"));
    }
    CloudEvent::from_headers(&record.set_headers()).map_err(|error| Unreadable::new(error.reason(), &error))
}

/// The writer's schema, and the body.
fn value(record: &Record) -> Result<(SchemaId, &[u8]), Unreadable> {
    let value = record.value();
    let value = value.ok_or_else(|| Unreadable::new("NoValue", "the record has no value"))?;
    wire::parse(value).map_err(|error| Unreadable::new(error.reason(), &error))
}
