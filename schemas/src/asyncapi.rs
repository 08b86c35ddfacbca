//! The lab as an AsyncAPI document, derived from the catalogue: `schemas/asyncapi.yaml` is generated from it.
//!
//! The Kafka parts follow AsyncAPI's Kafka bindings 0.5.0.

mod control;
mod headers;
mod messages;

use serde_json::{Map, Value as Json, json};

use crate::{CATALOGUE, Service, Topic};

const BINDING_VERSION: &str = "0.5.0";

const ABOUT: &str = "\
What the services of a kafka-eda-lab say to one another through Kafka. Values are Avro in the Confluent wire format, \
envelopes are CloudEvents 1.0 in Kafka's binary mode, that is, record headers; the control channel is plain JSON. The \
document describes the whole lab: whether an operation sends or receives is told as the service in its tag sees it.";

/// The document (AsyncAPI 3.0.0): Kafka as it is reached from the lab's host, a channel for each topic, the events with their schemas and headers, and which service sends and receives what.
pub fn asyncapi() -> Json {
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "kafka-eda-lab",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
        },
        "servers": { "kafka": server() },
        "channels": CATALOGUE.iter().map(|topic| (topic.name.to_string(), channel(topic))).collect::<Map<_, _>>(),
        "operations": CATALOGUE.iter().flat_map(operations).collect::<Map<_, _>>(),
        "components": {
            "messages": CATALOGUE.iter().filter_map(messages::message).collect::<Map<_, _>>(),
            "schemas": headers::schemas(),
        },
    })
}

fn server() -> Json {
    json!({
        "host": "localhost:9092",
        "protocol": "kafka",
        "description": "The lab's broker, where `spec.hostAccess` is on or the broker's port 9094 is forwarded to 9092.",
        "bindings": { "kafka": {
            "schemaRegistryUrl": "http://localhost:8085/apis/ccompat/v7",
            // The registry is Apicurio's, but what is spoken is Confluent's API and wire format.
            "schemaRegistryVendor": "confluent",
            "bindingVersion": BINDING_VERSION,
        } },
    })
}

fn channel(topic: &Topic) -> Json {
    let message = |name| (name, reference(&format!("#/components/messages/{name}")));
    json!({
        "address": topic.name.as_str(),
        "description": messages::about(topic),
        "servers": [reference("#/servers/kafka")],
        "messages": messages::name(topic).map(message).into_iter().collect::<Json>(),
        "bindings": { "kafka": {
            "topic": topic.name.as_str(),
            "partitions": topic.partitions,
            "topicConfiguration": configuration(topic),
            "bindingVersion": BINDING_VERSION,
        } },
    })
}

/// The topic's settings as the binding wants them: numbers as numbers, and what is a word as a list of words.
fn configuration(topic: &Topic) -> Json {
    let typed = |value: String| value.parse::<i64>().map_or_else(|_| json!([value]), Json::from);
    topic.config().into_iter().map(|(name, value)| (name, typed(value))).collect()
}

/// Which end of a topic a service is at.
#[derive(Clone, Copy)]
enum End {
    Publisher,
    Consumer,
}

/// What services do on a topic, by operation id.
fn operations(topic: &Topic) -> Vec<(String, Json)> {
    let Some(message) = messages::name(topic) else { return Vec::new() };
    let publishers = topic.publishers.iter().map(|service| (End::Publisher, service));
    let consumers = topic.consumers.iter().map(|service| (End::Consumer, service));
    publishers.chain(consumers).map(|(end, service)| operation(end, *service, topic, message)).collect()
}

fn operation(end: End, service: Service, topic: &Topic, message: &str) -> (String, Json) {
    let (action, verb) = match end {
        End::Publisher => ("send", "Sends"),
        End::Consumer => ("receive", "Receives"),
    };
    let channel = format!("#/channels/{}", topic.name);
    let operation = json!({
        "action": action,
        "channel": reference(&channel),
        "messages": [reference(&format!("{channel}/messages/{message}"))],
        "tags": [{ "name": service.as_str() }],
    });
    (format!("{service}{verb}{message}"), operation)
}

fn reference(pointer: &str) -> Json {
    json!({ "$ref": pointer })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every `$ref` below a value.
    fn references(value: &Json) -> Vec<&str> {
        match value {
            Json::Object(fields) => fields
                .iter()
                .flat_map(|(name, value)| match value {
                    Json::String(pointer) if name == "$ref" => vec![pointer.as_str()],
                    _ => references(value),
                })
                .collect(),
            Json::Array(items) => items.iter().flat_map(references).collect(),
            _ => Vec::new(),
        }
    }

    fn keys(value: &Json) -> Vec<&str> {
        value.as_object().expect("an object").keys().map(String::as_str).collect()
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = asyncapi();
        let references = references(&document);
        assert!(references.len() > CATALOGUE.len());
        for pointer in references {
            let pointer = pointer.strip_prefix('#').expect("a reference within the document");
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }

    #[test]
    fn every_topic_is_a_channel() {
        let document = asyncapi();
        assert_eq!(
            keys(&document["channels"]),
            [
                "dlq.errors",
                "edalab.control",
                "edalab.control-ack",
                "quotation.devis-expire",
                "quotation.devis-genere",
                "reclamation.indemnisation-effectuee",
                "reclamation.sinistre-declare",
                "reclamation.sinistre-evalue",
                "souscription.contrat-emis",
                "souscription.contrat-modifie",
                "souscription.contrat-resilie",
            ]
        );
    }

    #[test]
    fn operations_tell_who_sends_what_to_whom() {
        let document = asyncapi();
        assert_eq!(
            keys(&document["operations"]),
            [
                "quotationReceivesContratEmis",
                "quotationReceivesControl",
                "quotationSendsControlAck",
                "quotationSendsDeadLetter",
                "quotationSendsDevisExpire",
                "quotationSendsDevisGenere",
                "reclamationReceivesContratEmis",
                "reclamationReceivesContratModifie",
                "reclamationReceivesContratResilie",
                "reclamationReceivesControl",
                "reclamationSendsControlAck",
                "reclamationSendsDeadLetter",
                "reclamationSendsIndemnisationEffectuee",
                "reclamationSendsSinistreDeclare",
                "reclamationSendsSinistreEvalue",
                "souscriptionReceivesControl",
                "souscriptionReceivesDevisExpire",
                "souscriptionReceivesDevisGenere",
                "souscriptionReceivesIndemnisationEffectuee",
                "souscriptionReceivesSinistreDeclare",
                "souscriptionReceivesSinistreEvalue",
                "souscriptionSendsContratEmis",
                "souscriptionSendsContratModifie",
                "souscriptionSendsContratResilie",
                "souscriptionSendsControlAck",
                "souscriptionSendsDeadLetter",
            ]
        );
        assert_eq!(document["operations"]["souscriptionReceivesDevisGenere"]["action"], "receive");
    }

    #[test]
    fn a_channel_shows_its_topic_as_the_operator_creates_it() {
        let document = asyncapi();
        let kafka = &document["channels"]["dlq.errors"]["bindings"]["kafka"];
        assert_eq!(kafka["partitions"], 3);
        assert_eq!(
            kafka["topicConfiguration"],
            json!({
                "cleanup.policy": ["delete"],
                "max.message.bytes": 2_097_152,
                "retention.bytes": 134_217_728,
                "retention.ms": 604_800_000,
                "segment.bytes": 16_777_216,
            })
        );
    }
}
