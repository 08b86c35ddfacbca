//! `ContratResilie`: a contract was ended.

use std::sync::LazyLock;

use apache_avro::{Schema, types::Value};
use jiff::Timestamp;

use crate::{ContratId, DecodeError, Event, Fields, TopicName, Version, avro::timestamp, topics};

/// A contract was ended before its time. Instants carry milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContratResilie {
    pub contrat_id: ContratId,
    /// The reason in words, as it was given.
    pub motif: String,
    /// The cover ends.
    pub date_resiliation: Timestamp,
    pub timestamp: Timestamp,
    pub version: Version,
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    Schema::parse_str(ContratResilie::SCHEMA).expect("ContratResilie.avsc is tested to be Avro")
});

impl Event for ContratResilie {
    const TYPE: &'static str = "com.kafkaedalab.souscription.ContratResilie";
    const TOPIC: TopicName = topics::CONTRAT_RESILIE;
    const SCHEMA: &'static str = include_str!("../../ContratResilie.avsc");

    fn schema() -> &'static Schema {
        &SCHEMA
    }

    fn key(&self) -> String {
        self.contrat_id.to_string()
    }

    fn occurred_at(&self) -> Timestamp {
        self.timestamp
    }

    fn to_fields(&self) -> Vec<(String, Value)> {
        vec![
            ("contratId".to_owned(), Value::String(self.contrat_id.to_string())),
            ("motif".to_owned(), Value::String(self.motif.clone())),
            ("dateResiliation".to_owned(), timestamp(self.date_resiliation)),
            ("timestamp".to_owned(), timestamp(self.timestamp)),
            ("version".to_owned(), Value::Long(self.version.get())),
        ]
    }

    fn from_fields(mut fields: Fields) -> Result<Self, DecodeError> {
        Ok(Self {
            contrat_id: fields.parsed("contratId")?,
            motif: fields.text("motif")?,
            date_resiliation: fields.timestamp("dateResiliation")?,
            timestamp: fields.timestamp("timestamp")?,
            version: fields.version("version")?,
        })
    }
}
