//! The Confluent wire format: byte 0, the schema's id as four big-endian bytes, then the Avro body.

use std::fmt;

const MAGIC: u8 = 0;
/// Bytes before the body.
pub const HEADER_LENGTH: usize = 5;

/// The registry's number for a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaId(pub u32);

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why bytes are not in the wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    #[error("{length} bytes are too few: the wire format's header takes {HEADER_LENGTH}")]
    TooShort { length: usize },
    #[error("the first byte is {found}, the wire format's is {MAGIC}")]
    WrongMagic { found: u8 },
}

impl WireError {
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TooShort { .. } => "TooShort",
            Self::WrongMagic { .. } => "WrongMagic",
        }
    }
}

/// Puts the header before an Avro body.
pub fn frame(schema: SchemaId, body: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(HEADER_LENGTH + body.len());
    framed.push(MAGIC);
    framed.extend_from_slice(&schema.0.to_be_bytes());
    framed.extend_from_slice(body);
    framed
}

/// Splits a record's value into the writer's schema id and the Avro body.
pub fn parse(value: &[u8]) -> Result<(SchemaId, &[u8]), WireError> {
    let Some((header, body)) = value.split_first_chunk::<HEADER_LENGTH>() else {
        return Err(WireError::TooShort { length: value.len() });
    };
    let [magic, a, b, c, d] = *header;
    if magic != MAGIC {
        return Err(WireError::WrongMagic { found: magic });
    }
    Ok((SchemaId(u32::from_be_bytes([a, b, c, d])), body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_is_not_framed() {
        assert_eq!(parse(&[]), Err(WireError::TooShort { length: 0 }));
        assert_eq!(parse(&[0, 0, 0, 1]), Err(WireError::TooShort { length: 4 }));
        assert_eq!(parse(b"{\"a\":1}"), Err(WireError::WrongMagic { found: b'{' }));
        assert_eq!(parse(&[0, 0, 0, 1, 2]), Ok((SchemaId(258), &[][..])));
    }

    proptest! {
        #[test]
        fn parse_undoes_frame(id in any::<u32>(), body in proptest::collection::vec(any::<u8>(), 0..100)) {
            let framed = frame(SchemaId(id), &body);
            prop_assert_eq!(parse(&framed), Ok((SchemaId(id), &body[..])));
        }
    }
}
