//! What pages show beside the events, kept up to date while somebody looks: what is in force, the ledger, what waits, and
//! who is up. Each piece is made once for everybody, and sent when it has changed.

use std::{sync::Arc, time::Duration};

use axum::body::Bytes;
use serde::Serialize;
use tokio::{
    sync::watch,
    time::{Interval, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use crate::{
    broker::{Broker, offsets::Lags},
    health::{self, Part, States},
    lab::Lab,
    ledger, page, sse,
    texts::Lang,
};

/// Between two looks at the lags and at who is up.
const LOOK: Duration = Duration::from_secs(1);
/// Between two readings of the ledger.
const LEDGER: Duration = Duration::from_secs(2);

/// The board. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Board {
    force: Piece,
    steer: Piece,
    ledger: Piece,
    state: watch::Sender<Bytes>,
}

/// A piece of the page in both languages.
type Piece = watch::Sender<[Shown; 2]>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Shown {
    html: Arc<str>,
    message: Bytes,
}

/// The pieces as a new page has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pieces {
    pub(crate) force: String,
    pub(crate) steer: String,
    pub(crate) ledger: String,
}

/// What a page watches, in its language.
#[derive(Debug)]
pub(crate) struct Watching {
    lang: Lang,
    pieces: [watch::Receiver<[Shown; 2]>; 3],
    state: watch::Receiver<Bytes>,
}

/// What waits and who is up, for the drawing.
#[derive(Serialize)]
struct State<'a> {
    lag: &'a Lags,
    services: &'a States,
    /// Why Kafka tells nothing.
    kafka: Option<String>,
}

impl Default for Board {
    fn default() -> Self {
        let board = Self {
            force: Piece::default(),
            steer: Piece::default(),
            ledger: Piece::default(),
            state: watch::Sender::default(),
        };
        board.show_lab(&Lab::default());
        show(&board.ledger, "ledger", |lang| page::ledger(lang, None));
        board
    }
}

impl Board {
    /// The pieces in one language.
    pub(crate) fn pieces(&self, lang: Lang) -> Pieces {
        let html = |piece: &Piece| piece.borrow()[lang as usize].html.to_string();
        Pieces { force: html(&self.force), steer: html(&self.steer), ledger: html(&self.ledger) }
    }

    /// Watches the board; every piece is news at first.
    pub(crate) fn watch(&self, lang: Lang) -> Watching {
        let mut pieces = [&self.force, &self.steer, &self.ledger].map(watch::Sender::subscribe);
        let mut state = self.state.subscribe();
        pieces.iter_mut().for_each(watch::Receiver::mark_changed);
        state.mark_changed();
        Watching { lang, pieces, state }
    }

    /// Shows the lab as it changes, until told to stop.
    pub async fn follow_lab(self, mut lab: watch::Receiver<Lab>, stop: CancellationToken) {
        loop {
            let seen = lab.borrow_and_update().clone();
            self.show_lab(&seen);
            tokio::select! {
                changed = lab.changed() => if changed.is_err() { return stop.cancelled().await },
                () = stop.cancelled() => return,
            }
        }
    }

    /// Shows what waits and who is up, while somebody looks, until told to stop.
    pub async fn follow_state(
        self,
        broker: Broker,
        http: reqwest::Client,
        parts: Vec<Part>,
        stop: CancellationToken,
    ) {
        let mut looks = every(LOOK);
        loop {
            tokio::select! {
                () = self.looked_at(&mut looks) => {}
                () = stop.cancelled() => return,
            }
            let (offsets, services) = tokio::join!(broker.offsets(), health::ask(&http, &parts));
            let lag = offsets.as_ref().map(|offsets| offsets.lags()).unwrap_or_default();
            let kafka = offsets.err().map(|error| error.to_string());
            let state = serde_json::to_string(&State { lag: &lag, services: &services, kafka });
            let message = sse::message("state", &state.unwrap_or_default());
            self.state.send_if_modified(|shown| std::mem::replace(shown, message.clone()) != message);
        }
    }

    /// Shows the ledger while somebody looks, until told to stop.
    pub async fn follow_ledger(self, http: reqwest::Client, services: Vec<Part>, stop: CancellationToken) {
        let mut looks = every(LEDGER);
        loop {
            tokio::select! {
                () = self.looked_at(&mut looks) => {}
                () = stop.cancelled() => return,
            }
            let told = ledger::read(&http, &services).await;
            show(&self.ledger, "ledger", |lang| page::ledger(lang, Some(&told)));
        }
    }

    /// Waits for the next moment at which somebody looks.
    async fn looked_at(&self, looks: &mut Interval) {
        loop {
            looks.tick().await;
            if self.state.receiver_count() > 0 {
                return;
            }
        }
    }

    fn show_lab(&self, lab: &Lab) {
        show(&self.force, "force", |lang| page::force(lang, lab));
        show(&self.steer, "steer", |lang| page::steer(lang, lab));
    }
}

fn every(period: Duration) -> Interval {
    let mut looks = tokio::time::interval(period);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks
}

/// Renders a piece in both languages, and tells where it is another than before.
fn show(piece: &Piece, name: &str, render: impl Fn(Lang) -> String) {
    let shown = Lang::ALL.map(|lang| {
        let html = render(lang);
        Shown { message: sse::message(name, &html), html: html.into() }
    });
    piece.send_if_modified(|before| std::mem::replace(before, shown.clone()) != shown);
}

impl Watching {
    /// The next piece that has changed.
    pub(crate) async fn changed(&mut self) -> Bytes {
        let Self { lang, pieces: [force, steer, ledger], state } = self;
        loop {
            let piece = tokio::select! {
                Ok(()) = force.changed() => &mut *force,
                Ok(()) = steer.changed() => &mut *steer,
                Ok(()) = ledger.changed() => &mut *ledger,
                Ok(()) = state.changed() => {
                    let message = state.borrow_and_update().clone();
                    if message.is_empty() { continue }
                    return message;
                }
                else => std::future::pending().await,
            };
            return piece.borrow_and_update()[*lang as usize].message.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Trouble;

    #[tokio::test]
    async fn a_page_gets_every_piece_and_then_what_changes() {
        let board = Board::default();
        let mut page = board.watch(Lang::Fr);
        let mut names = Vec::new();
        for _ in 0..3 {
            let text = String::from_utf8(page.changed().await.to_vec()).expect("text");
            names.push(text.lines().next().expect("a name").to_owned());
        }
        names.sort();
        assert_eq!(names, ["event: force", "event: ledger", "event: steer"]);

        board.show_lab(&Lab::default());
        assert!(!page.pieces.iter().any(|piece| piece.has_changed().unwrap_or(true)), "nothing is new");
        board.show_lab(&Lab { seen: None, trouble: Some(Trouble::Absent) });
        let text = String::from_utf8(page.changed().await.to_vec()).expect("text");
        assert!(text.starts_with("event: force\ndata: ") && text.contains("plus d’EdaLab"), "{text}");
        assert!(board.pieces(Lang::En).force.contains("no EdaLab"));
    }
}
