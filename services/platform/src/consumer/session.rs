//! The Kafka side: one client's membership in the group, from joining to leaving.

use std::{panic::resume_unwind, pin::pin, sync::Arc, time::Duration};

use futures::{
    FutureExt as _,
    future::{BoxFuture, OptionFuture},
};
use rdkafka::{
    ClientConfig, ClientContext, Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, StreamConsumer},
    error::{KafkaError, RDKafkaErrorCode},
    message::BorrowedMessage,
    types::RDKafkaRespErr,
};
use tokio::{
    sync::mpsc,
    task::{coop::consume_budget, spawn_blocking},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    ClusterMismatch, Membership, Position,
    apply::{Applier, Next},
    gather::Gather,
    metrics::ConsumerMetrics,
    prepare::Prepared,
    rows::{self, Realigned},
};
use crate::{
    crash,
    kafka::{self, Detached, log_line},
    record::Record,
    store::WriteError,
};

/// How long one question to the broker may take.
const ANSWER: Duration = Duration::from_secs(5);
/// How long a full batch waits for the one before it until the partitions are paused; `max.poll.interval.ms` is five
/// minutes.
const STUCK: Duration = Duration::from_secs(30);
/// Between two looks whether topics have partitions that nobody was given, and how long a look may take.
const LOOK: Duration = Duration::from_secs(5);
const LOOK_TIME: Duration = Duration::from_secs(2);
/// How long the group has to give them out before it is asked again.
const SHARED_OUT: Duration = Duration::from_mins(1);
/// How long a stopping consumer waits for the batch that it has begun, and then for its client to end.
const DRAIN: Duration = Duration::from_secs(5);
const CLOSE: Duration = Duration::from_secs(2);

/// Why a session ended although nobody asked it to.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    #[error("Kafka does not answer")]
    Unreachable,
    #[error("Kafka: {0}")]
    Kafka(#[from] KafkaError),
    #[error("the Kafka client cannot go on: {0}")]
    Client(String),
    #[error(transparent)]
    OtherCluster(#[from] ClusterMismatch),
    #[error("the topics do not have the offsets that are stored: {0}")]
    OutOfRange(String),
    #[error("the database: {0}")]
    Database(#[from] WriteError<sqlx::Error>),
}

impl SessionError {
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable | Self::Kafka(_) => "KafkaUnreachable",
            Self::Client(_) => "ClientFailed",
            Self::OtherCluster(_) => "OtherKafkaCluster",
            Self::OutOfRange(_) => "OffsetOutOfRange",
            Self::Database(_) => "DatabaseError",
        }
    }
}

/// A failed session, and how long it had worked once it had found its broker.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: SessionError,
    pub(super) lasted: Duration,
}

type Client = Arc<Detached<StreamConsumer<SessionContext>>>;

/// Joins the group and consumes until told to stop, or until the client cannot go on.
pub(super) async fn run(
    membership: &Membership,
    position: &Position,
    applier: &Arc<Applier>,
    metrics: &ConsumerMetrics,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let (problems, mut told) = mpsc::unbounded_channel();
    let context = SessionContext { position: position.clone(), metrics: metrics.clone(), problems };
    let client: Client = match kafka::create(&config(membership), context) {
        Ok(client) => Arc::new(client),
        Err(error) => return Err(Failure { error: error.into(), lasted: Duration::ZERO }),
    };
    let session = Session { client: Arc::clone(&client), position, applier, metrics };
    let checked = session.check_cluster().await;
    let began = Instant::now();
    let ended = match checked {
        Ok(()) => session.consume(&mut told, stop).await,
        Err(error) => Err(error),
    };
    metrics.assigned.set(0);
    // A member with a fixed name does not leave the group: its partitions are given away when its session ends, unless it
    // is back before.
    let closed = client.ended();
    drop(session);
    drop(client);
    if ended.is_ok() {
        // The process ends next, and commits may be on their way.
        let _ = tokio::time::timeout(CLOSE, closed.cancelled()).await;
    }
    ended.map_err(|error| Failure { error, lasted: began.elapsed() })
}

