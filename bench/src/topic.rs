//! A topic full of events, and reading it.

use std::{
    ops::RangeInclusive,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use apache_avro::Schema;
use edalab_tests::rig::stand::Stand;
use jiff::{SignedDuration, Timestamp};
use rdkafka::{
    ClientConfig, ClientContext, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    message::{BorrowedMessage, DeliveryResult, Header, Headers as _, OwnedHeaders},
    producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer},
    types::RDKafkaErrorCode,
};
use schemas::{
    Cents, CloudEvent, DevisGenere, DevisId, Event, EventId, SchemaId, Sequence, TypeBien, Version, topics,
    wire,
};

const TOPIC: &str = topics::DEVIS_GENERE.as_str();
/// How long the broker may take to answer, or to hand out the next record.
const ANSWER: Duration = Duration::from_secs(30);

/// `devis-genere` with events on it.
#[derive(Debug)]
pub(crate) struct Preloaded {
    bootstrap: String,
    events: usize,
    pub(crate) partitions: usize,
    /// Bytes of a record's value and headers.
    pub(crate) bytes_each: usize,
}

/// An event as it was heard, with its place.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) id: EventId,
    pub(crate) event: DevisGenere,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

impl Preloaded {
    /// Publishes the events as quotation does: same body, same headers, same key, batches of the same size.
    pub(crate) fn fill(stand: &Stand, numbers: RangeInclusive<u32>) -> Result<Self> {
        let bootstrap = stand.kafka.bootstrap();
        let subject = format!("{TOPIC}-value");
        let schema = SchemaId(stand.registry.id(&subject).context("the registry has no such subject")?);
        let producer: ThreadedProducer<Confirmed> = ClientConfig::new()
            .set("bootstrap.servers", &bootstrap)
            .set("enable.idempotence", "true")
            .set("linger.ms", "20")
            .set("batch.size", "65536")
            .create_with_context(Confirmed::default())?;
        let mut bytes_each = 0;
        let events = numbers.size_hint().0;
        for number in numbers {
            let (envelope, event) = quote(number)?;
            let value = wire::frame(schema, &schemas::encode(&event)?);
            bytes_each = value.len()
                + envelope.headers().iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
            let key = event.key();
            let mut record = BaseRecord::to(TOPIC).key(&key).payload(&value).headers(headers(&envelope));
            while let Err((error, again)) = producer.send(record) {
                if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                    return Err(error.into());
                }
                std::thread::sleep(Duration::from_millis(10));
                record = again;
            }
        }
        producer.flush(ANSWER)?;
        let confirmed = producer.context().0.load(Ordering::SeqCst);
        if confirmed != events {
            bail!("the broker has confirmed {confirmed} of {events} events");
        }
        let metadata = producer.client().fetch_metadata(Some(TOPIC), ANSWER)?;
        let partitions = metadata.topics().first().context("no such topic")?.partitions().len();
        Ok(Self { bootstrap, events, partitions, bytes_each })
    }

    /// A consumer at the beginning of every partition, with the client's own, large, settings for what it fetches ahead.
    pub(crate) fn consumer(&self) -> Result<BaseConsumer, KafkaError> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.bootstrap)
            .set("group.id", "bench")
            .set("enable.auto.commit", "false")
            .create()?;
        let mut all = TopicPartitionList::new();
        for partition in 0..i32::try_from(self.partitions).unwrap_or(i32::MAX) {
            all.add_partition_offset(TOPIC, partition, Offset::Beginning)?;
        }
        consumer.assign(&all)?;
        Ok(consumer)
    }

    /// Events a second, read and decoded by one thread.
    pub(crate) fn decode_all(&self) -> Result<f64> {
        let consumer = self.consumer()?;
        let first = next(&consumer)?;
        let began = Instant::now();
        drop(decode(&first)?);
        drop(first);
        for _ in 1..self.events {
            decode(&next(&consumer)?)?;
        }
        #[allow(clippy::cast_precision_loss)] // some millions
        Ok(self.events as f64 / began.elapsed().as_secs_f64())
    }

    /// All of it.
    pub(crate) fn read(&self) -> Result<Vec<Heard>> {
        let consumer = self.consumer()?;
        (0..self.events).map(|_| decode(&next(&consumer)?)).collect()
    }
}

/// The next record; an error where none comes.
pub(crate) fn next(consumer: &BaseConsumer) -> Result<BorrowedMessage<'_>> {
    Ok(consumer.poll(ANSWER).context("no record came")??)
}

/// The event of a record.
pub(crate) fn decode(message: &BorrowedMessage<'_>) -> Result<Heard> {
    let headers = message.headers().context("no headers")?;
    let headers: Vec<(&str, &[u8])> =
        headers.iter().filter_map(|header| Some((header.key, header.value?))).collect();
    let envelope = CloudEvent::from_headers(&headers)?;
    let (_, body) = wire::parse(message.payload().context("no value")?)?;
    let event = schemas::decode(writer(), body)?;
    Ok(Heard { id: envelope.id, event, partition: message.partition(), offset: message.offset() })
}

/// The schema that the events were written with.
fn writer() -> &'static Schema {
    DevisGenere::schema()
}

fn quote(number: u32) -> Result<(CloudEvent, DevisGenere)> {
    let now = Timestamp::from_millisecond(Timestamp::now().as_millisecond())?;
    let event = DevisGenere {
        devis_id: DevisId::generate(),
        client_id: format!("C{:03}", number % 1000).parse()?,
        type_bien: if number.is_multiple_of(3) { TypeBien::Habitation } else { TypeBien::Auto },
        valeur: Cents::new(1_000_000 + i64::from(number % 7_000) * 1_000)?,
        prime: Cents::new(50_000 + i64::from(number % 7_000) * 50)?,
        timestamp: now,
        date_expiration: now + SignedDuration::from_hours(30 * 24),
        version: Version::new(1).context("versions start at 1")?,
    };
    Ok((envelope(&event, i64::from(number)), event))
}

/// What quotation says around an event.
pub(crate) fn envelope(event: &DevisGenere, number: i64) -> CloudEvent {
    CloudEvent {
        id: EventId::generate(),
        source: "/edalab/bench/quotation".to_owned(),
        event_type: DevisGenere::TYPE.to_owned(),
        time: event.occurred_at(),
        subject: event.key(),
        sequence: Sequence(number),
        topic_sequence: Sequence(number),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
    }
}

/// An envelope as a record's headers.
pub(crate) fn headers(envelope: &CloudEvent) -> OwnedHeaders {
    let headers = envelope.headers();
    headers
        .iter()
        .fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: Some(value) }))
}

/// Counts what the broker has confirmed.
#[derive(Debug, Default)]
struct Confirmed(AtomicUsize);

impl ClientContext for Confirmed {}

impl ProducerContext for Confirmed {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_ok() {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}
