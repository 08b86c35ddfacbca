//! Any Avro body as JSON that people can read: amounts as numbers, instants as RFC 3339.

use apache_avro::{Schema, types::Value};
use jiff::Timestamp;
use serde_json::{Map, Number, Value as Json};

use crate::{
    DecodeError,
    avro::{decimal_bytes, read},
};

/// Decodes a body by the schema that it was written with, whatever type it is.
pub fn to_json(writer: &Schema, body: &[u8]) -> Result<Json, DecodeError> {
    Ok(render(&read(writer, body)?, Some(writer)))
}

/// `schema` is known along records, arrays, maps and simple unions: it carries the decimals' scale, which the
/// value does not. Where it is not known (a recursive type), a decimal is shown as its bytes.
fn render(value: &Value, schema: Option<&Schema>) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(flag) => Json::Bool(*flag),
        Value::Int(number) | Value::Date(number) | Value::TimeMillis(number) => Json::from(*number),
        Value::Long(number)
        | Value::TimeMicros(number)
        | Value::TimestampMicros(number)
        | Value::TimestampNanos(number)
        | Value::LocalTimestampMillis(number)
        | Value::LocalTimestampMicros(number)
        | Value::LocalTimestampNanos(number) => Json::from(*number),
        Value::TimestampMillis(millis) => instant(*millis),
        Value::Float(number) => Json::from(*number),
        Value::Double(number) => Json::from(*number),
        Value::String(text) | Value::Enum(_, text) => Json::from(text.as_str()),
        Value::Uuid(uuid) => Json::from(uuid.to_string()),
        Value::Bytes(bytes) | Value::Fixed(_, bytes) => Json::from(hex(bytes)),
        Value::Decimal(decimal) => match decimal_bytes(decimal) {
            Ok(bytes) => amount(&bytes, schema),
            Err(problem) => Json::from(problem),
        },
        Value::BigDecimal(decimal) => Json::from(decimal.to_string()),
        Value::Duration(duration) => Json::from(format!("{duration:?}")),
        Value::Union(branch, inner) => {
            let branches = schema.and_then(|schema| match schema {
                Schema::Union(union) => Some(union.variants()),
                _ => None,
            });
            let branch = usize::try_from(*branch).unwrap_or(usize::MAX);
            render(inner, branches.and_then(|branches| branches.get(branch)))
        }
        Value::Array(items) => {
            let inner = schema.and_then(|schema| match schema {
                Schema::Array(array) => Some(array.items.as_ref()),
                _ => None,
            });
            items.iter().map(|item| render(item, inner)).collect()
        }
        Value::Map(entries) => {
            let inner = schema.and_then(|schema| match schema {
                Schema::Map(map) => Some(map.types.as_ref()),
                _ => None,
            });
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            Json::Object(sorted.into_iter().map(|(name, item)| (name.clone(), render(item, inner))).collect())
        }
        Value::Record(fields) => {
            let described = schema.and_then(|schema| match schema {
                Schema::Record(record) => Some(&record.fields),
                _ => None,
            });
            let field_schema = |name: &str| {
                described.and_then(|fields| fields.iter().find(|field| field.name == name)).map(|f| &f.schema)
            };
            let rendered: Map<_, _> =
                fields.iter().map(|(name, item)| (name.clone(), render(item, field_schema(name)))).collect();
            Json::Object(rendered)
        }
    }
}

fn instant(millis: i64) -> Json {
    Timestamp::from_millisecond(millis)
        .map_or_else(|_| Json::from(millis), |at| Json::from(format!("{at:.3}")))
}

/// A decimal as a JSON number where 64 bits hold it; otherwise its bytes in hexadecimal.
fn amount(bytes: &[u8], schema: Option<&Schema>) -> Json {
    let scale = match schema {
        Some(Schema::Decimal(decimal)) => decimal.scale,
        _ => return Json::from(hex(bytes)),
    };
    let Some(unscaled) = small_integer(bytes) else {
        return Json::from(hex(bytes));
    };
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let text = if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") };
    text.parse::<Number>().map_or_else(|_| Json::from(text.clone()), Json::Number)
}

fn small_integer(bytes: &[u8]) -> Option<i64> {
    let first = *bytes.first()?;
    let fill = if first & 0x80 == 0 { 0 } else { 0xff };
    let mut whole = [fill; 8];
    whole.get_mut(8_usize.checked_sub(bytes.len())?..)?.copy_from_slice(bytes);
    Some(i64::from_be_bytes(whole))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold("0x".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
