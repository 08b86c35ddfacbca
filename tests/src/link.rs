//! A TCP connection through a door that a test can shut, for servers that must seem to be away.

use std::{io, net::Ipv4Addr, sync::Arc};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// Forwards connections from a port of its own to another port of the loopback interface, while it is open.
#[derive(Debug)]
pub struct Link {
    port: u16,
    target: u16,
    open: Option<JoinHandle<()>>,
}

impl Link {
    /// A shut link from `port` to `target`.
    pub const fn new(port: u16, target: u16) -> Self {
        Self { port, target, open: None }
    }

    /// Lets connections through.
    pub async fn open(&mut self) -> io::Result<()> {
        let listener = Arc::new(TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await?);
        let target = self.target;
        self.open = Some(tokio::spawn(async move {
            // Dropped with this task, so that shutting the link cuts the connections too.
            let mut connections = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                connections.spawn(async move {
                    if let Ok(mut far) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await {
                        // Either side may end the connection at any time.
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        }));
        Ok(())
    }

    /// Cuts every connection and refuses new ones.
    pub async fn shut(&mut self) {
        if let Some(open) = self.open.take() {
            open.abort();
            // Ends with "cancelled", which is what was asked for.
            let _ = open.await;
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(open) = self.open.take() {
            open.abort();
        }
    }
}
