//! What clients do: a sequence of stories, each a quote and what follows. Pure: a seed gives the same stories whenever
//! and wherever they are told.

use std::time::Duration;

use schemas::{Cents, ClientId, TypeBien, TypeSinistre};

use crate::{data, dice::Dice};

/// Quotes that become contracts, of a thousand (plan, instruction 2.5.1).
const CONVERTED: u64 = 600;
/// Contracts that are changed, of a thousand.
const CHANGED: u64 = 50;
/// Of a thousand such contracts, those that are suspended, and later go on: two commands.
const SUSPENDED: u64 = 200;
/// Of a thousand, those whose premium changes; for the others it is the end of the cover.
const REPRICED: u64 = 500;
/// Contracts that are ended, of a thousand.
const ENDED: u64 = 20;
/// Contracts that get a claim, of a thousand (plan, instruction 2.5.1): it is made, judged and paid.
const CLAIMED: u64 = 200;

/// How many commands, and so events, a million stories come to.
pub(crate) const COMMANDS_OF_A_MILLION: u64 =
    1_000_000 + CONVERTED * (1_000 + 3 * CLAIMED + CHANGED + CHANGED * SUSPENDED / 1_000 + ENDED);

/// The shortest and the longest that a client takes for the next step, in milliseconds.
const PAUSE: (u64, u64) = (500, 3_000);

/// One client's quote and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Story {
    pub(crate) devis: Demande,
    /// What follows, in its order; a conversion comes first.
    pub(crate) then: Vec<Step>,
}

/// A command, and how long after the answer to the one before it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) after: Duration,
    pub(crate) command: Command,
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// Make a quote.
    Devis(Demande),
    /// Make the story's quote a contract.
    Conversion,
    /// Make a claim on the contract.
    Sinistre(Perte),
    /// Accept the claim, and pay so much.
    Evaluation(Cents),
    /// Pay the claim.
    Indemnisation,
    Modification(Changement),
    /// End the contract, for that reason.
    Resiliation(&'static str),
}

/// What a quote is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Demande {
    pub(crate) client: ClientId,
    pub(crate) type_bien: TypeBien,
    pub(crate) valeur: Cents,
}

/// What a client has lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Perte {
    pub(crate) type_sinistre: TypeSinistre,
    pub(crate) description: &'static str,
    pub(crate) montant: Cents,
}

/// How a contract is to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Changement {
    Prime(Cents),
    /// The cover is to end with a later year: the running one and so many.
    DateFin {
        years: u64,
    },
    Suspension(&'static str),
    Reprise(&'static str),
}

/// Kinds of commands, as counts are kept by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    Devis,
    Conversion,
    Sinistre,
    Evaluation,
    Indemnisation,
    Modification,
    Resiliation,
}

/// Things that commands are about, and that their answers show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thing {
    Devis,
    Contrat,
    Sinistre,
}

impl Kind {
    pub(crate) const COUNT: usize = 7;
    pub(crate) const ALL: [Self; Self::COUNT] = [
        Self::Devis,
        Self::Conversion,
        Self::Sinistre,
        Self::Evaluation,
        Self::Indemnisation,
        Self::Modification,
        Self::Resiliation,
    ];

    /// What a command of this kind is about; for the first one of a story, what it makes.
    pub(crate) const fn about(self) -> Thing {
        match self {
            Self::Devis | Self::Conversion => Thing::Devis,
            Self::Sinistre | Self::Modification | Self::Resiliation => Thing::Contrat,
            Self::Evaluation | Self::Indemnisation => Thing::Sinistre,
        }
    }

    /// What its answer shows.
    pub(crate) const fn shows(self) -> Thing {
        match self {
            Self::Devis => Thing::Devis,
            Self::Conversion | Self::Modification | Self::Resiliation => Thing::Contrat,
            Self::Sinistre | Self::Evaluation | Self::Indemnisation => Thing::Sinistre,
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Devis => "devis",
            Self::Conversion => "conversion",
            Self::Sinistre => "sinistre",
            Self::Evaluation => "evaluation",
            Self::Indemnisation => "indemnisation",
            Self::Modification => "modification",
            Self::Resiliation => "resiliation",
        }
    }
}

