//! Typed events to Avro bodies and back.

use apache_avro::{
    Decimal, Schema, reader::datum::GenericDatumReader, types::Value, writer::datum::GenericDatumWriter,
};
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};

use crate::{Cents, TopicName, Version};

/// An event that services publish: one Avro record type on one topic.
pub trait Event: Sized {
    /// The record's full name, which is also the CloudEvents `type`.
    const TYPE: &'static str;
    const TOPIC: TopicName;
    /// The schema as JSON text, the same as the catalogue's.
    const SCHEMA: &'static str;

    /// [`Self::SCHEMA`], parsed once.
    fn schema() -> &'static Schema;
    /// The aggregate's id: the record's key, and the CloudEvents `subject`.
    fn key(&self) -> String;
    /// When it happened: the CloudEvents `time` and the record's timestamp.
    fn occurred_at(&self) -> Timestamp;
    /// The record's fields in the schema's order.
    fn to_fields(&self) -> Vec<(String, Value)>;
    fn from_fields(fields: Fields) -> Result<Self, DecodeError>;
}

/// Why an event could not be encoded. It means that an event type and its schema disagree.
#[derive(Debug, thiserror::Error)]
#[error("cannot encode {event}: {source}")]
pub struct EncodeError {
    event: &'static str,
    source: Box<apache_avro::Error>,
}

impl EncodeError {
    pub const fn reason(&self) -> &'static str {
        "EncodeFailed"
    }
}

/// Why a body is not the event that it should be.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Another type of record, although its fields might pass for the wanted one's.
    #[error("the body is a {found}, not a {wanted}")]
    Type { found: String, wanted: &'static str },
    #[error("the body does not follow its schema: {0}")]
    Body(Box<apache_avro::Error>),
    #[error("{count} bytes follow the record")]
    TrailingBytes { count: usize },
    #[error("not a record")]
    NotARecord,
    #[error("field {field} is missing")]
    Missing { field: &'static str },
    #[error("field {field} is {problem}")]
    Field { field: &'static str, problem: String },
}

impl DecodeError {
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Type { .. } => "WrongType",
            Self::Body(_) => "BadBody",
            Self::TrailingBytes { .. } => "TrailingBytes",
            Self::NotARecord => "NotARecord",
            Self::Missing { .. } => "MissingField",
            Self::Field { .. } => "BadField",
        }
    }
}

/// The Avro body of an event, written with its own schema.
pub fn encode<E: Event>(event: &E) -> Result<Vec<u8>, EncodeError> {
    let failed = |source| EncodeError { event: E::TYPE, source: Box::new(source) };
    GenericDatumWriter::builder(E::schema())
        .build()
        .and_then(|writer| writer.write_value_to_vec(Value::Record(event.to_fields())))
        .map_err(failed)
}

/// Reads an event from a body that was written with `writer`'s schema, which may be older or newer than ours:
/// fields are matched by name, and an unknown enum symbol becomes the enum's default. The record's full name must be
/// [`Event::TYPE`]: Avro's resolution alone would read any record that has the fields.
pub fn decode<E: Event>(writer: &Schema, body: &[u8]) -> Result<E, DecodeError> {
    let Schema::Record(record) = writer else {
        return Err(DecodeError::NotARecord);
    };
    let found = record.name.fullname(None);
    if found != E::TYPE {
        return Err(DecodeError::Type { found, wanted: E::TYPE });
    }
    let value = widen_decimals(read(writer, body)?);
    let value = value.resolve(E::schema()).map_err(|source| DecodeError::Body(Box::new(source)))?;
    match value {
        Value::Record(fields) => E::from_fields(Fields(fields)),
        _ => Err(DecodeError::NotARecord),
    }
}

/// Reads one value and nothing after it.
pub(crate) fn read(writer: &Schema, body: &[u8]) -> Result<Value, DecodeError> {
    let mut rest = body;
    let value = GenericDatumReader::builder(writer)
        .build()
        .and_then(|reader| reader.read_value(&mut rest))
        .map_err(|source| DecodeError::Body(Box::new(source)))?;
    if rest.is_empty() { Ok(value) } else { Err(DecodeError::TrailingBytes { count: rest.len() }) }
}