/// - `enable.auto.commit=false`: Kafka is told of an offset after it is in the database.
/// - `auto.offset.reset=error`: an offset that is not on its topic is looked at, not passed over.
/// - `group.instance.id`, `session.timeout.ms`: a process that is killed and back within ten seconds takes its partitions
///   up at once; one that does not come back gives them away after that.
/// - `topic.metadata.refresh.interval.ms`: partitions that were added are read within ten seconds.
fn config(membership: &Membership) -> ClientConfig {
    let mut config = kafka::client(&membership.bootstrap_servers, &membership.instance);
    kafka::fetch_ahead(&mut config)
        .set("group.id", &membership.group)
        .set("group.instance.id", &membership.instance)
        .set("session.timeout.ms", "10000")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("topic.metadata.refresh.interval.ms", "10000");
    config
}

struct Session<'a> {
    client: Client,
    position: &'a Position,
    applier: &'a Arc<Applier>,
    metrics: &'a ConsumerMetrics,
}

impl Session<'_> {
    async fn consume(
        &self,
        told: &mut mpsc::UnboundedReceiver<SessionError>,
        stop: &CancellationToken,
    ) -> Result<(), SessionError> {
        self.client.subscribe(&self.applier.topics())?;
        let mut gather = Gather::default();
        // Three batches at most are under way, side by side: one is collected here, one is read in a task of its own, one is
        // applied in the writer's.
        let mut preparing: OptionFuture<AbortOnDropHandle<Arc<Prepared>>> = None.into();
        let mut prepared = None;
        let mut applying: OptionFuture<BoxFuture<'_, Next>> = None.into();
        let (mut reads, mut applies, mut paused) = (false, false, false);
        let topic = self.applier.topics().first().copied().unwrap_or_default().to_owned();
        let asked = Arc::clone(&self.client);
        let mut silence = pin!(kafka::falls_silent(move || kafka::hears(asked.client(), &topic)));
        let mut passed_over = pin!(self.is_passed_over(LOOK));
        loop {
            // Messages that are there already come without a wait; the writer's task is to have its turn all the same.
            consume_budget().await;
            gather.one_by_one(self.applier.is_slow());
            if !applies && let Some(batch) = prepared.take() {
                let batch: BoxFuture<'_, Next> = Box::pin(self.applier.apply(batch));
                (applying, applies) = (Some(batch).into(), true);
            }
            // What is applied takes its time: the next batch is read meanwhile if it is full, and grows if it is not.
            let idle = !reads && prepared.is_none();
            if idle && (gather.is_full() || !applies && gather.is_due(Instant::now())) {
                let batch = tokio::spawn(Arc::clone(self.applier).prepare(gather.take()));
                (preparing, reads) = (Some(AbortOnDropHandle::new(batch)).into(), true);
                if std::mem::take(&mut paused) {
                    self.client.resume(&self.client.assignment()?)?;
                }
            }
            tokio::select! {
                () = stop.cancelled() => break,
                Some(batch) = &mut preparing, if reads => {
                    let batch = batch.unwrap_or_else(|error| resume_unwind(error.into_panic()));
                    (preparing, reads, prepared) = (None.into(), false, Some(batch));
                }
                Some(next) = &mut applying, if applies => {
                    (applying, applies) = (None.into(), false);
                    self.commit(&next);
                    crash::redeliver(&self.client, &next);
                }
                received = self.client.recv(), if paused || !gather.is_full() => {
                    self.take(received, &mut gather).await?;
                    // Those that are there already come without asking for anything else in between.
                    while !gather.is_full() && let Some(received) = self.client.recv().now_or_never() {
                        self.take(received, &mut gather).await?;
                    }
                }
                // A batch that waits for long: the group must see us poll, and no more records may come of it. What was
                // fetched ahead is thrown away by a pause, so a short wait is no reason for one.
                () = tokio::time::sleep(STUCK), if gather.is_full() && !paused => {
                    self.client.pause(&self.client.assignment()?)?;
                    paused = true;
                }
                Some(problem) = told.recv() => return Err(problem),
                () = &mut silence => return Err(SessionError::Unreachable),
                () = &mut passed_over => {
                    self.client.subscribe(&self.applier.topics())?;
                    passed_over.set(self.is_passed_over(SHARED_OUT));
                }
                () = due(&gather), if !reads && !applies => {}
            }
        }
        if applies && let Ok(Some(next)) = tokio::time::timeout(DRAIN, applying).await {
            self.commit(&next);
        }
        Ok(())
    }

    async fn take(
        &self,
        received: Result<BorrowedMessage<'_>, KafkaError>,
        gather: &mut Gather,
    ) -> Result<(), SessionError> {
        match received {
            Ok(message) => gather.push(Record::of(&message), Instant::now()),
            // Most errors pass by themselves, and the client goes on.
            Err(error) => self.look_at(error).await?,
        }
        Ok(())
    }

    /// Ends when the topics have partitions that this consumer, the only one of its group, has not got at two looks.
    ///
    /// A member with a fixed name that comes back, from a restart or from a broker's, is given what it had before, without
    /// a rebalance: partitions that were added meanwhile are given to nobody. To see to that is up to the group's leader
    /// (KIP-814), and librdkafka 2.12 does not. It subscribes again then, which makes the group share out anew.
    async fn is_passed_over(&self, first: Duration) {
        tokio::time::sleep(first).await;
        let mut before = false;
        loop {
            let (client, topics) = (Arc::clone(&self.client), self.applier.topics());
            let topics: Vec<String> = topics.into_iter().map(str::to_owned).collect();
            let missing = spawn_blocking(move || missing(&client, &topics)).await;
            // A broker that is away has no partitions to give.
            let missing = missing.ok().and_then(Result::ok).unwrap_or_default();
            if before && let Some((topic, partition)) = missing.first() {
                let count = missing.len();
                return tracing::warn!(
                    count,
                    topic,
                    partition,
                    "partitions were given to nobody; asking again"
                );
            }
            before = !missing.is_empty();
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Finds out which cluster this is, and makes the offsets its own where they belong to none yet.
    async fn check_cluster(&self) -> Result<(), SessionError> {
        let client = Arc::clone(&self.client);
        let found = spawn_blocking(move || client.client().fetch_cluster_id(ANSWER)).await;
        let found = found.ok().flatten().ok_or(SessionError::Unreachable)?;
        if !self.position.check(&found)? {
            let cluster = found.clone();
            let adopt = self.applier.writer().run(move |batch| {
                Box::pin(async move { rows::adopt(batch.connection().await?, &cluster).await })
            });
            adopt.await?;
            self.position.adopted(found);
        }
        Ok(())
    }

    /// For observers: where this group is, as every Kafka tool shows it. That it fails now and then, as in a rebalance,
    /// harms nothing.
    fn commit(&self, next: &Next) {
        let mut offsets = TopicPartitionList::new();
        for ((topic, partition), offset) in next {
            if let Err(error) = offsets.add_partition_offset(topic, *partition, Offset::Offset(*offset)) {
                tracing::debug!(%error, topic, partition, "an offset cannot be told to Kafka");
            }
        }
        if let Err(error) = self.client.commit(&offsets, CommitMode::Async) {
            tracing::debug!(%error, "offsets cannot be told to Kafka");
        }
    }

    /// Finds out whether this is an error that stays.
    async fn look_at(&self, error: KafkaError) -> Result<(), SessionError> {
        if let Some((code, text)) = self.client.client().fatal_error() {
            return Err(SessionError::Client(format!("{code}: {text}")));
        }
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AutoOffsetReset) {
            return Err(self.realign().await?);
        }
        tracing::debug!(%error, "Kafka consumer");
        Ok(())
    }

    /// Moves every partition whose offset is not on its topic to the topic's first record: retention was faster than this
    /// service, or the topic was made anew. Nothing moves where that would hand out more than the inbox remembers.
    async fn realign(&self) -> Result<SessionError, SessionError> {
        // Over another cluster no offset means anything, least of all one that could be written.
        let cluster = self.client.client().fetch_cluster_id(ANSWER).ok_or(SessionError::Unreachable)?;
        self.position.check(&cluster)?;
        let mut found = Vec::new();
        for (topic, partition) in places(&self.client.assignment()?) {
            let (client, name) = (Arc::clone(&self.client), topic.clone());
            let ends = spawn_blocking(move || client.fetch_watermarks(&name, partition, ANSWER)).await;
            let ends = ends.map_err(|error| SessionError::Client(error.to_string()))??;
            let name = topic.clone();
            let realign = self.applier.writer().run(move |batch| {
                Box::pin(
                    async move { rows::realign(batch.connection().await?, &name, partition, ends).await },
                )
            });
            let Some(Realigned { from, to }) = realign.await? else { continue };
            let (first, end) = ends;
            match to {
                Some(to) => {
                    self.metrics.skipped.inc_by(u64::try_from(to - from).unwrap_or(0));
                    self.position.moved([((topic.clone(), partition), to)]);
                    found.push(format!("{topic} {partition} goes on at {to}, not at {from}"));
                }
                None => {
                    found.push(format!("{topic} {partition} ends at {end}, from {first} on, before {from}"));
                }
            }
        }
        Ok(SessionError::OutOfRange(found.join("; ")))
    }
}

