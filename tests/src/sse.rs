//! A client of server-sent events that can count.

use std::time::Duration;

use reqwest::Response;
use tokio::time::timeout;

/// One message of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    pub id: Option<String>,
    pub event: String,
    pub data: String,
}

/// A stream does not go on.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    #[error("the stream ended")]
    Ended,
    #[error("nothing came for {} s", .0.as_secs_f32())]
    Silent(Duration),
}

/// An open stream.
#[derive(Debug)]
pub struct Stream {
    response: Response,
    rest: Vec<u8>,
}

impl Stream {
    /// Opens a stream; with an id, after the event of that id.
    pub async fn open(http: &reqwest::Client, url: &str, last: Option<&str>) -> Result<Self, StreamError> {
        let mut request = http.get(url);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        Ok(Self { response: request.send().await?.error_for_status()?, rest: Vec::new() })
    }

    /// The next message; those without a name and data (a comment, a `retry`) are passed over.
    pub async fn next(&mut self, patience: Duration) -> Result<Message, StreamError> {
        timeout(patience, self.message()).await.map_err(|_| StreamError::Silent(patience))?
    }

    /// The next message of that name.
    pub async fn named(&mut self, event: &str, patience: Duration) -> Result<Message, StreamError> {
        let found = async {
            loop {
                let message = self.message().await?;
                if message.event == event {
                    return Ok(message);
                }
            }
        };
        timeout(patience, found).await.map_err(|_| StreamError::Silent(patience))?
    }

    async fn message(&mut self) -> Result<Message, StreamError> {
        loop {
            while let Some(end) = find(&self.rest, b"\n\n") {
                let block: Vec<u8> = self.rest.drain(..end + 2).collect();
                let message = read(&String::from_utf8_lossy(&block));
                if !message.event.is_empty() {
                    return Ok(message);
                }
            }
            match self.response.chunk().await? {
                Some(more) => self.rest.extend_from_slice(&more),
                None => return Err(StreamError::Ended),
            }
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn read(block: &str) -> Message {
    let mut message = Message::default();
    let mut data = Vec::new();
    for line in block.lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" => message.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut message.event),
            "data" => data.push(value),
            _ => {}
        }
    }
    message.data = data.join("\n");
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_a_name_and_lines() {
        let message = read("id: 7\nevent: x\ndata: a\ndata:\ndata:  b\n\n");
        assert_eq!(
            (message.id.as_deref(), message.event.as_str(), message.data.as_str()),
            (Some("7"), "x", "a\n\n b")
        );
        assert_eq!(read(": comment\nretry: 5\n\n"), Message::default());
    }
}
