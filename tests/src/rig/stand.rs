//! A broker and a registry, side by side, as the services of a lab find them.

use std::path::Path;

use apache_avro::Schema;
use schemas::{Event, TopicName, topics, wire};

use super::{
    kafka::{Kafka, KafkaRigError},
    parts::{Parts, PartsError},
    registry::{Registry, RegistryRigError},
    service::{Settings, source_of},
};
use crate::{
    reader::{ReadError, Reader, Record},
    suite::Rig,
};

/// The topics that quotation publishes to.
pub const QUOTATION: &[TopicName] = &[topics::DEVIS_GENERE, topics::DEVIS_EXPIRE];
/// The topics that souscription publishes to.
pub const SOUSCRIPTION: &[TopicName] =
    &[topics::CONTRAT_EMIS, topics::CONTRAT_MODIFIE, topics::CONTRAT_RESILIE];
/// The topics that reclamation publishes to.
pub const RECLAMATION: &[TopicName] =
    &[topics::SINISTRE_DECLARE, topics::SINISTRE_EVALUE, topics::INDEMNISATION_EFFECTUEE];

/// Something of it does not start.
#[derive(Debug, thiserror::Error)]
pub enum StandError {
    #[error(transparent)]
    Parts(#[from] PartsError),
    #[error(transparent)]
    Kafka(#[from] KafkaRigError),
    #[error(transparent)]
    Registry(#[from] RegistryRigError),
}

/// An event cannot be read from its record.
#[derive(Debug, thiserror::Error)]
pub enum DecodingError {
    #[error(transparent)]
    Wire(#[from] wire::WireError),
    #[error(transparent)]
    Registry(#[from] RegistryRigError),
    #[error("the registry's schema {id} is no Avro: {source}")]
    Schema { id: schemas::SchemaId, source: Box<apache_avro::Error> },
    #[error(transparent)]
    Body(#[from] schemas::DecodeError),
}

/// A broker with the lab's topics, and a registry with its schemas. Trials share it: each gives its lab a name of its
/// own, and so knows its own events.
#[derive(Debug)]
pub struct Stand {
    pub parts: Parts,
    // Ended in this order.
    pub registry: Registry,
    pub kafka: Kafka,
}

impl Rig for Stand {}

impl Stand {
    /// Starts both.
    pub async fn start() -> Result<Self, StandError> {
        let parts = Parts::find(&["kafka", "schema-registry", "java"]).await?;
        let kafka = Kafka::start(&parts).await?;
        let registry = Registry::start(&parts, &kafka).await?;
        Ok(Self { parts, registry, kafka })
    }

    /// What a service of the lab `lab` is started with: quotation, unless `service` is changed.
    pub fn settings(&self, program: &Path, lab: &str) -> Settings {
        Settings {
            service: "quotation",
            program: program.to_owned(),
            lab: lab.to_owned(),
            bootstrap: self.kafka.bootstrap(),
            registry: self.registry.url(),
            validity: "30d".to_owned(),
        }
    }

    /// A reader of the lab's quotation events.
    pub fn reader(&self, lab: &str) -> Result<Reader, ReadError> {
        Reader::new(&self.kafka.bootstrap(), QUOTATION, &source_of(lab, "quotation"))
    }

    /// The record's event, by the schema that the registry has for its id.
    pub async fn decode<E: Event>(&self, record: &Record) -> Result<E, DecodingError> {
        let (id, body) = wire::parse(&record.value)?;
        let text = self.registry.schema(id.0).await?;
        let schema = Schema::parse_str(&text)
            .map_err(|source| DecodingError::Schema { id, source: Box::new(source) })?;
        Ok(schemas::decode(&schema, body)?)
    }
}
