//! Reads the topics that this service publishes to, and `dlq.errors`, from their beginning and on: as a client that
//! belongs to no group and trusts nothing but the records.

use std::{
    collections::BTreeMap,
    sync::mpsc::{self, Receiver, SyncSender},
    time::{Duration, Instant},
};

use ledger::OnTopic;
use rdkafka::{
    Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    metadata::MetadataTopic,
};
use schemas::topics::DLQ_ERRORS;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::tally::Count;
use crate::{
    kafka::{self, Detached, Hearing, QuietContext},
    record::Record,
};

/// How long one question to the broker may take.
const ANSWER: Duration = Duration::from_secs(2);
/// How long an asker waits for the auditor to read to the end.
const CATCH_UP: Duration = Duration::from_millis(700);
/// Longest sleep while nothing comes and nobody asks.
const IDLE: Duration = Duration::from_millis(50);
/// Between two looks for partitions that were added, and after a failure.
const LOOK: Duration = Duration::from_secs(5);
/// Records that are read before anything else is looked at.
const AT_A_TIME: usize = 1_000;
/// Askers that may wait.
const ASKERS: usize = 16;

/// Where an answer goes.
type Reply = oneshot::Sender<Result<OnTopic, String>>;

/// Asks the auditing thread, which ends when it is told to stop.
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
                    tracing::warn!(%error, "the topics cannot be audited; the next try comes in a moment");
                    std::thread::sleep(LOOK);
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

/// Reads, until a topic is not what it was: then all is read again.
fn audit(audited: &Audited, asked: &Receiver<Reply>, stop: &CancellationToken) -> Result<(), KafkaError> {
    let events = audited.topics.iter().map(|topic| (*topic).to_owned());
    let mut audit = Audit {
        count: Count::new(&audited.source, &audited.group, events),
        positions: BTreeMap::new(),
        looked: None,
        over: false,
        reader: client(&audited.bootstrap_servers)?,
        asker: client(&audited.bootstrap_servers)?,
    };
    let mut hearing = Hearing::begin();
    while !stop.is_cancelled() && !audit.over {
        audit.read(IDLE);
        if let Ok(reply) = asked.try_recv() {
            let report = audit.report(&audited.topics);
            // The asker may have gone away.
            let _ = reply.send(report.map_err(|error| format!("the topics cannot be read: {error}")));
        } else if audit.looked.is_none_or(|looked| looked.elapsed() > LOOK) {
            // A broker that is away is looked for again; what was counted stays.
            let found = audit.assign(&audited.topics);
            if let Err(error) = &found {
                tracing::debug!(%error, "the topics cannot be looked at");
            }
            if hearing.is_lost(found.is_ok() && kafka::hears(audit.reader.client(), DLQ_ERRORS.as_str())) {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn client(bootstrap_servers: &str) -> Result<Detached<BaseConsumer<QuietContext>>, KafkaError> {
    let mut config = kafka::reader(bootstrap_servers, "edalab-auditor");
    kafka::fetch_ahead(&mut config).set_log_level(RDKafkaLogLevel::Emerg);
    kafka::create(&config, QuietContext)
}

struct Audit {
    reader: Detached<BaseConsumer<QuietContext>>,
    /// A broker answers one connection's questions in turn. Asked for a partition's end on the reader's, it would first
    /// wait for a record to come, and so again for each partition.
    asker: Detached<BaseConsumer<QuietContext>>,
    count: Count,
    /// The next offset of each partition.
    positions: BTreeMap<(String, i32), i64>,
    /// When new partitions were looked for.
    looked: Option<Instant>,
    /// A topic was made anew, and what was counted of it means nothing.
    over: bool,
}

impl Audit {
    /// Begins with partitions that are not read yet.
    fn assign(&mut self, topics: &[&str]) -> Result<(), KafkaError> {
        self.looked = Some(Instant::now());
        let mut wanted = TopicPartitionList::new();
        let mut found = Vec::new();
        for topic in topics.iter().copied().chain([DLQ_ERRORS.as_str()]) {
            let metadata = self.asker.fetch_metadata(Some(topic), ANSWER)?;
            for partition in metadata.topics().iter().flat_map(MetadataTopic::partitions) {
                let at = (topic.to_owned(), partition.id());
                if self.positions.contains_key(&at) {
                    continue;
                }
                let (first, _) = self.asker.fetch_watermarks(topic, partition.id(), ANSWER)?;
                wanted.add_partition_offset(topic, partition.id(), Offset::Offset(first))?;
                found.push((at, first));
            }
        }
        if wanted.count() > 0 {
            self.reader.incremental_assign(&wanted)?;
        }
        for ((topic, partition), first) in found {
            self.count.begins(&topic, partition, first);
            self.positions.insert((topic, partition), first);
        }
        Ok(())
    }

    /// Reads what is there, waiting for the first record for that long.
    fn read(&mut self, patience: Duration) {
        let mut patience = patience;
        // An error that lasts shows in the report: the positions stay behind the ends.
        for _ in 0..AT_A_TIME {
            let Some(Ok(message)) = self.reader.poll(patience) else { break };
            patience = Duration::ZERO;
            let record = Record::of(&message);
            let headers = record.set_headers();
            if record.topic() == DLQ_ERRORS.as_str() {
                self.count.letter(&headers);
            } else {
                self.count.event(record.topic(), record.partition, &headers);
            }
            let next = record.offset + 1;
            let before = self.positions.insert((record.topic().to_owned(), record.partition), next);
            self.over |= before.is_some_and(|before| next <= before);
        }
    }

    /// Reads to the ends that the topics have now, for a bounded time, and reports.
    fn report(&mut self, topics: &[&str]) -> Result<OnTopic, KafkaError> {
        self.assign(topics)?;
        let mut ends = BTreeMap::new();
        for ((topic, partition), position) in &self.positions {
            let (_, end) = self.asker.fetch_watermarks(topic, *partition, ANSWER)?;
            self.over |= end < *position;
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
        // What was counted of a topic that was made anew is not to be told.
        let behind = if self.over { 1 } else { self.behind(&ends) };
        Ok(self.count.report(&ends, behind))
    }

    /// Records before the ends that are not read.
    fn behind(&self, ends: &BTreeMap<(String, i32), i64>) -> u64 {
        ends.iter().map(|(at, end)| u64::try_from(end - self.positions[at]).unwrap_or(0)).sum()
    }
}
