//! What Kafka is asked for beside the events as they come: where topics end, how far groups are, and single records. Nothing
//! is changed there: no group is joined, no offset committed.

mod groups;
mod metrics;
pub mod offsets;
pub(crate) mod read;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use platform::{metrics::Metrics, record::Record};
use rdkafka::error::KafkaError;
use tokio::{
    sync::{Mutex, Semaphore},
    task::spawn_blocking,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use groups::Asker;
use metrics::OffsetGauges;
use offsets::Offsets;
use read::{Starts, Wanted};

/// How long an answer is good for whoever asks next.
const FRESH: Duration = Duration::from_millis(900);
/// Between two questions that nobody asked, for `/metrics`.
const LOOK: Duration = Duration::from_secs(5);
/// Who may read records at a time; each takes a client of its own.
const READERS: usize = 4;
/// How long one who may not yet waits.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why Kafka tells nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    #[error("Kafka does not answer: {0}")]
    Kafka(#[from] KafkaError),
    #[error("others read records at the same time; try again")]
    Busy,
    #[error("the question ended badly")]
    Panicked,
}

/// The lab's Kafka, as a reader sees it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Broker {
    servers: Arc<str>,
    state: Arc<Mutex<State>>,
    readers: Arc<Semaphore>,
    gauges: OffsetGauges,
}

#[derive(Debug)]
struct State {
    /// Nothing where the last question was not answered: another client finds a broker that came back, which the old one
    /// may not (confluentinc/librdkafka issue 5301).
    asker: Option<Asker>,
    last: Option<(Instant, Answer)>,
}

type Answer = Result<Arc<Offsets>, BrokerError>;

impl Broker {
    pub fn new(servers: &str, metrics: &Metrics) -> Self {
        Self {
            servers: servers.into(),
            state: Arc::new(Mutex::new(State { asker: None, last: None })),
            readers: Arc::new(Semaphore::new(READERS)),
            gauges: OffsetGauges::new(metrics),
        }
    }

    /// Where everything is now, or was a moment ago.
    pub async fn offsets(&self) -> Answer {
        let mut state = self.state.lock().await;
        if let Some((_, answer)) = state.last.as_ref().filter(|(when, _)| when.elapsed() < FRESH) {
            return answer.clone();
        }
        let (servers, asker) = (Arc::clone(&self.servers), state.asker.take());
        let question = spawn_blocking(move || {
            let mut asker = asker.map_or_else(|| Asker::new(&servers), Ok)?;
            let offsets = asker.ask()?;
            Ok::<_, KafkaError>((asker, Arc::new(offsets)))
        });
        let answer = match question.await {
            Ok(Ok((asker, offsets))) => {
                state.asker = Some(asker);
                Ok(offsets)
            }
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(BrokerError::Panicked),
        };
        self.gauges.show(answer.as_deref().ok());
        state.last = Some((Instant::now(), answer.clone()));
        answer
    }

    /// Some records. They come in the order of their time.
    pub(crate) async fn read(&self, wanted: Wanted) -> Result<Vec<Record>, BrokerError> {
        self.with_own_client(move |servers| read::read(servers, &wanted)).await
    }

    /// Where each of these partitions was at that time: the first offset of that time or later.
    pub(crate) async fn at(&self, of: Vec<(String, i32)>, time: Timestamp) -> Result<Starts, BrokerError> {
        self.with_own_client(move |servers| read::at(servers, &of, time)).await
    }

    /// Asks what takes a client of its own, of which there are a few at a time. `ask` blocks.
    async fn with_own_client<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&str) -> Result<T, KafkaError> + Send + 'static,
    ) -> Result<T, BrokerError> {
        let permit = tokio::time::timeout(PATIENCE, Arc::clone(&self.readers).acquire_owned());
        let Ok(Ok(permit)) = permit.await else { return Err(BrokerError::Busy) };
        let servers = Arc::clone(&self.servers);
        let asked = spawn_blocking(move || {
            let answer = ask(&servers);
            drop(permit);
            answer
        });
        Ok(asked.await.map_err(|_| BrokerError::Panicked)??)
    }

    /// Keeps the numbers on `/metrics` fresh until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = looks.tick() => {}
                () = stop.cancelled() => return,
            }
            if let Err(error) = self.offsets().await {
                tracing::debug!(%error, "offsets");
            }
        }
    }
}
