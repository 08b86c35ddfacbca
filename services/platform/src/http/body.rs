//! JSON bodies, read field by field so that a refusal names every field at fault.

use std::{fmt, num::IntErrorKind, str::FromStr, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, StatusCode, header},
};
use http_body_util::BodyExt as _;
use schemas::Cents;
use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{Problem, Violation};

/// Reads a request's body, which must be JSON and at most `limit` bytes.
///
/// Refusals: 415 for another media type, 413 for a longer body, 400 for one that breaks off, 408 for a slow one.
pub async fn read_json(request: Request, limit: usize) -> Result<Bytes, Problem> {
    if !says_json(request.headers()) {
        let detail = "the body must be JSON: send it with Content-Type: application/json";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let body = tokio::time::timeout(BODY_TIMEOUT, collect(request.into_body(), limit)).await;
    body.unwrap_or_else(|_| {
        Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the body took too long to arrive"))
    })
}

/// How long a body may take to arrive: shorter than a whole request may, so that its own refusal is what is told.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// How much of a body that is too long is read and thrown away: a client that is still sending when the connection
/// closes would see a reset, and not the refusal.
const DISCARDED: usize = 1024 * 1024;

async fn collect(mut body: Body, limit: usize) -> Result<Bytes, Problem> {
    let mut kept = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "the body broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length <= limit {
            kept.extend_from_slice(&data);
        } else if length > limit + DISCARDED {
            break;
        }
    }
    if length > limit {
        let detail = format!("the body is larger than {limit} bytes");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    Ok(kept.into())
}

/// `curl -d` calls its body a form unless it is told otherwise, and so do many first tries: that, and no type at
/// all, is taken for JSON as well.
fn says_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return true };
    let Ok(text) = value.to_str() else { return false };
    let media_type = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let json = media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"));
    json || media_type == "application/x-www-form-urlencoded"
}

/// Reads a JSON object: `take` takes its fields out and builds the value from them, giving `None` where one of
/// them is at fault. Fields that it leaves are unknown, and refused.
///
/// Refusals: 400 for what is not JSON, 422 naming each field at fault.
pub fn read_object<T>(body: &[u8], take: impl FnOnce(&mut Fields) -> Option<T>) -> Result<T, Problem> {
    let text = serde_json::from_slice::<&RawValue>(body)
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, format!("the body is not JSON: {error}")))?;
    let pairs = serde_json::from_str::<Pairs>(text.get())
        .map_err(|_| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "the body must be a JSON object"))?;
    let mut fields = Fields { pairs: pairs.0, violations: Vec::new() };
    let value = take(&mut fields);
    fields.refuse_the_rest();
    match value {
        Some(value) if fields.violations.is_empty() => Ok(value),
        _ => Err(Problem::fields(StatusCode::UNPROCESSABLE_ENTITY, fields.violations)),
    }
}

/// An object's fields with their values as text, so that a number's digits are read as they were written.
#[derive(Debug)]
pub struct Fields {
    pairs: Vec<(String, Box<RawValue>)>,
    violations: Vec<Violation>,
}

/// Most unknown fields that one refusal names.
const NAMED_UNKNOWN_FIELDS: usize = 10;
/// Most characters of an unknown field's name that are repeated.
const NAME_LENGTH: usize = 64;

impl Fields {
    /// A JSON string that is parsed into a domain type; its error is the refusal.
    pub fn text<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let raw = self.take(name)?;
        let Ok(text) = serde_json::from_str::<String>(raw.get()) else {
            return self.refuse(name, "must be a string");
        };
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => self.refuse(name, error.to_string()),
        }
    }

    /// A JSON number that is an amount of money.
    pub fn amount(&mut self, name: &str) -> Option<Cents> {
        let raw = self.take(name)?;
        if !raw.get().starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            return self.refuse(name, "must be a number");
        }
        match raw.get().parse() {
            Ok(amount) => Some(amount),
            Err(error) => self.refuse(name, error.to_string()),
        }
    }

    /// A JSON number that is whole and not negative.
    pub fn whole(&mut self, name: &str) -> Option<u64> {
        let raw = self.take(name)?;
        match raw.get().parse::<u64>() {
            Ok(number) => Some(number),
            Err(error) if *error.kind() == IntErrorKind::PosOverflow => self.refuse(name, "is too large"),
            Err(_) => self.refuse(name, "must be a whole number that is not negative"),
        }
    }

    /// A field that may be left out, read as `read` does.
    pub fn optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Self, &str) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.pairs.iter().any(|(found, _)| found == name) {
            read(self, name).map(Some)
        } else {
            Some(None)
        }
    }

    /// Leaves a field unread that cannot be judged, because another one is at fault.
    pub fn pass_over(&mut self, name: &str) {
        self.pairs.retain(|(found, _)| found != name);
    }

    /// Refuses a field's value.
    pub fn refuse<T>(&mut self, name: &str, detail: impl Into<String>) -> Option<T> {
        self.violations.push(Violation { field: name.to_owned(), detail: detail.into() });
        None
    }

    fn take(&mut self, name: &str) -> Option<Box<RawValue>> {
        let mut found = self.pairs.extract_if(.., |(found, _)| found == name);
        let (first, second) = (found.next(), found.next());
        drop(found);
        match (first, second) {
            (Some((_, value)), None) => Some(value),
            (Some(_), Some(_)) => self.refuse(name, "is given more than once"),
            (None, _) => self.refuse(name, "is missing"),
        }
    }

    fn refuse_the_rest(&mut self) {
        for (name, _) in std::mem::take(&mut self.pairs).into_iter().take(NAMED_UNKNOWN_FIELDS) {
            let name: String = name.chars().take(NAME_LENGTH).collect();
            self.refuse::<()>(&name, "is not a field of this request");
        }
    }
}

