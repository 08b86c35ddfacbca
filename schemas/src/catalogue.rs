//! The topics of a lab: the one list that operator, services and documentation derive from.

use std::fmt;

use crate::Service;

/// Name of a topic of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicName(&'static str);

impl TopicName {
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The topics' names, for code that publishes or subscribes.
pub mod topics {
    use super::TopicName;

    pub const DEVIS_GENERE: TopicName = TopicName("quotation.devis-genere");
    pub const DEVIS_EXPIRE: TopicName = TopicName("quotation.devis-expire");
    pub const CONTRAT_EMIS: TopicName = TopicName("souscription.contrat-emis");
    pub const CONTRAT_MODIFIE: TopicName = TopicName("souscription.contrat-modifie");
    pub const CONTRAT_RESILIE: TopicName = TopicName("souscription.contrat-resilie");
    pub const SINISTRE_DECLARE: TopicName = TopicName("reclamation.sinistre-declare");
    pub const SINISTRE_EVALUE: TopicName = TopicName("reclamation.sinistre-evalue");
    pub const INDEMNISATION_EFFECTUEE: TopicName = TopicName("reclamation.indemnisation-effectuee");
    pub const DLQ_ERRORS: TopicName = TopicName("dlq.errors");
    pub const CONTROL: TopicName = TopicName("edalab.control");
    pub const CONTROL_ACK: TopicName = TopicName("edalab.control-ack");
}

/// How Kafka removes old records (topic setting `cleanup.policy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CleanupPolicy {
    /// Whole segments go when they are too old or too many.
    Delete,
    /// The last record of each key stays.
    Compact,
}

impl CleanupPolicy {
    /// The word that Kafka uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Compact => "compact",
        }
    }
}

/// What a topic's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// One Avro record type, in the Confluent wire format.
    Event {
        /// Short name of the record, also of its file: `DevisGenere`.
        name: &'static str,
        /// The schema, as in its `.avsc` file.
        schema: &'static str,
    },
    /// Bytes as they came (dead letters) or the lab's own JSON (control): no schema in the registry.
    Opaque,
}

/// A topic as the operator creates it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topic {
    pub name: TopicName,
    /// What a record's key holds: the aggregate's id, so that one aggregate's events keep their order.
    pub key: &'static str,
    pub content: Content,
    pub partitions: i32,
    pub cleanup: CleanupPolicy,
    /// `retention.ms`, in milliseconds; `None` where compaction decides.
    pub retention_ms: Option<i64>,
    /// `retention.bytes`, in bytes for each partition; `None` where compaction decides.
    pub retention_bytes: Option<i64>,
    /// `segment.bytes`, in bytes. Retention and compaction never touch the segment being written, so this is
    /// well below `retention_bytes`.
    pub segment_bytes: i64,
    /// `max.message.bytes`, in bytes for a batch of records; `None` leaves the broker's limit of about 1 MiB.
    pub max_message_bytes: Option<i32>,
    /// Who puts records on it; none where that is not a service's doing, or comes later.
    pub publishers: &'static [Service],
    /// Who acts on its records.
    pub consumers: &'static [Service],
}

impl Topic {
    /// The Avro record that the topic holds, by its short name.
    pub const fn event(&self) -> Option<&'static str> {
        match self.content {
            Content::Event { name, .. } => Some(name),
            Content::Opaque => None,
        }
    }

    /// The topic's settings by their Kafka names, in a fixed order.
    pub fn config(&self) -> Vec<(&'static str, String)> {
        let mut config = vec![
            ("cleanup.policy", self.cleanup.as_str().to_owned()),
            ("segment.bytes", self.segment_bytes.to_string()),
        ];
        config.extend(self.retention_ms.map(|ms| ("retention.ms", ms.to_string())));
        config.extend(self.retention_bytes.map(|bytes| ("retention.bytes", bytes.to_string())));
        config.extend(self.max_message_bytes.map(|bytes| ("max.message.bytes", bytes.to_string())));
        config
    }

    /// The same topic, with who speaks and who listens on it.
    const fn between(self, publishers: &'static [Service], consumers: &'static [Service]) -> Self {
        Self { publishers, consumers, ..self }
    }

    /// The topic's subject in the registry, where it has one (TopicNameStrategy: one record type per topic).
    pub fn subject(&self) -> Option<Subject> {
        match self.content {
            Content::Event { schema, .. } => {
                Some(Subject { name: format!("{}-value", self.name), topic: self.name, schema })
            }
            Content::Opaque => None,
        }
    }
}

