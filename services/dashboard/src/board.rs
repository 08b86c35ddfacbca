//! What pages show beside the events, kept up to date while somebody looks: what is in force, the ledger, what waits, and
//! who is up. Each piece is made once for everybody, and sent when it has changed.

use std::{sync::Arc, time::Duration};

use axum::body::Bytes;
use serde::Serialize;
use tokio::{
    sync::watch,
    time::{Instant, Interval, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use crate::{
    broker::{Broker, offsets::Lags},
    health::{self, Part, States},
    lab::Lab,
    ledger,
    lessons::{self, Lesson, Moment, Step},
    page, sse,
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
    lessons: Piece,
    state: watch::Sender<Bytes>,
}

/// How far each lesson is.
type Steps = [Step; 3];

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
    pub(crate) lessons: String,
}

/// What a page watches, in its language.
#[derive(Debug)]
pub(crate) struct Watching {
    lang: Lang,
    pieces: [watch::Receiver<[Shown; 2]>; 4],
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
            lessons: Piece::default(),
            state: watch::Sender::default(),
        };
        board.show_lab(&Lab::default());
        show(&board.ledger, "ledger", |lang| page::ledger(lang, None));
        board.show_lessons(Steps::default());
        board
    }
}

impl Board {
    /// The pieces in one language.
    pub(crate) fn pieces(&self, lang: Lang) -> Pieces {
        let html = |piece: &Piece| piece.borrow()[lang as usize].html.to_string();
        Pieces {
            force: html(&self.force),
            steer: html(&self.steer),
            ledger: html(&self.ledger),
            lessons: html(&self.lessons),
        }
    }

    /// Watches the board; every piece is news at first.
    pub(crate) fn watch(&self, lang: Lang) -> Watching {
        let mut pieces =
            [&self.force, &self.steer, &self.ledger, &self.lessons].map(watch::Sender::subscribe);
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

    /// Shows what waits, who is up, and how far the lessons are, while somebody looks, until told to stop.
    pub async fn follow_state(
        self,
        broker: Broker,
        http: reqwest::Client,
        parts: Vec<Part>,
        lab: watch::Receiver<Lab>,
        stop: CancellationToken,
    ) {
        let mut looks = every(LOOK);
        let (mut steps, mut before) = (Steps::default(), None);
        loop {
            tokio::select! {
                () = self.looked_at(&mut looks) => {}
                () = stop.cancelled() => return,
            }
            let (offsets, services) = tokio::join!(broker.offsets(), health::ask(&http, &parts));
            let lag = offsets.as_ref().map(|offsets| offsets.lags()).unwrap_or_default();
            if let Ok(offsets) = &offsets {
                let now = (Instant::now(), offsets.records());
                let rate = before.replace(now).map_or(0.0, |before| rate(before, now));
                let moment = Moment { lab: &lab.borrow(), lags: &lag, states: &services, rate };
                steps = Lesson::ALL.map(|lesson| lessons::next(lesson, steps[lesson as usize], &moment));
                self.show_lessons(steps);
            }
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

    fn show_lessons(&self, steps: Steps) {
        show(&self.lessons, "lessons", |lang| page::lessons(lang, steps));
    }

    fn show_lab(&self, lab: &Lab) {
        show(&self.force, "force", |lang| page::force(lang, lab));
        show(&self.steer, "steer", |lang| page::steer(lang, lab));
    }
}

/// Records a second between two moments.
#[allow(clippy::cast_precision_loss)]
fn rate((then, had): (Instant, i64), (now, has): (Instant, i64)) -> f64 {
    (has - had).max(0) as f64 / now.duration_since(then).as_secs_f64().max(0.1)
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
        let Self { lang, pieces: [force, steer, ledger, lessons], state } = self;
        loop {
            let piece = tokio::select! {
                Ok(()) = force.changed() => &mut *force,
                Ok(()) = steer.changed() => &mut *steer,
                Ok(()) = ledger.changed() => &mut *ledger,
                Ok(()) = lessons.changed() => &mut *lessons,
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
        for _ in 0..4 {
            let text = String::from_utf8(page.changed().await.to_vec()).expect("text");
            names.push(text.lines().next().expect("a name").to_owned());
        }
        names.sort();
        assert_eq!(names, ["event: force", "event: ledger", "event: lessons", "event: steer"]);

        board.show_lab(&Lab::default());
        assert!(!page.pieces.iter().any(|piece| piece.has_changed().unwrap_or(true)), "nothing is new");
        board.show_lab(&Lab { seen: None, trouble: Some(Trouble::Absent) });
        let text = String::from_utf8(page.changed().await.to_vec()).expect("text");
        assert!(text.starts_with("event: force\ndata: ") && text.contains("plus d’EdaLab"), "{text}");
        assert!(board.pieces(Lang::En).force.contains("no EdaLab"));
    }
}
