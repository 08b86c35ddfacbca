//! The server: HTTP/1.1, bounded in connections, and in the time that a request's head may take.
//!
//! A connection too many is not left waiting without a word: it is answered once, that it is one too many, and closed.

use std::{sync::Arc, time::Duration};

use axum::{Extension, Router};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore},
};
use tokio_util::sync::CancellationToken;

use super::stall::Moving;

/// Connections at a time that are served.
const CONNECTIONS: usize = 1024;
/// Connections beyond, which are told at once to come again; more wait in the kernel's queue.
const CROWD: usize = 256;
/// How long a client may take to send a request's head, idle time between requests included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// The same in a crowd, where others wait for the place.
const CROWD_HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Most bytes of a request's head.
const HEAD_BYTES: usize = 16 * 1024;
/// How long a client may take nothing of an answer that is being sent. One that reads slowly is served; one that has
/// stopped reading is gone for all we know, and its answer is not kept for it.
const STALL: Duration = Duration::from_secs(10);
/// How much of an answer the kernel may hold for a client that does not read, in bytes. Left to itself it would let that
/// grow to megabytes for each, in memory that is counted as ours.
const SEND_BUFFER: usize = 256 * 1024;
/// How long a stopping server waits for requests that it is working on.
const DRAIN: Duration = Duration::from_secs(12);

/// In the extensions of a request that came on a connection beyond those that are served.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crowded;

/// Serves until told to stop, and then finishes the requests that it has begun.
pub async fn serve(listener: TcpListener, routes: Router, stop: CancellationToken) {
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(HEAD_BYTES);
    let mut crowded_http = http.clone();
    crowded_http.header_read_timeout(CROWD_HEAD_TIMEOUT).keep_alive(false);
    let crowded_routes = routes.clone().layer(Extension(Crowded));
    let (places, crowd) = (Arc::new(Semaphore::new(CONNECTIONS)), Arc::new(Semaphore::new(CROWD)));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places, &crowd) => accepted,
            () = stop.cancelled() => break,
        };
        let Some((stream, place)) = accepted else { continue };
        let (http, routes) = match place {
            Place::Served(_) => (&http, &routes),
            Place::Crowded(_) => (&crowded_http, &crowded_routes),
        };
        let service = TowerToHyperService::new(routes.clone());
        let connection =
            graceful.watch(http.serve_connection(TokioIo::new(Moving::new(stream, STALL)), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still running when the server stopped");
    }
}

/// What a connection takes up until it ends.
#[derive(Debug)]
enum Place {
    Served(#[expect(dead_code, reason = "held")] OwnedSemaphorePermit),
    Crowded(#[expect(dead_code, reason = "held")] OwnedSemaphorePermit),
}

impl Place {
    /// A place among those that are served, or else the next one that is free at all.
    async fn next(places: &Arc<Semaphore>, crowd: &Arc<Semaphore>) -> Result<Self, AcquireError> {
        tokio::select! {
            biased;
            place = Arc::clone(places).acquire_owned() => place.map(Self::Served),
            place = Arc::clone(crowd).acquire_owned() => place.map(Self::Crowded),
        }
    }

    /// One among those that are served, where one has become free.
    fn or_served(self, places: &Arc<Semaphore>) -> Self {
        match self {
            Self::Crowded(_) => Arc::clone(places).try_acquire_owned().map_or(self, Self::Served),
            Self::Served(_) => self,
        }
    }
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    crowd: &Arc<Semaphore>,
) -> Option<(TcpStream, Place)> {
    let place = Place::next(places, crowd).await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            // An answer is one small write: waiting to fill a packet would only delay it.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY cannot be set");
            }
            if let Err(error) = rustix::net::sockopt::set_socket_send_buffer_size(&stream, SEND_BUFFER) {
                tracing::debug!(%error, "SO_SNDBUF cannot be set");
            }
            Some((stream, place.or_served(places)))
        }
        Err(error) => {
            // Out of file descriptors, mostly: an immediate retry would spin.
            tracing::warn!(%error, "a connection cannot be accepted");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}
