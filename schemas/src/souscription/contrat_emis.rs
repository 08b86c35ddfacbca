//! `ContratEmis`: a quote became a contract.

use std::sync::LazyLock;

use apache_avro::{Schema, types::Value};
use jiff::Timestamp;

use crate::{
    Cents, ClientId, ContratId, DecodeError, DevisId, Event, Fields, TopicName, TypeBien, Version,
    avro::{decimal, timestamp},
    topics,
};

/// A quote was accepted: the contract is in force. Instants carry milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContratEmis {
    pub contrat_id: ContratId,
    /// The quote that became this contract.
    pub devis_id: DevisId,
    pub client_id: ClientId,
    pub type_bien: TypeBien,
    pub prime: Cents,
    /// The cover begins.
    pub date_effet: Timestamp,
    /// The cover ends, unless it is changed or ended before.
    pub date_fin: Timestamp,
    pub timestamp: Timestamp,
    pub version: Version,
}

static SCHEMA: LazyLock<Schema> =
    LazyLock::new(|| Schema::parse_str(ContratEmis::SCHEMA).expect("ContratEmis.avsc is tested to be Avro"));

impl Event for ContratEmis {
    const TYPE: &'static str = "com.kafkaedalab.souscription.ContratEmis";
    const TOPIC: TopicName = topics::CONTRAT_EMIS;
    const SCHEMA: &'static str = include_str!("../../ContratEmis.avsc");

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
            ("devisId".to_owned(), Value::String(self.devis_id.to_string())),
            ("clientId".to_owned(), Value::String(self.client_id.to_string())),
            ("typeBien".to_owned(), Value::Enum(self.type_bien.index(), self.type_bien.to_string())),
            ("prime".to_owned(), decimal(self.prime)),
            ("dateEffet".to_owned(), timestamp(self.date_effet)),
            ("dateFin".to_owned(), timestamp(self.date_fin)),
            ("timestamp".to_owned(), timestamp(self.timestamp)),
            ("version".to_owned(), Value::Long(self.version.get())),
        ]
    }

    fn from_fields(mut fields: Fields) -> Result<Self, DecodeError> {
        Ok(Self {
            contrat_id: fields.parsed("contratId")?,
            devis_id: fields.parsed("devisId")?,
            client_id: fields.parsed("clientId")?,
            type_bien: fields.parsed_symbol("typeBien")?,
            prime: fields.cents("prime")?,
            date_effet: fields.timestamp("dateEffet")?,
            date_fin: fields.timestamp("dateFin")?,
            timestamp: fields.timestamp("timestamp")?,
            version: fields.version("version")?,
        })
    }
}
