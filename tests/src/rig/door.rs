//! A door before a server, at which a test can act whenever a write passes.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::{JoinHandle, JoinSet},
};

/// Kafka's requests that change something (kafka.apache.org/protocol): Produce, CreateTopics, AlterConfigs,
/// CreatePartitions, IncrementalAlterConfigs.
const KAFKA_WRITES: [i16; 5] = [0, 19, 33, 37, 44];
/// What is passed on at once, in bytes.
const CHUNK: usize = 64 << 10;

/// What is spoken through a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Kafka,
    /// One request for each connection, as clients have it that keep none.
    Http,
}

/// Acts at writes.
pub trait Guard: Send + Sync + 'static {
    /// A write has come; whether it is passed on.
    fn before(&self) -> bool;
    /// A write's answer has come, and is not passed on yet.
    fn between(&self);
}

/// A door with an address of its own. Dropping it shuts it.
#[derive(Debug)]
pub struct Door(JoinHandle<()>);

impl Door {
    /// Opens a door at `address` to a port of this machine.
    pub async fn open(
        address: SocketAddr,
        target: u16,
        protocol: Protocol,
        guard: Arc<dyn Guard>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self(tokio::spawn(async move {
            // Dropped with this task, and the connections with it.
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let guard = Arc::clone(&guard);
                connections.spawn(async move {
                    if let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await {
                        // Either side may end the connection at any time.
                        let _ = pass(near, far, protocol, guard).await;
                    }
                });
            }
        })))
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn pass(near: TcpStream, far: TcpStream, protocol: Protocol, guard: Arc<dyn Guard>) -> io::Result<()> {
    let (asked, answering) = near.into_split();
    let (answered, asking) = far.into_split();
    // Whether the next answer is that to a write.
    let awaited = AtomicBool::new(false);
    tokio::select! {
        done = requests(asked, asking, protocol, &*guard, &awaited) => done,
        done = answers(answered, answering, &*guard, &awaited) => done,
    }
}

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    protocol: Protocol,
    guard: &dyn Guard,
    awaited: &AtomicBool,
) -> io::Result<()> {
    loop {
        let (bytes, is_write) = match protocol {
            Protocol::Kafka => kafka_request(&mut from).await?,
            Protocol::Http => http_part(&mut from).await?,
        };
        if is_write {
            if !guard.before() {
                return Ok(());
            }
            awaited.store(true, Ordering::SeqCst);
        }
        to.write_all(&bytes).await?;
    }
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    guard: &dyn Guard,
    awaited: &AtomicBool,
) -> io::Result<()> {
    loop {
        let bytes = some(&mut from).await?;
        if awaited.swap(false, Ordering::SeqCst) {
            guard.between();
        }
        to.write_all(&bytes).await?;
    }
}

/// One request, whole: its length in four bytes, and the kind of request in the next two.
async fn kafka_request(from: &mut OwnedReadHalf) -> io::Result<(Vec<u8>, bool)> {
    let length = from.read_u32().await?;
    let mut request = length.to_be_bytes().to_vec();
    AsyncReadExt::take(&mut *from, length.into()).read_to_end(&mut request).await?;
    let kind = request.get(4..6).map(|kind| i16::from_be_bytes([kind[0], kind[1]]));
    Ok((request, kind.is_some_and(|kind| KAFKA_WRITES.contains(&kind))))
}

/// Some of a request. Only its beginning has a method.
async fn http_part(from: &mut OwnedReadHalf) -> io::Result<(Vec<u8>, bool)> {
    let bytes = some(from).await?;
    let is_write = [&b"POST "[..], b"PUT "].iter().any(|method| bytes.starts_with(method));
    Ok((bytes, is_write))
}

async fn some(from: &mut OwnedReadHalf) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; CHUNK];
    let count = from.read(&mut bytes).await?;
    if count == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    bytes.truncate(count);
    Ok(bytes)
}
