//! A real Kubernetes API server over its own etcd, without nodes: enough to judge custom resources. With Kubernetes'
//! controllers beside it, it makes pods of workloads, which nobody runs.

use std::{
    io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client, Config, ResourceExt,
    api::{Patch, PatchParams},
    config::AuthInfo,
};
use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;

use super::{
    parts::Parts,
    ports::{self, NoFreePort},
    process::{self, Process, ProcessError},
};
use crate::{
    suite::Rig,
    wait::{self, TimedOut},
};

/// How long the API server may take until it answers. On an idle machine it takes 4 s.
const START: Duration = Duration::from_secs(90);
/// A definition is served about a second after it was created.
const ESTABLISHED: Duration = Duration::from_secs(30);
/// Of an account that may do everything; good on this one server for as long as it runs.
pub const TOKEN: &str = "edalab-tests";
/// Of another such account, for the operator: the audit log tells the two apart.
pub const OPERATOR: &str = "edalab-operator";
/// The controllers that a lab meets, by the names that kube-controller-manager has for them.
const CONTROLLERS: &str = "deployment-controller,replicaset-controller,statefulset-controller,\
    garbage-collector-controller,namespace-controller,serviceaccount-controller";
/// Every write is told once, when it is answered; reads are not.
const AUDIT: &str = r"
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  verbs: [get, list, watch]
- level: Metadata
";

