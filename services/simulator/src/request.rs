//! Commands as the services' public APIs take them, and what their answers say. Pure.

use jiff::{Timestamp, tz::TimeZone};
use platform::http::described::amount;
use reqwest::{Method, StatusCode};
use schemas::{Cents, Decision};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::plan::{Changement, Command, Kind, Perte, Thing};

/// A service that takes commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Quotation,
    Souscription,
    Reclamation,
}

impl Target {
    pub(crate) const COUNT: usize = 3;

    /// The service that takes commands of that kind.
    pub(crate) const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Devis => Self::Quotation,
            Kind::Conversion | Kind::Modification | Kind::Resiliation => Self::Souscription,
            Kind::Sinistre | Kind::Evaluation | Kind::Indemnisation => Self::Reclamation,
        }
    }
}

/// A request to a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// JSON.
    pub(crate) body: Vec<u8>,
}

/// A body as a service reads it.
#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum Body<'a> {
    Devis {
        client_id: &'a str,
        type_bien: &'static str,
        #[serde(serialize_with = "amount")]
        valeur: Cents,
    },
    Conversion {
        devis_id: Uuid,
    },
    Sinistre {
        contrat_id: Uuid,
        r#type: &'static str,
        description: &'a str,
        #[serde(serialize_with = "amount")]
        montant_estime: Cents,
    },
    Evaluation {
        decision: &'static str,
        #[serde(serialize_with = "amount")]
        montant_evalue: Cents,
    },
    Indemnisation {},
    Prime {
        modification: &'static str,
        #[serde(serialize_with = "amount")]
        valeur: Cents,
    },
    Changement {
        modification: &'static str,
        valeur: &'a str,
    },
    Resiliation {
        motif: &'a str,
    },
}

/// The request by which a command is given, about `subject`.
pub(crate) fn request(command: &Command, subject: Uuid, now: Timestamp) -> Request {
    let contrat = |what: &str| format!("/api/contrats/{subject}/{what}");
    let changed = |modification, valeur: &str| {
        Request::new(Method::PUT, contrat("modifier"), &Body::Changement { modification, valeur })
    };
    match command {
        Command::Devis(demande) => {
            let (type_bien, valeur) = (demande.type_bien.as_str(), demande.valeur);
            let body = Body::Devis { client_id: demande.client.as_str(), type_bien, valeur };
            Request::new(Method::POST, "/api/devis".to_owned(), &body)
        }
        Command::Conversion => {
            let path = "/api/contrats/convertir".to_owned();
            Request::new(Method::POST, path, &Body::Conversion { devis_id: subject })
        }
        Command::Sinistre(Perte { type_sinistre, description, montant }) => {
            let body = Body::Sinistre {
                contrat_id: subject,
                r#type: type_sinistre.as_str(),
                description,
                montant_estime: *montant,
            };
            Request::new(Method::POST, "/api/sinistres".to_owned(), &body)
        }
        Command::Evaluation(montant) => {
            let body = Body::Evaluation { decision: Decision::Accepte.as_str(), montant_evalue: *montant };
            Request::new(Method::PUT, format!("/api/sinistres/{subject}/evaluer"), &body)
        }
        Command::Indemnisation => {
            let path = format!("/api/sinistres/{subject}/indemniser");
            Request::new(Method::POST, path, &Body::Indemnisation {})
        }
        Command::Modification(Changement::Prime(valeur)) => {
            let body = Body::Prime { modification: "PRIME", valeur: *valeur };
            Request::new(Method::PUT, contrat("modifier"), &body)
        }
        Command::Modification(Changement::DateFin { years }) => {
            changed("DATE_FIN", &end_of_cover(now, *years))
        }
        Command::Modification(Changement::Suspension(motif)) => changed("SUSPENSION", motif),
        Command::Modification(Changement::Reprise(motif)) => changed("REPRISE", motif),
        Command::Resiliation(motif) => {
            Request::new(Method::POST, contrat("resilier"), &Body::Resiliation { motif })
        }
    }
}

