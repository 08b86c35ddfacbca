//! Speaks to services and topics, and gets it wrong.

use std::{fmt, sync::Arc, time::Duration};

use jiff::Timestamp;
use platform::{
    config::{Identity, KafkaConfig},
    kafka::{self, Detached, QuietContext},
    registry::{RegistryClient, RegistryError},
    service::ServeError,
};
use rdkafka::{
    error::KafkaError,
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
};
use schemas::{EventId, SPEC_VERSION, SchemaId, header};

use super::{plan::Mistake, record::Spoilt, tally::Came};
use crate::send::Sender;

/// How long a record may take to reach the broker. One that does not is no loss: it is counted.
const ARRIVAL: Duration = Duration::from_secs(10);

/// A client of the services, and a publisher of its own. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sloppy {
    sender: Sender,
    producer: Arc<Detached<FutureProducer<QuietContext>>>,
    registry: Arc<RegistryClient>,
    /// What its records say that they come from.
    source: String,
}

/// Why a record did not come onto its topic.
#[derive(Debug, thiserror::Error)]
enum PublishError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error("Avro: {0}")]
    Avro(#[from] Box<apache_avro::Error>),
    #[error("Kafka: {0}")]
    Kafka(#[from] KafkaError),
}

impl Sloppy {
    /// Of that lab; `sender` speaks to the services.
    pub(crate) fn new(kafka: &KafkaConfig, identity: &Identity, sender: Sender) -> Result<Self, ServeError> {
        let mut settings = kafka::client(&kafka.kafka_bootstrap_servers, "edalab-mistakes");
        settings.set("acks", "all").set("message.timeout.ms", ARRIVAL.as_millis().to_string());
        let producer = Arc::new(kafka::create(&settings, QuietContext)?);
        let registry = Arc::new(RegistryClient::new(&kafka.schema_registry_url)?);
        let source = format!("/edalab/{}/{}", identity.lab, crate::NAME);
        Ok(Self { sender, producer, registry, source })
    }

    /// Makes a mistake.
    pub(super) async fn make(&self, mistake: Mistake) -> Came {
        match mistake {
            Mistake::Request(target, request) => {
                let path = request.path.clone();
                match self.sender.ask(target, request).await {
                    Ok((status, _)) if status.is_client_error() => Came::Made,
                    Ok((status, _)) if status.is_success() => {
                        tracing::warn!(path, %status, "a service carried out what it should have refused");
                        Came::Accepted
                    }
                    _ => Came::Failed,
                }
            }
            Mistake::Record(spoilt) => match self.publish(&spoilt).await {
                Ok(()) => Came::Made,
                Err(error) => {
                    tracing::debug!(%error, topic = %spoilt.topic.name, "a spoilt record is not on its topic");
                    Came::Failed
                }
            },
        }
    }

    /// Puts a record on its topic, with the headers of a publisher that knows CloudEvents, and not the lab.
    async fn publish(&self, spoilt: &Spoilt) -> Result<(), PublishError> {
        let now = Timestamp::now();
        let value = spoilt.value(self.schema(spoilt).await?, now).map_err(Box::new)?;
        let (key, topic) = (spoilt.subject.to_string(), spoilt.topic.name.as_str());
        let headers = [
            (header::ID, EventId::generate().to_string()),
            (header::SOURCE, self.source.clone()),
            (header::TYPE, format!("{}.{}", crate::NAME, spoilt.topic.event().unwrap_or_default())),
            (header::SPEC_VERSION, SPEC_VERSION.to_owned()),
            (header::TIME, format!("{now:.3}")),
            (header::SUBJECT, key.clone()),
        ];
        let headers = headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header { key, value: Some(value) })
        });
        let record = FutureRecord::to(topic).key(&key).payload(&value).headers(headers);
        self.producer.send(record, ARRIVAL).await.map_err(|(error, _)| error)?;
        Ok(())
    }

    /// What the registry calls the topic's schema.
    async fn schema(&self, spoilt: &Spoilt) -> Result<SchemaId, RegistryError> {
        let subject = spoilt.topic.subject().expect("a topic of events has a subject");
        self.registry.id_of(&subject.name, subject.schema).await
    }
}

impl fmt::Debug for Sloppy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sloppy").field("source", &self.source).finish_non_exhaustive()
    }
}