/// A subject of the schema registry and the schema that belongs under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// `<topic>-value`.
    pub name: String,
    pub topic: TopicName,
    /// The Avro schema as JSON text.
    pub schema: &'static str,
}

/// Seven days, from the plan (instruction 1.2.3).
const SEVEN_DAYS_MS: i64 = 7 * 24 * 60 * 60 * 1000;
const MIB: i64 = 1024 * 1024;

/// A topic of domain events: three partitions and seven days (plan, instruction 1.2.3), and a size beyond which
/// old events go earlier. 128 MiB a partition bounds the nine topics to 3.4 GiB.
const fn domain(name: TopicName, key: &'static str, content: Content) -> Topic {
    Topic {
        name,
        key,
        content,
        partitions: 3,
        cleanup: CleanupPolicy::Delete,
        retention_ms: Some(SEVEN_DAYS_MS),
        retention_bytes: Some(128 * MIB),
        segment_bytes: 16 * MIB,
        max_message_bytes: None,
        publishers: &[],
        consumers: &[],
    }
}

/// The topic of dead letters. A letter holds a record that another topic took, and more headers than it came with, so
/// this topic takes twice the size that the broker does.
const fn dead_letters(name: TopicName, key: &'static str) -> Topic {
    Topic { max_message_bytes: Some(2 * 1024 * 1024), ..domain(name, key, Content::Opaque) }
}

/// A topic of the lab's own control channel: the last word of each key, in one partition, so that whoever starts
/// late reads a few records and knows the state.
const fn control(name: TopicName, key: &'static str) -> Topic {
    Topic {
        name,
        key,
        content: Content::Opaque,
        partitions: 1,
        cleanup: CleanupPolicy::Compact,
        retention_ms: None,
        retention_bytes: None,
        segment_bytes: MIB,
        max_message_bytes: None,
        publishers: &[],
        consumers: &[],
    }
}

/// Every topic that a lab's services speak through.
pub const CATALOGUE: &[Topic] = &[
    domain(
        topics::DEVIS_GENERE,
        "devisId",
        Content::Event { name: "DevisGenere", schema: include_str!("../DevisGenere.avsc") },
    )
    .between(&[Service::Quotation], &[Service::Souscription]),
    domain(
        topics::DEVIS_EXPIRE,
        "devisId",
        Content::Event { name: "DevisExpire", schema: include_str!("../DevisExpire.avsc") },
    )
    .between(&[Service::Quotation], &[Service::Souscription]),
    domain(
        topics::CONTRAT_EMIS,
        "contratId",
        Content::Event { name: "ContratEmis", schema: include_str!("../ContratEmis.avsc") },
    )
    .between(&[Service::Souscription], &[Service::Quotation, Service::Reclamation]),
    domain(
        topics::CONTRAT_MODIFIE,
        "contratId",
        Content::Event { name: "ContratModifie", schema: include_str!("../ContratModifie.avsc") },
    )
    .between(&[Service::Souscription], &[Service::Reclamation]),
    domain(
        topics::CONTRAT_RESILIE,
        "contratId",
        Content::Event { name: "ContratResilie", schema: include_str!("../ContratResilie.avsc") },
    )
    .between(&[Service::Souscription], &[Service::Reclamation]),
    domain(
        topics::SINISTRE_DECLARE,
        "contratId",
        Content::Event { name: "SinistreDeclare", schema: include_str!("../SinistreDeclare.avsc") },
    )
    .between(&[Service::Reclamation], &[Service::Souscription]),
    domain(
        topics::SINISTRE_EVALUE,
        "contratId",
        Content::Event { name: "SinistreEvalue", schema: include_str!("../SinistreEvalue.avsc") },
    )
    .between(&[Service::Reclamation], &[Service::Souscription]),
    domain(
        topics::INDEMNISATION_EFFECTUEE,
        "contratId",
        Content::Event {
            name: "IndemnisationEffectuee",
            schema: include_str!("../IndemnisationEffectuee.avsc"),
        },
    )
    .between(&[Service::Reclamation], &[Service::Souscription]),
    dead_letters(topics::DLQ_ERRORS, "the failed record's key").between(&Service::ALL, &[]),
    control(topics::CONTROL, "one for the lab").between(&[], &Service::ALL),
    control(topics::CONTROL_ACK, "the answering service").between(&Service::ALL, &[]),
];

