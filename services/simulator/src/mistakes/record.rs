//! Records that no consumer can read. Pure.

use apache_avro::{AvroResult, Decimal, Schema, types::Value, writer::datum::GenericDatumWriter};
use jiff::Timestamp;
use schemas::{CATALOGUE, Content, SchemaId, Topic, wire};
use uuid::Uuid;

use super::plan::Flaw;
use crate::dice::Dice;

/// An id far beyond those that a registry gives.
const NO_SCHEMA: SchemaId = SchemaId(2_000_000_000);
/// Versions begin at 1.
const POSSIBLE: i64 = 1;
const IMPOSSIBLE: i64 = 0;

/// A record with a flaw, and the topic that it goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spoilt {
    pub(super) topic: &'static Topic,
    /// What it claims to be about: its key.
    pub(super) subject: Uuid,
    flaw: Flaw,
}

/// A record with a flaw of records, on one of the topics that somebody listens to.
pub(super) fn spoilt(flaw: Flaw, dice: &mut Dice) -> Spoilt {
    Spoilt { topic: dice.one_of(&heard()), subject: dice.id(), flaw }
}

fn heard() -> Vec<&'static Topic> {
    CATALOGUE.iter().filter(|topic| topic.event().is_some() && !topic.consumers.is_empty()).collect()
}

impl Spoilt {
    /// The value, where the registry calls the topic's schema so.
    pub(super) fn value(&self, schema: SchemaId, now: Timestamp) -> AvroResult<Vec<u8>> {
        let body = |version| self.body(version, now);
        Ok(match self.flaw {
            Flaw::UnknownSchema => wire::frame(NO_SCHEMA, &body(POSSIBLE)?),
            Flaw::Truncated => {
                let body = body(POSSIBLE)?;
                wire::frame(schema, &body[..body.len() / 2])
            }
            Flaw::Impossible => wire::frame(schema, &body(IMPOSSIBLE)?),
            _ => format!(r#"{{"id":"{}"}}"#, self.subject).into_bytes(),
        })
    }

    /// An Avro body after the topic's schema.
    fn body(&self, version: i64, now: Timestamp) -> AvroResult<Vec<u8>> {
        let Content::Event { schema, .. } = self.topic.content else { return Ok(Vec::new()) };
        let schema = Schema::parse_str(schema)?;
        let writer = GenericDatumWriter::builder(&schema).build()?;
        writer.write_value_to_vec(self.fill(&schema, version, now))
    }

    /// Something of each type that the lab's schemas have.
    fn fill(&self, schema: &Schema, version: i64, now: Timestamp) -> Value {
        match schema {
            Schema::Record(record) => {
                let fields = record.fields.iter();
                Value::Record(
                    fields
                        .map(|field| (field.name.clone(), self.fill(&field.schema, version, now)))
                        .collect(),
                )
            }
            Schema::Enum(values) => Value::Enum(0, values.symbols[0].clone()),
            Schema::Decimal(_) => Value::Decimal(Decimal::from(30_000_i64.to_be_bytes())),
            Schema::TimestampMillis => Value::TimestampMillis(now.as_millisecond()),
            Schema::Long => Value::Long(version),
            _ => Value::String(self.subject.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::{
        ContratEmis, ContratModifie, ContratResilie, DecodeError, DevisExpire, DevisGenere, Event,
        IndemnisationEffectuee, SinistreDeclare, SinistreEvalue, decode,
    };

    const SCHEMA: SchemaId = SchemaId(7);

    /// The reason for which a consumer gives up the record of that flaw on the topic of `E`.
    fn why<E: Event>(flaw: Flaw) -> &'static str {
        let topic = heard().into_iter().find(|topic| topic.name == E::TOPIC).expect("somebody listens");
        let spoilt = Spoilt { topic, subject: Uuid::from_u128(1), flaw };
        let value = spoilt.value(SCHEMA, Timestamp::UNIX_EPOCH).expect("a body");
        match wire::parse(&value) {
            Err(error) => error.reason(),
            Ok((NO_SCHEMA, _)) => "UnknownSchemaId",
            Ok((_, body)) => {
                decode::<E>(E::schema(), body).err().as_ref().map_or("none", DecodeError::reason)
            }
        }
    }

    fn on<E: Event>() {
        for (flaw, reason) in [
            (Flaw::NoMagicByte, "WrongMagic"),
            (Flaw::UnknownSchema, "UnknownSchemaId"),
            (Flaw::Truncated, "BadBody"),
            (Flaw::Impossible, "BadField"),
        ] {
            assert_eq!(why::<E>(flaw), reason, "{flaw:?} on {}", E::TOPIC);
        }
    }

    #[test]
    fn each_flaw_is_found_for_what_it_is_on_every_topic() {
        on::<DevisGenere>();
        on::<DevisExpire>();
        on::<ContratEmis>();
        on::<ContratModifie>();
        on::<ContratResilie>();
        on::<SinistreDeclare>();
        on::<SinistreEvalue>();
        on::<IndemnisationEffectuee>();
        assert_eq!(heard().len(), 8, "no topic is left out");
    }
}
