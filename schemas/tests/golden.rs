//! The golden corpus: bytes that another implementation (fastavro, see golden/make.py) wrote are read as the
//! events they are, and our own encoding gives the same bytes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use apache_avro::Schema;
use schemas::{
    CATALOGUE, Cents, ContratEmis, ContratModifie, ContratResilie, Decision, DecodeError, DevisExpire,
    DevisGenere, Event, IndemnisationEffectuee, Modification, SinistreDeclare, SinistreEvalue, Topic,
    TypeBien, TypeSinistre, Version, decode, encode, to_json, wire,
};
use serde::Deserialize;
use serde_json::Value as Json;

type Fields = BTreeMap<String, Json>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    name: String,
    schema: String,
    schema_id: u32,
    /// As it was written.
    event: Fields,
    /// As a reader with our schema sees it, where a newer schema wrote it.
    read: Option<Fields>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}

fn cases() -> Vec<Case> {
    let text = fs::read_to_string(folder().join("expected.json")).expect("expected.json");
    serde_json::from_str(&text).expect("expected.json is a list of cases")
}

impl Case {
    fn named(name: &str) -> Self {
        cases().into_iter().find(|case| case.name == name).expect("a case of that name")
    }

    /// The record's short name.
    fn record(&self) -> &str {
        Path::new(&self.schema).file_stem().and_then(|stem| stem.to_str()).expect("an .avsc file")
    }

    fn framed(&self) -> Vec<u8> {
        fs::read(folder().join(format!("{}.bin", self.name))).expect("the case's bytes")
    }

    fn body(&self) -> Vec<u8> {
        let framed = self.framed();
        let (id, body) = wire::parse(&framed).expect("framed");
        assert_eq!(id.0, self.schema_id, "{}", self.name);
        body.to_vec()
    }

    fn writer(&self) -> Schema {
        let text = fs::read_to_string(folder().join(&self.schema)).expect("the case's schema");
        Schema::parse_str(&text).expect("the case's schema parses")
    }

