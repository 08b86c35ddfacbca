//! Sends requests to the services.

use std::{sync::Arc, time::Duration};

use axum::body::Bytes;
use jiff::Timestamp;
use platform::cause::with_cause;
use reqwest::{Client, StatusCode, Url, header};

use crate::{
    course::Course,
    request::{Answer, Request, Target, judge, request},
};

/// How long an answer may take: as long as the services give a request.
const ANSWER: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(2);
/// Well below the half minute after which a service closes a connection that is not used.
const IDLE: Duration = Duration::from_secs(10);

/// Where the services are, and connections to them. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    http: Client,
    services: Arc<[String; Target::COUNT]>,
}

impl Sender {
    /// Where the targets are, in their order.
    pub(crate) fn new(services: &[Url; Target::COUNT]) -> Self {
        let http = Client::builder()
            .timeout(ANSWER)
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            // The services are beside it: nothing of a lab goes through a proxy.
            .no_proxy()
            .build()
            .expect("a client of plain HTTP needs nothing of its surroundings");
        let services = services.each_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
        Self { http, services: Arc::new(services) }
    }

    /// Gives the command that is next in a story.
    pub(crate) async fn send(&self, course: &Course) -> Answer {
        let kind = course.command().kind();
        let request = request(course.command(), course.subject(), Timestamp::now());
        match self.ask(Target::of(kind), request).await {
            Ok((status, body)) => judge(kind, status, &body),
            Err(error) => {
                Answer::Failed(format!("{} was not answered: {}", kind.as_str(), with_cause(&error)))
            }
        }
    }

    /// Asks a service.
    pub(crate) async fn ask(
        &self,
        target: Target,
        request: Request,
    ) -> Result<(StatusCode, Bytes), reqwest::Error> {
        let base = &self.services[target as usize];
        let Request { method, path, body } = request;
        let asked = self.http.request(method, format!("{base}{path}"));
        let response = asked.header(header::CONTENT_TYPE, "application/json").body(body).send().await?;
        let status = response.status();
        // Read to its end, also where nothing of it is needed: the connection is used again.
        Ok((status, response.bytes().await?))
    }
}