/// The same value with its decimals sign-extended to eight bytes: schema resolution in apache-avro 0.22 refuses a
/// decimal whose bytes, however small its value, are too few for the schema's precision. Bytes beyond eight stay.
fn widen_decimals(value: Value) -> Value {
    let widen_named = |(name, item)| (name, widen_decimals(item));
    match value {
        Value::Decimal(decimal) => match decimal_bytes(&decimal) {
            Ok(bytes) if (1..8).contains(&bytes.len()) => {
                let sign = if bytes[0] & 0x80 == 0 { 0 } else { 0xff };
                let mut wide = vec![sign; 8 - bytes.len()];
                wide.extend(bytes);
                Value::Decimal(Decimal::from(wide))
            }
            _ => Value::Decimal(decimal),
        },
        Value::Record(fields) => Value::Record(fields.into_iter().map(widen_named).collect()),
        Value::Map(entries) => Value::Map(entries.into_iter().map(widen_named).collect()),
        Value::Array(items) => Value::Array(items.into_iter().map(widen_decimals).collect()),
        Value::Union(branch, inner) => Value::Union(branch, Box::new(widen_decimals(*inner))),
        other => other,
    }
}

/// The instant without what is finer than a millisecond: what `timestamp-millis` can carry.
pub fn millis(instant: Timestamp) -> Timestamp {
    let to_millis = TimestampRound::new().smallest(Unit::Millisecond).mode(RoundMode::Floor);
    // Rounding fails only for an increment that does not divide a day.
    instant.round(to_millis).unwrap_or(instant)
}

/// A decoded record's fields, taken out by name and type.
#[derive(Debug)]
pub struct Fields(Vec<(String, Value)>);

impl Fields {
    fn take(&mut self, field: &'static str) -> Result<Value, DecodeError> {
        let position = self.0.iter().position(|(name, _)| name == field);
        position.map(|at| self.0.swap_remove(at).1).ok_or(DecodeError::Missing { field })
    }

    pub fn text(&mut self, field: &'static str) -> Result<String, DecodeError> {
        match self.take(field)? {
            Value::String(text) => Ok(text),
            other => Err(unexpected(field, "a string", &other)),
        }
    }

    /// A text field that is parsed into a domain type.
    pub fn parsed<T>(&mut self, field: &'static str) -> Result<T, DecodeError>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
    {
        parse(field, &self.text(field)?)
    }

    /// An enum's symbol, parsed into a domain type.
    pub fn parsed_symbol<T>(&mut self, field: &'static str) -> Result<T, DecodeError>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
    {
        match self.take(field)? {
            Value::Enum(_, symbol) => parse(field, &symbol),
            other => Err(unexpected(field, "an enum", &other)),
        }
    }

    pub fn timestamp(&mut self, field: &'static str) -> Result<Timestamp, DecodeError> {
        match self.take(field)? {
            Value::TimestampMillis(millis) => Timestamp::from_millisecond(millis)
                .map_err(|error| DecodeError::Field { field, problem: error.to_string() }),
            other => Err(unexpected(field, "a timestamp-millis", &other)),
        }
    }

    pub fn cents(&mut self, field: &'static str) -> Result<Cents, DecodeError> {
        match self.take(field)? {
            Value::Decimal(decimal) => {
                let bytes =
                    decimal_bytes(&decimal).map_err(|problem| DecodeError::Field { field, problem })?;
                Cents::from_avro_bytes(&bytes)
                    .map_err(|error| DecodeError::Field { field, problem: error.to_string() })
            }
            other => Err(unexpected(field, "a decimal", &other)),
        }
    }

    pub fn version(&mut self, field: &'static str) -> Result<Version, DecodeError> {
        match self.take(field)? {
            Value::Long(number) => Version::new(number)
                .ok_or(DecodeError::Field { field, problem: format!("{number}; versions start at 1") }),
            other => Err(unexpected(field, "a long", &other)),
        }
    }
}

fn parse<T>(field: &'static str, text: &str) -> Result<T, DecodeError>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    text.parse()
        .map_err(|error: T::Err| DecodeError::Field { field, problem: format!("wrong: {text:?} {error}") })
}

fn unexpected(field: &'static str, wanted: &str, found: &Value) -> DecodeError {
    DecodeError::Field {
        field,
        problem: format!("{:?} where {wanted} belongs", apache_avro::types::ValueKind::from(found)),
    }
}

/// The unscaled value of a decimal as big-endian two's complement.
pub(crate) fn decimal_bytes(decimal: &Decimal) -> Result<Vec<u8>, String> {
    Vec::<u8>::try_from(decimal).map_err(|error| error.to_string())
}

pub(crate) fn decimal(cents: Cents) -> Value {
    Value::Decimal(Decimal::from(cents.to_avro_bytes()))
}

pub(crate) fn timestamp(instant: Timestamp) -> Value {
    Value::TimestampMillis(instant.as_millisecond())
}
