//! The kind cluster of a lab: one node, made by kind, kept through stops and reboots.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use k8s_openapi::jiff::Timestamp;
use kube::config::Kubeconfig;
use serde::{Deserialize, Serialize};
use tokio::{process::Command, time::Instant};

use crate::{
    engine::Engine,
    error::{Error, Result},
    fault::{self, Fault, Lasting, Placed},
    home::Home,
    ports::{self, Port},
    progress::{Progress, Step},
    versions::VERSIONS,
};

/// The namespace of the operator and of the lab.
pub(crate) const NAMESPACE: &str = "edalab";

/// How long a started node may take until its API server answers. It takes about 15 s.
const API_START: Duration = Duration::from_secs(120);

/// What is remembered of a cluster that was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    pub(crate) port_offset: u16,
    pub(crate) engine: EngineKind,
    /// False while kind makes the cluster: what an interruption leaves is removed and made anew.
    pub(crate) complete: bool,
    /// Whether the user's own kubeconfig names the cluster too.
    #[serde(default)]
    pub(crate) merged: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EngineKind {
    Existing,
    Private,
}

/// A kind cluster by name.
#[derive(Debug, Clone)]
pub(crate) struct Cluster<'a> {
    pub(crate) name: &'a str,
    pub(crate) home: &'a Home,
    pub(crate) engine: &'a Engine,
    pub(crate) kind: PathBuf,
}