    fn decoded<E: Event>(&self) -> E {
        decode(&self.writer(), &self.body()).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// `json` has these fields and no others. Amounts are text in the corpus, so that none of their digits is lost.
    fn assert_fields(&self, json: &Json, wanted: &Fields) {
        let found = json.as_object().expect("a record");
        assert!(found.keys().eq(wanted.keys()), "{}: {json}", self.name);
        for (field, wanted) in wanted {
            let same = match (&found[field], wanted) {
                (Json::Number(found), Json::String(wanted)) => {
                    wanted.parse::<serde_json::Number>().expect("an amount") == *found
                }
                (found, wanted) => found == wanted,
            };
            assert!(same, "{}: {field} is {}, not {wanted}", self.name, found[field]);
        }
    }

    /// The bytes are read as the event, which is written as the same bytes, unless a newer schema wrote them.
    fn check<E: Event>(&self) {
        let ours = encode(&self.decoded::<E>()).expect("encodes");
        match &self.read {
            Some(read) => self.assert_fields(&to_json(E::schema(), &ours).expect("reads"), read),
            None => assert_eq!(ours, self.body(), "{}", self.name),
        }
    }

    fn assert_wrong_type<E: Event>(&self) {
        let found = format!("{}.{}", self.writer().namespace().expect("a namespace"), self.record());
        match decode::<E>(&self.writer(), &self.body()) {
            Err(DecodeError::Type { found: named, wanted }) => assert_eq!((named, wanted), (found, E::TYPE)),
            Err(other) => panic!("{}: {other}", self.name),
            Ok(_) => panic!("{} passed for a {}", self.name, E::TYPE),
        }
    }
}

#[test]
fn every_case_is_read_and_written_back() {
    for case in cases() {
        match case.record() {
            "DevisGenere" => case.check::<DevisGenere>(),
            "DevisExpire" => case.check::<DevisExpire>(),
            "ContratEmis" => case.check::<ContratEmis>(),
            "ContratModifie" => case.check::<ContratModifie>(),
            "ContratResilie" => case.check::<ContratResilie>(),
            "SinistreDeclare" => case.check::<SinistreDeclare>(),
            "SinistreEvalue" => case.check::<SinistreEvalue>(),
            "IndemnisationEffectuee" => case.check::<IndemnisationEffectuee>(),
            other => panic!("{other}: no event of this name"),
        }
    }
}

#[test]
fn every_event_and_every_file_has_a_case() {
    let cases = cases();
    let records: BTreeSet<_> = cases.iter().map(Case::record).collect();
    assert_eq!(records, CATALOGUE.iter().filter_map(Topic::event).collect());
    let named: BTreeSet<_> = cases.iter().map(|case| format!("{}.bin", case.name)).collect();
    let files = fs::read_dir(folder()).expect("golden");
    let files = files.map(|entry| entry.expect("an entry").file_name().into_string().expect("a plain name"));
    assert_eq!(
        named,
        files.filter(|name| Path::new(name).extension().is_some_and(|ext| ext == "bin")).collect()
    );
}

#[test]
fn every_case_reads_as_json() {
    for case in cases() {
        case.assert_fields(&to_json(&case.writer(), &case.body()).expect("reads"), &case.event);
    }
}

/// One case of each event, field by field: two fields that both ways confuse would pass the other checks.
#[test]
fn fields_are_where_they_belong() {
    let amount = |text: &str| text.parse::<Cents>().expect("an amount");
    let at = |text: &str| text.parse().expect("an instant");
    let version = |number| Version::new(number).expect("from 1 on");
    let devis = "019abf0e-7c00-7000-8000-000000000001";
    let contrat = "019abf0e-7c00-7000-8000-00000000c001";

    assert_eq!(
        Case::named("devis-genere-auto").decoded::<DevisGenere>(),
        DevisGenere {
            devis_id: devis.parse().expect("an id"),
            client_id: "C001".parse().expect("an id"),
            type_bien: TypeBien::Auto,
            valeur: amount("25000.00"),
            prime: amount("500.00"),
            timestamp: at("2026-11-25T04:05:06.007Z"),
            date_expiration: at("2026-12-25T04:05:06.007Z"),
            version: version(1),
        }
    );
    assert_eq!(
        Case::named("devis-expire").decoded::<DevisExpire>(),
        DevisExpire {
            devis_id: devis.parse().expect("an id"),
            date_expiration: at("2026-12-25T04:05:06.007Z"),
            timestamp: at("2026-12-25T04:05:07.123Z"),
            version: version(2),
        }
    );
    assert_eq!(
        Case::named("contrat-emis-auto").decoded::<ContratEmis>(),
        ContratEmis {
            contrat_id: contrat.parse().expect("an id"),
            devis_id: devis.parse().expect("an id"),
            client_id: "C001".parse().expect("an id"),
            type_bien: TypeBien::Auto,
            prime: amount("500.00"),
            date_effet: at("2026-12-01T00:00:00Z"),
            date_fin: at("2027-12-01T00:00:00Z"),
            timestamp: at("2026-11-26T08:09:10.011Z"),
            version: version(1),
        }
    );
    assert_eq!(
        Case::named("contrat-modifie-prime").decoded::<ContratModifie>(),
        ContratModifie {
            contrat_id: contrat.parse().expect("an id"),
            modification: Modification::Prime,
            nouvelle_valeur: "512.50".to_owned(),
            timestamp: at("2027-01-02T03:04:05.006Z"),
            version: version(2),
        }
    );
    assert_eq!(
        Case::named("contrat-resilie").decoded::<ContratResilie>(),
        ContratResilie {
            contrat_id: contrat.parse().expect("an id"),
            motif: "Véhicule vendu".to_owned(),
            date_resiliation: at("2027-03-01T00:00:00Z"),
            timestamp: at("2027-02-03T04:05:06.007Z"),
            version: version(3),
        }
    );
}

/// The same for the events of claims.
#[test]
fn fields_of_claims_are_where_they_belong() {
    let amount = |text: &str| text.parse::<Cents>().expect("an amount");
    let at = |text: &str| text.parse().expect("an instant");
    let version = |number| Version::new(number).expect("from 1 on");
    let sinistre = "019abf0e-7c00-7000-8000-00000000a001";
    let contrat = "019abf0e-7c00-7000-8000-00000000c001";

    assert_eq!(
        Case::named("sinistre-declare-accident").decoded::<SinistreDeclare>(),
        SinistreDeclare {
            sinistre_id: sinistre.parse().expect("an id"),
            contrat_id: contrat.parse().expect("an id"),
            type_sinistre: TypeSinistre::Accident,
            description: "Collision à l’arrêt, pare-chocs arrière".to_owned(),
            date_survenance: at("2027-01-15T16:30:00Z"),
            montant_estime: amount("1800.00"),
            timestamp: at("2027-01-16T08:09:10.011Z"),
            version: version(1),
        }
    );
    assert_eq!(
        Case::named("sinistre-evalue-rejete").decoded::<SinistreEvalue>(),
        SinistreEvalue {
            sinistre_id: sinistre.parse().expect("an id"),
            contrat_id: contrat.parse().expect("an id"),
            decision: Decision::Rejete,
            montant_evalue: amount("0.00"),
            motif: "Exclusion : conduite sans permis".to_owned(),
            timestamp: at("2027-01-20T10:11:12.013Z"),
            version: version(2),
        }
    );
    assert_eq!(
        Case::named("indemnisation-effectuee").decoded::<IndemnisationEffectuee>(),
        IndemnisationEffectuee {
            indemnisation_id: "019abf0e-7c00-7000-8000-00000000b001".parse().expect("an id"),
            sinistre_id: sinistre.parse().expect("an id"),
            contrat_id: contrat.parse().expect("an id"),
            montant: amount("1650.50"),
            date_paiement: at("2027-01-22T00:00:00Z"),
            timestamp: at("2027-01-22T09:10:11.012Z"),
            version: version(3),
        }
    );
}

/// DevisGenere has every field of DevisExpire: Avro's resolution alone would read the one as the other.
#[test]
fn a_record_of_another_type_is_refused() {
    Case::named("devis-genere-auto").assert_wrong_type::<DevisExpire>();
    for case in cases().iter().filter(|case| !case.record().starts_with("ContratEmis")) {
        case.assert_wrong_type::<ContratEmis>();
    }
}

#[test]
fn a_cut_or_lengthened_body_is_refused() {
    for case in cases() {
        let (writer, body) = (case.writer(), case.body());
        for length in 0..body.len() {
            assert!(to_json(&writer, &body[..length]).is_err(), "{} cut to {length}", case.name);
        }
        assert!(to_json(&writer, &[&body[..], &[0]].concat()).is_err(), "{} lengthened", case.name);
    }
}
