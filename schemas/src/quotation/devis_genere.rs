//! `DevisGenere`: a quote was made.

use std::sync::LazyLock;

use apache_avro::{Schema, types::Value};
use jiff::Timestamp;

use crate::{
    Cents, ClientId, DecodeError, DevisId, Event, Fields, TopicName, TypeBien, Version,
    avro::{decimal, timestamp},
    topics,
};

/// A quote was made for a client. Instants carry milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevisGenere {
    pub devis_id: DevisId,
    pub client_id: ClientId,
    pub type_bien: TypeBien,
    pub valeur: Cents,
    pub prime: Cents,
    pub timestamp: Timestamp,
    pub date_expiration: Timestamp,
    pub version: Version,
}

static SCHEMA: LazyLock<Schema> =
    LazyLock::new(|| Schema::parse_str(DevisGenere::SCHEMA).expect("DevisGenere.avsc is tested to be Avro"));

impl Event for DevisGenere {
    const TYPE: &'static str = "com.kafkaedalab.quotation.DevisGenere";
    const TOPIC: TopicName = topics::DEVIS_GENERE;
    const SCHEMA: &'static str = include_str!("../../DevisGenere.avsc");

    fn schema() -> &'static Schema {
        &SCHEMA
    }

    fn key(&self) -> String {
        self.devis_id.to_string()
    }

    fn occurred_at(&self) -> Timestamp {
        self.timestamp
    }

    fn to_fields(&self) -> Vec<(String, Value)> {
        vec![
            ("devisId".to_owned(), Value::String(self.devis_id.to_string())),
            ("clientId".to_owned(), Value::String(self.client_id.to_string())),
            ("typeBien".to_owned(), Value::Enum(self.type_bien.index(), self.type_bien.to_string())),
            ("valeur".to_owned(), decimal(self.valeur)),
            ("prime".to_owned(), decimal(self.prime)),
            ("timestamp".to_owned(), timestamp(self.timestamp)),
            ("dateExpiration".to_owned(), timestamp(self.date_expiration)),
            ("version".to_owned(), Value::Long(self.version.get())),
        ]
    }

    fn from_fields(mut fields: Fields) -> Result<Self, DecodeError> {
        Ok(Self {
            devis_id: fields.parsed("devisId")?,
            client_id: fields.parsed("clientId")?,
            type_bien: fields.parsed_symbol("typeBien")?,
            valeur: fields.cents("valeur")?,
            prime: fields.cents("prime")?,
            timestamp: fields.timestamp("timestamp")?,
            date_expiration: fields.timestamp("dateExpiration")?,
            version: fields.version("version")?,
        })
    }
}
