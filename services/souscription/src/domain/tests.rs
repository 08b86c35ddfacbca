use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

const NOW: &str = "2026-11-26T04:05:06.007Z";

fn motif() -> FreeText {
    "impayé".parse().expect("a reason")
}

fn devis() -> Devis {
    Devis {
        id: DevisId::generate(),
        offre: Some(Offre {
            client_id: "C001".parse().expect("a client"),
            type_bien: TypeBien::Auto,
            prime: "500".parse().expect("an amount"),
            date_expiration: at("2026-12-26T04:05:06.007Z"),
        }),
        expire: false,
        contrat: None,
    }
}

fn contrat(statut: Statut) -> Contrat {
    let (contrat, _) = convertir(ContratId::generate(), Some(devis()), at(NOW)).expect("a valid quote");
    Contrat { statut, ..contrat }
}

#[test]
fn a_contract_and_its_event_say_the_same() {
    let (id, devis) = (ContratId::generate(), devis());
    let (contrat, event) =
        convertir(id, Some(devis.clone()), at("2026-11-26T04:05:06.007999Z")).expect("valid");
    assert_eq!((contrat.date_effet, contrat.date_fin), (at(NOW), at("2027-11-26T04:05:06.007Z")));
    assert_eq!((contrat.statut, contrat.version), (Statut::Actif, Version::FIRST));
    assert_eq!((event.contrat_id, event.devis_id, event.version), (id, devis.id, Version::FIRST));
    assert_eq!(
        (event.prime, event.date_effet, event.date_fin),
        (contrat.prime, contrat.date_effet, contrat.date_fin)
    );
    assert_eq!(
        (event.client_id, event.type_bien, event.timestamp),
        (contrat.client_id, contrat.type_bien, at(NOW))
    );
}

#[test]
fn a_leap_day_has_a_next_year() {
    assert_eq!(years_after(at("2028-02-29T12:00:00Z"), 1), at("2029-02-28T12:00:00Z"));
}

/// Every way in which a quote can be known, and what a conversion makes of it.
#[test]
fn a_quote_converts_once_and_in_time() {
    let end = devis().offre.expect("an offer").date_expiration;
    let other = ContratId::generate();
    let unheard = Devis { offre: None, ..devis() };
    for (what, devis, now, refused) in [
        ("valid", Some(devis()), end - Duration::from_millis(1), None),
        ("at its end", Some(devis()), end, Some(Refus::DevisExpire)),
        ("expired", Some(Devis { expire: true, ..devis() }), at(NOW), Some(Refus::DevisExpire)),
        (
            "expired, not heard before",
            Some(Devis { expire: true, ..unheard.clone() }),
            at(NOW),
            Some(Refus::DevisExpire),
        ),
        (
            "converted",
            Some(Devis { contrat: Some(other), ..devis() }),
            at(NOW),
            Some(Refus::DejaConverti { contrat: other }),
        ),
        (
            "converted, then expired",
            Some(Devis { contrat: Some(other), expire: true, ..devis() }),
            end,
            Some(Refus::DejaConverti { contrat: other }),
        ),
        ("without an offer", Some(unheard), at(NOW), Some(Refus::DevisInconnu)),
        ("unknown", None, at(NOW), Some(Refus::DevisInconnu)),
    ] {
        let converted = convertir(ContratId::generate(), devis, now);
        assert_eq!(converted.err(), refused, "{what}");
    }
}

