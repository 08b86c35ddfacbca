//! From a record to the event that it holds, or to why it holds none.

use schemas::{CloudEvent, wire};

use super::{
    handlers::{Handlers, Pending},
    record::Record,
};
use crate::registry::{RegistryClient, RegistryError};

/// A record with what it holds.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) record: Record,
    pub(super) event: Result<Box<dyn Pending>, Unreadable>,
}

/// Why a record will never be read: one word for metrics and headers, and the whole in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreadable {
    pub(super) reason: &'static str,
    pub(super) detail: String,
}

impl Unreadable {
    fn new(reason: &'static str, detail: &(impl ToString + ?Sized)) -> Self {
        Self { reason, detail: detail.to_string() }
    }
}

/// Reads a record. An error means that the registry did not answer, and says nothing of the record.
pub(super) async fn prepare(
    record: Record,
    handlers: &Handlers,
    registry: &RegistryClient,
) -> Result<Prepared, RegistryError> {
    let event = read(&record, handlers, registry).await?;
    Ok(Prepared { record, event })
}

async fn read(
    record: &Record,
    handlers: &Handlers,
    registry: &RegistryClient,
) -> Result<Result<Box<dyn Pending>, Unreadable>, RegistryError> {
    let (envelope, schema, body) = match parts(record) {
        Ok(parts) => parts,
        Err(unreadable) => return Ok(Err(unreadable)),
    };
    let writer = match registry.schema(schema).await {
        Ok(writer) => writer,
        Err(error @ (RegistryError::UnknownId { .. } | RegistryError::NotAvro { .. })) => {
            return Ok(Err(Unreadable::new(error.reason(), &error)));
        }
        Err(error) => return Err(error),
    };
    let Some(handler) = handlers.get(&record.topic) else {
        return Ok(Err(Unreadable::new("NoHandler", "the service does not listen to this topic")));
    };
    Ok(handler.decode(envelope, &writer, body).map_err(|error| Unreadable::new(error.reason(), &error)))
}

fn parts(record: &Record) -> Result<(CloudEvent, schemas::SchemaId, &[u8]), Unreadable> {
    if record.headers.is_none() {
        return Err(Unreadable::new("BadHeaderName", "the name of a header is not UTF-8"));
    }
    let envelope = CloudEvent::from_headers(&record.set_headers())
        .map_err(|error| Unreadable::new(error.reason(), &error))?;
    let value = record.value.as_deref();
    let value = value.ok_or_else(|| Unreadable::new("NoValue", "the record has no value"))?;
    let (schema, body) = wire::parse(value).map_err(|error| Unreadable::new(error.reason(), &error))?;
    Ok((envelope, schema, body))
}