impl Request {
    fn new(method: Method, path: String, body: &Body<'_>) -> Self {
        Self { method, path, body: serde_json::to_vec(body).expect("a body is JSON") }
    }
}

/// The end of a year, as covers mostly end: of the running one and so many.
fn end_of_cover(now: Timestamp, years: u64) -> String {
    let year = i64::from(now.to_zoned_datetime(TimeZone::UTC).year());
    format!("{}-12-31T00:00:00Z", year.saturating_add_unsigned(years))
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It was carried out. The id of what the answer shows.
    Done(Uuid),
    /// The service has not heard yet of what it is about.
    TooEarly,
    /// It cannot be, as the service says.
    Refused(String),
    /// Nothing came back that tells what became of it, or the service could not.
    Failed(String),
}

/// The ids that an answer shows: a contract's has its quote's too, and a claim's its contract's.
#[derive(Deserialize)]
struct Shown {
    #[serde(rename = "devisId")]
    devis: Option<Uuid>,
    #[serde(rename = "contratId")]
    contrat: Option<Uuid>,
    #[serde(rename = "sinistreId")]
    sinistre: Option<Uuid>,
}

/// Judges the answer to a command of that kind.
pub(crate) fn judge(kind: Kind, status: StatusCode, body: &[u8]) -> Answer {
    if status.is_success() {
        let shown = serde_json::from_slice::<Shown>(body).ok();
        let id = shown.and_then(|shown| match kind.shows() {
            Thing::Devis => shown.devis,
            Thing::Contrat => shown.contrat,
            Thing::Sinistre => shown.sinistre,
        });
        let nothing = || Answer::Failed(format!("{} was answered without an id", kind.as_str()));
        return id.map_or_else(nothing, Answer::Done);
    }
    let said = || format!("{} was answered {}: {}", kind.as_str(), status.as_u16(), detail(body));
    match status {
        // Of a quote, or a contract, that another service made.
        StatusCode::NOT_FOUND if matches!(kind, Kind::Conversion | Kind::Sinistre) => Answer::TooEarly,
        _ if status.is_client_error() => Answer::Refused(said()),
        _ => Answer::Failed(said()),
    }
}

