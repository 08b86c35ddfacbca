//! Requests that no service can carry out. Pure.

use reqwest::Method;

use super::plan::Flaw;
use crate::{
    dice::Dice,
    request::{Request, Target},
};

const DEVIS: (Target, &str) = (Target::Quotation, "/api/devis");
const CONVERSION: (Target, &str) = (Target::Souscription, "/api/contrats/convertir");
const SINISTRE: (Target, &str) = (Target::Reclamation, "/api/sinistres");

/// An id that nobody gave stands in for it.
const ID: &str = "{id}";

type Example = ((Target, &'static str), &'static str);

const JSON: [Example; 3] = [
    (DEVIS, r#"{"clientId": "jean.martin.1980", "typeBien": "AUTO", "valeur": "#),
    (CONVERSION, r"devisId={id}"),
    (SINISTRE, r#"{"contratId": "{id}", "type": 'VOL'}"#),
];
const TYPE: [Example; 3] = [
    (DEVIS, r#"{"clientId": "jean.martin.1980", "typeBien": "AUTO", "valeur": "beaucoup"}"#),
    (CONVERSION, r#"{"devisId": 42}"#),
    (SINISTRE, r#"{"contratId": "{id}", "type": "VOL", "description": ["vélo"], "montantEstime": 300}"#),
];
const VALUE: [Example; 3] = [
    (DEVIS, r#"{"clientId": "jean.martin.1980", "typeBien": "AUTO", "valeur": -15000}"#),
    (CONVERSION, r#"{"devisId": "le dernier"}"#),
    (
        SINISTRE,
        r#"{"contratId": "{id}", "type": "METEORITE", "description": "un trou", "montantEstime": 300}"#,
    ),
];
const UNKNOWN: [Example; 3] = [
    ((Target::Quotation, "/api/devis/annuler"), "{}"),
    (CONVERSION, r#"{"devisId": "{id}"}"#),
    (SINISTRE, r#"{"contratId": "{id}", "type": "VOL", "description": "vélo", "montantEstime": 300}"#),
];

/// A request with a flaw of requests, and whom it goes to.
pub(super) fn flawed(flaw: Flaw, dice: &mut Dice) -> (Target, Request) {
    let examples = match flaw {
        Flaw::Json => JSON,
        Flaw::Type => TYPE,
        Flaw::Value => VALUE,
        _ => UNKNOWN,
    };
    let ((target, path), body) = dice.one_of(&examples);
    let body = body.replace(ID, &dice.id().to_string()).into_bytes();
    (target, Request { method: Method::POST, path: path.to_owned(), body })
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn only_a_flaw_of_json_is_not_json() {
        for (examples, is_json) in [(JSON, false), (TYPE, true), (VALUE, true), (UNKNOWN, true)] {
            for (_, body) in examples {
                assert_eq!(serde_json::from_str::<serde_json::Value>(body).is_ok(), is_json, "{body}");
            }
        }
    }

    #[test]
    fn an_id_is_filled_in() {
        let (_, request) = (0..100)
            .map(|n| flawed(Flaw::Unknown, &mut Dice::of(1, n)))
            .find(|(target, _)| *target == Target::Souscription)
            .expect("one of them");
        let body: serde_json::Value = serde_json::from_slice(&request.body).expect("JSON");
        assert!(body["devisId"].as_str().is_some_and(|id| id.parse::<Uuid>().is_ok()), "{body}");
    }
}
