//! `SinistreDeclare`: a client told of a loss.

use std::sync::LazyLock;

use apache_avro::{Schema, types::Value};
use jiff::Timestamp;

use super::TypeSinistre;
use crate::{
    Cents, ContratId, DecodeError, Event, Fields, SinistreId, TopicName, Version,
    avro::{decimal, timestamp},
    topics,
};

/// A client has told of a loss under a contract. Instants carry milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinistreDeclare {
    pub sinistre_id: SinistreId,
    pub contrat_id: ContratId,
    pub type_sinistre: TypeSinistre,
    /// In the client's words.
    pub description: String,
    /// When it happened.
    pub date_survenance: Timestamp,
    /// What the client believes the loss to be.
    pub montant_estime: Cents,
    pub timestamp: Timestamp,
    pub version: Version,
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    Schema::parse_str(SinistreDeclare::SCHEMA).expect("SinistreDeclare.avsc is tested to be Avro")
});

impl Event for SinistreDeclare {
    const TYPE: &'static str = "com.kafkaedalab.reclamation.SinistreDeclare";
    const TOPIC: TopicName = topics::SINISTRE_DECLARE;
    const SCHEMA: &'static str = include_str!("../../SinistreDeclare.avsc");

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
            ("sinistreId".to_owned(), Value::String(self.sinistre_id.to_string())),
            ("contratId".to_owned(), Value::String(self.contrat_id.to_string())),
            (
                "typeSinistre".to_owned(),
                Value::Enum(self.type_sinistre.index(), self.type_sinistre.to_string()),
            ),
            ("description".to_owned(), Value::String(self.description.clone())),
            ("dateSurvenance".to_owned(), timestamp(self.date_survenance)),
            ("montantEstime".to_owned(), decimal(self.montant_estime)),
            ("timestamp".to_owned(), timestamp(self.timestamp)),
            ("version".to_owned(), Value::Long(self.version.get())),
        ]
    }

    fn from_fields(mut fields: Fields) -> Result<Self, DecodeError> {
        Ok(Self {
            sinistre_id: fields.parsed("sinistreId")?,
            contrat_id: fields.parsed("contratId")?,
            type_sinistre: fields.parsed_symbol("typeSinistre")?,
            description: fields.text("description")?,
            date_survenance: fields.timestamp("dateSurvenance")?,
            montant_estime: fields.cents("montantEstime")?,
            timestamp: fields.timestamp("timestamp")?,
            version: fields.version("version")?,
        })
    }
}