/// What a refusal (RFC 9457) says, or the beginning of whatever came instead.
fn detail(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Problem {
        detail: String,
    }
    match serde_json::from_slice(body) {
        Ok(Problem { detail }) => detail,
        Err(_) => String::from_utf8_lossy(body).chars().take(200).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Demande;
    use schemas::{TypeBien, TypeSinistre};

    const NOW: &str = "2026-11-26T06:00:00Z";

    #[test]
    fn commands_are_what_the_services_read() {
        let id = Uuid::from_u128(7);
        let cents = |text: &str| text.parse::<Cents>().expect("an amount");
        let client = "zoe.roux.1990".parse().expect("a client id");
        let devis = Demande { client, type_bien: TypeBien::Auto, valeur: cents("25000") };
        let contrat = "/api/contrats/00000000-0000-0000-0000-000000000007";
        for (command, method, path, body) in [
            (
                Command::Devis(devis),
                "POST",
                "/api/devis".to_owned(),
                r#"{"clientId":"zoe.roux.1990","typeBien":"AUTO","valeur":25000.00}"#,
            ),
            (
                Command::Conversion,
                "POST",
                "/api/contrats/convertir".to_owned(),
                r#"{"devisId":"00000000-0000-0000-0000-000000000007"}"#,
            ),
            (
                Command::Sinistre(Perte {
                    type_sinistre: TypeSinistre::DegatDesEaux,
                    description: "infiltration",
                    montant: cents("1800"),
                }),
                "POST",
                "/api/sinistres".to_owned(),
                concat!(
                    r#"{"contratId":"00000000-0000-0000-0000-000000000007","type":"DEGAT_DES_EAUX","#,
                    r#""description":"infiltration","montantEstime":1800.00}"#
                ),
            ),
            (
                Command::Evaluation(cents("1650")),
                "PUT",
                "/api/sinistres/00000000-0000-0000-0000-000000000007/evaluer".to_owned(),
                r#"{"decision":"ACCEPTE","montantEvalue":1650.00}"#,
            ),
            (
                Command::Indemnisation,
                "POST",
                "/api/sinistres/00000000-0000-0000-0000-000000000007/indemniser".to_owned(),
                "{}",
            ),
            (
                Command::Modification(Changement::Prime(cents("512"))),
                "PUT",
                format!("{contrat}/modifier"),
                r#"{"modification":"PRIME","valeur":512.00}"#,
            ),
            (
                Command::Modification(Changement::DateFin { years: 2 }),
                "PUT",
                format!("{contrat}/modifier"),
                r#"{"modification":"DATE_FIN","valeur":"2028-12-31T00:00:00Z"}"#,
            ),
            (
                Command::Modification(Changement::Suspension("impayé")),
                "PUT",
                format!("{contrat}/modifier"),
                r#"{"modification":"SUSPENSION","valeur":"impayé"}"#,
            ),
            (
                Command::Modification(Changement::Reprise("régularisé")),
                "PUT",
                format!("{contrat}/modifier"),
                r#"{"modification":"REPRISE","valeur":"régularisé"}"#,
            ),
            (
                Command::Resiliation("vente du véhicule"),
                "POST",
                format!("{contrat}/resilier"),
                r#"{"motif":"vente du véhicule"}"#,
            ),
        ] {
            let asked = request(&command, id, NOW.parse().expect("a time"));
            let read = String::from_utf8(asked.body).expect("text");
            assert_eq!(
                (asked.method.as_str(), asked.path, read.as_str()),
                (method, path, body),
                "{command:?}"
            );
        }
    }

    #[test]
    fn answers_and_what_they_say() {
        let [devis, contrat, sinistre] = [1, 2, 3].map(Uuid::from_u128);
        let quote = format!(r#"{{"devisId":"{devis}","clientId":"C001"}}"#);
        let issued = format!(r#"{{"contratId":"{contrat}","devisId":"{devis}"}}"#);
        let claimed = format!(r#"{{"sinistreId":"{sinistre}","contratId":"{contrat}"}}"#);
        let problem = r#"{"title":"Conflict","detail":"the contract is RESILIE"}"#;
        let said = "modification was answered 409: the contract is RESILIE".to_owned();
        let full = "devis was answered 503: full".to_owned();
        for (kind, status, body, answer) in [
            (Kind::Devis, 201, quote.as_str(), Answer::Done(devis)),
            (Kind::Conversion, 201, &issued, Answer::Done(contrat)),
            (Kind::Modification, 200, &issued, Answer::Done(contrat)),
            (Kind::Sinistre, 201, &claimed, Answer::Done(sinistre)),
            (Kind::Indemnisation, 200, &claimed, Answer::Done(sinistre)),
            (Kind::Sinistre, 404, problem, Answer::TooEarly),
            (Kind::Devis, 201, "{}", Answer::Failed("devis was answered without an id".to_owned())),
            (Kind::Conversion, 404, problem, Answer::TooEarly),
            (Kind::Modification, 409, problem, Answer::Refused(said)),
            (Kind::Devis, 503, "full", Answer::Failed(full)),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(judge(kind, status, body.as_bytes()), answer, "{kind:?} {status}");
        }
        for kind in [Kind::Modification, Kind::Evaluation] {
            let answer = judge(kind, StatusCode::NOT_FOUND, b"");
            assert!(
                matches!(answer, Answer::Refused(_)),
                "{kind:?}: what the same service made is known or is not"
            );
        }
    }
}
