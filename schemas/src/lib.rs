//! What goes over the wire: the topic catalogue, the Avro schemas, the typed events, and their encoding.
//!
//! No I/O here. The operator takes the topics and [`subjects`] from this crate; services encode and decode with
//! it; whoever wants to know what a topic holds reads [`catalogue`].

mod catalogue;

pub use catalogue::{CATALOGUE, CleanupPolicy, Content, Subject, Topic, TopicName, subjects, topic, topics};