/// The partitions of these topics that the client has not got; none while it has nothing at all. Blocks.
fn missing(
    client: &StreamConsumer<SessionContext>,
    topics: &[String],
) -> Result<Vec<(String, i32)>, KafkaError> {
    let metadata = client.fetch_metadata(None, LOOK_TIME)?;
    let assigned = places(&client.assignment()?);
    if assigned.is_empty() {
        return Ok(Vec::new());
    }
    let of_ours = metadata.topics().iter().filter(|found| topics.iter().any(|topic| topic == found.name()));
    let all = of_ours.flat_map(|topic| {
        topic.partitions().iter().map(|partition| (topic.name().to_owned(), partition.id()))
    });
    Ok(all.filter(|place| !assigned.contains(place)).collect())
}

/// Topic and partition of each element.
fn places(list: &TopicPartitionList) -> Vec<(String, i32)> {
    list.elements().iter().map(|place| (place.topic().to_owned(), place.partition())).collect()
}

/// Ends when the batch is due; never while it is empty.
async fn due(gather: &Gather) {
    match gather.due() {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Answers the group: a partition that is assigned is read on from our own offset.
struct SessionContext {
    position: Position,
    metrics: ConsumerMetrics,
    problems: mpsc::UnboundedSender<SessionError>,
}

impl SessionContext {
    fn assign(
        &self,
        client: &BaseConsumer<Self>,
        partitions: &mut TopicPartitionList,
    ) -> Result<(), SessionError> {
        // A broker can be replaced while the client lives.
        let cluster = client.client().fetch_cluster_id(ANSWER).ok_or(SessionError::Unreachable)?;
        self.position.check(&cluster)?;
        for (topic, partition) in places(partitions) {
            let next = self.position.next(&topic, partition).map_or(Offset::Beginning, Offset::Offset);
            partitions.set_partition_offset(&topic, partition, next)?;
        }
        client.assign(partitions)?;
        self.metrics.assigned.set(i64::try_from(partitions.count()).unwrap_or(i64::MAX));
        Ok(())
    }

    /// A partition that is given away while it is paused would come back paused.
    fn give_back(
        &self,
        client: &BaseConsumer<Self>,
        partitions: &TopicPartitionList,
    ) -> Result<(), SessionError> {
        self.metrics.assigned.set(0);
        client.resume(partitions)?;
        Ok(client.unassign()?)
    }
}

impl ClientContext for SessionContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "Kafka consumer");
    }
}

impl ConsumerContext for SessionContext {
    fn rebalance(
        &self,
        client: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let done = match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assign(client, partitions),
            _ => self.give_back(client, partitions),
        };
        tracing::info!(partitions = partitions.count(), ?event, "the group was rebalanced");
        if let Err(problem) = done {
            // Nobody listens only when the session is over.
            let _ = self.problems.send(problem);
        }
    }
}
