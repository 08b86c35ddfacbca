//! What a quote is and how it changes. Pure: time and ids come in as arguments.

use std::time::Duration;

use jiff::Timestamp;
use schemas::{Cents, ClientId, DevisExpire, DevisGenere, DevisId, TypeBien, Version, millis};

schemas::named! {
    /// Where a quote is in its life (plan, instruction 2.1.1).
    pub enum Statut {
        /// Made, and valid until its expiration.
        Genere = "GENERE",
        /// It became a contract.
        Converti = "CONVERTI",
        /// Its validity passed.
        Expire = "EXPIRE",
    }

    /// A text that names no status.
    pub struct UnknownStatut;
}

/// What a client asks a quote for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demande {
    client_id: ClientId,
    type_bien: TypeBien,
    valeur: Cents,
}

/// Why a quote cannot be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refus {
    #[error("must be greater than 0")]
    ValeurNotPositive,
}

impl Demande {
    /// The upper bound of `valeur` is the type's own.
    pub fn new(client_id: ClientId, type_bien: TypeBien, valeur: Cents) -> Result<Self, Refus> {
        if valeur.get() <= 0 {
            return Err(Refus::ValeurNotPositive);
        }
        Ok(Self { client_id, type_bien, valeur })
    }
}

/// A quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Devis {
    pub id: DevisId,
    pub client_id: ClientId,
    pub type_bien: TypeBien,
    pub valeur: Cents,
    pub prime: Cents,
    pub date_creation: Timestamp,
    pub date_expiration: Timestamp,
    pub statut: Statut,
    pub version: Version,
}

/// The premium's rate, in thousandths of the value: 2 %, 1.5 % (plan, instruction 2.1.4) and 1.8 %.
const fn rate(type_bien: TypeBien) -> i64 {
    match type_bien {
        TypeBien::Auto => 20,
        TypeBien::Habitation => 15,
        TypeBien::Autre => 18,
    }
}

/// The premium for a positive value, rounded half up to the cent.
fn prime(type_bien: TypeBien, valeur: Cents) -> Cents {
    let cents = (valeur.get() * rate(type_bien) + 500) / 1_000;
    // At most two hundredths of the value, rounded: below it, or 0 and 1 cent for the smallest.
    Cents::new(cents).unwrap_or(valeur)
}

/// Makes a quote that is valid for `validity` from `now`; both are kept to the millisecond.
pub fn generer(id: DevisId, demande: Demande, now: Timestamp, validity: Duration) -> (Devis, DevisGenere) {
    let now = millis(now);
    let Demande { client_id, type_bien, valeur } = demande;
    let devis = Devis {
        id,
        client_id,
        type_bien,
        valeur,
        prime: prime(type_bien, valeur),
        date_creation: now,
        // The configured validity is at most ten years, so only a clock in the year 9990 reaches the end.
        date_expiration: now.checked_add(validity).map_or(Timestamp::MAX, millis),
        statut: Statut::Genere,
        version: Version::FIRST,
    };
    let event = DevisGenere {
        devis_id: devis.id,
        client_id: devis.client_id.clone(),
        type_bien: devis.type_bien,
        valeur: devis.valeur,
        prime: devis.prime,
        timestamp: devis.date_creation,
        date_expiration: devis.date_expiration,
        version: devis.version,
    };
    (devis, event)
}

/// Expires a quote whose validity has passed. A quote that is still valid, became a contract or has expired
/// before stays as it is, without an event.
pub fn expirer(devis: Devis, now: Timestamp) -> Option<(Devis, DevisExpire)> {
    if devis.statut != Statut::Genere || now < devis.date_expiration {
        return None;
    }
    let devis = Devis { statut: Statut::Expire, version: devis.version.next(), ..devis };
    let event = DevisExpire {
        devis_id: devis.id,
        date_expiration: devis.date_expiration,
        timestamp: millis(now),
        version: devis.version,
    };
    Some((devis, event))
}

