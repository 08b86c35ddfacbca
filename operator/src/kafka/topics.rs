//! The topics of the catalogue and of the schema registry, by Kafka's admin API.
//!
//! Nothing here takes data away: a topic is never deleted, and a partition count that somebody raised is told and
//! left, because keys have moved with it already.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use rdkafka::{
    admin::{
        AdminClient, AdminOptions, AlterConfig, ConfigEntry, ConfigSource, NewTopic, OwnedResourceSpecifier,
        ResourceSpecifier, TopicReplication,
    },
    client::DefaultClientContext,
    error::KafkaError,
    types::RDKafkaErrorCode,
};
use schemas::Topic;

use crate::outcome::Check;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Why the topics are not what the catalogue says.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("Kafka at {bootstrap} does not answer: {source}")]
    Unreachable { bootstrap: String, source: KafkaError },
    #[error("{what}: {source}")]
    Request { what: &'static str, source: KafkaError },
    #[error("{what} of {topic}: {code}")]
    Topic { what: &'static str, topic: String, code: RDKafkaErrorCode },
    #[error("the thread that talks to Kafka ended: {0}")]
    Thread(#[from] tokio::task::JoinError),
}

impl Error {
    /// One word for conditions, Events and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "KafkaUnreachable",
            Self::Request { .. } | Self::Thread(_) => "KafkaRequestFailed",
            Self::Topic { .. } => "TopicRefused",
        }
    }
}

/// Creates what is missing, corrects settings that differ, and tells what was found.
pub async fn sync(bootstrap: &str) -> Check {
    let wanted: Vec<&Topic> = schemas::required_topics().collect();
    match bring(bootstrap, &wanted).await {
        Ok(notes) if notes.is_empty() => {
            Check::holds("TopicsAsInCatalogue", format!("{} topics", wanted.len()))
        }
        Ok(notes) => {
            Check::holds("PartitionsDiffer", format!("{} topics; {}", wanted.len(), notes.join("; ")))
        }
        Err(error) => Check::fails(error.reason(), error.to_string()),
    }
}

async fn bring(bootstrap: &str, wanted: &[&Topic]) -> Result<Vec<String>, Error> {
    let session = Session::open(bootstrap).await?;
    let result = session.bring(wanted).await;
    session.close().await?;
    result
}

/// One look at one Kafka. Opening and closing block, so they happen on a thread for that.
struct Session {
    admin: AdminClient<DefaultClientContext>,
    /// Partition counts of the topics that are there.
    there: BTreeMap<String, usize>,
    options: AdminOptions,
}

impl Session {
    async fn open(bootstrap: &str) -> Result<Self, Error> {
        let bootstrap = bootstrap.to_owned();
        tokio::task::spawn_blocking(move || {
            let unreachable = |source| Error::Unreachable { bootstrap: bootstrap.clone(), source };
            let admin: AdminClient<_> =
                super::client(&bootstrap, "edalab-operator").create().map_err(unreachable)?;
            let metadata = admin.inner().fetch_metadata(None, TIMEOUT).map_err(unreachable)?;
            let there = metadata
                .topics()
                .iter()
                .map(|topic| (topic.name().to_owned(), topic.partitions().len()))
                .collect();
            let options = AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT));
            Ok(Self { admin, there, options })
        })
        .await?
    }

    /// Closing joins librdkafka's threads.
    async fn close(self) -> Result<(), Error> {
        Ok(tokio::task::spawn_blocking(move || drop(self)).await?)
    }

    async fn bring(&self, wanted: &[&Topic]) -> Result<Vec<String>, Error> {
        let (there, missing): (Vec<&Topic>, Vec<&Topic>) =
            wanted.iter().partition(|topic| self.there.contains_key(topic.name.as_str()));
        self.create(&missing).await?;
        self.correct(&there).await?;
        Ok(partition_notes(&there, &self.there))
    }

    async fn create(&self, missing: &[&Topic]) -> Result<(), Error> {
        if missing.is_empty() {
            return Ok(());
        }
        let configs: Vec<_> = missing.iter().map(|topic| topic.config()).collect();
        let new = missing.iter().zip(&configs).map(|(topic, config)| {
            let new = NewTopic::new(topic.name.as_str(), topic.partitions, TopicReplication::Fixed(1));
            config.iter().fold(new, |new, (key, value)| new.set(key, value))
        });
        let new: Vec<_> = new.collect();
        let results = self
            .admin
            .create_topics(&new, &self.options)
            .await
            .map_err(|source| Error::Request { what: "create topics", source })?;
        for result in results {
            match result {
                Ok(topic) => tracing::info!(topic, "topic created"),
                // another look was faster
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, code)) => return Err(Error::Topic { what: "creation", topic, code }),
            }
        }
        Ok(())
    }

    async fn correct(&self, there: &[&Topic]) -> Result<(), Error> {
        let names: Vec<_> = there.iter().map(|topic| ResourceSpecifier::Topic(topic.name.as_str())).collect();
        if names.is_empty() {
            return Ok(());
        }
        let described = self
            .admin
            .describe_configs(&names, &self.options)
            .await
            .map_err(|source| Error::Request { what: "describe topics", source })?;
        let mut changes: Vec<(&Topic, BTreeMap<String, String>)> = Vec::new();
        for (topic, resource) in there.iter().zip(described) {
            let resource = resource.map_err(|code| Error::Topic {
                what: "description",
                topic: topic.name.to_string(),
                code,
            })?;
            changes.extend(merged(topic, &resource.entry_map()).map(|config| (*topic, config)));
        }
        if changes.is_empty() {
            return Ok(());
        }
        let alterations: Vec<_> = changes
            .iter()
            .map(|(topic, config)| {
                let alter = AlterConfig::new(ResourceSpecifier::Topic(topic.name.as_str()));
                config.iter().fold(alter, |alter, (key, value)| alter.set(key, value))
            })
            .collect();
        let results = self
            .admin
            .alter_configs(&alterations, &self.options)
            .await
            .map_err(|source| Error::Request { what: "alter topics", source })?;
        for result in results {
            match result {
                Ok(OwnedResourceSpecifier::Topic(topic)) => tracing::info!(topic, "topic settings restored"),
                Ok(_) => {}
                Err((specifier, code)) => {
                    let topic = match specifier {
                        OwnedResourceSpecifier::Topic(topic) => topic,
                        other => format!("{other:?}"),
                    };
                    return Err(Error::Topic { what: "alteration", topic, code });
                }
            }
        }
        Ok(())
    }
}

