//! What goes over the wire: the topic catalogue, the Avro schemas, the typed events, and their encoding.
//!
//! No I/O here. The operator takes the topics and [`subjects`] from this crate; services encode and decode with
//! it; whoever wants to know what a topic holds reads [`CATALOGUE`], or the [`asyncapi`] document made from it.
//!
//! - [`Event`] is what every event type implements; an event is one small file, such as [`quotation`]'s.
//! - [`encode`] and [`decode`] are the Avro body, [`wire`] the Confluent frame around it.
//! - [`control`] is what is set for a whole lab while it runs.
//! - [`CloudEvent`] is the envelope, which travels in the record's headers; [`dead_letter`] says which headers a
//!   record that was given up carries beside it.

mod asyncapi;
mod avro;
mod catalogue;
mod cloudevent;
pub mod control;
pub mod dead_letter;
mod header_names;
mod ids;
mod json;
mod money;
mod named;
pub mod quotation;
pub mod reclamation;
mod service;
pub mod souscription;
mod type_bien;
pub mod wire;

pub use asyncapi::asyncapi;
pub use avro::{DecodeError, EncodeError, Event, Fields, decode, encode, millis};
pub use catalogue::{
    CATALOGUE, CleanupPolicy, Content, REGISTRY_TOPICS, Subject, Topic, TopicName, event_topics,
    required_topics, subjects, topic, topics,
};
pub use cloudevent::{CloudEvent, CloudEventError, SPEC_VERSION, Sequence, header};
pub use ids::{ClientId, ClientIdError, ContratId, DevisId, EventId, IndemnisationId, SinistreId, Version};
pub use json::to_json;
pub use money::{Cents, CentsError, Total};
pub use quotation::{DevisExpire, DevisGenere};
pub use reclamation::{
    Decision, IndemnisationEffectuee, SinistreDeclare, SinistreEvalue, TypeSinistre, UnknownDecision,
    UnknownTypeSinistre,
};
pub use service::Service;
pub use souscription::{ContratEmis, ContratModifie, ContratResilie, Modification, UnknownModification};
pub use type_bien::{TypeBien, UnknownTypeBien};
pub use wire::SchemaId;
