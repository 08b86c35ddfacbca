//! `DevisExpire`: a quote passed its validity.

use std::sync::LazyLock;

use apache_avro::{Schema, types::Value};
use jiff::Timestamp;

use crate::{DecodeError, DevisId, Event, Fields, TopicName, Version, avro::timestamp, topics};

/// A quote passed its validity without becoming a contract. Instants carry milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevisExpire {
    pub devis_id: DevisId,
    /// The end of validity that was announced in `DevisGenere`.
    pub date_expiration: Timestamp,
    /// When the service found the quote expired.
    pub timestamp: Timestamp,
    pub version: Version,
}

static SCHEMA: LazyLock<Schema> =
    LazyLock::new(|| Schema::parse_str(DevisExpire::SCHEMA).expect("DevisExpire.avsc is tested to be Avro"));

impl Event for DevisExpire {
    const TYPE: &'static str = "com.kafkaedalab.quotation.DevisExpire";
    const TOPIC: TopicName = topics::DEVIS_EXPIRE;
    const SCHEMA: &'static str = include_str!("../../DevisExpire.avsc");

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
            ("dateExpiration".to_owned(), timestamp(self.date_expiration)),
            ("timestamp".to_owned(), timestamp(self.timestamp)),
            ("version".to_owned(), Value::Long(self.version.get())),
        ]
    }

    fn from_fields(mut fields: Fields) -> Result<Self, DecodeError> {
        Ok(Self {
            devis_id: fields.parsed("devisId")?,
            date_expiration: fields.timestamp("dateExpiration")?,
            timestamp: fields.timestamp("timestamp")?,
            version: fields.version("version")?,
        })
    }
}