/// All settings that a topic is to have, when they are not what it has. Altering resets what is not named, so what
/// somebody set beside ours is named as well.
fn merged(topic: &Topic, there: &HashMap<&str, &ConfigEntry>) -> Option<BTreeMap<String, String>> {
    let wanted = topic.config();
    let differs = wanted
        .iter()
        .any(|(key, value)| there.get(key).and_then(|entry| entry.value.as_deref()) != Some(value.as_str()));
    if !differs {
        return None;
    }
    let own = there.iter().filter(|(_, entry)| entry.source == ConfigSource::DynamicTopic);
    let mut all: BTreeMap<String, String> =
        own.filter_map(|(key, entry)| Some(((*key).to_owned(), entry.value.clone()?))).collect();
    all.extend(wanted.into_iter().map(|(key, value)| (key.to_owned(), value)));
    Some(all)
}

/// Topics whose partition count is not the catalogue's.
fn partition_notes(topics: &[&Topic], there: &BTreeMap<String, usize>) -> Vec<String> {
    topics
        .iter()
        .filter_map(|topic| {
            let found = *there.get(topic.name.as_str())?;
            let wanted = usize::try_from(topic.partitions).ok()?;
            (found != wanted)
                .then(|| format!("{} has {found} partitions instead of {wanted} and is left so", topic.name))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, value: &str, source: ConfigSource) -> ConfigEntry {
        ConfigEntry {
            name: name.to_owned(),
            value: Some(value.to_owned()),
            source,
            is_read_only: false,
            is_default: false,
            is_sensitive: false,
        }
    }

    fn as_catalogued(topic: &Topic) -> Vec<ConfigEntry> {
        topic
            .config()
            .into_iter()
            .map(|(key, value)| entry(key, &value, ConfigSource::DynamicTopic))
            .collect()
    }

    fn by_name(entries: &[ConfigEntry]) -> HashMap<&str, &ConfigEntry> {
        entries.iter().map(|entry| (entry.name.as_str(), entry)).collect()
    }

    #[test]
    fn leaves_a_topic_alone_that_is_as_in_the_catalogue() {
        let topic = &schemas::CATALOGUE[0];
        let mut entries = as_catalogued(topic);
        entries.push(entry("max.message.bytes", "2000000", ConfigSource::DynamicTopic));
        assert_eq!(merged(topic, &by_name(&entries)), None);
    }

    #[test]
    fn keeps_what_somebody_set_beside_ours_and_no_default() {
        let topic = &schemas::CATALOGUE[0];
        let mut entries = as_catalogued(topic);
        entries.retain(|entry| entry.name != "retention.ms");
        entries.push(entry("retention.ms", "1000", ConfigSource::DynamicTopic));
        entries.push(entry("max.message.bytes", "2000000", ConfigSource::DynamicTopic));
        entries.push(entry("flush.ms", "9", ConfigSource::Default));
        let all = merged(topic, &by_name(&entries)).expect("retention.ms differs");
        assert_eq!(all["retention.ms"], topic.retention_ms.unwrap().to_string());
        assert_eq!(all["max.message.bytes"], "2000000");
        assert!(!all.contains_key("flush.ms"));
    }

    #[test]
    fn tells_raised_partitions() {
        let topics: Vec<_> = schemas::CATALOGUE.iter().take(2).collect();
        let there = BTreeMap::from([
            (topics[0].name.to_string(), 6),
            (topics[1].name.to_string(), usize::try_from(topics[1].partitions).unwrap()),
        ]);
        let notes = partition_notes(&topics, &there);
        assert_eq!(notes, [format!("{} has 6 partitions instead of 3 and is left so", topics[0].name)]);
    }
}