/// Every pair of an object, repeated names included.
struct Pairs(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;

        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(PairsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(body: &str) -> Result<(String, Cents), serde_json::Value> {
        read_object(body.as_bytes(), |fields| {
            let name = fields.text("name");
            let amount = fields.amount("amount");
            Some((name?, amount?))
        })
        .map_err(|problem| serde_json::to_value(problem).expect("a problem is JSON"))
    }

    #[test]
    fn a_good_object_is_read_exactly() {
        let (name, amount) = read(r#"{"amount": 0.10, "name": "a\u0062"}"#).expect("good");
        assert_eq!((name.as_str(), amount.get()), ("ab", 10));
    }

    #[test]
    fn refusals_name_every_field() {
        for (body, status, named) in [
            ("", 400, vec![]),
            ("{", 400, vec![]),
            (r#"{"name":"a","amount":1}x"#, 400, vec![]),
            (r#"{"name":"a","amount":NaN}"#, 400, vec![]),
            ("[]", 422, vec![]),
            ("null", 422, vec![]),
            ("{}", 422, vec!["name", "amount"]),
            (r#"{"name":1,"amount":"1"}"#, 422, vec!["name", "amount"]),
            (r#"{"name":null,"amount":null}"#, 422, vec!["name", "amount"]),
            (r#"{"name":"a","amount":1.001}"#, 422, vec!["amount"]),
            (r#"{"name":"a","amount":1e99}"#, 422, vec!["amount"]),
            (r#"{"name":"a","amount":1,"name":"b"}"#, 422, vec!["name"]),
            (r#"{"name":"a","amount":1,"colour":"red","size":{"x":[1]}}"#, 422, vec!["colour", "size"]),
        ] {
            let problem = read(body).expect_err(body);
            assert_eq!(problem["status"], status, "{body}");
            let fields: Vec<_> =
                problem["errors"].as_array().into_iter().flatten().map(|e| &e["field"]).collect();
            assert_eq!(fields, named, "{body}");
        }
    }

    #[test]
    fn whole_numbers() {
        let read = |value: &str| {
            let body = format!("{{\"rate\":{value}}}");
            let read = read_object(body.as_bytes(), |fields| fields.whole("rate"));
            read.map_err(|problem| serde_json::to_value(problem).expect("JSON")["detail"].clone())
        };
        assert_eq!((read("0"), read("1000")), (Ok(0), Ok(1_000)));
        for wrong in ["-1", "1.0", "1e3", "\"5\"", "null", "[5]"] {
            assert_eq!(
                read(wrong),
                Err("rate must be a whole number that is not negative".into()),
                "{wrong}"
            );
        }
        assert_eq!(read("99999999999999999999"), Err("rate is too large".into()));
    }

    #[test]
    fn a_deep_body_is_refused_and_does_not_overflow() {
        let deep = format!("{{\"name\":{}1{}}}", "[".repeat(7_000), "]".repeat(7_000));
        assert!(read(&deep).is_err());
    }

    #[test]
    fn media_types() {
        let says = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, value.parse().expect("a header"));
            says_json(&headers)
        };
        assert!(says_json(&HeaderMap::new()));
        assert!(
            says("application/json; charset=utf-8") && says("Application/JSON") && says("application/a+json")
        );
        assert!(says("application/x-www-form-urlencoded"));
        assert!(!says("text/plain") && !says("application/xml") && !says("multipart/form-data"));
    }

    proptest! {
        #[test]
        fn any_body_is_answered(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_object(&body, |fields| fields.text::<String>("name"));
        }
    }
}
