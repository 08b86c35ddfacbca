//! `SinistreEvalue`: a claim was judged.

use std::sync::LazyLock;

use apache_avro::{Schema, types::Value};
use jiff::Timestamp;

use super::Decision;
use crate::{
    Cents, ContratId, DecodeError, Event, Fields, SinistreId, TopicName, Version,
    avro::{decimal, timestamp},
    topics,
};

/// A claim was judged. Instants carry milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinistreEvalue {
    pub sinistre_id: SinistreId,
    pub contrat_id: ContratId,
    pub decision: Decision,
    /// What will be paid; 0 where the claim is rejected.
    pub montant_evalue: Cents,
    /// The reason in words; may be empty where the claim is accepted.
    pub motif: String,
    pub timestamp: Timestamp,
    pub version: Version,
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    Schema::parse_str(SinistreEvalue::SCHEMA).expect("SinistreEvalue.avsc is tested to be Avro")
});

impl Event for SinistreEvalue {
    const TYPE: &'static str = "com.kafkaedalab.reclamation.SinistreEvalue";
    const TOPIC: TopicName = topics::SINISTRE_EVALUE;
    const SCHEMA: &'static str = include_str!("../../SinistreEvalue.avsc");

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
            ("decision".to_owned(), Value::Enum(self.decision.index(), self.decision.to_string())),
            ("montantEvalue".to_owned(), decimal(self.montant_evalue)),
            ("motif".to_owned(), Value::String(self.motif.clone())),
            ("timestamp".to_owned(), timestamp(self.timestamp)),
            ("version".to_owned(), Value::Long(self.version.get())),
        ]
    }

    fn from_fields(mut fields: Fields) -> Result<Self, DecodeError> {
        Ok(Self {
            sinistre_id: fields.parsed("sinistreId")?,
            contrat_id: fields.parsed("contratId")?,
            decision: fields.parsed_symbol("decision")?,
            montant_evalue: fields.cents("montantEvalue")?,
            motif: fields.text("motif")?,
            timestamp: fields.timestamp("timestamp")?,
            version: fields.version("version")?,
        })
    }
}
