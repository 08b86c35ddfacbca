//! Money, as whole cents.

use std::{fmt, str::FromStr};

/// An amount in cents. It fits Avro's `decimal(12, 2)`: at most 9,999,999,999.99 either way.
///
/// There is no way from or to a floating-point number: amounts come from text and go to text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cents(i64);

/// Why something is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CentsError {
    #[error("is not a decimal number")]
    NotANumber,
    #[error("has more than two decimals")]
    TooPrecise,
    #[error("is beyond 9999999999.99")]
    TooLarge,
}

impl Cents {
    /// Digits of the Avro decimal.
    pub const PRECISION: usize = 12;
    /// Decimals of the Avro decimal.
    pub const SCALE: usize = 2;
    pub const ZERO: Self = Self(0);
    pub const MAX: Self = Self(999_999_999_999);
    pub const MIN: Self = Self(-999_999_999_999);

    /// The amount of that many cents, if it is within the bounds.
    pub const fn new(cents: i64) -> Result<Self, CentsError> {
        if cents < Self::MIN.0 || cents > Self::MAX.0 {
            return Err(CentsError::TooLarge);
        }
        Ok(Self(cents))
    }

    /// The number of cents.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The unscaled value as the shortest big-endian two's complement (Avro 1.12, "Decimal").
    pub(crate) fn to_avro_bytes(self) -> Vec<u8> {
        let bytes = self.0.to_be_bytes();
        let sign = if self.0 < 0 { 0xff } else { 0 };
        let spare = bytes[..7]
            .iter()
            .zip(&bytes[1..])
            .take_while(|(byte, next)| **byte == sign && (**next & 0x80) == (sign & 0x80))
            .count();
        bytes[spare..].to_vec()
    }

    /// Reads what [`Self::to_avro_bytes`] or another implementation wrote, sign-extended bytes included.
    pub(crate) fn from_avro_bytes(bytes: &[u8]) -> Result<Self, CentsError> {
        let Some(first) = bytes.first() else {
            return Err(CentsError::NotANumber);
        };
        let start = if first & 0x80 == 0 { 0_i64 } else { -1 };
        let mut cents = start;
        for byte in bytes {
            if !(i64::MIN >> 8..=i64::MAX >> 8).contains(&cents) {
                return Err(CentsError::TooLarge);
            }
            cents = (cents << 8) | i64::from(*byte);
        }
        Self::new(cents)
    }
}

impl fmt::Display for Cents {
    /// Plain decimal text with two decimals: `123.40`. It is also a valid JSON number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Total(self.0).fmt(f)
    }
}

/// A sum of amounts, in cents: it may be more than one amount can.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Total(pub i64);

impl fmt::Display for Total {
    /// As an amount's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let cents = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", cents / 100, cents % 100)
    }
}

impl FromStr for Cents {
    type Err = CentsError;

    /// Reads decimal text as JSON writes numbers: `25000`, `-0.5`, `12.30`, `2.5e4`. Zeros beyond the second
    /// decimal are no precision, so `1.500` is read; `1.005` is refused.
    fn from_str(text: &str) -> Result<Self, CentsError> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (text, 0),
        };
        let (negative, digits) = match mantissa.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, mantissa),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let dot_without_digits = digits.contains('.') && fraction.is_empty();
        if whole.is_empty() || dot_without_digits || !all_digits(whole) || !all_digits(fraction) {
            return Err(CentsError::NotANumber);
        }
        let significant = format!("{whole}{fraction}");
        let significant = significant.trim_start_matches('0');
        let kept = significant.trim_end_matches('0');
        if kept.is_empty() {
            return Ok(Self(0));
        }
        // The number is kept * 10^power; in cents it is kept * 10^(power + 2).
        let dropped = i64::try_from(significant.len() - kept.len()).unwrap_or(i64::MAX);
        let decimals = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
        let power = dropped.saturating_sub(decimals).saturating_add(exponent).saturating_add(2);
        if kept.len() > Self::PRECISION + 2 {
            return Err(if power < 0 { CentsError::TooPrecise } else { CentsError::TooLarge });
        }
        let Ok(power) = u32::try_from(power) else {
            return Err(if power < 0 { CentsError::TooPrecise } else { CentsError::TooLarge });
        };
        let value: i64 = kept.parse().map_err(|_| CentsError::TooLarge)?;
        let cents = 10_i64.checked_pow(power).and_then(|factor| value.checked_mul(factor));
        let cents = cents.ok_or(CentsError::TooLarge)?;
        Self::new(if negative { -cents } else { cents })
    }
}

/// The power of ten after `e`, clamped: what lies beyond is too large or too precise anyway.
fn parse_exponent(text: &str) -> Result<i64, CentsError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(CentsError::NotANumber);
    }
    let size = digits.parse::<i64>().unwrap_or(i64::MAX).min(1_000_000);
    Ok(if text.starts_with('-') { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_decimal_text() {
        for (text, cents) in [
            ("0", 0),
            ("-0.0", 0),
            ("25000", 2_500_000),
            ("25000.5", 2_500_050),
            ("1.500", 150),
            ("0.01", 1),
            ("2.5e4", 2_500_000),
            ("250E-2", 250),
            ("-3.07", -307),
            ("9999999999.99", 999_999_999_999),
        ] {
            assert_eq!(text.parse::<Cents>().map(Cents::get), Ok(cents), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_amount() {
        for (text, error) in [
            ("", CentsError::NotANumber),
            ("1.", CentsError::NotANumber),
            (".5", CentsError::NotANumber),
            ("+1", CentsError::NotANumber),
            ("1,5", CentsError::NotANumber),
            ("1e", CentsError::NotANumber),
            ("NaN", CentsError::NotANumber),
            ("0.001", CentsError::TooPrecise),
            ("1.005", CentsError::TooPrecise),
            ("1e-3", CentsError::TooPrecise),
            ("1e-999999999999999999999", CentsError::TooPrecise),
            ("10000000000", CentsError::TooLarge),
            ("1e10", CentsError::TooLarge),
            ("1e999999999999999999999", CentsError::TooLarge),
        ] {
            assert_eq!(text.parse::<Cents>(), Err(error), "{text}");
        }
    }

    #[test]
    fn writes_the_shortest_two_s_complement() {
        let cases: [(i64, &[u8]); 6] = [
            (0, &[0]),
            (127, &[127]),
            (128, &[0, 128]),
            (-1, &[0xff]),
            (-128, &[0x80]),
            (-129, &[0xff, 0x7f]),
        ];
        for (cents, bytes) in cases {
            assert_eq!(Cents(cents).to_avro_bytes(), bytes, "{cents}");
        }
    }

    proptest! {
        #[test]
        fn text_and_bytes_lead_back(cents in Cents::MIN.0..=Cents::MAX.0) {
            let amount = Cents::new(cents).expect("within bounds");
            prop_assert_eq!(amount.to_string().parse(), Ok(amount));
            prop_assert_eq!(Cents::from_avro_bytes(&amount.to_avro_bytes()), Ok(amount));
        }

        #[test]
        fn any_text_and_any_bytes_are_answered(text in ".{0,40}", bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = text.parse::<Cents>();
            let _ = Cents::from_avro_bytes(&bytes);
        }
    }
}
