//! Every text that people read, in both languages: a text that is missing in one does not compile.

use std::fmt::Display;

/// A language of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    En,
    Fr,
}

impl Lang {
    pub const ALL: [Self; 2] = [Self::En, Self::Fr];

    /// The language's tag (BCP 47).
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
        }
    }

    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::En => Self::Fr,
            Self::Fr => Self::En,
        }
    }

    pub const fn texts(self) -> &'static Texts {
        match self {
            Self::En => &EN,
            Self::Fr => &FR,
        }
    }

    /// The language of a tag, whatever its region.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|lang| primary.eq_ignore_ascii_case(lang.tag()))
    }

    /// The language that an Accept-Language header wants most (RFC 9110, section 12.5.4).
    pub fn accepted(header: &str) -> Option<Self> {
        let weighed = header.split(',').filter_map(|part| {
            let mut parts = part.split(';');
            let lang = Self::of_tag(parts.next()?)?;
            let weight = parts.find_map(|part| part.trim().strip_prefix("q=")?.parse::<f32>().ok());
            Some((lang, weight.unwrap_or(1.0)))
        });
        // Of equals the first.
        let best = weighed
            .filter(|(_, weight)| *weight > 0.0)
            .reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map(|(lang, _)| lang)
    }

    /// A whole number as people of that language write it.
    pub fn number(self, number: impl Display) -> String {
        let separator = match self {
            Self::En => ',',
            Self::Fr => '\u{202f}',
        };
        let digits = number.to_string();
        let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |rest| ("-", rest));
        let mut text = sign.to_owned();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                text.push(separator);
            }
            text.push(digit);
        }
        text
    }
}

/// Puts values into a text's `{name}` places.
pub(crate) fn filled(text: &str, values: &[(&str, &dyn Display)]) -> String {
    values
        .iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), &value.to_string()))
}

