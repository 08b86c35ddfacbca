//! The server: HTTP/1.1, bounded in connections, and in the time that a request's head may take.

use std::{sync::Arc, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;

use super::stall::Moving;

/// Connections at a time; more wait in the kernel's queue.
const CONNECTIONS: usize = 1024;
/// How long a client may take to send a request's head, idle time between requests included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
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

/// Serves until told to stop, and then finishes the requests that it has begun.
pub async fn serve(listener: TcpListener, routes: Router, stop: CancellationToken) {
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(HEAD_BYTES);
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &connections) => accepted,
            () = stop.cancelled() => break,
        };
        let Some((stream, permit)) = accepted else { continue };
        let service = TowerToHyperService::new(routes.clone());
        let connection =
            graceful.watch(http.serve_connection(TokioIo::new(Moving::new(stream, STALL)), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still running when the server stopped");
    }
}

/// The next connection, once there is room for it.
async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            // An answer is one small write: waiting to fill a packet would only delay it.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY cannot be set");
            }
            if let Err(error) = rustix::net::sockopt::set_socket_send_buffer_size(&stream, SEND_BUFFER) {
                tracing::debug!(%error, "SO_SNDBUF cannot be set");
            }
            Some((stream, permit))
        }
        Err(error) => {
            // Out of file descriptors, mostly: an immediate retry would spin.
            tracing::warn!(%error, "a connection cannot be accepted");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}
