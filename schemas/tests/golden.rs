//! The golden corpus: bytes that another implementation (fastavro, see golden/make.py) wrote are read as the
//! events they are, and our own encoding gives the same bytes.

use std::{collections::BTreeMap, fs, path::PathBuf};

use apache_avro::Schema;
use schemas::{DevisExpire, DevisGenere, Event, TypeBien, decode, encode, wire};
use serde::Deserialize;
use serde_json::Value as Json;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    name: String,
    schema: String,
    schema_id: u32,
    event: BTreeMap<String, Json>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}

fn cases() -> Vec<Case> {
    let text = fs::read_to_string(folder().join("expected.json")).expect("expected.json");
    serde_json::from_str(&text).expect("expected.json is a list of cases")
}

impl Case {
    fn framed(&self) -> Vec<u8> {
        fs::read(folder().join(format!("{}.bin", self.name))).expect("the case's bytes")
    }

    fn writer(&self) -> Schema {
        let text = fs::read_to_string(folder().join(&self.schema)).expect("the case's schema");
        Schema::parse_str(&text).expect("the case's schema parses")
    }

    fn decoded<E: Event>(&self) -> E {
        let framed = self.framed();
        let (id, body) = wire::parse(&framed).expect("framed");
        assert_eq!(id.0, self.schema_id, "{}", self.name);
        decode(&self.writer(), body).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    fn text(&self, field: &str) -> &str {
        self.event[field].as_str().expect("a text field")
    }

    fn is_newer(&self) -> bool {
        self.schema.starts_with("newer/")
    }

    /// Our own bytes for the decoded event are the corpus's, unless a newer schema wrote them.
    fn assert_encodes_back<E: Event>(&self, event: &E) {
        if !self.is_newer() {
            let framed = wire::frame(wire::SchemaId(self.schema_id), &encode(event).expect("encodes"));
            assert_eq!(framed, self.framed(), "{}", self.name);
        }
    }
}

fn check_genere(case: &Case) {
    let event: DevisGenere = case.decoded();
    assert_eq!(event.devis_id.to_string(), case.text("devisId"), "{}", case.name);
    assert_eq!(event.client_id.as_str(), case.text("clientId"), "{}", case.name);
    let kind = if case.is_newer() { TypeBien::Autre.as_str() } else { case.text("typeBien") };
    assert_eq!(event.type_bien.as_str(), kind, "{}", case.name);
    assert_eq!(event.valeur.to_string(), case.text("valeur"), "{}", case.name);
    assert_eq!(event.prime.to_string(), case.text("prime"), "{}", case.name);
    assert_eq!(format!("{:.3}", event.timestamp), case.text("timestamp"), "{}", case.name);
    assert_eq!(format!("{:.3}", event.date_expiration), case.text("dateExpiration"), "{}", case.name);
    assert_eq!(Some(event.version.get()), case.event["version"].as_i64(), "{}", case.name);
    case.assert_encodes_back(&event);
}

fn check_expire(case: &Case) {
    let event: DevisExpire = case.decoded();
    assert_eq!(event.devis_id.to_string(), case.text("devisId"), "{}", case.name);
    assert_eq!(format!("{:.3}", event.date_expiration), case.text("dateExpiration"), "{}", case.name);
    assert_eq!(format!("{:.3}", event.timestamp), case.text("timestamp"), "{}", case.name);
    assert_eq!(Some(event.version.get()), case.event["version"].as_i64(), "{}", case.name);
    case.assert_encodes_back(&event);
}

#[test]
fn every_case_is_read_and_written_back() {
    let cases = cases();
    assert_eq!(
        cases.len(),
        fs::read_dir(folder())
            .expect("golden")
            .filter(|entry| {
                entry.as_ref().is_ok_and(|entry| entry.path().extension().is_some_and(|ext| ext == "bin"))
            })
            .count()
    );
    for case in cases {
        if case.name.starts_with("devis-genere") {
            check_genere(&case);
        } else if case.name.starts_with("devis-expire") {
            check_expire(&case);
        } else {
            panic!("{}: no event of this name", case.name);
        }
    }
}

#[test]
fn every_case_reads_as_json() {
    for case in cases() {
        let framed = case.framed();
        let (_, body) = wire::parse(&framed).expect("framed");
        let json = schemas::to_json(&case.writer(), body).expect("decodes");
        for (field, wanted) in &case.event {
            let found = &json[field];
            let same = match (found, wanted) {
                (Json::Number(found), Json::String(wanted)) => {
                    wanted.parse::<serde_json::Number>().expect("an amount") == *found
                }
                _ => found == wanted,
            };
            assert!(same, "{}: {field} is {found}, not {wanted}", case.name);
        }
    }
}

#[test]
fn a_cut_or_lengthened_body_is_refused() {
    for case in cases() {
        let framed = case.framed();
        let (_, body) = wire::parse(&framed).expect("framed");
        let writer = case.writer();
        for length in 0..body.len() {
            let cut = &body[..length];
            assert!(schemas::to_json(&writer, cut).is_err(), "{} cut to {length}", case.name);
        }
        assert!(schemas::to_json(&writer, &[body, &[0]].concat()).is_err(), "{} lengthened", case.name);
    }
}
