use proptest::prelude::*;

use super::*;

const EFFET: &str = "2026-11-01T00:00:00Z";
const FIN: &str = "2027-11-01T00:00:00Z";
const NOW: &str = "2026-11-26T04:05:06.007Z";

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn amount(text: &str) -> Cents {
    text.parse().expect("an amount")
}

fn words(text: &str) -> FreeText {
    text.parse().expect("words")
}

fn contrat() -> Contrat {
    let client_id = "C001".parse().expect("a client");
    let couverture = Couverture { client_id, date_effet: at(EFFET), date_fin: at(FIN) };
    Contrat { couverture: Some(couverture), suspendu: false, resilie: false }
}

fn declaration() -> Declaration {
    Declaration {
        contrat_id: ContratId::generate(),
        type_sinistre: TypeSinistre::Vol,
        description: words("vélo volé"),
        date_survenance: Some(at("2026-11-20T12:00:00Z")),
        montant_estime: amount("1800"),
    }
}

/// A claim in that state, with what a claim has there.
fn sinistre(statut: Statut) -> Sinistre {
    let (declared, _) =
        declarer(SinistreId::generate(), Some(contrat()), declaration(), at(NOW)).expect("covered");
    let judge = |evaluation| evaluer(declared.clone(), evaluation, at(NOW)).expect("judged").0;
    match statut {
        Statut::Declare => declared,
        Statut::EnExpertise => expertiser(declared).expect("an expert"),
        Statut::Evalue => judge(accepte()),
        Statut::Rejete => judge(Evaluation::Rejete { motif: words("exclu") }),
        Statut::Indemnise => {
            indemniser(IndemnisationId::generate(), judge(accepte()), at(NOW)).expect("paid").0
        }
    }
}

fn accepte() -> Evaluation {
    Evaluation::Accepte { montant: amount("1650.50"), motif: None }
}

#[test]
fn a_claim_and_its_event_say_the_same() {
    let (id, told) = (SinistreId::generate(), declaration());
    let now = at("2026-11-26T04:05:06.007999Z");
    let (sinistre, event) = declarer(id, Some(contrat()), told.clone(), now).expect("covered");
    assert_eq!(
        (sinistre.statut, sinistre.version, event.version),
        (Statut::Declare, Version::FIRST, Version::FIRST)
    );
    assert_eq!(
        (event.sinistre_id, event.contrat_id, event.type_sinistre),
        (id, told.contrat_id, TypeSinistre::Vol)
    );
    assert_eq!((event.description.as_str(), event.montant_estime), ("vélo volé", amount("1800")));
    assert_eq!((event.date_survenance, event.timestamp), (at("2026-11-20T12:00:00Z"), at(NOW)));
    assert_eq!(
        (sinistre.date_survenance, sinistre.date_declaration),
        (event.date_survenance, event.timestamp)
    );
    assert_eq!((sinistre.client_id.as_str(), sinistre.contrat_id), ("C001", told.contrat_id));
    assert_eq!((sinistre.montant_evalue, sinistre.indemnisation), (None, None));
    let just_now = Declaration { date_survenance: None, ..told };
    assert_eq!(declarer(id, Some(contrat()), just_now, now).expect("covered").0.date_survenance, at(NOW));
}

/// Every way in which a contract can be known, and what a claim on it meets.
#[test]
fn only_a_contract_that_covers_takes_a_claim() {
    let refused = |contrat| declarer(SinistreId::generate(), contrat, declaration(), at(NOW)).err();
    assert_eq!(refused(None), Some(Refus::ContratInconnu));
    for (known, suspendu, resilie, refus) in [
        (true, false, false, None),
        (true, true, false, Some(Refus::ContratSuspendu)),
        (true, false, true, Some(Refus::ContratResilie)),
        (true, true, true, Some(Refus::ContratResilie)),
        (false, false, false, Some(Refus::ContratInconnu)),
        (false, true, false, Some(Refus::ContratInconnu)),
        (false, false, true, Some(Refus::ContratResilie)),
        (false, true, true, Some(Refus::ContratResilie)),
    ] {
        let couverture = contrat().couverture.filter(|_| known);
        assert_eq!(
            refused(Some(Contrat { couverture, suspendu, resilie })),
            refus,
            "known {known}, suspended {suspendu}, ended {resilie}"
        );
    }
}

#[test]
fn a_loss_lies_within_the_cover_and_not_in_the_future() {
    let hors = Some(Refus::HorsCouverture { date_effet: at(EFFET), date_fin: at(FIN) });
    for (survenance, now, refus) in [
        (EFFET, NOW, None),
        (NOW, NOW, None),
        ("2027-10-31T23:59:59.999Z", "2028-01-01T00:00:00Z", None),
        ("2026-10-31T23:59:59.999Z", NOW, hors.clone()),
        (FIN, "2028-01-01T00:00:00Z", hors),
        ("2026-11-26T04:05:06.008Z", NOW, Some(Refus::SurvenanceFuture)),
    ] {
        let told = Declaration { date_survenance: Some(at(survenance)), ..declaration() };
        let answered = declarer(SinistreId::generate(), Some(contrat()), told, at(now));
        assert_eq!(answered.err(), refus, "{survenance} told at {now}");
    }
}

