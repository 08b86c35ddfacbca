//! What clients are called and what they insure. Made up, and such as it could be.

use schemas::{Cents, ClientId, TypeBien, TypeSinistre};

use crate::dice::Dice;

/// First names, as a client id may be written: without accents.
const PRENOMS: [&str; 40] = [
    "adele", "agathe", "alice", "amina", "antoine", "arthur", "axel", "camille", "chloe", "claire", "david",
    "elise", "emma", "farid", "florian", "gabriel", "helene", "hugo", "ines", "jeanne", "jules", "julien",
    "karim", "lea", "leo", "louise", "lucas", "manon", "marie", "mathis", "mehdi", "nathan", "noemie",
    "paul", "pauline", "raphael", "sarah", "theo", "yasmine", "zoe",
];

const NOMS: [&str; 50] = [
    "andre",
    "bernard",
    "bertrand",
    "blanc",
    "bonnet",
    "boyer",
    "chevalier",
    "clement",
    "david",
    "dubois",
    "dupont",
    "durand",
    "faure",
    "fontaine",
    "fournier",
    "francois",
    "garcia",
    "garnier",
    "gauthier",
    "girard",
    "guerin",
    "henry",
    "lambert",
    "laurent",
    "lefebvre",
    "lefevre",
    "legrand",
    "leroy",
    "martin",
    "martinez",
    "mercier",
    "michel",
    "moreau",
    "morel",
    "morin",
    "muller",
    "nicolas",
    "perrin",
    "petit",
    "richard",
    "robert",
    "robin",
    "rousseau",
    "roussel",
    "roux",
    "simon",
    "thomas",
    "vidal",
    "vincent",
    "diallo",
];

/// Why a cover rests.
pub(crate) const SUSPENSIONS: [&str; 4] =
    ["impayé", "bien immobilisé", "séjour à l'étranger", "à la demande du client"];
/// Why it goes on.
pub(crate) const REPRISES: [&str; 3] = ["régularisé", "retour du client", "à la demande du client"];
/// Why contracts end, by what they insure.
const FINS_AUTO: [&str; 4] = ["vente du véhicule", "véhicule détruit", "changement d'assureur", "impayé"];
const FINS_HABITATION: [&str; 4] = ["déménagement", "vente du logement", "changement d'assureur", "impayé"];

/// First name, name and year of birth: `camille.martin.1984`. There are about a hundred thousand such clients, so some
/// come again.
pub(crate) fn client(dice: &mut Dice) -> ClientId {
    let (prenom, nom) = (dice.one_of(&PRENOMS), dice.one_of(&NOMS));
    let born = dice.between(1950, 2005);
    format!("{prenom}.{nom}.{born}").parse().expect("letters, dots and digits make a client id")
}

/// Three of five have a car to insure, the others a home.
pub(crate) fn type_bien(dice: &mut Dice) -> TypeBien {
    if dice.chance(600) { TypeBien::Auto } else { TypeBien::Habitation }
}

/// A car's value, 10,000 to 80,000 in hundreds; a home's, 80,000 to 500,000 in thousands (plan, instruction 2.5.1). The
/// lower of two draws, because most own something ordinary.
pub(crate) fn valeur(dice: &mut Dice, type_bien: TypeBien) -> Cents {
    let (least, most, step) = match type_bien {
        TypeBien::Auto => (100, 800, 100),
        TypeBien::Habitation | TypeBien::Autre => (80, 500, 1_000),
    };
    let steps = dice.between(least, most).min(dice.between(least, most));
    euros(steps * step)
}

/// Another yearly premium: 1.0 to 2.5 % of the value, in whole euros.
pub(crate) fn prime(dice: &mut Dice, valeur: Cents) -> Cents {
    part(valeur, dice.between(10, 25))
}

/// Why a contract ends.
pub(crate) fn motif(dice: &mut Dice, type_bien: TypeBien) -> &'static str {
    match type_bien {
        TypeBien::Auto => dice.one_of(&FINS_AUTO),
        TypeBien::Habitation | TypeBien::Autre => dice.one_of(&FINS_HABITATION),
    }
}

/// What can happen to a car, and to a home.
const PERTES_AUTO: [(TypeSinistre, &str); 6] = [
    (TypeSinistre::Accident, "collision à l'arrêt, pare-chocs arrière"),
    (TypeSinistre::Accident, "sortie de route, aile et phare"),
    (TypeSinistre::Accident, "accrochage sur un parking"),
    (TypeSinistre::Vol, "vol de l'autoradio"),
    (TypeSinistre::Incendie, "feu dans le compartiment moteur"),
    (TypeSinistre::Autre, "bris de glace, pare-brise"),
];
const PERTES_HABITATION: [(TypeSinistre, &str); 6] = [
    (TypeSinistre::DegatDesEaux, "fuite du chauffe-eau, parquet"),
    (TypeSinistre::DegatDesEaux, "infiltration par la toiture"),
    (TypeSinistre::DegatDesEaux, "débordement de la machine à laver"),
    (TypeSinistre::Vol, "cambriolage, matériel informatique"),
    (TypeSinistre::Incendie, "feu de cuisine"),
    (TypeSinistre::Autre, "bris de glace, baie vitrée"),
];

/// What happened.
pub(crate) fn perte(dice: &mut Dice, type_bien: TypeBien) -> (TypeSinistre, &'static str) {
    match type_bien {
        TypeBien::Auto => dice.one_of(&PERTES_AUTO),
        TypeBien::Habitation | TypeBien::Autre => dice.one_of(&PERTES_HABITATION),
    }
}

/// So many thousandths of an amount, in whole euros, and one at least.
pub(crate) fn part(amount: Cents, of_thousand: u64) -> Cents {
    euros((u64::try_from(amount.get()).unwrap_or_default() * of_thousand / 100_000).max(1))
}

fn euros(euros: u64) -> Cents {
    i64::try_from(euros * 100).ok().and_then(|cents| Cents::new(cents).ok()).unwrap_or(Cents::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_name_makes_a_client_id() {
        for name in PRENOMS.iter().chain(&NOMS) {
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase()), "{name}");
        }
        let longest = |names: &[&str]| names.iter().map(|name| name.len()).max().unwrap_or_default();
        assert!(longest(&PRENOMS) + longest(&NOMS) + 6 <= ClientId::MAX_LENGTH);
    }

    proptest! {
        #[test]
        fn values_and_premiums_are_such_as_they_could_be(seed: u64) {
            let mut dice = Dice::of(seed, 0);
            let type_bien = type_bien(&mut dice);
            let valeur = valeur(&mut dice, type_bien);
            let euros = valeur.get() / 100;
            let (bounds, step) = match type_bien {
                TypeBien::Auto => (10_000..=80_000, 100),
                _ => (80_000..=500_000, 1_000),
            };
            prop_assert!(bounds.contains(&euros) && euros % step == 0 && valeur.get() % 100 == 0, "{valeur}");
            let prime = prime(&mut dice, valeur);
            prop_assert!(prime.get() * 100 >= valeur.get() - 10_000 && prime.get() * 40 <= valeur.get(), "{prime}");
        }
    }
}