impl Command {
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Devis(_) => Kind::Devis,
            Self::Conversion => Kind::Conversion,
            Self::Sinistre(_) => Kind::Sinistre,
            Self::Evaluation(_) => Kind::Evaluation,
            Self::Indemnisation => Kind::Indemnisation,
            Self::Modification(_) => Kind::Modification,
            Self::Resiliation(_) => Kind::Resiliation,
        }
    }
}

/// The stories of a run, one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    seed: u64,
    told: u64,
}

impl Plan {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, told: 0 }
    }

    /// The next story.
    pub(crate) fn next(&mut self) -> Story {
        let story = story(&mut Dice::of(self.seed, self.told));
        self.told += 1;
        story
    }
}

fn story(dice: &mut Dice) -> Story {
    let client = data::client(dice);
    let type_bien = data::type_bien(dice);
    let valeur = data::valeur(dice, type_bien);
    let mut then = Vec::new();
    if dice.chance(CONVERTED) {
        then.push(step(dice, Command::Conversion));
        if dice.chance(CHANGED) {
            for changement in changements(dice, valeur) {
                then.push(step(dice, Command::Modification(changement)));
            }
        }
        if dice.chance(ENDED) {
            let motif = data::motif(dice, type_bien);
            then.push(step(dice, Command::Resiliation(motif)));
        }
        if dice.chance(CLAIMED) {
            // While the cover holds: before it can be suspended or ended.
            let claim = claim(dice, type_bien, valeur).map(|command| step(dice, command));
            then.splice(1..1, claim);
        }
    }
    Story { devis: Demande { client, type_bien, valeur }, then }
}

fn step(dice: &mut Dice, command: Command) -> Step {
    let (shortest, longest) = PAUSE;
    Step { after: Duration::from_millis(dice.between(shortest, longest)), command }
}

/// A loss, and what becomes of it: most are judged lower than the client believed.
fn claim(dice: &mut Dice, type_bien: TypeBien, valeur: Cents) -> [Command; 3] {
    let (type_sinistre, description) = data::perte(dice, type_bien);
    let estime = data::part(valeur, dice.between(5, 200));
    let evalue = data::part(estime, dice.between(600, 1_000));
    let perte = Perte { type_sinistre, description, montant: estime };
    [Command::Sinistre(perte), Command::Evaluation(evalue), Command::Indemnisation]
}

