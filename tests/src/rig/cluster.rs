//! A real kind cluster with the operator in it, made by the `edalab` command beside whatever lab runs.

use std::{
    env, io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use k8s_openapi::{
    NamespaceResourceScope,
    api::core::v1::{Namespace, Pod, ServiceAccount},
};
use kube::{
    Api, Client, Config, Resource, ResourceExt,
    api::{AttachParams, DeleteParams, DynamicObject, ListParams, LogParams, Patch, PatchParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::{
    process::{self, ProcessError},
    program::{self, ProgramError},
};
use crate::{
    edalabs,
    suite::Rig,
    wait::{self, TimedOut},
};

/// The cluster of the tests: a name and ports of its own.
const NAME: &str = "edalab-test";
/// Added to every port on this machine.
pub const PORT_OFFSET: u16 = 10_000;
/// How long a lab may take to do what it was asked. It takes about 30 s on an idle machine.
const SETTLED: Duration = Duration::from_secs(180);
/// How long a command in a pod may take.
const COMMAND: Duration = Duration::from_secs(20);
/// How much of a pod's log is printed where a trial failed.
const LAST_LINES: i64 = 40;

/// The cluster does not do what the test needs.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error(transparent)]
    Edalab(#[from] ProcessError),
    #[error(transparent)]
    Kubeconfig(#[from] KubeconfigError),
    #[error(transparent)]
    Api(#[from] Box<kube::Error>),
    #[error(transparent)]
    Late(#[from] TimedOut),
    #[error("{command}: {problem}")]
    Exec { command: String, problem: String },
    #[error("the request cannot be made: {0}")]
    Request(#[from] http::Error),
}

impl From<kube::Error> for ClusterError {
    fn from(problem: kube::Error) -> Self {
        Self::Api(Box::new(problem))
    }
}

/// The cluster. Dropping it takes it down, unless EDALAB_KEEP_CLUSTER is set.
#[derive(Debug)]
pub struct Cluster {
    program: PathBuf,
    kubeconfig: PathBuf,
}

impl Cluster {
    /// Brings the cluster up with an operator that serves every namespace.
    pub async fn start() -> Result<Self, ClusterError> {
        let program = program::edalab().await?.to_owned();
        let mut up = Command::new(&program);
        up.args(["up", "--name", NAME, "--port-offset", &PORT_OFFSET.to_string()]);
        process::output(up.args(["--no-lab", "--set", "clusterWide=true"])).await?;
        let mut kubeconfig = Command::new(&program);
        let path = process::output(kubeconfig.args(["kubeconfig", "--name", NAME])).await?;
        Ok(Self { program, kubeconfig: path.trim().into() })
    }

    /// A client that may do everything. Each trial makes its own: a client belongs to the runtime that made it.
    pub async fn client(&self) -> Result<Client, ClusterError> {
        Ok(Client::try_from(self.config().await?)?)
    }

    /// How a client reaches the cluster.
    pub async fn config(&self) -> Result<Config, ClusterError> {
        config_of(&self.kubeconfig).await
    }

    /// A namespace that enforces Pod Security "restricted", and is deleted with its labs at the end.
    pub async fn namespace(&self, name: &str) -> Result<Space, ClusterError> {
        let client = self.client().await?;
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
        let namespace = json!({"metadata": {"name": name, "labels": labels}});
        let namespace = serde_json::from_value(namespace).expect("a namespace");
        namespaces.create(&PostParams::default(), &namespace).await?;
        let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), name);
        wait::until("the namespace's ServiceAccount", SETTLED, async || accounts.get("default").await)
            .await?;
        Ok(Space { client, name: name.to_owned() })
    }
}

impl Rig for Cluster {
    async fn explain(&self) {
        explain(&self.kubeconfig).await;
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        take_down(NAME, Command::new(&self.program).args(["down", "--name", NAME]));
    }
}

/// How a client reaches the cluster of a kubeconfig, which is on this machine whatever proxy the environment names.
pub(super) async fn config_of(kubeconfig: &Path) -> Result<Config, ClusterError> {
    let file = Kubeconfig::read_from(kubeconfig)?;
    let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    config.proxy_url = None;
    Ok(config)
}

/// Prints the pods that are not ready, with the end of their logs.
pub(super) async fn explain(kubeconfig: &Path) {
    if let Err(problem) = print_unready(kubeconfig).await {
        println!("the pods that are not ready cannot be told: {problem}");
    }
}

async fn print_unready(kubeconfig: &Path) -> Result<(), ClusterError> {
    let client = Client::try_from(config_of(kubeconfig).await?)?;
    for pod in Api::<Pod>::all(client.clone()).list(&ListParams::default()).await? {
        let containers = pod.status.clone().and_then(|status| status.container_statuses).unwrap_or_default();
        if !containers.is_empty() && containers.iter().all(|container| container.ready) {
            continue;
        }
        let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
        let tail = LogParams { tail_lines: Some(LAST_LINES), timestamps: true, ..LogParams::default() };
        let log = Api::<Pod>::namespaced(client.clone(), &namespace).logs(&name, &tail).await;
        let log = log.unwrap_or_else(|problem| format!("no log: {problem}"));
        let status = serde_json::to_string(&pod.status).expect("JSON");
        println!("not ready: {namespace}/{name} {status}\n{log}");
    }
    Ok(())
}

/// Takes the cluster `name` down by `command`, unless it is to stay.
pub(super) fn take_down(name: &str, command: &mut Command) {
    if env::var_os("EDALAB_KEEP_CLUSTER").is_some() {
        println!("the cluster stays: EDALAB_NAME={name}");
        return;
    }
    match command.output() {
        Ok(down) if down.status.success() => {}
        Ok(down) => eprintln!("taking {name} down: {}", String::from_utf8_lossy(&down.stderr)),
        Err(problem) => eprintln!("taking {name} down: {problem}"),
    }
}

/// One namespace of the cluster.
#[derive(Clone)]
pub struct Space {
    pub client: Client,
    pub name: String,
}

impl Space {
    /// The custom resources.
    pub fn labs(&self) -> Api<DynamicObject> {
        edalabs::of(self.client.clone(), &self.name)
    }

    /// The namespace's objects of one kind.
    pub fn objects<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// What `kubectl apply` does with a lab of this `spec`.
    pub async fn apply(&self, lab: &str, spec: Value) -> Result<(), ClusterError> {
        let object = Patch::Apply(edalabs::manifest(lab, &spec));
        self.labs().patch(lab, &PatchParams::apply("tests").force(), &object).await?;
        Ok(())
    }

    /// Waits until the lab's condition `kind` is `status` for the spec that it has now; its message.
    pub async fn condition(&self, lab: &str, kind: &str, status: &str) -> Result<String, TimedOut> {
        wait::until(format!("{lab} {kind}={status}"), SETTLED, async || {
            let lab = self.labs().get(lab).await.map_err(|problem| problem.to_string())?;
            let found = edalabs::condition(&lab, kind);
            if found["status"] == status {
                Ok(found["message"].as_str().unwrap_or_default().to_owned())
            } else {
                Err(lab.data["status"]["conditions"].to_string())
            }
        })
        .await
    }

    /// Waits until the lab is ready for the spec that it has now.
    pub async fn ready(&self, lab: &str) -> Result<(), TimedOut> {
        self.condition(lab, "Ready", "True").await.map(drop)
    }

    /// Deletes the lab and waits until its pods and objects are gone.
    pub async fn delete(&self, lab: &str) -> Result<(), ClusterError> {
        self.labs().delete(lab, &DeleteParams::default()).await?;
        self.gone(&self.objects::<Pod>(), lab).await?;
        Ok(())
    }

    /// Waits until no object of this kind is left of the lab.
    pub async fn gone<K>(&self, api: &Api<K>, lab: &str) -> Result<(), TimedOut>
    where
        K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
    {
        wait::until(format!("nothing of {lab} to be left"), SETTLED, async || {
            let left = all_of_lab(api, lab).await.map_err(|problem| problem.to_string())?;
            if left.is_empty() {
                Ok(())
            } else {
                Err(left.iter().map(why_it_stays).collect::<Vec<_>>().join(", "))
            }
        })
        .await
    }

    /// Asks a service of the lab through the API server's proxy; the answer's body.
    pub async fn ask(&self, service: &str, path: &str, body: Option<&Value>) -> Result<Value, ClusterError> {
        let url = format!("/api/v1/namespaces/{}/services/{service}/proxy{path}", self.name);
        let request = match body {
            Some(body) => http::Request::post(url)
                .header("content-type", "application/json")
                .body(serde_json::to_vec(body).expect("JSON"))?,
            None => http::Request::get(url).body(Vec::new())?,
        };
        Ok(self.client.request(request).await?)
    }

    /// Runs a command in a pod, for a bounded time; its standard output.
    pub async fn exec(&self, pod: &str, command: &[&str]) -> Result<String, ClusterError> {
        let late =
            |_| ClusterError::Exec { command: command.join(" "), problem: "it does not end".to_owned() };
        tokio::time::timeout(COMMAND, self.exec_unbounded(pod, command)).await.map_err(late)?
    }

    async fn exec_unbounded(&self, pod: &str, command: &[&str]) -> Result<String, ClusterError> {
        let failed = |problem: String| ClusterError::Exec { command: command.join(" "), problem };
        let attach = AttachParams::default().stdout(true).stderr(true);
        let mut process = self.objects::<Pod>().exec(pod, command.iter().copied(), &attach).await?;
        let status = process.take_status();
        let (out, err) = tokio::try_join!(read_all(process.stdout()), read_all(process.stderr()))
            .map_err(|problem| failed(problem.to_string()))?;
        let status = match status {
            Some(status) => status.await,
            None => None,
        };
        if status.is_some_and(|status| status.status.as_deref() == Some("Success")) {
            return Ok(out);
        }
        Err(failed(err))
    }

    /// The decoded events of a lab, as its own `edalab-services events` prints them.
    pub async fn events(&self, lab: &str) -> Result<Vec<Value>, ClusterError> {
        let printed = self.exec(&format!("{lab}-quotation-0"), &["edalab-services", "events"]).await?;
        Ok(printed.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }
}

impl std::fmt::Debug for Space {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Space").field("name", &self.name).finish_non_exhaustive()
    }
}

async fn read_all(stream: Option<impl AsyncRead + Unpin>) -> io::Result<String> {
    let mut text = String::new();
    if let Some(mut stream) = stream {
        stream.read_to_string(&mut text).await?;
    }
    Ok(text)
}

/// The names of a lab's objects of one kind.
pub async fn of_lab<K>(api: &Api<K>, lab: &str) -> Result<Vec<String>, kube::Error>
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    Ok(all_of_lab(api, lab).await?.iter().map(ResourceExt::name_any).collect())
}

async fn all_of_lab<K>(api: &Api<K>, lab: &str) -> Result<Vec<K>, kube::Error>
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let selector = ListParams::default().labels(&format!("app.kubernetes.io/instance={lab}"));
    Ok(api.list(&selector).await?.items)
}

/// An object that should be gone, with what the garbage collector goes by.
fn why_it_stays(object: &impl Resource) -> String {
    let meta = object.meta();
    let owners: Vec<_> = object.owner_references().iter().map(|owner| (&owner.kind, &owner.uid)).collect();
    let deleted = meta.deletion_timestamp.as_ref().map(|at| at.0);
    let finalizers = object.finalizers();
    format!("{} (deleted {deleted:?}, owners {owners:?}, finalizers {finalizers:?})", object.name_any())
}
