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
    errors: "Errors", "Erreurs";
    errors_hint: "{n} of 100 events are mistakes: services refuse bad requests, and bad records become dead letters, while good ones go on.",
        "{n} événements sur 100 sont des erreurs : les services refusent les mauvaises requêtes, les mauvais messages deviennent des lettres mortes, et les bons passent.";
    late: "Slow consumer", "Consommateur lent";
    late_hint: "{target} takes {n} ms longer for each event: what waits for it grows, and nobody else notices.",
        "{target} met {n} ms de plus pour chaque événement : sa file grandit, et personne d’autre n’y perd.";
    outage: "Service down", "Service en panne";
    outage_hint: "{target} is taken away: its events wait in Kafka, and all have their effect when it is back.",
        "{target} disparaît : ses événements attendent dans Kafka, et tous ont leur effet à son retour.";
    asked: "Asked for. What is in force is shown above.", "C’est demandé. Ce qui est en vigueur est affiché plus haut.";
    refused: "Not done: {why}", "Pas fait : {why}";

    lessons: "Try it", "À essayer";
    lessons_about: "Say what will happen, bring it about, and compare. Each step is ticked when the lab itself shows it; the simulation must run.",
        "Dites ce qui va se passer, provoquez-le, comparez. Chaque étape est cochée quand le lab lui-même la montre ; la simulation doit tourner.";
    lesson_begin: "Do it", "Le faire";
    lesson_end: "Undo it", "L’annuler";
    lesson_done: "(seen)", "(vu)";
    lesson_outage: "A consumer is gone", "Un consommateur disparaît";
    lesson_outage_question: "{target} stops. Can clients still ask for quotes? What becomes of the quotes that it does not hear of?",
        "{target} s’arrête. Les clients peuvent-ils encore demander des devis ? Que deviennent les devis dont il n’entend pas parler ?";
    lesson_outage_begun: "{target} is taken away.", "{target} est arrêté.";
    lesson_outage_seen: "Quotes are made all the same, and wait in Kafka: its queue grows.",
        "Des devis se font quand même, et attendent dans Kafka : sa file grandit.";
    lesson_outage_over: "Undone: it reads on where it stopped, and its queue is gone. The ledger closes.",
        "Annulé : il reprend là où il s’était arrêté, et sa file disparaît. Le grand livre est juste.";
    lesson_speed: "Ten times as fast", "Dix fois plus vite";
    lesson_speed_question: "{n} events a second instead of 5. Which service falls behind first, if any? What would a service that calls the other by HTTP do?",
        "{n} événements par seconde au lieu de 5. Quel service prend du retard le premier, s’il y en a un ? Que ferait un service qui appelle l’autre par HTTP ?";
    lesson_speed_begun: "{n} events a second are in force, and no pod was restarted.", "{n} événements par seconde sont en vigueur, sans redémarrage.";
    lesson_speed_seen: "That many pass through the topics.", "Il en passe autant par les topics.";
    lesson_speed_over: "Undone: the topics are quiet again.", "Annulé : les topics sont redevenus calmes.";
    lesson_late: "A slow consumer", "Un consommateur lent";
    lesson_late_question: "{target} takes half a second longer for each event. Who else notices? Does anything get lost?",
        "{target} met une demi-seconde de plus pour chaque événement. Qui d’autre le remarque ? Est-ce que quelque chose se perd ?";
    lesson_late_begun: "{target} is slow.", "{target} est lent.";
    lesson_late_seen: "Its queue grows, and no other does.", "Sa file grandit, et aucune autre.";
    lesson_late_over: "Undone: it catches up, and nothing was lost.", "Annulé : il rattrape son retard, et rien n’est perdu.";

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

    pages: "Pages", "Pages";
    lab_page: "Lab", "Lab";
    topics: "Topics", "Topics";
    topics_about: "What Kafka keeps. A topic is cut into partitions; each is a list that only grows at its end, and is read from any offset.",
        "Ce que garde Kafka. Un topic est découpé en partitions ; chacune est une liste qui ne grandit qu’à sa fin et se lit à partir de n’importe quel offset.";
    topic: "Topic", "Topic";
    holds: "Holds", "Contient";
    anything: "anything", "n’importe quoi";
    partition: "Partition", "Partition";
    records: "Records", "Messages";
    first_offset: "First offset", "Premier offset";
    next_offset: "Next offset", "Offset suivant";
    offset: "Offset", "Offset";
    no_topics: "There is no topic yet.", "Il n’y a pas encore de topic.";
    messages_of: "Messages of {topic}", "Messages de {topic}";
    messages_about: "Oldest first. Without a choice: the last {n}.", "Du plus ancien au plus récent. Sans choix : les {n} derniers.";
    every_partition: "every one", "toutes";
    from_offset: "From offset", "À partir de l’offset";
    from_time: "From time (UTC)", "À partir de l’heure (UTC)";
    show: "Show", "Afficher";
    older: "Older", "Plus anciens";
    newer: "Newer", "Plus récents";
    no_messages: "There is no message here.", "Il n’y a pas de message ici.";
    time: "Time", "Heure";
    key: "Key", "Clé";
    content: "Content", "Contenu";
    not_a_choice: "{what} cannot be read: {why}", "{what} est illisible : {why}";
    no_such_topic: "There is no topic {topic}.", "Il n’y a pas de topic {topic}.";
    message_gone: "There is no message at offset {offset} of this partition: it was removed with its time, or is not written yet.",
        "Il n’y a pas de message à l’offset {offset} de cette partition : il a expiré, ou n’est pas encore écrit.";
    message_at: "Message {offset} of partition {partition}", "Message {offset} de la partition {partition}";
    payload: "Payload", "Charge utile";
    schema_id: "Schema", "Schéma";
    size: "Size of the value", "Taille de la valeur";
    bytes: "{n} bytes", "{n} octets";
    headers: "Headers", "En-têtes";
    headers_unreadable: "The name of a header is no text (UTF-8), so the headers cannot be shown.",
        "Le nom d’un en-tête n’est pas du texte (UTF-8) : les en-têtes ne peuvent pas être affichés.";
    no_headers: "none", "aucun";
    raw: "Bytes of the value", "Octets de la valeur";
    no_value: "The record has no value.", "Le message n’a pas de valeur.";
    cut_off: "… and {n} bytes more", "… et {n} octets de plus";
    given_up: "Given up by {group}: {reason}", "Abandonné par {group} : {reason}";
    original: "The record as it lies on its topic", "Le message tel qu’il est sur son topic";
    previous: "Previous", "Précédent";
    next: "Next", "Suivant";
    story: "Its story", "Son histoire";
    story_about: "Other messages that name the same quote, contract or claim, found among the {n} messages around this one.",
        "Les autres messages qui nomment le même devis, contrat ou sinistre, parmi les {n} messages autour de celui-ci.";
    story_alone: "No other message names what this one is about.", "Aucun autre message ne nomme ce dont parle celui-ci.";
    this_one: "this one", "celui-ci";
    groups: "Groups", "Groupes";
    groups_about: "A group reads a topic together: each partition is read by one member, and the group notes the next offset. What lies behind it is its lag.",
        "Un groupe lit un topic ensemble : chaque partition est lue par un seul membre, et le groupe note l’offset suivant. Ce qui reste à lire est son retard.";
    group: "Group", "Groupe";
    state: "State", "État";
    members: "Members", "Membres";
    end: "End", "Fin";
    lag: "Lag", "Retard";
    no_groups: "There is no group yet.", "Il n’y a pas encore de groupe.";
    nothing_committed: "It has committed no offset.", "Il n’a noté aucun offset.";
    schemas: "Schemas", "Schémas";
    schemas_about: "What a value may look like. A new version is taken only if what was written by the others can still be read, and the reverse.",
        "À quoi une valeur peut ressembler. Une nouvelle version n’est acceptée que si ce qu’ont écrit les autres reste lisible, et inversement.";
    subject: "Subject", "Sujet";
    versions: "Versions", "Versions";
    version: "Version {n}", "Version {n}";
    no_schemas: "The registry has no schema yet.", "Le registre n’a pas encore de schéma.";
    components: "Components", "Composants";
    components_about: "What the operator says of the lab’s parts, in the EdaLab’s status.",
        "Ce que l’opérateur dit des parties du lab, dans le statut de l’EdaLab.";
    component: "Component", "Composant";
    image: "Image", "Image";
    said: "In words", "En clair";
    conditions: "Conditions", "Conditions";
    condition: "Condition", "Condition";
    holds_true: "true", "vraie";
    holds_false: "false", "fausse";
    reached_at: "Reached at", "Accessible à";
    address: "Address", "Adresse";
    logs: "Logs", "Journaux";
    logs_about: "What each part writes, as it comes, through the Kubernetes API.", "Ce qu’écrit chaque partie, au fil de l’eau, par l’API Kubernetes.";
    logs_of: "Log of {component}", "Journal de {component}";
    logs_unavailable: "The log cannot be had: {why}", "Le journal est inaccessible : {why}";
    choose: "Choose a component.", "Choisissez un composant.";
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