impl Cluster<'_> {
    /// Makes the cluster, or starts the one that was made before. `node_image` is kind's own when absent.
    pub(crate) async fn up(&self, progress: &Progress, offset: u16, node_image: Option<&str>) -> Result<()> {
        let complete = record(self.home, self.name)?.map(|record| record.complete);
        if complete == Some(true) && self.engine.succeeds(&["inspect", &self.node()]).await? {
            self.say_what_is_missing(progress, &ports::shifted(offset));
            self.start(progress).await
        } else {
            self.create(progress, offset, node_image, complete == Some(false)).await
        }
    }

    async fn create(
        &self,
        progress: &Progress,
        offset: u16,
        node_image: Option<&str>,
        interrupted: bool,
    ) -> Result<()> {
        let ports = ports::shifted(offset);
        let title = format!("Kubernetes cluster {:?}, by kind", self.name);
        let step = progress.step("cluster", &title, "look into the log, then run the same command again")?;
        self.delete(&step).await?;
        ports::check_free(&ports)?;
        let folder = self.home.cluster(self.name);
        fs::create_dir_all(&folder).map_err(|e| Error::path("create", &folder, e))?;
        let engine = match self.engine {
            Engine::Existing => EngineKind::Existing,
            Engine::Private { .. } => EngineKind::Private,
        };
        let mut record = Record { port_offset: offset, engine, complete: false, merged: false };
        self.remember(&record)?;
        let config = folder.join("kind.yaml");
        fs::write(&config, kind_config(node_image, &ports)).map_err(|e| Error::path("write", &config, e))?;
        let made = self.make(&step, &config).await;
        if interrupted && made.is_err() {
            // kind was killed with the run before; a `docker run` of its was not, and may bring its node only now
            self.delete(&step).await?;
            self.make(&step, &config).await?;
        } else {
            made?;
        }
        self.set_namespace()?;
        record.complete = true;
        self.remember(&record)?;
        step.done();
        Ok(())
    }

    async fn make(&self, step: &Step, config: &Path) -> Result<()> {
        let mut kind = self.command(&["create", "cluster", "--wait", "120s"]);
        step.run(kind.arg("--config").arg(config).arg("--kubeconfig").arg(self.kubeconfig())).await
    }

    /// Docker adds no port to a container that is there, so a cluster that is older than a service does not lead to it.
    fn say_what_is_missing(&self, progress: &Progress, ports: &[Port]) {
        let Ok(config) = fs::read_to_string(self.home.cluster(self.name).join("kind.yaml")) else {
            return;
        };
        for Port { name, host, .. } in ports::missing(&config, ports) {
            progress.say(format!(
                "  the cluster was made before the lab had {name}, so port {host} does not lead to it; \
                 `edalab reset` makes a new cluster, without the data"
            ));
        }
    }

    /// Starts a stopped node and waits for its API server; returns at once where it runs.
    async fn start(&self, progress: &Progress) -> Result<()> {
        if self.state("Running").await? == "true" && self.api_answers().await {
            return Ok(());
        }
        let title = format!("Kubernetes cluster {:?}, started again", self.name);
        let step =
            progress.step("cluster", &title, "look into the log; `edalab reset` makes a new cluster")?;
        step.run(&mut self.engine.docker(&["start", &self.node()])).await?;
        let deadline = Instant::now() + API_START;
        while !self.api_answers().await {
            if Instant::now() > deadline {
                return Err(
                    step.error(&format!("the API server does not answer within {} s", API_START.as_secs()))
                );
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        step.done();
        Ok(())
    }

    /// When the node was started last, by the engine's clock: what Kubernetes tells of pods may be from before.
    pub(crate) async fn started_at(&self) -> Result<Timestamp> {
        self.state("StartedAt").await?.parse().map_err(|e| Error::Cannot {
            what: format!("docker does not say when {} was started: {e}", self.node()),
            next: "run the same command again".into(),
        })
    }

    /// A field of the node's state as docker tells it; empty where there is no node.
    async fn state(&self, field: &str) -> Result<String> {
        let format = format!("{{{{.State.{field}}}}}");
        let inspected = self.engine.output(&["inspect", "--format", &format, &self.node()]).await?;
        Ok(inspected.unwrap_or_default())
    }

    async fn api_answers(&self) -> bool {
        let Ok(client) = crate::kubernetes::client(&self.kubeconfig()).await else {
            return false;
        };
        tokio::time::timeout(Duration::from_secs(3), client.apiserver_version())
            .await
            .is_ok_and(|answer| answer.is_ok())
    }

    /// Stops the node; its volumes stay.
    pub(crate) async fn stop(&self, progress: &Progress) -> Result<()> {
        if self.engine.succeeds(&["inspect", &self.node()]).await? {
            let step =
                progress.step("cluster-stop", &format!("cluster {:?} stopped", self.name), "try again")?;
            step.run(&mut self.engine.docker(&["stop", "--time", "20", &self.node()])).await?;
            step.done();
        }
        Ok(())
    }

    /// Removes the cluster with its data, and what is remembered of it.
    pub(crate) async fn down(&self, progress: &Progress) -> Result<()> {
        let step = progress.step(
            "cluster-down",
            &format!("cluster {:?} removed", self.name),
            "run `edalab down` again",
        )?;
        self.delete(&step).await?;
        let folder = self.home.cluster(self.name);
        crate::build::remove(&folder)?;
        step.done();
        Ok(())
    }

    /// kind takes the cluster out of one kubeconfig: the user's where it is in there, as our own goes with its folder.
    async fn delete(&self, step: &Step) -> Result<()> {
        let mut kind = self.command(&["delete", "cluster"]);
        if !record(self.home, self.name)?.is_some_and(|record| record.merged) {
            kind.arg("--kubeconfig").arg(self.kubeconfig());
        }
        step.run(&mut kind).await
    }

    /// Loads an image of the engine into the node, unless the node has it.
    pub(crate) async fn load(&self, step: &Step, image: &str) -> Result<()> {
        let named = format!("name=={image}");
        let list = ["exec", &self.node(), "ctr", "-n", "k8s.io", "images", "ls", "-q", &named];
        if step.output(&mut self.engine.docker(&list)).await?.trim().is_empty() {
            step.run(&mut self.command(&["load", "docker-image", image])).await?;
        }
        Ok(())
    }

    /// Unpacks an image that the node carries packed, so that no pod waits for it at its first start.
    pub(crate) async fn unpack(&self, step: &Step, image: &str) -> Result<()> {
        // mounting an image unpacks it, and unmounting leaves it so
        let script = "ctr -n k8s.io images mount \"$0\" /mnt && ctr -n k8s.io images unmount /mnt";
        step.run(&mut self.engine.docker(&["exec", &self.node(), "sh", "-c", script, image])).await
    }

    /// Hands a fault over to the node, which ends it.
    pub(crate) async fn bring_about(&self, fault: Fault, lasting: Lasting, pod: &Placed) -> Result<()> {
        let (node, seconds) = (self.node(), lasting.seconds().to_string());
        let script = ["exec", "--detach", &node, "sh", "-c", fault::SCRIPT, "fault.sh"];
        let about = [fault.as_str(), &seconds, &pod.uid, &pod.address];
        let handed_over = self.engine.docker(&script).args(about).output().await;
        let output = handed_over.map_err(|e| Error::io("start docker", e))?;
        if output.status.success() {
            return Ok(());
        }
        Err(Error::Cannot {
            what: format!(
                "the node {node} takes no fault: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            ),
            next: "`edalab up` brings a stopped lab back".into(),
        })
    }

    /// Adds the cluster to the user's own kubeconfig, until it is removed.
    pub(crate) async fn merge_kubeconfig(&self, step: &Step) -> Result<()> {
        if let Some(record) = record(self.home, self.name)? {
            self.remember(&Record { merged: true, ..record })?;
        }
        step.run(&mut self.command(&["export", "kubeconfig"])).await
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut kind = Command::new(&self.kind);
        if cfg!(target_os = "linux") {
            // killed with us, so that an interrupted run and the next one do not work on the same cluster
            kind = Command::new("setpriv");
            kind.args(["--pdeathsig", "KILL"]).arg(&self.kind);
        }
        let mut kind = self.engine.prepare(kind);
        kind.args(arguments).args(["--name", self.name]);
        kind
    }

    fn kubeconfig(&self) -> PathBuf {
        self.home.kubeconfig(self.name)
    }

    fn node(&self) -> String {
        format!("{}-control-plane", self.name)
    }

    /// Lets `kubectl get edalab` work without naming the namespace.
    fn set_namespace(&self) -> Result<()> {
        let path = self.kubeconfig();
        let cannot = |e: &dyn std::fmt::Display| Error::Cannot {
            what: format!("{} cannot be read: {e}", path.display()),
            next: "run `edalab down`, then `edalab up`".into(),
        };
        let mut config = Kubeconfig::read_from(&path).map_err(|e| cannot(&e))?;
        for context in config.contexts.iter_mut().filter_map(|named| named.context.as_mut()) {
            context.namespace = Some(NAMESPACE.into());
        }
        let text = serde_yaml_ng::to_string(&config).map_err(|e| cannot(&e))?;
        fs::write(&path, text).map_err(|e| Error::path("write", &path, e))
    }

    fn remember(&self, record: &Record) -> Result<()> {
        let path = self.home.cluster(self.name).join("record.json");
        let unfinished = path.with_extension("unfinished");
        let text = serde_json::to_vec_pretty(record).expect("a record is plain data");
        fs::write(&unfinished, text).map_err(|e| Error::path("write", &unfinished, e))?;
        fs::rename(&unfinished, &path).map_err(|e| Error::path("write", &path, e))
    }
}

/// What is remembered of the cluster `name`; nothing when it was never made, or taken down.
pub(crate) fn record(home: &Home, name: &str) -> Result<Option<Record>> {
    let path = home.cluster(name).join("record.json");
    match fs::read(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::path("read", &path, e)),
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|e| Error::path("read", &path, e.into())),
    }
}