/// The whole table: every state, every change, and what becomes of the state.
#[test]
fn every_state_and_every_change() {
    let prime = || Changement::Prime("512.50".parse().expect("an amount"));
    let date_fin = || Changement::DateFin(at("2028-01-01T00:00:00Z"));
    for (statut, changement, then, modification, valeur) in [
        (Statut::Actif, prime(), Some(Statut::Actif), Modification::Prime, "512.50"),
        (Statut::Actif, date_fin(), Some(Statut::Actif), Modification::DateFin, "2028-01-01T00:00:00.000Z"),
        (
            Statut::Actif,
            Changement::Suspension(motif()),
            Some(Statut::Suspendu),
            Modification::Suspension,
            "impayé",
        ),
        (Statut::Actif, Changement::Reprise(motif()), None, Modification::Reprise, ""),
        (Statut::Suspendu, prime(), None, Modification::Prime, ""),
        (Statut::Suspendu, date_fin(), None, Modification::DateFin, ""),
        (Statut::Suspendu, Changement::Suspension(motif()), None, Modification::Suspension, ""),
        (
            Statut::Suspendu,
            Changement::Reprise(motif()),
            Some(Statut::Actif),
            Modification::Reprise,
            "impayé",
        ),
        (Statut::Resilie, prime(), None, Modification::Prime, ""),
        (Statut::Resilie, date_fin(), None, Modification::DateFin, ""),
        (Statut::Resilie, Changement::Suspension(motif()), None, Modification::Suspension, ""),
        (Statut::Resilie, Changement::Reprise(motif()), None, Modification::Reprise, ""),
    ] {
        let before = contrat(statut);
        let what = format!("{statut} {modification}");
        match (modifier(before.clone(), changement, at(NOW)), then) {
            (Ok((after, event)), Some(then)) => {
                assert_eq!((after.statut, after.version), (then, before.version.next()), "{what}");
                assert_eq!(
                    (event.modification, event.nouvelle_valeur.as_str()),
                    (modification, valeur),
                    "{what}"
                );
                assert_eq!((event.contrat_id, event.version), (before.id, after.version), "{what}");
            }
            (Err(Refus::Etat { statut: told, .. }), None) => assert_eq!(told, statut, "{what}"),
            (other, _) => panic!("{what}: {other:?}"),
        }
    }
}

#[test]
fn a_contract_ends_once_from_any_other_state() {
    for (statut, ends) in [(Statut::Actif, true), (Statut::Suspendu, true), (Statut::Resilie, false)] {
        let before = contrat(statut);
        match resilier(before.clone(), motif(), at(NOW)) {
            Ok((after, event)) if ends => {
                assert_eq!((after.statut, after.version), (Statut::Resilie, before.version.next()));
                assert_eq!((event.contrat_id, event.version), (before.id, after.version));
                assert_eq!((event.motif.as_str(), event.date_resiliation), ("impayé", at(NOW)));
            }
            Err(Refus::Etat { .. }) if !ends => {}
            other => panic!("{statut}: {other:?}"),
        }
    }
}

#[test]
fn values_that_make_no_sense_are_refused() {
    for prime in ["0", "-1"] {
        let change = Changement::Prime(prime.parse().expect("an amount"));
        assert_eq!(modifier(contrat(Statut::Actif), change, at(NOW)).err(), Some(Refus::PrimeNotPositive));
    }
    for (date_fin, now) in [
        (NOW, NOW),
        ("2026-11-27T00:00:00Z", "2026-11-28T00:00:00Z"),
        ("2036-11-26T04:05:06.008Z", NOW),
        ("9999-12-30T00:00:00Z", NOW),
    ] {
        let change = Changement::DateFin(at(date_fin));
        assert_eq!(
            modifier(contrat(Statut::Actif), change, at(now)).err(),
            Some(Refus::DateFin),
            "{date_fin}"
        );
    }
}

fn changements() -> impl Strategy<Value = Option<Changement>> {
    prop_oneof![
        (1..1_000_000_i64)
            .prop_map(|cents| Some(Changement::Prime(Cents::new(cents).expect("within bounds")))),
        Just(Some(Changement::DateFin(at("2028-01-01T00:00:00Z")))),
        Just(Some(Changement::Suspension(motif()))),
        Just(Some(Changement::Reprise(motif()))),
        Just(None), // ends the contract
    ]
}

proptest! {
    /// Whatever is asked for in whatever order: the version counts the events, and an ended contract stays as it is.
    #[test]
    fn the_version_counts_the_events(asked in proptest::collection::vec(changements(), 0..20)) {
        let mut contrat = contrat(Statut::Actif);
        let mut events = 1;
        for change in asked {
            let before = contrat.clone();
            let after = match change {
                Some(change) => modifier(before.clone(), change, at(NOW)).map(|(contrat, _)| contrat),
                None => resilier(before.clone(), motif(), at(NOW)).map(|(contrat, _)| contrat),
            };
            if let Ok(after) = after {
                prop_assert_ne!(before.statut, Statut::Resilie);
                events += 1;
                contrat = after;
            }
            prop_assert_eq!(contrat.version.get(), events);
        }
    }
}
