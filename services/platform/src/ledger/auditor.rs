//! Reads the topics that this service publishes to, and `dlq.errors`, from their beginning and on: as a client that
//! belongs to no group and trusts nothing but the records.

use std::{
    collections::BTreeMap,
    sync::mpsc::{self, Receiver, SyncSender},
    time::{Duration, Instant},
};

use ledger::OnTopic;
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    metadata::MetadataTopic,
};
use schemas::topics::DLQ_ERRORS;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::tally::Count;
use crate::{consumer::Record, kafka::QuietContext};

/// How long one question to the broker may take.
const ANSWER: Duration = Duration::from_secs(2);
/// How long an asker waits for the auditor to read to the end.
const CATCH_UP: Duration = Duration::from_millis(700);
/// Longest sleep while nothing comes and nobody asks.
const IDLE: Duration = Duration::from_millis(50);
/// Between two looks for partitions that were added, and after a failure.
const LOOK: Duration = Duration::from_secs(5);
/// Askers that may wait.
const ASKERS: usize = 16;

type Reply = oneshot::Sender<Result<OnTopic, String>>;

/// Asks the auditing thread, which ends when the last of its askers is gone.
#[derive(Debug, Clone)]
pub(crate) struct Auditor {
    ask: SyncSender<Reply>,
}

/// Whose topics are read.
#[derive(Debug, Clone)]
pub(crate) struct Audited {
    pub(crate) source: String,
    pub(crate) group: String,
    pub(crate) topics: Vec<&'static str>,
    pub(crate) bootstrap_servers: String,
}

impl Auditor {
    /// Starts reading.
    pub(crate) fn start(audited: Audited, stop: CancellationToken) -> Self {
        let (ask, asked) = mpsc::sync_channel(ASKERS);
        tokio::task::spawn_blocking(move || {
            while !stop.is_cancelled() {
                if let Err(error) = audit(&audited, &asked, &stop) {
                    tracing::debug!(%error, "the topics cannot be audited");
                    refuse(&asked, &error, &stop);
                }
            }
        });
        Self { ask }
    }

    /// What lies on the topics now, or why that is not known.
    pub(crate) async fn on_topic(&self) -> Result<OnTopic, String> {
        let (reply, answer) = oneshot::channel();
        self.ask
            .try_send(reply)
            .map_err(|_| "too many ask at the same time, or the service is stopping".to_owned())?;
        answer.await.unwrap_or_else(|_| Err("the service is stopping".to_owned()))
    }
}

/// Tells whoever asks what the matter is, for a while.
fn refuse(asked: &Receiver<Reply>, error: &KafkaError, stop: &CancellationToken) {
    let until = Instant::now() + LOOK;
    while Instant::now() < until && !stop.is_cancelled() {
        if let Ok(reply) = asked.recv_timeout(IDLE) {
            let _ = reply.send(Err(format!("the topics cannot be read: {error}")));
        }
    }
}

/// Reads with one client, until it fails or the topics are not what they were.
fn audit(audited: &Audited, asked: &Receiver<Reply>, stop: &CancellationToken) -> Result<(), KafkaError> {
    let client: BaseConsumer<QuietContext> = ClientConfig::new()
        .set("bootstrap.servers", &audited.bootstrap_servers)
        .set("client.id", "edalab-auditor")
        // Every consumer must name a group; this one joins none and commits nothing.
        .set("group.id", "edalab-auditor")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("queued.max.messages.kbytes", "1024")
        .set("reconnect.backoff.max.ms", "2000")
        .set_log_level(RDKafkaLogLevel::Emerg)
        .create_with_context(QuietContext)?;
    let events = audited.topics.iter().map(|topic| (*topic).to_owned());
    let mut audit = Audit {
        count: Count::new(&audited.source, &audited.group, events),
        positions: BTreeMap::new(),
        client,
    };
    let mut look = Instant::now();
    while !stop.is_cancelled() {
        if Instant::now() >= look {
            audit.assign(&audited.topics)?;
            look = Instant::now() + LOOK;
        }
        audit.read(IDLE);
        if let Ok(reply) = asked.try_recv() {
            let Some(report) = audit.report()? else {
                let _ = reply.send(Err("a topic was made anew; it is read again".to_owned()));
                return Ok(());
            };
            // The asker may have gone away.
            let _ = reply.send(Ok(report));
        }
    }
    Ok(())
}

struct Audit {
    client: BaseConsumer<QuietContext>,
    count: Count,
    /// The next offset of each partition.
    positions: BTreeMap<(String, i32), i64>,
}

impl Audit {
    /// Begins with partitions that are not read yet.
    fn assign(&mut self, topics: &[&str]) -> Result<(), KafkaError> {
        let mut wanted = TopicPartitionList::new();
        for topic in topics.iter().copied().chain([DLQ_ERRORS.as_str()]) {
            let metadata = self.client.fetch_metadata(Some(topic), ANSWER)?;
            for partition in metadata.topics().iter().flat_map(MetadataTopic::partitions) {
                let at = (topic.to_owned(), partition.id());
                if self.positions.contains_key(&at) {
                    continue;
                }
                let (first, _) = self.client.fetch_watermarks(topic, partition.id(), ANSWER)?;
                self.count.begins(topic, partition.id(), first);
                wanted.add_partition_offset(topic, partition.id(), Offset::Offset(first))?;
                self.positions.insert(at, first);
            }
        }
        if wanted.count() > 0 {
            self.client.incremental_assign(&wanted)?;
        }
        Ok(())
    }

    /// Reads what is there, waiting for the first record for that long.
    fn read(&mut self, patience: Duration) {
        let mut patience = patience;
        // An error that lasts shows in the report: the positions stay behind the ends.
        while let Some(Ok(message)) = self.client.poll(patience) {
            patience = Duration::ZERO;
            let record = Record::of(&message);
            let headers = record.set_headers();
            if record.topic == DLQ_ERRORS.as_str() {
                self.count.letter(&headers);
            } else {
                self.count.event(&record.topic, record.partition, &headers);
            }
            self.positions.insert((record.topic, record.partition), record.offset + 1);
        }
    }

    /// Reads to the ends that the topics have now, for a bounded time, and reports. Nothing where a topic ends before what
    /// was read of it.
    fn report(&mut self) -> Result<Option<OnTopic>, KafkaError> {
        let mut ends = BTreeMap::new();
        for ((topic, partition), position) in &self.positions {
            let (_, end) = self.client.fetch_watermarks(topic, *partition, ANSWER)?;
            if end < *position {
                return Ok(None);
            }
            ends.insert((topic.clone(), *partition), end);
        }
        let deadline = Instant::now() + CATCH_UP;
        while self.behind(&ends) > 0 && Instant::now() < deadline {
            self.read(Duration::from_millis(10));
        }
        // What was read beyond the ends is in the counts; so it is in the ends.
        for (at, end) in &mut ends {
            *end = self.positions[at].max(*end);
        }
        Ok(Some(self.count.report(&ends, self.behind(&ends))))
    }

    /// Records before the ends that are not read.
    fn behind(&self, ends: &BTreeMap<(String, i32), i64>) -> u64 {
        ends.iter().map(|(at, end)| u64::try_from(end - self.positions[at]).unwrap_or(0)).sum()
    }
}
