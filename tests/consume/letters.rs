//! Records that cannot be read.

use std::sync::Arc;

use edalab_tests::{
    reader::{Raw, Reader, raw},
    rig::stand::{QUOTATION, Stand},
    suite::Outcome,
    wait,
};
use rdkafka::{
    ClientConfig,
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
};
use schemas::{dead_letter as letter, header, topics};

use crate::pair::{ARRIVAL, Pair};

pub(crate) async fn dead_letters(stand: Arc<Stand>) -> Outcome {
    let pair = Pair::start(&stand, "letters").await?;
    let first = pair.quote().await?;
    pair.convert(&first).await?;
    let mut reader = Reader::new(&pair.kafka.bootstrap(), QUOTATION, &pair.quotation.source())?;
    let good = reader.catch_up()?.to_vec().remove(0);
    let headers: Vec<(String, Option<Vec<u8>>)> = good
        .event
        .headers()
        .into_iter()
        .map(|(name, text)| (name.to_owned(), Some(text.into_bytes())))
        .collect();
    let without = |name: &str| headers.iter().filter(|(found, _)| found != name).cloned().collect::<Vec<_>>();
    let expire = stand.registry.id("quotation.devis-expire-value").expect("a registered subject");
    let other_type = [&[0], &expire.to_be_bytes()[..], &good.value[5..]].concat();
    let marked = |mut headers: Vec<_>, number: u8| {
        headers.push((MARK.to_owned(), Some(vec![number])));
        headers
    };
    let cases = [
        ("WrongMagic", Some(b"{\"devisId\": 1}".to_vec()), headers.clone()),
        ("TooShort", Some(vec![0, 0]), headers.clone()),
        ("UnknownSchemaId", Some(vec![0, 0x7f, 0, 0, 0, 1]), headers.clone()),
        ("MissingHeader", Some(good.value.clone()), without(header::ID)),
        ("MissingHeader", Some(good.value.clone()), Vec::new()),
        ("NoValue", None, headers.clone()),
        ("TrailingBytes", Some([&good.value[..], &[0]].concat()), headers.clone()),
        ("BadBody", Some(good.value[..20].to_vec()), headers.clone()),
        ("WrongType", Some(other_type), headers.clone()),
    ];
    let mut sent = Vec::new();
    let producer: FutureProducer =
        ClientConfig::new().set("bootstrap.servers", pair.kafka.bootstrap()).create()?;
    for (number, (reason, value, headers)) in (0..).zip(cases) {
        let record = Raw { key: Some(vec![0xff, number]), value, headers: marked(headers, number) };
        send(&producer, topics::DEVIS_GENERE, &record).await?;
        sent.push((reason, record));
    }
    // What follows is not held up, on whatever partition it lies.
    for _ in 0..6 {
        let devis = pair.quote().await?;
        pair.convert(&devis).await?;
    }
    let letters = wait::until("the letters", ARRIVAL, async || {
        let all = raw(&pair.kafka.bootstrap(), topics::DLQ_ERRORS).map_err(|problem| problem.to_string())?;
        if all.len() >= sent.len() { Ok(all) } else { Err(format!("{} letters", all.len())) }
    })
    .await?;
    assert_eq!(letters.len(), sent.len());
    for (reason, record) in &sent {
        let letter = letters.iter().find(|letter| letter.key == record.key);
        let letter = letter.unwrap_or_else(|| panic!("{reason}: no letter"));
        assert_eq!(letter.value, record.value, "{reason}: byte for byte");
        assert_eq!(
            letter.headers[..record.headers.len()],
            record.headers,
            "{reason}: the headers that it came with"
        );
        assert_eq!(letter.header(letter::REASON), Some(*reason), "{:?}", letter.header(letter::CAUSES));
        assert_eq!(letter.header(letter::TOPIC), Some("quotation.devis-genere"));
        assert_eq!(letter.header(letter::SERVICE), Some(&*pair.souscription.source()));
        assert_eq!(letter.header(letter::GROUP), Some("souscription-service"));
        for name in [letter::PARTITION, letter::OFFSET, letter::CAUSES, letter::TIME] {
            assert!(letter.header(name).is_some_and(|text| !text.is_empty()), "{reason}: {name}");
        }
        assert_eq!(letter.header(letter::LEFT_OUT), None);
    }
    Ok(())
}

/// A header by which a poisoned record is told from others.
const MARK: &str = "test-mark";

async fn send(producer: &FutureProducer, topic: schemas::TopicName, record: &Raw) -> Outcome {
    let headers = record.headers.iter().fold(OwnedHeaders::new(), |headers, (name, value)| {
        headers.insert(Header { key: name, value: value.as_deref() })
    });
    let record = FutureRecord {
        topic: topic.as_str(),
        partition: None,
        key: record.key.as_deref(),
        payload: record.value.as_deref(),
        timestamp: None,
        headers: Some(headers),
    };
    let sent: Result<_, (rdkafka::error::KafkaError, _)> = producer.send(record, ARRIVAL).await;
    sent.map(drop).map_err(|(problem, _)| problem.into())
}