fn changements(dice: &mut Dice, valeur: Cents) -> Vec<Changement> {
    if dice.chance(SUSPENDED) {
        let (suspension, reprise) = (dice.one_of(&data::SUSPENSIONS), dice.one_of(&data::REPRISES));
        return vec![Changement::Suspension(suspension), Changement::Reprise(reprise)];
    }
    // REPRICED and SUSPENDED are shares of the same contracts.
    if dice.below(1_000 - SUSPENDED) < REPRICED {
        return vec![Changement::Prime(data::prime(dice, valeur))];
    }
    vec![Changement::DateFin { years: dice.between(1, 5) }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stories(seed: u64, count: usize) -> Vec<Story> {
        let mut plan = Plan::new(seed);
        (0..count).map(|_| plan.next()).collect()
    }

    fn count(story: &Story, kind: Kind) -> u32 {
        u32::try_from(story.then.iter().filter(|step| step.command.kind() == kind).count()).expect("few")
    }

    /// That `part` of `whole` is such a share, within 4.5 standard deviations: one in 150,000 runs of chance is outside.
    fn is_share(what: &str, part: u32, whole: u32, of_thousand: u32) {
        let (whole, share) = (f64::from(whole), f64::from(of_thousand) / 1_000.0);
        let (expected, deviation) = (whole * share, (whole * share * (1.0 - share)).sqrt());
        let off = (f64::from(part) - expected).abs() / deviation;
        assert!(off < 4.5, "{what}: {part} of {whole}, {expected} expected, {off:.1} deviations off");
    }

    #[test]
    fn shares_over_twenty_thousand_stories() {
        for seed in [1, 2, 0xDEAD_BEEF, u64::MAX] {
            let told = stories(seed, 20_000);
            let with = |holds: &dyn Fn(&Story) -> bool| {
                u32::try_from(told.iter().filter(|story| holds(story)).count()).expect("20,000 at most")
            };
            let contracts = with(&|story| count(story, Kind::Conversion) == 1);
            let changed = with(&|story| count(story, Kind::Modification) > 0);
            is_share("converted", contracts, 20_000, 600);
            is_share("changed", changed, contracts, 50);
            is_share("suspended", with(&|story| count(story, Kind::Modification) == 2), changed, 200);
            is_share("ended", with(&|story| count(story, Kind::Resiliation) == 1), contracts, 20);
            let claimed = with(&|story| count(story, Kind::Sinistre) == 1);
            is_share("claimed", claimed, contracts, 200);
            assert_eq!(with(&|story| count(story, Kind::Indemnisation) == 1), claimed);
            let prime = |step: &Step| matches!(step.command, Command::Modification(Changement::Prime(_)));
            is_share("repriced", with(&|story| story.then.iter().any(prime)), changed, 500);
            is_share("cars", with(&|story| story.devis.type_bien == TypeBien::Auto), 20_000, 600);
            let commands: usize = told.iter().map(|story| 1 + story.then.len()).sum();
            let expected =
                20_000 * usize::try_from(COMMANDS_OF_A_MILLION).expect("a small number") / 1_000_000;
            assert!(commands.abs_diff(expected) < 20_000 / 50, "{commands} commands, {expected} expected");
        }
    }

    #[test]
    fn a_million_stories_come_to_the_commands_that_the_shares_give() {
        // 600,000 conversions, 120,000 claims of three commands, 30,000 changed contracts of which 6,000 twice, 12,000
        // ended ones.
        assert_eq!(COMMANDS_OF_A_MILLION, 1_000_000 + 600_000 + 360_000 + 36_000 + 12_000);
    }

    /// A run that was told to others by its seed stays the same: this fails where a change makes it another.
    #[test]
    fn the_first_stories_of_the_default_seed() {
        let in_words = |Story { devis: Demande { client, type_bien, valeur }, then }: &Story| {
            let then = then.iter().map(|step| format!(", {:?} {:?}", step.after, step.command));
            format!("{client} {type_bien} {valeur}{}", then.collect::<String>())
        };
        let told = stories(1, 100);
        assert_eq!(in_words(&told[0]), "nathan.faure.1950 HABITATION 86000.00, 1.157s Conversion");
        assert_eq!(in_words(&told[1]), "louise.garcia.1990 AUTO 15700.00");
        let first = |kind| told.iter().find(|story| count(story, kind) > 0).expect("one of a hundred");
        let ends = "2.39s Conversion, 1.239s Resiliation(\"changement d'assureur\")";
        assert_eq!(in_words(first(Kind::Resiliation)), format!("ines.henry.1982 AUTO 15400.00, {ends}"));
        let lost = first(Kind::Sinistre).then.iter().find(|step| step.command.kind() == Kind::Sinistre);
        let perte = Perte {
            type_sinistre: TypeSinistre::Vol,
            description: "cambriolage, matériel informatique",
            montant: "7137".parse().expect("an amount"),
        };
        assert_eq!(lost.expect("a claim").command, Command::Sinistre(perte));
    }

    proptest! {
        #[test]
        fn a_seed_tells_the_same_stories_again(seed: u64) {
            prop_assert_eq!(stories(seed, 50), stories(seed, 50));
            prop_assert_ne!(stories(seed, 50), stories(seed.wrapping_add(1), 50));
        }

        #[test]
        fn every_story_can_be_played(seed: u64) {
            for story in stories(seed, 20) {
                let kinds: Vec<Kind> = story.then.iter().map(|step| step.command.kind()).collect();
                prop_assert!(kinds.is_sorted(), "{kinds:?}");
                prop_assert!(kinds.first().is_none_or(|first| *first == Kind::Conversion), "{kinds:?}");
                prop_assert_eq!(count(&story, Kind::Devis), 0);
                prop_assert!(count(&story, Kind::Conversion) <= 1 && count(&story, Kind::Resiliation) <= 1);
                let of_claims = [Kind::Sinistre, Kind::Evaluation, Kind::Indemnisation];
                prop_assert!([[0; 3], [1; 3]].contains(&of_claims.map(|kind| count(&story, kind))), "{kinds:?}");
                for step in &story.then {
                    if let Command::Sinistre(Perte { montant, .. }) | Command::Evaluation(montant) = &step.command
                    {
                        prop_assert!(montant.get() > 0 && *montant <= story.devis.valeur, "{step:?}");
                    }
                }
                for step in &story.then {
                    prop_assert!((500..=3_000).contains(&step.after.as_millis()), "{step:?}");
                }
            }
        }
    }
}
