//! The body of a stream: what a client gets, message after message, until it goes, falls behind, or the service stops.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use futures::Stream;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::{
    board::Watching,
    hub::{BEHIND, Listener},
    metrics::DashboardMetrics,
    sse, web,
};

/// Between two signs of life where nothing else is sent.
const BEAT: Duration = Duration::from_secs(5);

/// A client's stream.
pub(crate) struct Client {
    missed: std::vec::IntoIter<Bytes>,
    listener: Listener,
    /// What a page gets beside the events.
    page: Option<Watching>,
    beat: tokio::time::Interval,
    metrics: DashboardMetrics,
    stop: CancellationToken,
    ended: bool,
}

impl Client {
    pub(crate) fn new(
        mut listener: Listener,
        page: Option<Watching>,
        metrics: DashboardMetrics,
        stop: CancellationToken,
    ) -> Self {
        metrics.clients.inc();
        let mut missed = vec![sse::HELLO];
        missed.append(&mut listener.missed);
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        Self { missed: missed.into_iter(), listener, page, beat, metrics, stop, ended: false }
    }

    /// The response whose body this is.
    pub(crate) fn into_response(self) -> Response {
        web::events(Body::from_stream(self.into_stream()))
    }

    fn into_stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        futures::stream::unfold(self, async |mut client| {
            let message = client.next().await?;
            Some((Ok(message), client))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        if let Some(message) = self.missed.next() {
            return Some(message);
        }
        let page = async {
            match &mut self.page {
                Some(page) => page.changed().await,
                None => std::future::pending().await,
            }
        };
        let message = tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            received = self.listener.messages.recv() => match received {
                Ok(message) => Some(message),
                Err(RecvError::Closed) => None,
                // It comes back with the last id that it has, and gets the rest from the ring.
                Err(RecvError::Lagged(_)) => {
                    self.metrics.dropped.with_label_values(&["behind"]).inc();
                    None
                }
            },
            message = page => Some(message),
            _ = self.beat.tick() => Some(sse::BEAT),
        };
        self.ended = message.is_none();
        message
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.metrics.clients.dec();
        // The connection was closed under a client that took nothing any more.
        if !self.ended && self.listener.messages.len() >= BEHIND {
            self.metrics.dropped.with_label_values(&["stalled"]).inc();
        }
    }
}
