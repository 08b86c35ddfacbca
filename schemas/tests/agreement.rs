//! What an event type says of itself is what its schema and the catalogue say.

use schemas::{
    CATALOGUE, ContratEmis, ContratModifie, ContratResilie, DevisExpire, DevisGenere, Event,
    IndemnisationEffectuee, SinistreDeclare, SinistreEvalue, Topic, topic,
};

/// The event's short name, once its type, its schema and its topic were found to agree.
fn agreed<E: Event>() -> &'static str {
    let name = E::schema().name().expect("a record");
    assert_eq!(name.fullname(None), E::TYPE);
    let topic = topic(E::TOPIC.as_str()).expect("a topic of the catalogue");
    assert_eq!(topic.subject().expect("a topic of events").schema, E::SCHEMA);
    assert_eq!(topic.event(), Some(name.name()));
    name.name()
}

#[test]
fn types_schemas_and_topics_agree() {
    let types = [
        agreed::<DevisGenere>(),
        agreed::<DevisExpire>(),
        agreed::<ContratEmis>(),
        agreed::<ContratModifie>(),
        agreed::<ContratResilie>(),
        agreed::<SinistreDeclare>(),
        agreed::<SinistreEvalue>(),
        agreed::<IndemnisationEffectuee>(),
    ];
    assert!(CATALOGUE.iter().filter_map(Topic::event).eq(types));
}