/// The topics in which the schema registry keeps what it knows. It makes them by itself where they are missing, but
/// asks for them at once after that, and one start in some fails where the broker is slow to know of them. Nothing is
/// ever removed from them, on which it insists.
pub const REGISTRY_TOPICS: &[Topic] = &[
    of_registry(TopicName("kafkasql-journal")),
    of_registry(TopicName("kafkasql-snapshots")),
    of_registry(TopicName("registry-events")),
];

const fn of_registry(name: TopicName) -> Topic {
    Topic {
        name,
        key: "the registry's own",
        content: Content::Opaque,
        partitions: 1,
        cleanup: CleanupPolicy::Delete,
        retention_ms: Some(-1),
        retention_bytes: Some(-1),
        segment_bytes: 16 * MIB,
        max_message_bytes: None,
        publishers: &[],
        consumers: &[],
    }
}

/// Every topic that a lab's Kafka must have: the catalogue, and what the schema registry keeps its own in.
pub fn required_topics() -> impl Iterator<Item = &'static Topic> {
    CATALOGUE.iter().chain(REGISTRY_TOPICS)
}

/// The topics that events lie on, and the dead letters: all of the catalogue but the control channel.
pub fn event_topics() -> impl Iterator<Item = &'static Topic> {
    CATALOGUE.iter().filter(|topic| topic.content != Content::Opaque || topic.name == topics::DLQ_ERRORS)
}

/// The topic's entry in the catalogue.
pub fn topic(name: &str) -> Option<&'static Topic> {
    CATALOGUE.iter().find(|topic| topic.name.as_str() == name)
}

/// Every subject that the registry must know, in catalogue order.
pub fn subjects() -> Vec<Subject> {
    CATALOGUE.iter().filter_map(Topic::subject).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_distinct_and_legal_for_kafka() {
        let names: BTreeSet<_> = CATALOGUE.iter().map(|topic| topic.name).collect();
        assert_eq!(names.len(), CATALOGUE.len());
        for name in names {
            assert!(
                name.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)),
                "{name}"
            );
        }
    }

    #[test]
    fn the_plan_s_nine_topics_and_two_for_control() {
        let (domain, control): (Vec<&Topic>, Vec<&Topic>) =
            CATALOGUE.iter().partition(|topic| topic.cleanup == CleanupPolicy::Delete);
        assert_eq!(domain.len(), 9);
        assert_eq!(event_topics().collect::<Vec<_>>(), domain);
        assert!(domain.iter().all(|t| t.partitions == 3 && t.retention_ms == Some(604_800_000)));
        let control: Vec<_> = control.iter().map(|topic| topic.name.as_str()).collect();
        assert_eq!(control, ["edalab.control", "edalab.control-ack"]);
    }

    #[test]
    fn retention_can_bite() {
        for topic in CATALOGUE {
            if let Some(bytes) = topic.retention_bytes {
                assert!(topic.segment_bytes <= bytes / 4, "{}", topic.name);
            }
        }
    }

    #[test]
    fn subjects_follow_the_topic_name_strategy() {
        let names: Vec<_> = subjects().into_iter().map(|subject| subject.name).collect();
        assert_eq!(
            names,
            [
                "quotation.devis-genere-value",
                "quotation.devis-expire-value",
                "souscription.contrat-emis-value",
                "souscription.contrat-modifie-value",
                "souscription.contrat-resilie-value",
                "reclamation.sinistre-declare-value",
                "reclamation.sinistre-evalue-value",
                "reclamation.indemnisation-effectuee-value",
            ]
        );
    }

    #[test]
    fn an_event_is_published_by_the_one_service_that_its_topic_is_named_after() {
        for topic in CATALOGUE.iter().filter(|topic| topic.event().is_some()) {
            let publishers: Vec<_> = topic.publishers.iter().map(|service| service.as_str()).collect();
            assert_eq!(
                publishers,
                [topic.name.as_str().split('.').next().expect("a name")],
                "{}",
                topic.name
            );
        }
    }

    #[test]
    fn a_letter_may_be_larger_than_what_it_holds() {
        let large: Vec<_> = required_topics().filter(|topic| topic.max_message_bytes.is_some()).collect();
        assert_eq!(large.iter().map(|topic| topic.name).collect::<Vec<_>>(), [topics::DLQ_ERRORS]);
        assert!(large[0].config().contains(&("max.message.bytes", "2097152".to_owned())));
    }

    #[test]
    fn a_schema_is_valid_avro_and_named_after_its_event() {
        for topic in CATALOGUE {
            if let Content::Event { name, schema } = topic.content {
                let parsed = apache_avro::Schema::parse_str(schema).expect("schema parses");
                assert_eq!(parsed.name().expect("a named schema").name(), name);
            }
        }
    }
}
