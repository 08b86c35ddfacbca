//! What the pages are made of: each part is rendered from what is known, in one language. Pure.

pub(crate) mod explore;
mod ledger;
mod lessons;
mod steer;
mod timeline;

use std::time::Duration;

use askama::Template;
use axum::http::Uri;

use crate::{
    assets::ASSETS,
    board::Pieces,
    explore::{Place, Sight},
    flow::{self, Drawing},
    ring::Entry,
    texts::{Lang, Texts, filled},
    web,
};

/// How soon a page in trouble looks again.
const AGAIN: Duration = Duration::from_secs(2);

pub(crate) use ledger::ledger;
pub(crate) use lessons::lessons;
pub(crate) use steer::{force, steer};
use timeline::Row;

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    lang: Lang,
    t: &'static Texts,
    assets: &'static crate::assets::Addresses,
    at: Place,
    /// Its own address, to which a language can be added.
    here: String,
    /// Id of the last event that is shown: the stream goes on from it.
    last: String,
    force: &'a str,
    steer: &'a str,
    ledger: &'a str,
    lessons: &'a str,
    answer: String,
    drawings: [Drawing; 2],
    kinds: Vec<&'static str>,
    recent: Vec<Row<'a>>,
}

/// A page beside the lab's.
#[derive(Template)]
#[template(path = "beside.html")]
struct Beside<'a> {
    lang: Lang,
    t: &'static Texts,
    assets: &'static crate::assets::Addresses,
    at: Place,
    here: String,
    title: &'a str,
    sight: String,
}

#[derive(Template)]
#[template(path = "sight.html")]
struct SightPart<'a> {
    sight: &'a Sight,
    every: Option<u64>,
}

#[derive(Template)]
#[template(path = "answer.html")]
struct Answer {
    t: &'static Texts,
    refusal: Option<String>,
}

/// What came of a command: nothing yet, that it was asked for, or why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Nothing,
    Asked,
    Refused(String),
}

/// The whole page. `last` is the id of the last event that has left the hub.
pub(crate) fn page(
    lang: Lang,
    uri: &Uri,
    pieces: &Pieces,
    recent: &[Entry],
    last: String,
    told: &Told,
) -> String {
    let t = lang.texts();
    let kinds = schemas::CATALOGUE.iter().filter_map(schemas::Topic::event).collect();
    rendered(&Page {
        lang,
        t,
        assets: ASSETS.addresses(),
        at: Place::Lab,
        here: web::without_language(uri),
        last,
        force: &pieces.force,
        steer: &pieces.steer,
        ledger: &pieces.ledger,
        lessons: &pieces.lessons,
        answer: answer(lang, told),
        drawings: [flow::wide(t), flow::tall(t)],
        kinds,
        recent: recent.iter().rev().map(|entry| Row::of(entry, t)).collect(),
    })
}

/// A page beside the lab's, whole.
pub(crate) fn beside(lang: Lang, uri: &Uri, sight: &Sight) -> String {
    rendered(&Beside {
        lang,
        t: lang.texts(),
        assets: ASSETS.addresses(),
        at: sight.place,
        here: web::without_language(uri),
        title: &sight.title,
        sight: self::sight(sight),
    })
}

/// What such a page shows. One in trouble looks again, so that it goes on by itself.
pub(crate) fn sight(sight: &Sight) -> String {
    let every = sight.every.or(sight.content.is_err().then_some(AGAIN));
    rendered(&SightPart { sight, every: every.map(|every| every.as_secs()) })
}

/// What came of a command, in a sentence.
pub(crate) fn answer(lang: Lang, told: &Told) -> String {
    let t = lang.texts();
    let refusal = match told {
        Told::Nothing => return String::new(),
        Told::Asked => None,
        Told::Refused(why) => Some(filled(t.refused, &[("why", why)])),
    };
    rendered(&Answer { t, refusal })
}

fn rendered(template: &impl Template) -> String {
    // Writing into a string fails only where a value's own Display does, and none does.
    template.render().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{
        cursor::Epoch,
        event::{Seen, Status},
        lab::Lab,
        ring::Ring,
    };

    fn evil() -> Ring {
        let text = "<script>alert('\"')</script>".to_owned();
        let mut ring = Ring::new(Epoch::starting(Timestamp::UNIX_EPOCH), 10);
        ring.push(Seen {
            time: Timestamp::UNIX_EPOCH,
            kind: text.clone(),
            source: text.clone(),
            destinations: vec!["souscription"],
            subject: text.clone(),
            summary: text,
            status: Status::Published,
            topic: "quotation.devis-genere".to_owned(),
            partition: 0,
            offset: 0,
        });
        ring
    }

    #[test]
    fn what_an_event_holds_is_text_and_never_markup() {
        let recent: Vec<_> = evil().after(0).cloned().collect();
        for lang in Lang::ALL {
            let pieces = Pieces {
                force: force(lang, &Lab::default()),
                steer: steer(lang, &Lab::default()),
                ledger: String::new(),
                lessons: String::new(),
            };
            let told = Told::Refused("<script>x</script>".to_owned());
            let page = page(lang, &Uri::from_static("/"), &pieces, &recent, "0-1".to_owned(), &told);
            let scripts: Vec<_> = page.match_indices("<script").map(|(at, _)| &page[at..at + 30]).collect();
            assert_eq!(scripts.len(), 3, "our own three and no other: {scripts:?}");
            assert!(scripts.iter().all(|script| script.starts_with("<script defer src=\"/static/")));
            assert!(page.contains("&#60;script&#62;") || page.contains("&lt;script&gt;"), "it is shown");
        }
    }

    #[test]
    fn nothing_on_the_page_needs_an_exception_from_the_policy() {
        let page =
            page(Lang::En, &Uri::from_static("/"), &Pieces::default(), &[], String::new(), &Told::Nothing);
        for forbidden in [" style=", " onclick=", "<style", "javascript:", "http://", "https://", "hx-on"] {
            // The icon names SVG's namespace, which nobody fetches.
            let page = page.replace("xmlns='http://www.w3.org/2000/svg'", "");
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }
}
