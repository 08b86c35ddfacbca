//! Compatibility of Avro schemas by apache-avro, beside the registry's own check: Java's ignores, for one, that a
//! decimal's scale changed, which turns 12.34 into 1.234. Pure.

use apache_avro::{Schema, schema_compatibility::SchemaCompatibility};

/// Why a schema cannot stand beside those that were registered before it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    #[error("the schema cannot be read: {0}")]
    Unreadable(String),
    #[error("version {version} in the registry cannot be read: {message}")]
    UnreadableVersion { version: i64, message: String },
    #[error("not compatible with version {version}: {message}")]
    Incompatible { version: i64, message: String },
}

/// Whether data of either schema can be read with the other, for every version so far (FULL_TRANSITIVE).
pub fn fully_transitive(schema: &str, versions: &[(i64, String)]) -> Result<(), Error> {
    let new = Schema::parse_str(schema).map_err(|error| Error::Unreadable(error.to_string()))?;
    for (version, text) in versions {
        let version = *version;
        let old = Schema::parse_str(text)
            .map_err(|error| Error::UnreadableVersion { version, message: error.to_string() })?;
        SchemaCompatibility::mutual_read(&new, &old)
            .map_err(|error| Error::Incompatible { version, message: error.to_string() })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(fields: &str) -> String {
        format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#)
    }

    #[test]
    fn takes_a_field_with_a_default_and_no_other() {
        let old = record(r#"{"name":"a","type":"string"}"#);
        let with = |field: &str| record(&format!(r#"{{"name":"a","type":"string"}},{field}"#));
        let versions = [(1, old)];
        assert_eq!(
            fully_transitive(&with(r#"{"name":"b","type":"string","default":""}"#), &versions),
            Ok(())
        );
        let refused = fully_transitive(&with(r#"{"name":"b","type":"string"}"#), &versions);
        assert!(matches!(refused, Err(Error::Incompatible { version: 1, .. })), "{refused:?}");
    }

    #[test]
    fn sees_that_a_decimals_scale_changed() {
        let money = |scale: u32| {
            record(&format!(
                r#"{{"name":"prime","type":{{"type":"bytes","logicalType":"decimal","precision":12,"scale":{scale}}}}}"#
            ))
        };
        assert_eq!(fully_transitive(&money(2), &[(1, money(2))]), Ok(()));
        assert!(fully_transitive(&money(3), &[(1, money(2))]).is_err());
    }
}
