//! A Kafka client that ends beside whoever had it.

use std::{ops::Deref, thread};

use tokio_util::sync::CancellationToken;

/// A Kafka client whose end is not waited for.
///
/// With its broker away, librdkafka can take forever over it (confluentinc/librdkafka issues 4131 and 4519). A thread of the
/// runtime that waited would serve nobody: a service with two of them, whose clients all lose the same broker, would
/// stand still with nothing in its log. So the client is dropped on a thread of its own, and a process that ends meanwhile
/// leaves it behind.
#[derive(Debug)]
pub struct Detached<T: Send + 'static> {
    /// Always there until it is dropped.
    client: Option<T>,
    ended: CancellationToken,
}

impl<T: Send + 'static> Detached<T> {
    pub(super) fn new(client: T) -> Self {
        Self { client: Some(client), ended: CancellationToken::new() }
    }

    /// Is cancelled when the client was dropped and has ended.
    pub fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }
}

impl<T: Send + 'static> Deref for Detached<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.client.as_ref().expect("a client until it is dropped")
    }
}

impl<T: Send + 'static> Drop for Detached<T> {
    fn drop(&mut self) {
        let (client, ended) = (self.client.take(), self.ended.clone());
        let end = move || {
            drop(client);
            ended.cancel();
        };
        // Where no thread can be had, `end` is dropped here, and the client with it.
        if let Err(error) = thread::Builder::new().name("kafka-client-end".to_owned()).spawn(end) {
            tracing::warn!(%error, "a Kafka client ends without a thread of its own");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc::{Receiver, channel},
        time::Duration,
    };

    use super::*;

    /// Ends when it is told to.
    struct Slow(Receiver<()>);

    impl Drop for Slow {
        fn drop(&mut self) {
            let _ = self.0.recv();
        }
    }

    #[tokio::test]
    async fn a_client_that_takes_its_time_to_end_holds_up_nobody() {
        let (end, told) = channel();
        let client = Detached::new(Slow(told));
        let ended = client.ended();
        drop(client); // comes back; this test's runtime has one thread
        let early = tokio::time::timeout(Duration::from_millis(50), ended.cancelled()).await;
        assert!(early.is_err(), "it has not ended");
        end.send(()).expect("it waits");
        tokio::time::timeout(Duration::from_secs(10), ended.cancelled()).await.expect("its end");
    }
}
