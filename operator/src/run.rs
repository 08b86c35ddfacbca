//! Puts the operator together: HTTP, leader election, the controller, and an orderly end.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use crds::EdaLab;
use futures::{FutureExt, StreamExt};
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::{Deployment, StatefulSet},
        core::v1::{ConfigMap, Pod, Service, ServiceAccount},
        rbac::v1::{Role, RoleBinding},
    },
};
use kube::{
    Api, Client, Resource, ResourceExt,
    core::DeserializeGuard,
    runtime::{
        Config as ControllerConfig, Controller,
        controller::{self, Action},
        reflector::ObjectRef,
        watcher,
    },
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    build::names::{kafka_bootstrap, managed_selector},
    config::Config,
    control,
    controller::{Context, Error, reconcile},
    events,
    http::{self, Readiness},
    kafka::Kafka,
    lease::{Election, Held},
    metrics::Metrics,
    retry::{Again, Retries},
};

/// Changes that come together are answered together; a pod's start alone is a handful.
const DEBOUNCE: Duration = Duration::from_millis(200);
/// A lost SYN is sent again after 1 s and 3 s; one connection attempt need not wait for more.
const CONNECT: Duration = Duration::from_secs(5);
const RECONNECT: Duration = Duration::from_secs(1);

type Lab = DeserializeGuard<EdaLab>;

/// Runs until `stop`, or until the Lease is lost, which is an error.
pub async fn run(config: Config, stop: CancellationToken) -> anyhow::Result<()> {
    let metrics = Metrics::new().context("set up metrics")?;
    let readiness = Readiness::default();
    let listener = TcpListener::bind(config.http_addr)
        .await
        .with_context(|| format!("listen on {}", config.http_addr))?;
    let http = tokio::spawn(http::serve(listener, metrics.clone(), readiness.clone(), stop.child_token()));

    let client = tokio::select! {
        client = connect() => client?,
        () = stop.cancelled() => return join(http).await,
    };
    tracing::info!(namespace = config.watch_namespace, "watching");
    readiness.set();

    let election =
        Election::new(client.clone(), &config.namespace, config.watch_namespace.as_deref(), &config.pod_name);
    let lease = tokio::select! {
        lease = election.win() => lease,
        () = stop.cancelled() => return join(http).await,
    };
    tracing::info!(identity = config.pod_name, "leading");
    metrics.set_leader(true);

    let recorder = events::recorder(client.clone(), &config.pod_name);
    let context = Arc::new(Context {
        client: client.clone(),
        images: config.images.clone(),
        kafka: Kafka::new().context("set up the registry's client")?,
        metrics: metrics.clone(),
        recorder: recorder.clone(),
        retries: Retries::default(),
    });
    // The Lease is held until the last reconciliation has ended, and given back then.
    let done = CancellationToken::new();
    let namespace = config.watch_namespace.as_deref();
    let labs = api::<Lab>(&client, namespace);
    let following = control::Context {
        client: client.clone(),
        recorder,
        metrics: metrics.clone(),
        bootstrap: kafka_bootstrap,
    };
    let following = control::run(following, labs, stop.clone());
    let reconciling = reconcile_labs(client, namespace, context, stop.clone());
    let work = async {
        tokio::join!(following, reconciling);
        done.cancel();
    };
    let held = tokio::select! {
        held = election.hold(lease, done.clone()) => held,
        held = async { work.await; std::future::pending().await } => held,
    };
    metrics.set_leader(false);
    if held == Held::Lost {
        bail!("the Lease is lost: another operator may be at work");
    }
    join(http).await
}

/// A client whose API server has answered. It waits for that as long as it takes: after a node's reboot the way to the
/// API server is not there for some seconds, and a pod that ends is started again more and more slowly.
async fn connect() -> anyhow::Result<Client> {
    let mut config = kube::Config::infer().await.context("find the Kubernetes API")?;
    config.connect_timeout = Some(CONNECT);
    let client = Client::try_from(config).context("set up the Kubernetes client")?;
    loop {
        match client.apiserver_version().await {
            Ok(version) => {
                tracing::info!(kubernetes = version.git_version, "the Kubernetes API answers");
                return Ok(client);
            }
            Err(error) => tracing::warn!(%error, "the Kubernetes API does not answer; trying again"),
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

async fn join(http: tokio::task::JoinHandle<std::io::Result<()>>) -> anyhow::Result<()> {
    http.await.context("the HTTP server's task")?.context("serve HTTP")
}

/// Reconciles labs until `stop`.
async fn reconcile_labs(
    client: Client,
    namespace: Option<&str>,
    context: Arc<Context>,
    stop: CancellationToken,
) {
    let ours = || watcher::Config::default().labels(&managed_selector());
    Controller::new(api::<Lab>(&client, namespace), watcher::Config::default())
        .with_config(ControllerConfig::default().debounce(DEBOUNCE).concurrency(8))
        .owns(api::<ServiceAccount>(&client, namespace), ours())
        .owns(api::<Role>(&client, namespace), ours())
        .owns(api::<RoleBinding>(&client, namespace), ours())
        .owns(api::<ConfigMap>(&client, namespace), ours())
        .owns(api::<Service>(&client, namespace), ours())
        .owns(api::<StatefulSet>(&client, namespace), ours())
        .owns(api::<Deployment>(&client, namespace), ours())
        .watches(api::<Pod>(&client, namespace), ours(), |pod| lab_of(&pod))
        .graceful_shutdown_on(stop.cancelled_owned())
        .run(reconcile, on_error, context)
        .for_each(|result| {
            if let Err(error) = result {
                log(&error);
            }
            std::future::ready(())
        })
        .boxed()
        .await;
}

fn api<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

/// A pod belongs to a workload, which belongs to the lab: its label says which.
fn lab_of(pod: &Pod) -> Option<ObjectRef<Lab>> {
    let lab = pod.labels().get("app.kubernetes.io/instance")?;
    Some(ObjectRef::new(lab).within(&pod.namespace()?))
}

#[allow(clippy::needless_pass_by_value)] // the Controller hands both out
fn on_error(lab: Arc<Lab>, error: &Error, context: Arc<Context>) -> Action {
    context.metrics.failed(error.reason());
    context.retries.action(&lab.uid().unwrap_or_default(), Again::Backoff)
}

fn log(error: &controller::Error<Error, watcher::Error>) {
    // A child's last change arrives after its lab is gone.
    if matches!(error, controller::Error::ObjectNotFound(_)) {
        tracing::debug!(%error, "the lab is gone");
    } else {
        tracing::warn!(%error, "reconciliation");
    }
}
