//! Free ports on the loopback interface.

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::atomic::{AtomicU16, Ordering},
};

/// Below the range from which Linux takes the local ports of outgoing connections, so that a server which is away
/// for a moment finds its port free when it comes back.
const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// No port of the range is free.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("no free port between {FIRST} and {}", FIRST + COUNT - 1)]
pub struct NoFreePort;

/// A port on which nothing listens, and which this process has not handed out before.
pub fn free() -> Result<u16, NoFreePort> {
    // Suites that run at the same time begin at different places.
    let start = u16::try_from(std::process::id() * 97 % u32::from(COUNT)).unwrap_or(0);
    (0..COUNT)
        .map(|_| FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT)
        .find(|port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok())
        .ok_or(NoFreePort)
}