#[test]
fn amounts_are_positive() {
    for montant in ["0", "-1"] {
        let told = Declaration { montant_estime: amount(montant), ..declaration() };
        let answered = declarer(SinistreId::generate(), Some(contrat()), told, at(NOW));
        assert_eq!(answered.err(), Some(Refus::MontantEstime));
        let evaluation = Evaluation::Accepte { montant: amount(montant), motif: None };
        let answered = evaluer(sinistre(Statut::Declare), evaluation, at(NOW));
        assert_eq!(answered.err(), Some(Refus::MontantEvalue));
    }
}

/// What can be done with a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    Expertise,
    Accepte,
    Rejete,
    Indemnise,
}

const MOVES: [Move; 4] = [Move::Expertise, Move::Accepte, Move::Rejete, Move::Indemnise];

/// The claim after the move, and its event's version where it has one.
fn moved(sinistre: Sinistre, to: Move) -> Result<(Sinistre, Option<Version>), Refus> {
    let judged = |evaluation| {
        evaluer(sinistre.clone(), evaluation, at(NOW))
            .map(|(sinistre, event)| (sinistre, Some(event.version)))
    };
    match to {
        Move::Expertise => expertiser(sinistre).map(|sinistre| (sinistre, None)),
        Move::Accepte => judged(accepte()),
        Move::Rejete => judged(Evaluation::Rejete { motif: words("exclu") }),
        Move::Indemnise => indemniser(IndemnisationId::generate(), sinistre, at(NOW))
            .map(|(sinistre, event)| (sinistre, Some(event.version))),
    }
}

/// Every state with every move.
#[test]
fn a_claim_moves_as_the_table_says() {
    let allowed = |from, to| match (from, to) {
        (Statut::Declare, Move::Expertise) => Some(Statut::EnExpertise),
        (Statut::Declare | Statut::EnExpertise, Move::Accepte) => Some(Statut::Evalue),
        (Statut::Declare | Statut::EnExpertise, Move::Rejete) => Some(Statut::Rejete),
        (Statut::Evalue, Move::Indemnise) => Some(Statut::Indemnise),
        _ => None,
    };
    for from in Statut::ALL.iter().copied() {
        for to in MOVES {
            let before = sinistre(from);
            assert_eq!(before.statut, from);
            match (moved(before.clone(), to), allowed(from, to)) {
                (Ok((after, told)), Some(then)) => {
                    assert_eq!(after.statut, then, "{from} {to:?}");
                    let expected = if to == Move::Expertise { before.version } else { before.version.next() };
                    assert_eq!(
                        (after.version, told.unwrap_or(expected)),
                        (expected, expected),
                        "{from} {to:?}"
                    );
                    assert_eq!((after.id, after.contrat_id), (before.id, before.contrat_id));
                }
                (Err(Refus::Etat { statut, .. }), None) => assert_eq!(statut, from, "{to:?}"),
                (other, _) => panic!("{from} {to:?}: {other:?}"),
            }
        }
    }
}

#[test]
fn events_say_what_was_decided_and_paid() {
    let before = sinistre(Statut::EnExpertise);
    let (accepted, event) = evaluer(before.clone(), accepte(), at(NOW)).expect("judged");
    assert_eq!(
        (event.decision, event.montant_evalue, event.motif.as_str()),
        (Decision::Accepte, amount("1650.50"), "")
    );
    assert_eq!(
        (event.sinistre_id, event.contrat_id, event.timestamp),
        (before.id, before.contrat_id, at(NOW))
    );
    assert_eq!((accepted.montant_evalue, accepted.motif.as_deref()), (Some(amount("1650.50")), None));

    let rejet = Evaluation::Rejete { motif: words("exclu") };
    let (rejected, event) = evaluer(before, rejet, at(NOW)).expect("judged");
    assert_eq!(
        (event.decision, event.montant_evalue, event.motif.as_str()),
        (Decision::Rejete, Cents::ZERO, "exclu")
    );
    assert_eq!((rejected.montant_evalue, rejected.motif.as_deref()), (Some(Cents::ZERO), Some("exclu")));

    let id = IndemnisationId::generate();
    let (paid, event) = indemniser(id, accepted.clone(), at(NOW)).expect("paid");
    assert_eq!(
        (event.indemnisation_id, event.sinistre_id, event.contrat_id),
        (id, accepted.id, accepted.contrat_id)
    );
    assert_eq!((event.montant, event.date_paiement, event.timestamp), (amount("1650.50"), at(NOW), at(NOW)));
    let indemnisation = Indemnisation { id, montant: event.montant, date_paiement: event.date_paiement };
    assert_eq!(paid.indemnisation, Some(indemnisation));
}

proptest! {
    /// Whatever is asked for in whatever order: the version counts the events, and a claim is paid once at most.
    #[test]
    fn the_version_counts_the_events(asked in proptest::collection::vec(0..MOVES.len(), 0..20)) {
        let mut sinistre = sinistre(Statut::Declare);
        let (mut events, mut payments) = (1, 0);
        for asked in asked {
            if let Ok((after, told)) = moved(sinistre.clone(), MOVES[asked]) {
                events += i64::from(told.is_some());
                payments += i32::from(MOVES[asked] == Move::Indemnise);
                sinistre = after;
            }
            prop_assert_eq!(sinistre.version.get(), events);
        }
        prop_assert!(payments <= 1);
        prop_assert_eq!(sinistre.indemnisation.is_some(), payments == 1);
    }
}
