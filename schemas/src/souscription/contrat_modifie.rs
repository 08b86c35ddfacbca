//! `ContratModifie`: a contract was changed.

use std::sync::LazyLock;

use apache_avro::{Schema, types::Value};
use jiff::Timestamp;

use super::Modification;
use crate::{ContratId, DecodeError, Event, Fields, TopicName, Version, avro::timestamp, topics};

/// A contract was changed. Instants carry milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContratModifie {
    pub contrat_id: ContratId,
    pub modification: Modification,
    /// What it means depends on the [`Modification`].
    pub nouvelle_valeur: String,
    pub timestamp: Timestamp,
    pub version: Version,
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    Schema::parse_str(ContratModifie::SCHEMA).expect("ContratModifie.avsc is tested to be Avro")
});

impl Event for ContratModifie {
    const TYPE: &'static str = "com.kafkaedalab.souscription.ContratModifie";
    const TOPIC: TopicName = topics::CONTRAT_MODIFIE;
    const SCHEMA: &'static str = include_str!("../../ContratModifie.avsc");

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
            (
                "modification".to_owned(),
                Value::Enum(self.modification.index(), self.modification.to_string()),
            ),
            ("nouvelleValeur".to_owned(), Value::String(self.nouvelle_valeur.clone())),
            ("timestamp".to_owned(), timestamp(self.timestamp)),
            ("version".to_owned(), Value::Long(self.version.get())),
        ]
    }

    fn from_fields(mut fields: Fields) -> Result<Self, DecodeError> {
        Ok(Self {
            contrat_id: fields.parsed("contratId")?,
            modification: fields.parsed_symbol("modification")?,
            nouvelle_valeur: fields.text("nouvelleValeur")?,
            timestamp: fields.timestamp("timestamp")?,
            version: fields.version("version")?,
        })
    }
}