/// Marks the quote that a contract was made of. The contract wins over an expiry that crossed it: whoever has a contract
/// is insured. The quote tells nothing of it, because the contract's own event did.
pub fn convertir(devis: Devis) -> Devis {
    Devis { statut: Statut::Converti, ..devis }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MONTH: Duration = Duration::from_secs(30 * 86_400);

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    fn demande(type_bien: TypeBien, valeur: &str) -> Demande {
        let client_id = "C001".parse().expect("a client id");
        Demande::new(client_id, type_bien, valeur.parse().expect("an amount")).expect("positive")
    }

    fn devis() -> Devis {
        generer(DevisId::generate(), demande(TypeBien::Auto, "25000"), at("2026-11-25T04:00:00Z"), MONTH).0
    }

    #[test]
    fn premiums_of_the_plan_rounded_half_up() {
        for (type_bien, valeur, expected) in [
            (TypeBien::Auto, "25000", "500.00"),
            (TypeBien::Habitation, "200000", "3000.00"),
            (TypeBien::Autre, "1000", "18.00"),
            (TypeBien::Auto, "0.01", "0.00"),
            (TypeBien::Auto, "0.24", "0.00"),
            (TypeBien::Auto, "0.25", "0.01"),
            (TypeBien::Habitation, "0.33", "0.00"),
            (TypeBien::Habitation, "0.34", "0.01"),
            (TypeBien::Habitation, "1", "0.02"),
            (TypeBien::Habitation, "333.33", "5.00"),
            (TypeBien::Autre, "0.27", "0.00"),
            (TypeBien::Autre, "0.28", "0.01"),
            (TypeBien::Auto, "9999999999.99", "200000000.00"),
        ] {
            let valeur = valeur.parse().expect("an amount");
            assert_eq!(prime(type_bien, valeur).to_string(), expected, "{type_bien} {valeur}");
        }
    }

    #[test]
    fn a_value_must_be_positive() {
        let client: ClientId = "C001".parse().expect("a client id");
        for valeur in ["0", "-0.01", "-25000"] {
            let refused = Demande::new(client.clone(), TypeBien::Auto, valeur.parse().expect("an amount"));
            assert_eq!(refused, Err(Refus::ValeurNotPositive), "{valeur}");
        }
    }

    #[test]
    fn a_new_quote_and_its_event_say_the_same() {
        let id = DevisId::generate();
        let (devis, event) =
            generer(id, demande(TypeBien::Auto, "25000"), at("2026-11-25T04:05:06.007999Z"), MONTH);
        assert_eq!(devis.date_creation, at("2026-11-25T04:05:06.007Z"));
        assert_eq!(devis.date_expiration, at("2026-12-25T04:05:06.007Z"));
        assert_eq!((devis.statut, devis.version), (Statut::Genere, Version::FIRST));
        assert_eq!((event.devis_id, event.prime, event.valeur), (id, devis.prime, devis.valeur));
        assert_eq!((event.timestamp, event.date_expiration), (devis.date_creation, devis.date_expiration));
        assert_eq!(event.version, devis.version);
    }

    #[test]
    fn a_quote_expires_at_its_instant_and_once() {
        let devis = devis();
        let end = devis.date_expiration;
        assert_eq!(expirer(devis.clone(), end - Duration::from_millis(1)), None);
        let (expired, event) = expirer(devis.clone(), end).expect("its validity has passed");
        assert_eq!((expired.statut, expired.version.get()), (Statut::Expire, 2));
        assert_eq!((event.devis_id, event.version), (devis.id, expired.version));
        assert_eq!(expirer(expired, end + Duration::from_secs(1)), None);
        let converted = Devis { statut: Statut::Converti, ..devis };
        assert_eq!(expirer(converted, end + Duration::from_secs(1)), None);
    }

    /// The whole table of a quote's states: what time, and what a contract, makes of each.
    #[test]
    fn every_state_and_what_becomes_of_it() {
        let devis = devis();
        let (before, after) = (devis.date_expiration - Duration::from_millis(1), devis.date_expiration);
        for (statut, later, converted) in [
            (Statut::Genere, Some(Statut::Expire), Statut::Converti),
            (Statut::Converti, None, Statut::Converti),
            (Statut::Expire, None, Statut::Converti),
        ] {
            let devis = Devis { statut, ..devis.clone() };
            assert_eq!(expirer(devis.clone(), before), None, "{statut}");
            assert_eq!(expirer(devis.clone(), after).map(|(devis, _)| devis.statut), later, "{statut}");
            let contract = convertir(devis.clone());
            assert_eq!((contract.statut, contract.version), (converted, devis.version), "{statut}");
        }
    }

    proptest! {
        #[test]
        fn a_premium_is_the_nearest_cent(cents in 1..=Cents::MAX.get(), kind in 0..3_usize) {
            let type_bien = TypeBien::ALL[kind];
            let valeur = Cents::new(cents).expect("within bounds");
            let premium = prime(type_bien, valeur).get();
            let exact = i128::from(cents) * i128::from(rate(type_bien)); // thousandths of a cent
            let off = i128::from(premium) * 1_000 - exact;
            prop_assert!(off > -500 && off <= 500, "{} for {}", premium, cents);
        }

        #[test]
        fn a_greater_value_never_costs_less(a in 1..=Cents::MAX.get(), b in 1..=Cents::MAX.get(), kind in 0..3_usize) {
            let premium = |cents| prime(TypeBien::ALL[kind], Cents::new(cents).expect("within bounds"));
            prop_assert!(premium(a.min(b)) <= premium(a.max(b)));
        }
    }
}
