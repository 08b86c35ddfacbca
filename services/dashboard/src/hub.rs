//! Hands events on to whoever listens. Each message is made once and shared; a listener that falls behind is let go, and
//! comes back with the last id that it has seen.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};
use tokio_util::sync::CancellationToken;

use crate::{
    cursor::{Cursor, Epoch},
    event::Seen,
    metrics::DashboardMetrics,
    ring::{Entry, Ring},
    sse,
};

/// Events that can be resumed from: 20 seconds at 500 a second, and about 8 MB.
const RING: usize = 10_000;
/// Events of one moment leave in one message: a browser gets ten a second, however many events there are.
const TICK: Duration = Duration::from_millis(100);
/// Messages that a listener may be behind: six seconds of a busy lab.
pub(crate) const BEHIND: usize = 64;
/// Listeners at a time.
const LISTENERS: usize = 256;

/// All places are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{LISTENERS} clients listen already; close one of them")]
pub struct Full;

/// The hub. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hub {
    state: Arc<Mutex<State>>,
    places: Arc<Semaphore>,
    metrics: DashboardMetrics,
}

#[derive(Debug)]
struct State {
    ring: Ring,
    /// Number of the last event that has left.
    left: u64,
    messages: broadcast::Sender<Bytes>,
}

/// A listener: what it missed, and then what comes.
#[derive(Debug)]
pub struct Listener {
    pub(crate) missed: Vec<Bytes>,
    pub(crate) messages: broadcast::Receiver<Bytes>,
    _place: OwnedSemaphorePermit,
}

impl Hub {
    pub fn new(epoch: Epoch, metrics: DashboardMetrics) -> Self {
        let state = State { ring: Ring::new(epoch, RING), left: 0, messages: broadcast::Sender::new(BEHIND) };
        Self { state: Arc::new(Mutex::new(state)), places: Arc::new(Semaphore::new(LISTENERS)), metrics }
    }

    /// Takes events in; they leave at the next tick.
    pub fn add(&self, events: impl IntoIterator<Item = Seen>) {
        let mut state = self.lock();
        for seen in events {
            self.metrics.seen.with_label_values(&[&seen.topic]).inc();
            state.ring.push(seen);
        }
    }

    /// The last events that have left, oldest first, and the place from which to go on.
    pub fn recent(&self, most: usize) -> (Vec<Entry>, Cursor) {
        let state = self.lock();
        let left = state.left;
        let from = left.saturating_sub(u64::try_from(most).unwrap_or(u64::MAX));
        let entries = state.ring.after(from).take_while(|entry| entry.cursor.number <= left);
        (entries.cloned().collect(), state.ring.cursor(left))
    }

    /// Takes a place. `last` is the id of the last event that the listener has seen; without it, it gets what is new.
    pub fn listen(&self, last: Option<&str>) -> Result<Listener, Full> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            self.metrics.dropped.with_label_values(&["full"]).inc();
            Full
        })?;
        // What was missed and what comes are told apart under the lock: nothing falls between, nothing comes twice.
        let state = self.lock();
        let messages = state.messages.subscribe();
        let mut missed = Vec::new();
        if let Some(last) = last {
            let left = state.left;
            let resumed = state.ring.resume(last);
            missed.extend(resumed.gap.map(sse::gap));
            missed.extend(sse::events(resumed.take_while(|entry| entry.cursor.number <= left)));
        }
        Ok(Listener { missed, messages, _place: place })
    }

    /// Lets events leave, tick after tick, until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => self.let_leave(),
                () = stop.cancelled() => return,
            }
        }
    }

    fn let_leave(&self) {
        let mut state = self.lock();
        if state.messages.receiver_count() > 0 {
            for message in sse::events(state.ring.after(state.left)) {
                // Fails where the last listener has just gone.
                let _ = state.messages.send(message);
            }
        }
        state.left = state.ring.newest();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use platform::metrics::Metrics;

    use super::*;
    use crate::event::Status;

    fn hub() -> Hub {
        Hub::new(Epoch::starting(Timestamp::UNIX_EPOCH), DashboardMetrics::new(&Metrics::new()))
    }

    fn events(count: i64) -> impl Iterator<Item = Seen> {
        (0..count).map(|offset| Seen {
            time: Timestamp::UNIX_EPOCH,
            kind: "DevisGenere".to_owned(),
            source: "quotation".to_owned(),
            destinations: vec!["souscription"],
            subject: String::new(),
            summary: String::new(),
            status: Status::Published,
            topic: "quotation.devis-genere".to_owned(),
            partition: 0,
            offset,
        })
    }

    fn ids(messages: impl IntoIterator<Item = Bytes>) -> Vec<String> {
        let text: Vec<String> =
            messages.into_iter().map(|bytes| String::from_utf8(bytes.to_vec()).expect("text")).collect();
        let ids = text.iter().flat_map(|text| text.split("\"id\":\"").skip(1));
        ids.map(|rest| rest.split('"').next().expect("an end").to_owned()).collect()
    }

    fn received(listener: &mut Listener) -> Vec<Bytes> {
        let missed = std::mem::take(&mut listener.missed);
        missed.into_iter().chain(std::iter::from_fn(|| listener.messages.try_recv().ok())).collect()
    }

    #[test]
    fn nothing_falls_between_what_was_missed_and_what_comes() {
        let hub = hub();
        hub.add(events(3));
        hub.let_leave();
        hub.add(events(2));
        assert_eq!(ids(hub.recent(50).0.into_iter().map(|entry| entry.json)), ["0-1", "0-2", "0-3"]);
        assert_eq!(ids(hub.recent(2).0.into_iter().map(|entry| entry.json)), ["0-2", "0-3"]);
        let mut back = hub.listen(Some("0-1")).expect("a place");
        let mut new = hub.listen(None).expect("a place");
        hub.let_leave();
        assert_eq!(ids(received(&mut back)), ["0-2", "0-3", "0-4", "0-5"]);
        assert_eq!(ids(received(&mut new)), ["0-4", "0-5"]);
    }

    #[test]
    fn a_listener_that_falls_behind_is_told_and_resumes_without_a_gap() {
        let hub = hub();
        let mut slow = hub.listen(None).expect("a place");
        for _ in 0..BEHIND + 2 {
            hub.add(events(1));
            hub.let_leave();
        }
        assert!(matches!(slow.messages.try_recv(), Err(broadcast::error::TryRecvError::Lagged(2))));
        let mut back = hub.listen(Some("0-0")).expect("a place");
        assert_eq!(ids(received(&mut back)).len(), BEHIND + 2);
    }

    #[test]
    fn places_are_bounded_and_come_back() {
        let hub = hub();
        let mut all: Vec<_> = (0..LISTENERS).map(|_| hub.listen(None).expect("a place")).collect();
        assert_eq!(hub.listen(None).map(drop), Err(Full));
        all.pop();
        assert!(hub.listen(None).is_ok());
    }
}
