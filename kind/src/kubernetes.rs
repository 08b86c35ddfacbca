//! The lab's Kubernetes API: everything that is asked of a running lab goes through it.

use std::path::Path;

use futures::AsyncBufReadExt;
use http::Request;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, Config, ResourceExt,
    api::{AttachParams, AttachedProcess, ListParams, LogParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    cluster::NAMESPACE,
    error::{Error, Result},
};

/// The label that all parts of one lab share (the recommended labels of Kubernetes).
const INSTANCE: &str = "app.kubernetes.io/instance";
const NAME: &str = "app.kubernetes.io/name";
const COMPONENT: &str = "app.kubernetes.io/component";

/// A client for the cluster of a kubeconfig file.
pub(crate) async fn client(kubeconfig: &Path) -> Result<Client> {
    let cannot = |e: &dyn std::fmt::Display| Error::Cannot {
        what: format!("the lab's kubeconfig {} cannot be used: {e}", kubeconfig.display()),
        next: "run `edalab up`".into(),
    };
    let file = Kubeconfig::read_from(kubeconfig).map_err(|e| cannot(&e))?;
    let mut config =
        Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.map_err(|e| cannot(&e))?;
    config.proxy_url = None; // the lab is on this machine, whatever proxy the environment names
    Client::try_from(config).map_err(|e| cannot(&e))
}

/// The pods of a lab's component, or of all of them.
pub(crate) async fn pods(client: &Client, lab: &str, component: Option<&str>) -> Result<Vec<Pod>> {
    let mut selector = format!("{INSTANCE}={lab}");
    if let Some(component) = component {
        selector += &format!(",{NAME}={component}");
    }
    list(client, &selector).await
}

/// The pods of a lab's services that keep a ledger: the insurance company's.
pub(crate) async fn services(client: &Client, lab: &str) -> Result<Vec<Pod>> {
    list(client, &format!("{INSTANCE}={lab},{COMPONENT}=service")).await
}

/// Asks a pod's HTTP port, through the API server.
pub(crate) async fn get<T: DeserializeOwned>(client: &Client, pod: &Pod, path: &str) -> Result<T> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let port = containers
        .flat_map(|container| container.ports.iter().flatten())
        .map(|port| port.container_port)
        .next();
    let (name, port) = (pod.name_any(), port.unwrap_or(80));
    let request = Request::get(format!("/api/v1/namespaces/{NAMESPACE}/pods/{name}:{port}/proxy{path}"));
    let request = request.body(Vec::new()).map_err(|e| Error::io("ask a pod", std::io::Error::other(e)))?;
    client.request(request).await.map_err(Error::kube("ask a pod"))
}

/// The operator's pods.
pub(crate) async fn operator_pods(client: &Client) -> Result<Vec<Pod>> {
    list(client, &format!("{NAME}=kafka-eda-lab")).await
}

async fn list(client: &Client, selector: &str) -> Result<Vec<Pod>> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let list = pods.list(&ListParams::default().labels(selector)).await.map_err(Error::kube("list pods"))?;
    Ok(list.items)
}

/// Runs a command in a pod, its output on ours, and returns whether it ended well.
pub(crate) async fn exec(client: &Client, pod: &str, command: &[&str]) -> Result<bool> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let attach = AttachParams::default().stdout(true).stderr(true);
    let mut process = pods
        .exec(pod, command.iter().copied(), &attach)
        .await
        .map_err(Error::kube("run a command in a pod"))?;
    let status = process.take_status();
    let (out, err) = (process.stdout(), process.stderr());
    tokio::try_join!(copy(out, tokio::io::stdout()), copy(err, tokio::io::stderr()))?;
    finish(process).await?;
    let status = match status {
        Some(status) => status.await,
        None => None,
    };
    Ok(status.is_some_and(|status| status.status.as_deref() == Some("Success")))
}

async fn finish(process: AttachedProcess) -> Result<()> {
    process.join().await.map_err(|e| Error::io("talk to the command in the pod", std::io::Error::other(e)))
}

async fn copy(
    from: Option<impl tokio::io::AsyncRead + Unpin>,
    mut to: impl tokio::io::AsyncWrite + Unpin,
) -> Result<()> {
    let Some(mut from) = from else { return Ok(()) };
    let mut buffer = [0; 8192];
    loop {
        let read = from.read(&mut buffer).await.map_err(|e| Error::io("read from the pod", e))?;
        if read == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..read]).await.map_err(|e| Error::io("write", e))?;
        to.flush().await.map_err(|e| Error::io("write", e))?;
    }
}

/// Prints a pod's log, each line behind the pod's name; with `follow` until the pod ends.
pub(crate) async fn logs(client: &Client, pod: &str, tail: i64, follow: bool) -> Result<()> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let parameters = LogParams { follow, tail_lines: Some(tail), ..LogParams::default() };
    let stream = pods.log_stream(pod, &parameters).await.map_err(Error::kube("read a pod's log"))?;
    let mut lines = stream.lines();
    while let Some(line) =
        futures::TryStreamExt::try_next(&mut lines).await.map_err(|e| Error::io("read a log", e))?
    {
        println!("{pod}  {line}");
    }
    Ok(())
}
