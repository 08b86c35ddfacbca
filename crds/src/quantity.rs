//! Kubernetes quantities (`500m`, `768Mi`) as a lab's CR holds them.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// An amount of CPU or memory in Kubernetes notation, kept as it was written.
///
/// The CRD's patterns let integers and the suffixes m, Ki, Mi, Gi, Ti, k, M, G, T through, no exponents; see
/// <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Quantity(String);

impl Quantity {
    /// Takes the notation as it is. Whether it is a quantity shows in [`Quantity::milli`].
    pub fn new(notation: impl Into<String>) -> Self {
        Self(notation.into())
    }

    /// The notation as written, for the Kubernetes API.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The amount in thousandths of its unit (millicores, millibytes), rounded down; `None` when the notation is
    /// not one that the CRD lets through.
    pub fn milli(&self) -> Option<u128> {
        let digits_end = self.0.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(self.0.len());
        let (number, suffix) = self.0.split_at(digits_end);
        let scale: u128 = match suffix {
            "m" => 1,
            "" => 1_000,
            "k" => 1_000_000,
            "M" => 1_000_000_000,
            "G" => 1_000_000_000_000,
            "T" => 1_000_000_000_000_000,
            "Ki" => 1_000 << 10,
            "Mi" => 1_000 << 20,
            "Gi" => 1_000 << 30,
            "Ti" => 1_000 << 40,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.len() > 9 {
            return None;
        }
        let whole: u128 = whole.parse().ok()?;
        let fraction_value: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
        let denominator = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
        whole.checked_mul(scale)?.checked_add(fraction_value.checked_mul(scale)? / denominator)
    }

    /// The amount in whole MiB, rounded down; `None` as in [`Quantity::milli`].
    pub fn mebibytes(&self) -> Option<u64> {
        u64::try_from(self.milli()? / (1_000 << 20)).ok()
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// People write `cpu: 1` as well as `cpu: "1"`, and the CRD lets both through.
impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Quantity;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a quantity such as 1, 500m or 768Mi")
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Quantity, E> {
                Ok(Quantity(value.to_string()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Quantity, E> {
                Ok(Quantity(value.to_string()))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Quantity, E> {
                Ok(Quantity(value.to_owned()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "x-kubernetes-int-or-string": true, "maxLength": 16 })
    }
}

#[cfg(test)]
mod tests {
    use super::Quantity;

    #[test]
    fn reads_the_notations_that_the_crd_lets_through() {
        let cases = [
            ("1", Some(1_000)),
            ("500m", Some(500)),
            ("0.25", Some(250)),
            ("768Mi", Some(768 * 1024 * 1024 * 1_000)),
            ("2G", Some(2_000_000_000_000)),
            ("1.5Gi", Some(1536 * 1024 * 1024 * 1_000)),
            ("", None),
            ("1e3", None),
            ("Mi", None),
            ("1.", Some(1_000)),
        ];
        for (notation, milli) in cases {
            assert_eq!(Quantity::new(notation).milli(), milli, "{notation:?}");
        }
        assert_eq!(Quantity::new("1Gi").mebibytes(), Some(1024));
    }

    #[test]
    fn takes_integers_and_strings() {
        assert_eq!(serde_json::from_str::<Quantity>("2").unwrap(), Quantity::new("2"));
        assert_eq!(serde_json::from_str::<Quantity>("\"2Gi\"").unwrap(), Quantity::new("2Gi"));
        assert!(serde_json::from_str::<Quantity>("true").is_err());
    }
}