macro_rules! texts {
    ($($key:ident: $en:literal, $fr:literal;)+) => {
        /// The texts of one language.
        #[derive(Debug)]
        pub struct Texts {
            $(pub $key: &'static str,)+
        }

        const EN: Texts = Texts { $($key: $en,)+ };
        const FR: Texts = Texts { $($key: $fr,)+ };

        #[cfg(test)]
        const ALL: &[(&str, &str, &str)] = &[$((stringify!($key), $en, $fr),)+];
    };
}

texts! {
    title: "kafka-eda-lab", "kafka-eda-lab";
    tagline: "An insurance company made of events", "Une compagnie d’assurance faite d’événements";
    skip: "Skip to the content", "Aller au contenu";
    language: "Français", "English";
    language_label: "Lire cette page en français", "Read this page in English";
    no_script: "Without JavaScript this page shows the last events and steers the simulation, but it does not move. Reload it to see what is new.",
        "Sans JavaScript, cette page montre les derniers événements et pilote la simulation, mais elle reste immobile. Rechargez-la pour voir la suite.";

    connecting: "Connecting", "Connexion";
    connected: "Live", "En direct";
    disconnected: "Connection lost, trying again", "Connexion perdue, nouvel essai";

    steer: "Steer", "Piloter";
    simulation: "Simulation", "Simulation";
    in_force: "In force", "En vigueur";
    running: "Running", "En marche";
    stopped: "Stopped", "À l’arrêt";
    per_second: "{n} events/s", "{n} événements/s";
    not_known: "What is in force is not known yet.", "On ne sait pas encore ce qui est en vigueur.";
    pending: "Asked for, not yet in force: {what}", "Demandé, pas encore en vigueur : {what}";
    not_applied: "Not everybody follows: {why}", "Tout le monde ne suit pas : {why}";
    lab_absent: "There is no EdaLab of this name any more.", "Il n’y a plus d’EdaLab de ce nom.";
    lab_unseen: "The EdaLab cannot be read from the Kubernetes API: {why}", "L’EdaLab ne peut pas être lu par l’API Kubernetes : {why}";
    start: "Start", "Démarrer";
    start_hint: "Quotes leave quotation; a moment later contracts come back from souscription.",
        "Des devis quittent quotation ; un instant plus tard, des contrats reviennent de souscription.";
    stop: "Stop", "Arrêter";
    stop_hint: "Nothing new is asked for; what still waits in a queue is consumed.",
        "Plus rien de nouveau n’est demandé ; ce qui attend encore dans une file est consommé.";
    speed: "Speed", "Vitesse";
    slow: "Slow", "Lente";
    slow_hint: "1 event/s: follow a single quote with your eyes.", "1 événement/s : suivez un devis des yeux.";
    usual: "Normal", "Normale";
    usual_hint: "5 events/s: see how few quotes expire, and how most become contracts.",
        "5 événements/s : voyez comme la plupart des devis deviennent des contrats.";
    fast: "Fast", "Rapide";
    fast_hint: "50 events/s: dots become streams, and queues begin to show.",
        "50 événements/s : les points deviennent des flux, et des files apparaissent.";
    other_speed: "Another speed, in events per second (1 to 1,000)", "Une autre vitesse, en événements par seconde (1 à 1 000)";
    set: "Set", "Régler";
    scenario: "Scenario", "Scénario";
    normal: "Normal", "Normal";
    normal_hint: "Of 100 quotes 60 become contracts; of 100 contracts 20 get a claim, which is judged and paid, 5 change and 2 end.",
        "Sur 100 devis, 60 deviennent des contrats ; sur 100 contrats, 20 ont un sinistre, évalué et payé, 5 changent et 2 prennent fin.";
    peak: "Peak load", "Pic de charge";
    peak_hint: "{factor} times as many for {seconds} s: a queue grows before a consumer and drains, and nothing is lost.",
        "{factor} fois plus pendant {seconds} s : une file grandit devant un consommateur, puis se vide, et rien ne se perd.";
    late: "Slow consumer", "Consommateur lent";
    late_hint: "{target} takes {n} ms longer for each event: what waits for it grows, and nobody else notices.",
        "{target} met {n} ms de plus pour chaque événement : sa file grandit, et personne d’autre n’y perd.";
    outage: "Service down", "Service en panne";
    outage_hint: "{target} is taken away: its events wait in Kafka, and all have their effect when it is back.",
        "{target} disparaît : ses événements attendent dans Kafka, et tous ont leur effet à son retour.";
    asked: "Asked for. What is in force is shown above.", "C’est demandé. Ce qui est en vigueur est affiché plus haut.";
    refused: "Not done: {why}", "Pas fait : {why}";

    flow: "Flow", "Flux";
    flow_about: "Each dot is an event, drawn when it was seen on its topic in Kafka.",
        "Chaque point est un événement, dessiné quand il a été vu sur son topic dans Kafka.";
    flow_label: "The simulator commands quotation, souscription and reclamation, which speak through topics of Kafka",
        "Le simulateur commande quotation, souscription et reclamation, qui se parlent par des topics de Kafka";
    commands: "commands (HTTP)", "commandes (HTTP)";
    dead_letters: "dead letters", "lettres mortes";
    waiting: "{n} waiting", "{n} en attente";
    up: "up", "en marche";
    not_ready: "not ready", "pas prêt";
    down: "down", "arrêté";
    unknown: "not known", "inconnu";

    timeline: "Timeline", "Chronologie";
    filter: "Filter", "Filtrer";
    filter_hint: "id, client, service …", "id, client, service …";
    every_type: "Every type", "Tous les types";
    kind: "Type", "Type";
    pause: "Pause", "Pause";
    resume: "Resume ({n} waiting)", "Reprendre ({n} en attente)";
    nothing_yet: "No event yet. Press Start.", "Aucun événement pour l’instant. Appuyez sur Démarrer.";
    nothing_matches: "No event matches the filter.", "Aucun événement ne correspond au filtre.";
    gap_known: "{n} events passed while the connection was lost, and are not shown.",
        "{n} événements sont passés pendant la coupure et ne sont pas affichés.";
    gap_unknown: "The dashboard was restarted; what passed meanwhile is not shown.",
        "Le tableau de bord a redémarré ; ce qui s’est passé entre-temps n’est pas affiché.";
    to: "to", "vers";
    published: "published", "publié";
    dead_letter: "dead letter", "lettre morte";
    unreadable: "unreadable", "illisible";
    rate: "events/s", "événements/s";
    seen: "seen since this page is open", "vus depuis l’ouverture de la page";
    in_queues: "waiting in queues", "en attente dans les files";

    ledger: "Ledger", "Grand livre";
    ledger_closes: "It adds up: every event is accounted for.", "Le compte est bon : chaque événement est justifié.";
    ledger_open: "It does not add up.", "Le compte n’est pas bon.";
    ledger_reading: "The services still read their topics: {n} records to go.",
        "Les services lisent encore leurs topics : {n} enregistrements restants.";
    ledger_waiting: "The services are being asked.", "Les services sont interrogés.";
    ledger_unknown: "It cannot be told: {why}", "On ne peut pas le dire : {why}";
    emitted: "Emitted", "Émis";
    on_topic: "On topic", "Sur le topic";
    in_outbox: "In outbox", "En outbox";
    applied: "Applied", "Appliqués";
    in_flight: "In flight", "En vol";
    letters: "Dead letters", "Lettres mortes";
    missing: "Missing", "Manquants";
    event: "Event", "Événement";
    consumer: "Consumer", "Consommateur";
    twice: "applied twice", "appliqué deux fois";
    out_of_order: "out of order", "hors d’ordre";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_empty_and_both_languages_have_the_same_places() {
        let places = |text: &str| -> Vec<String> {
            let mut places: Vec<_> =
                text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0.to_owned())).collect();
            places.sort();
            places
        };
        for (key, en, fr) in ALL {
            assert!(!en.trim().is_empty() && !fr.trim().is_empty(), "{key}");
            assert_eq!(places(en), places(fr), "{key}");
        }
    }

    #[test]
    fn the_language_that_is_wanted_most() {
        for (header, wanted) in [
            ("fr", Some(Lang::Fr)),
            ("fr-CA,en;q=0.8", Some(Lang::Fr)),
            ("en-GB, fr;q=0.9", Some(Lang::En)),
            ("de, fr;q=0.2, en;q=0.5", Some(Lang::En)),
            ("fr;q=0, en;q=0.1", Some(Lang::En)),
            ("en, fr", Some(Lang::En)),
            ("de", None),
            ("", None),
            (";;q=,,", None),
        ] {
            assert_eq!(Lang::accepted(header), wanted, "{header:?}");
        }
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, en, fr) in [
            (0, "0", "0"),
            (999, "999", "999"),
            (1_000, "1,000", "1\u{202f}000"),
            (-1_234_567, "-1,234,567", "-1\u{202f}234\u{202f}567"),
        ] {
            assert_eq!((Lang::En.number(number), Lang::Fr.number(number)), (en.to_owned(), fr.to_owned()));
        }
    }

    #[test]
    fn values_are_put_into_their_places() {
        assert_eq!(filled("{a} of {b}, {a}", &[("a", &1), ("b", &"x")]), "1 of x, 1");
    }
}
