//! The relay's way with dead letters. Their order does not matter; a killed process may send a batch again.

use rdkafka::{
    message::{Header, OwnedHeaders},
    producer::FutureRecord,
};
use schemas::topics::DLQ_ERRORS;

use super::{Relay, RelayError, answers};
use crate::{consumer::Letter, crash, outbox::letters};

impl Relay {
    /// Publishes the first letters, and removes what the broker has confirmed.
    pub(super) async fn publish_letters(&mut self) -> Result<(), RelayError> {
        if self.outbox.appended().letters == 0 {
            return Ok(());
        }
        if self.delivered_letter > 0 {
            self.remove_letters().await?;
        }
        let letters = letters::first(&self.readers).await.map_err(RelayError::Read)?;
        let producer = self.connect([DLQ_ERRORS.as_str()].into_iter()).await?;
        let mut pending = Vec::with_capacity(letters.len());
        let mut refused = None;
        for (_, letter) in &letters {
            match producer.send_result(record(letter)) {
                Ok(delivery) => pending.push(delivery),
                Err((error, _)) => {
                    refused = Some(error);
                    break;
                }
            }
        }
        let answers = answers(&producer, DLQ_ERRORS.as_str(), pending).await;
        crash::pass(crash::CONFIRMED);
        let confirmed = answers.iter().take_while(|answer| answer.is_ok()).count();
        if let Some((up_to, _)) = letters[..confirmed].last() {
            self.delivered_letter = *up_to;
            self.remove_letters().await?;
        }
        match answers.into_iter().find_map(Result::err).or(refused) {
            None => Ok(()),
            Some(error) => {
                self.connection = None;
                Err(RelayError::Letter(error))
            }
        }
    }

    /// Removes what is on its topic.
    async fn remove_letters(&mut self) -> Result<(), RelayError> {
        let up_to = self.delivered_letter;
        self.writer.run(move |batch| Box::pin(async move { batch.sent_letters(up_to).await })).await?;
        self.delivered_letter = 0;
        Ok(())
    }
}

fn record(letter: &Letter) -> FutureRecord<'_, [u8], [u8]> {
    let headers = letter.headers.iter().fold(OwnedHeaders::new(), |headers, (name, value)| {
        headers.insert(Header { key: name, value: value.as_deref() })
    });
    FutureRecord {
        topic: DLQ_ERRORS.as_str(),
        partition: None,
        key: letter.key.as_deref(),
        payload: letter.value.as_deref(),
        timestamp: None,
        headers: Some(headers),
    }
}
