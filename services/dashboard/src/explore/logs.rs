//! Logs of the lab's parts, as they are written, through the Kubernetes API.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, Uri},
    response::{IntoResponse as _, Response},
};
use futures::{AsyncBufReadExt as _, TryStreamExt as _};
use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};
use kube::{
    Api, Client, ResourceExt,
    api::{ListParams, LogParams},
};
use platform::http::Problem;
use tokio::sync::{OnceCell, Semaphore, mpsc};

use super::{Place, Shared, Sight, shown};
use crate::{event::cut, page::explore as page, sse, texts::filled, web};

/// The parts of a lab, by the names that their pods carry.
const COMPONENTS: [&str; 7] =
    ["kafka", "schema-registry", "quotation", "souscription", "reclamation", "simulator", "dashboard"];
/// Lines that a log begins with, and characters of a line.
const LINES: i64 = 200;
const LONGEST: usize = 4_000;
/// Who may follow logs at a time.
const FOLLOWERS: usize = 32;
/// How long the API server may take to answer, and how long to wait before it is asked again.
const ANSWER: Duration = Duration::from_secs(3);
const AGAIN: Duration = Duration::from_secs(2);

/// Where the logs are. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Logs {
    lab: String,
    /// The client's own where none is named.
    namespace: Option<String>,
    client: Arc<OnceCell<Client>>,
    places: Arc<Semaphore>,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
enum LogError {
    #[error("there is no Kubernetes API here: {0}")]
    NoCluster(String),
    #[error("the Kubernetes API does not answer")]
    Late,
    #[error("{0}")]
    Api(#[from] kube::Error),
    #[error("the log ended: {0}")]
    Cut(#[from] std::io::Error),
    #[error("no pod of {0} runs")]
    NoPod(&'static str),
}

impl std::fmt::Debug for Logs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Logs").field("lab", &self.lab).finish_non_exhaustive()
    }
}

impl Logs {
    pub(crate) fn of(lab: &str, namespace: Option<&str>) -> Self {
        Self {
            lab: lab.to_owned(),
            namespace: namespace.map(str::to_owned),
            client: Arc::default(),
            places: Arc::new(Semaphore::new(FOLLOWERS)),
        }
    }

    async fn pods(&self) -> Result<Api<Pod>, LogError> {
        let client = self.client.get_or_try_init(Client::try_default).await;
        let client = client.map_err(|error| LogError::NoCluster(error.to_string()))?.clone();
        let namespace = self.namespace.as_deref().unwrap_or(client.default_namespace()).to_owned();
        Ok(Api::namespaced(client, &namespace))
    }

    /// The pod of a component that was made last.
    async fn pod(&self, pods: &Api<Pod>, component: &'static str) -> Result<String, LogError> {
        let labels = format!("app.kubernetes.io/instance={},app.kubernetes.io/name={component}", self.lab);
        let params = ListParams::default().labels(&labels);
        let found = in_time(pods.list(&params)).await?;
        let newest = found.items.iter().max_by_key(|pod| pod.creation_timestamp());
        newest.map(ResourceExt::name_any).ok_or(LogError::NoPod(component))
    }

    /// The last lines.
    async fn last(&self, component: &'static str) -> Result<Vec<String>, LogError> {
        let pods = self.pods().await?;
        let pod = self.pod(&pods, component).await?;
        let params = LogParams { tail_lines: Some(LINES), ..LogParams::default() };
        let text = in_time(pods.logs(&pod, &params)).await?;
        Ok(text.lines().map(|line| cut(line, LONGEST)).collect())
    }

    /// Sends lines as they are written, until nobody listens; over another pod where there is one.
    async fn follow(self, component: &'static str, to: mpsc::Sender<Bytes>) {
        // What was sent up to here is not sent again.
        let mut since = None;
        loop {
            let ended = self.follow_one(component, since, &to).await;
            since = Some(Timestamp::now());
            let told = match ended {
                Ok(()) => LogError::NoPod(component).to_string(),
                Err(error) => error.to_string(),
            };
            if to.send(sse::message("trouble", &told)).await.is_err() {
                return;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn follow_one(
        &self,
        component: &'static str,
        since: Option<Timestamp>,
        to: &mpsc::Sender<Bytes>,
    ) -> Result<(), LogError> {
        let pods = self.pods().await?;
        let pod = self.pod(&pods, component).await?;
        let tail_lines = since.is_none().then_some(LINES);
        let params = LogParams { follow: true, tail_lines, since_time: since, ..LogParams::default() };
        let mut lines = in_time(pods.log_stream(&pod, &params)).await?.lines();
        loop {
            let line = tokio::select! {
                line = lines.try_next() => line?,
                () = to.closed() => return Ok(()),
            };
            let Some(line) = line else { return Ok(()) };
            if to.send(sse::message("line", &cut(&line, LONGEST))).await.is_err() {
                return Ok(());
            }
        }
    }
}

async fn in_time<T>(asked: impl Future<Output = Result<T, kube::Error>>) -> Result<T, LogError> {
    Ok(tokio::time::timeout(ANSWER, asked).await.map_err(|_| LogError::Late)??)
}

fn known(name: &str) -> Option<&'static str> {
    COMPONENTS.into_iter().find(|component| *component == name)
}

pub(super) async fn choose(uri: Uri, headers: HeaderMap) -> Response {
    shown(&headers, &uri, |lang| {
        Sight::of(Place::Logs, lang, Ok(page::logs(lang, &COMPONENTS, None, &[])), None)
    })
}

pub(super) async fn page(
    State(explorer): Shared,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let found = match known(&name) {
        Some(component) => explorer.logs.last(component).await.map(|lines| (component, lines)),
        None => return Problem::not_found("there is no such component").into_response(),
    };
    shown(&headers, &uri, |lang| {
        let t = lang.texts();
        let content = found
            .map(|(component, lines)| page::logs(lang, &COMPONENTS, Some(component), &lines))
            .map_err(|error| filled(t.logs_unavailable, &[("why", &error)]));
        let title = filled(t.logs_of, &[("component", &name)]);
        Sight { place: Place::Logs, title, content, every: None }
    })
}

pub(super) async fn stream(State(explorer): Shared, Path(name): Path<String>) -> Response {
    let Some(component) = known(&name) else {
        return Problem::not_found("there is no such component").into_response();
    };
    let logs = explorer.logs.clone();
    let Ok(place) = Arc::clone(&logs.places).try_acquire_owned() else {
        return Problem::unavailable(format!("{FOLLOWERS} clients follow logs already"), 5).into_response();
    };
    let (to, lines) = mpsc::channel(64);
    let stop = explorer.stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = logs.follow(component, to) => {}
            () = stop.cancelled() => {}
        }
        drop(place);
    });
    let body = futures::stream::unfold(lines, async |mut lines| {
        let line: Bytes = lines.recv().await?;
        Some((Ok::<_, Infallible>(line), lines))
    });
    web::events(Body::from_stream(body))
}
