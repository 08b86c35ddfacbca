//! `IndemnisationEffectuee`: a claim was paid.

use std::sync::LazyLock;

use apache_avro::{Schema, types::Value};
use jiff::Timestamp;

use crate::{
    Cents, ContratId, DecodeError, Event, Fields, IndemnisationId, SinistreId, TopicName, Version,
    avro::{decimal, timestamp},
    topics,
};

/// An accepted claim was paid. Instants carry milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndemnisationEffectuee {
    pub indemnisation_id: IndemnisationId,
    pub sinistre_id: SinistreId,
    pub contrat_id: ContratId,
    pub montant: Cents,
    /// When it was paid.
    pub date_paiement: Timestamp,
    pub timestamp: Timestamp,
    pub version: Version,
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    Schema::parse_str(IndemnisationEffectuee::SCHEMA)
        .expect("IndemnisationEffectuee.avsc is tested to be Avro")
});

impl Event for IndemnisationEffectuee {
    const TYPE: &'static str = "com.kafkaedalab.reclamation.IndemnisationEffectuee";
    const TOPIC: TopicName = topics::INDEMNISATION_EFFECTUEE;
    const SCHEMA: &'static str = include_str!("../../IndemnisationEffectuee.avsc");

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
            ("indemnisationId".to_owned(), Value::String(self.indemnisation_id.to_string())),
            ("sinistreId".to_owned(), Value::String(self.sinistre_id.to_string())),
            ("contratId".to_owned(), Value::String(self.contrat_id.to_string())),
            ("montant".to_owned(), decimal(self.montant)),
            ("datePaiement".to_owned(), timestamp(self.date_paiement)),
            ("timestamp".to_owned(), timestamp(self.timestamp)),
            ("version".to_owned(), Value::Long(self.version.get())),
        ]
    }

    fn from_fields(mut fields: Fields) -> Result<Self, DecodeError> {
        Ok(Self {
            indemnisation_id: fields.parsed("indemnisationId")?,
            sinistre_id: fields.parsed("sinistreId")?,
            contrat_id: fields.parsed("contratId")?,
            montant: fields.cents("montant")?,
            date_paiement: fields.timestamp("datePaiement")?,
            timestamp: fields.timestamp("timestamp")?,
            version: fields.version("version")?,
        })
    }
}