/// kind's configuration. `node_image` is our own node image, which brings its CNI and runs without systemd; absent, kind's
/// own is used, and nothing but the ports differs from kind's defaults.
fn kind_config(node_image: Option<&str>, ports: &[Port]) -> String {
    use std::fmt::Write;
    let mut text = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n".to_owned();
    text += "networking:\n  apiServerAddress: 127.0.0.1\n";
    if node_image.is_some() {
        text += "  disableDefaultCNI: true\n";
    }
    text += "nodes:\n  - role: control-plane\n";
    if let Some(image) = node_image {
        let _ = writeln!(text, "    image: {image}");
    }
    text += "    extraPortMappings:\n";
    for Port { name, node, host } in ports {
        let _ = writeln!(
            text,
            "      - {{containerPort: {node}, hostPort: {host}, listenAddress: 127.0.0.1}} # {name}"
        );
    }
    if node_image.is_some() {
        // our own image carries a DNS server of another version than kubeadm asks for
        let _ = writeln!(
            text,
            "kubeadmConfigPatches:\n  - |\n    kind: ClusterConfiguration\n    dns:\n      imageTag: v{}",
            VERSIONS.kubernetes.coredns
        );
        // no systemd in the node; the machine may have control groups v1; pods get a resolver that they can reach
        text += "  - |\n    kind: KubeletConfiguration\n    cgroupDriver: cgroupfs\n    \
                 failCgroupV1: false\n    localStorageCapacityIsolation: false\n    resolvConf: /etc/resolv.pods.conf\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_for_our_own_node_image() {
        insta::assert_snapshot!(kind_config(
            Some("edalab.local/node:1.34.4-0123456789ab"),
            &ports::shifted(0)
        ));
    }

    #[test]
    fn configuration_for_kinds_own_node_image() {
        insta::assert_snapshot!(kind_config(None, &ports::shifted(1000)));
    }
}