/// The API server does not do what the test needs.
#[derive(Debug, thiserror::Error)]
pub enum ApiServerRigError {
    #[error(transparent)]
    Port(#[from] NoFreePort),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error("the API server's folder: {0}")]
    Folder(#[from] io::Error),
    #[error(transparent)]
    Late(#[from] TimedOut),
    #[error("the API server: {0}")]
    Api(#[from] Box<kube::Error>),
}

/// An API server with its data in a temporary folder. Dropping it ends both.
#[derive(Debug)]
pub struct ApiServer {
    port: u16,
    // Ended in this order.
    controllers: Option<Process>,
    _server: Process,
    _etcd: Process,
    folder: TempDir,
}

/// A write that the API server answered, as its audit log has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    pub user: User,
    pub verb: String,
    #[serde(rename = "requestURI")]
    pub path: String,
}

/// Who wrote.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct User {
    pub username: String,
}

impl Rig for ApiServer {}

impl ApiServer {
    /// Starts etcd and the API server from the part `kubenode`, and waits until it is ready.
    pub async fn start(parts: &Parts) -> Result<Self, ApiServerRigError> {
        let folder = tempfile::Builder::new().prefix("edalab-apiserver-").tempdir()?;
        let node = Kubenode { program: parts.path("kubenode"), folder: folder.path() };
        let (port, store, peers) = (ports::free()?, ports::free()?, ports::free()?);
        process::output(&node.make_keys()).await?;
        let account = |token: &str| format!("{token},{token},{token},system:masters\n");
        std::fs::write(folder.path().join("tokens.csv"), account(TOKEN) + &account(OPERATOR))?;
        std::fs::write(folder.path().join("audit.yaml"), AUDIT)?;
        let etcd = Process::start("etcd", &node.etcd(store, peers), &folder.path().join("etcd.log"))?;
        let log = folder.path().join("server.log");
        let mut server = Process::start("the API server", &node.server(port, store), &log)?;
        let namespaces: Api<Namespace> = Api::all(client(port, TOKEN)?);
        wait::until("the API server's default namespace", START, async || {
            server.must_run().map_err(|problem| problem.to_string())?;
            namespaces.get("default").await.map_err(|problem| problem.to_string())
        })
        .await?;
        Ok(Self { port, controllers: None, _server: server, _etcd: etcd, folder })
    }

    /// Starts Kubernetes' controllers too.
    pub async fn with_controllers(mut self, parts: &Parts) -> Result<Self, ApiServerRigError> {
        let kubeconfig = self.folder.path().join("controllers.kubeconfig");
        std::fs::write(&kubeconfig, self.kubeconfig(TOKEN))?;
        let node = Kubenode { program: parts.path("kubenode"), folder: self.folder.path() };
        let log = self.folder.path().join("controllers.log");
        let mut controllers = Process::start("the controllers", &node.controllers(&kubeconfig), &log)?;
        let accounts: Api<ServiceAccount> = Api::default_namespaced(self.client()?);
        wait::until("a controller's work", START, async || {
            controllers.must_run().map_err(|problem| problem.to_string())?;
            accounts.get("default").await.map_err(|problem| problem.to_string())
        })
        .await?;
        self.controllers = Some(controllers);
        Ok(self)
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        url(self.port)
    }

    /// Every write that it answered so far, in order.
    pub fn written(&self) -> Result<Vec<Written>, ApiServerRigError> {
        let log = std::fs::read_to_string(self.folder.path().join("audit.log"))?;
        // The last line may be on its way into the file.
        Ok(log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// A client that may do everything. Each trial makes its own: a client belongs to the runtime that made it.
    pub fn client(&self) -> Result<Client, ApiServerRigError> {
        client(self.port, TOKEN)
    }

    /// A client of the operator's account.
    pub fn operators_client(&self) -> Result<Client, ApiServerRigError> {
        client(self.port, OPERATOR)
    }

    /// The file by which another program asks the server, as the account that the token is of.
    pub fn kubeconfig(&self, token: &str) -> String {
        kubeconfig(&self.url(), token)
    }

    /// Applies a definition and waits until it is served.
    pub async fn install(&self, definition: &CustomResourceDefinition) -> Result<(), ApiServerRigError> {
        let definitions: Api<CustomResourceDefinition> = Api::all(self.client()?);
        let applied = PatchParams::apply("tests").force();
        definitions
            .patch(&definition.name_any(), &applied, &Patch::Apply(definition))
            .await
            .map_err(Box::new)?;
        wait::until("the definition to be served", ESTABLISHED, async || {
            let found =
                definitions.get(&definition.name_any()).await.map_err(|problem| problem.to_string())?;
            let conditions = found.status.and_then(|status| status.conditions).unwrap_or_default();
            let holds = |kind: &str| conditions.iter().any(|c| c.type_ == kind && c.status == "True");
            if holds("Established") && holds("NamesAccepted") {
                Ok(())
            } else {
                Err(format!("{conditions:?}"))
            }
        })
        .await?;
        Ok(())
    }
}

fn url(port: u16) -> String {
    format!("https://127.0.0.1:{port}")
}

/// The file by which a program asks the server at `url`, as the account that the token is of.
pub fn kubeconfig(url: &str, token: &str) -> String {
    let named = |kind: &str, value: serde_json::Value| json!([{"name": "tests", kind: value}]);
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": named("cluster", json!({"server": url, "insecure-skip-tls-verify": true})),
        "users": named("user", json!({"token": token})),
        "contexts": named("context", json!({"cluster": "tests", "user": "tests"})),
        "current-context": "tests",
    })
    .to_string()
}

fn client(port: u16, token: &str) -> Result<Client, ApiServerRigError> {
    let mut config = Config::new(url(port).parse().expect("a URL"));
    // The server signs its certificate itself, on every start.
    config.accept_invalid_certs = true;
    config.auth_info = AuthInfo { token: Some(token.to_owned().into()), ..AuthInfo::default() };
    Ok(Client::try_from(config).map_err(Box::new)?)
}

/// The commands of Kubernetes' multi-call program.
struct Kubenode<'a> {
    program: &'a PathBuf,
    folder: &'a Path,
}

impl Kubenode<'_> {
    fn command(&self, component: &str) -> Command {
        let mut command = Command::new(self.program);
        command.arg(component);
        command
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn make_keys(&self) -> Command {
        let mut kubeadm = self.command("kubeadm");
        kubeadm.args(["init", "phase", "certs", "sa", "--cert-dir", &self.path("keys")]);
        kubeadm
    }

    fn etcd(&self, clients: u16, peers: u16) -> Command {
        let (clients, peers) = (format!("http://127.0.0.1:{clients}"), format!("http://127.0.0.1:{peers}"));
        let mut etcd = self.command("etcd");
        etcd.args(["--data-dir", &self.path("etcd")])
            .args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients])
            .args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers])
            .args(["--initial-cluster", &format!("default={peers}")])
            .arg("--unsafe-no-fsync");
        etcd
    }

    fn server(&self, port: u16, store: u16) -> Command {
        let mut server = self.command("kube-apiserver");
        server
            .arg(format!("--etcd-servers=http://127.0.0.1:{store}"))
            .arg(format!("--secure-port={port}"))
            .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"])
            .arg("--endpoint-reconciler-type=none")
            .arg(format!("--cert-dir={}", self.path("certificates")))
            .arg(format!("--token-auth-file={}", self.path("tokens.csv")))
            .arg(format!("--audit-policy-file={}", self.path("audit.yaml")))
            .arg(format!("--audit-log-path={}", self.path("audit.log")))
            .arg("--authorization-mode=RBAC")
            .arg("--service-cluster-ip-range=10.0.0.0/24")
            .arg("--service-account-issuer=https://kubernetes.default.svc")
            .arg(format!("--service-account-key-file={}", self.path("keys/sa.pub")))
            .arg(format!("--service-account-signing-key-file={}", self.path("keys/sa.key")));
        server
    }

    fn controllers(&self, kubeconfig: &Path) -> Command {
        let mut controllers = self.command("kube-controller-manager");
        controllers
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .arg(format!("--controllers={CONTROLLERS}"))
            .arg(format!("--service-account-private-key-file={}", self.path("keys/sa.key")))
            // Garbage is collected at 20 requests a second by default.
            .args(["--kube-api-qps=1000", "--kube-api-burst=1000"])
            .args(["--leader-elect=false", "--bind-address=127.0.0.1", "--secure-port=0"]);
        controllers
    }
}
