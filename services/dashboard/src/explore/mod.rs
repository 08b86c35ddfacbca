//! What a learner looks up beside the flow: topics and their messages, groups, schemas, the lab's parts and their logs. Read
//! only, and small.
//!
//! Each page is [`Sight`]: what it shows, or why it cannot. `story` and `dump` are pure.

mod choice;
mod dump;
mod ids;
mod logs;
mod pages;
mod story;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, Uri},
    response::Response,
    routing::get,
};
use platform::registry::RegistryClient;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{broker::Broker, lab::Lab, page, texts::Lang, web};
pub(crate) use choice::{Asked, MOST};
pub(crate) use dump::{MOST as DUMPED, dump, text_or_hex};
pub(crate) use logs::Logs;
pub(crate) use pages::{Chosen, Told, Value};

/// What the pages ask.
#[derive(Debug)]
pub(crate) struct Explorer {
    pub(crate) broker: Broker,
    pub(crate) registry: Arc<RegistryClient>,
    pub(crate) lab: watch::Receiver<Lab>,
    pub(crate) logs: Logs,
    pub(crate) stop: CancellationToken,
}

type Shared = State<Arc<Explorer>>;

/// A page beside the lab's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sight {
    /// Where it belongs, for the navigation.
    pub(crate) place: Place,
    pub(crate) title: String,
    /// HTML, or why there is none, in words.
    pub(crate) content: Result<String, String>,
    /// How often it is looked up again while it is shown; one in trouble always is.
    pub(crate) every: Option<Duration>,
}

impl Sight {
    /// The page that the navigation names.
    fn of(place: Place, lang: Lang, content: Result<String, String>, every: Option<Duration>) -> Self {
        Self { place, title: place.name(lang).to_owned(), content, every }
    }
}

/// The pages of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Lab,
    Topics,
    Groups,
    Schemas,
    Components,
    Logs,
}

impl Place {
    pub(crate) const ALL: [Self; 6] =
        [Self::Lab, Self::Topics, Self::Groups, Self::Schemas, Self::Components, Self::Logs];

    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Lab => "/",
            Self::Topics => "/topics",
            Self::Groups => "/groups",
            Self::Schemas => "/schemas",
            Self::Components => "/components",
            Self::Logs => "/logs",
        }
    }

    pub(crate) const fn name(self, lang: Lang) -> &'static str {
        let t = lang.texts();
        match self {
            Self::Lab => t.lab_page,
            Self::Topics => t.topics,
            Self::Groups => t.groups,
            Self::Schemas => t.schemas,
            Self::Components => t.components,
            Self::Logs => t.logs,
        }
    }
}

/// The pages' routes.
pub(crate) fn routes(explorer: Explorer) -> Router {
    Router::new()
        .route("/topics", get(pages::topics))
        .route("/topics/{topic}", get(pages::messages))
        .route("/topics/{topic}/{partition}/{offset}", get(pages::message))
        .route("/groups", get(pages::groups))
        .route("/schemas", get(pages::schemas))
        .route("/schemas/{subject}", get(pages::schema))
        .route("/components", get(pages::components))
        .route("/logs", get(logs::choose))
        .route("/logs/{component}", get(logs::page))
        .route("/logs/{component}/stream", get(logs::stream))
        .with_state(Arc::new(explorer))
}

/// The answer that shows it: the whole page, or what is new of it where the page itself asks.
fn shown(headers: &HeaderMap, uri: &Uri, sight: impl FnOnce(Lang) -> Sight) -> Response {
    let lang = web::language(uri, headers);
    let sight = sight(lang);
    let html = if headers.contains_key(web::FRAGMENT) {
        page::sight(&sight)
    } else {
        page::beside(lang, uri, &sight)
    };
    web::html(html, uri, headers)
}
