//! The guided situations: what to predict, what brings it about, what is seen.

use askama::Template;

use super::rendered;
use crate::{
    lessons::{FAST, Lesson, Step, TARGET},
    texts::{Lang, Texts, filled},
};

#[derive(Template)]
#[template(path = "lessons.html")]
struct Lessons {
    t: &'static Texts,
    cards: [Card; 3],
}

struct Card {
    id: &'static str,
    title: &'static str,
    question: String,
    /// What brings it about, and what ends it.
    presses: [Press; 2],
    /// What is to be seen, one after the other, and whether it was.
    steps: [(String, bool); 3],
}

/// A button, and the form behind it.
struct Press {
    id: String,
    action: &'static str,
    fields: Vec<(&'static str, String)>,
    label: String,
}

/// The situations, each as far as it has come.
pub(crate) fn lessons(lang: Lang, steps: [Step; 3]) -> String {
    let t = lang.texts();
    let cards = Lesson::ALL.map(|lesson| card(t, lesson, steps[lesson as usize]));
    rendered(&Lessons { t, cards })
}

fn card(t: &'static Texts, lesson: Lesson, step: Step) -> Card {
    let named = |text: &str| filled(text, &[("target", &TARGET), ("n", &FAST)]);
    let (id, title, question, texts) = match lesson {
        Lesson::Outage => {
            let seen = [t.lesson_outage_begun, t.lesson_outage_seen, t.lesson_outage_over];
            ("lesson-outage", t.lesson_outage, t.lesson_outage_question, seen)
        }
        Lesson::Speed => {
            let seen = [t.lesson_speed_begun, t.lesson_speed_seen, t.lesson_speed_over];
            ("lesson-speed", t.lesson_speed, t.lesson_speed_question, seen)
        }
        Lesson::Late => {
            let seen = [t.lesson_late_begun, t.lesson_late_seen, t.lesson_late_over];
            ("lesson-late", t.lesson_late, t.lesson_late_question, seen)
        }
    };
    let [begun, seen, over] = texts.map(named);
    let (doing, undoing) = match lesson {
        Lesson::Outage => (scenario("SERVICE_EN_PANNE"), scenario("NORMAL")),
        Lesson::Speed => (speed(FAST), speed(5)),
        Lesson::Late => (scenario("CONSOMMATEUR_LENT"), scenario("NORMAL")),
    };
    let press = |what: &str, (action, fields), label: &str| Press {
        id: format!("{id}-{what}"),
        action,
        fields,
        label: named(label),
    };
    Card {
        id,
        title,
        question: named(question),
        presses: [press("begin", doing, t.lesson_begin), press("end", undoing, t.lesson_end)],
        steps: [(begun, step >= Step::Begun), (seen, step >= Step::Seen), (over, step >= Step::Over)],
    }
}

type Form = (&'static str, Vec<(&'static str, String)>);

fn scenario(name: &str) -> Form {
    ("/steer/scenario", vec![("scenario", name.to_owned()), ("target", TARGET.to_owned())])
}

fn speed(rate: u32) -> Form {
    ("/steer/speed", vec![("eventsPerSecond", rate.to_string())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_marked() {
        let done = |steps| lessons(Lang::En, steps).matches("class=\"done\"").count();
        assert_eq!(done([Step::Before; 3]), 0);
        assert_eq!(done([Step::Begun, Step::Seen, Step::Over]), 6);
        let html = lessons(Lang::Fr, [Step::Before; 3]);
        assert!(
            html.contains("souscription") && !html.contains("{target}") && !html.contains("{n}"),
            "{html}"
        );
    }
}
