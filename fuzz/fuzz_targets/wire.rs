//! A record's value and headers, as anybody who can write to a topic may have made them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use schemas::{
    CloudEvent, ContratEmis, ContratModifie, ContratResilie, DevisExpire, DevisGenere, Event, wire,
};

fuzz_target!(|data: &[u8]| {
    value::<DevisGenere>(data);
    value::<DevisExpire>(data);
    value::<ContratEmis>(data);
    value::<ContratModifie>(data);
    value::<ContratResilie>(data);
    headers(data);
});

/// What is read as an event can be written and read again, and is the same.
fn value<E: Event + PartialEq + std::fmt::Debug>(data: &[u8]) {
    let Ok((id, body)) = wire::parse(data) else { return };
    assert_eq!(wire::frame(id, body), data);
    let Ok(event) = schemas::decode::<E>(E::schema(), body) else { return };
    let again = schemas::encode(&event).expect("what was read can be written");
    assert_eq!(schemas::decode::<E>(E::schema(), &again).expect("and read"), event);
}

/// Lines as `name:value`.
fn headers(data: &[u8]) {
    let lines = data.split(|byte| *byte == b'\n');
    let headers: Vec<(&str, &[u8])> = lines
        .filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((std::str::from_utf8(&line[..colon]).ok()?, &line[colon + 1..]))
        })
        .collect();
    let Ok(envelope) = CloudEvent::from_headers(&headers) else { return };
    // Times are written to the millisecond, and so the second reading is the one that does not change any more.
    let second = written_and_read(&envelope);
    assert_eq!(written_and_read(&second), second);
}

fn written_and_read(envelope: &CloudEvent) -> CloudEvent {
    let headers = envelope.headers();
    let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    CloudEvent::from_headers(&headers).expect("what was read can be written and read")
}
