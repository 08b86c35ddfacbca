//! The lab that `make up` makes, with a name and ports of its own beside whatever lab runs.

use std::{env, path::PathBuf, process::Command};

use kube::Config;
use serde_json::json;

use super::{
    cluster::{self, ClusterError},
    home,
    process::{self, ProcessError},
    program::ROOT,
};
use crate::suite::Rig;

const NAME: &str = "edalab-up";
/// Added to every port on this machine.
const PORT_OFFSET: u16 = 11_000;
/// The ports that documents name.
const PORTS: [u16; 7] = [8080, 8081, 8082, 8083, 8084, 8085, 9092];

/// Said before the commands of a document, in bash.
const PRELUDE: &str = r#"
exec 2>&1 # one output, in order
make() { [ "$1" = test ] || command make "$@"; } # `make test` is what runs this
curl() { # where a pod was just replaced, its port on this machine answers with nothing, or a reset, for a moment
  for try in 1 2 3 4 5; do
    command curl --silent --show-error --fail-with-body --retry 30 --retry-connrefused "$@" && return
    code=$?
    [ "$code" = 52 ] || [ "$code" = 56 ] || return "$code"
    sleep 1
  done
  return "$code"
}
helm() { command helm "$@" --dry-run=server; } # the release is there already, with images of this machine
"#;

/// The lab. Dropping it takes it down by `make down`, unless EDALAB_KEEP_CLUSTER is set.
#[derive(Debug)]
pub struct Lab {
    home: PathBuf,
}

impl Lab {
    /// Brings it up, as a person in a checkout does.
    pub async fn start() -> Result<Self, ProcessError> {
        let lab = Self { home: home::root() };
        process::output(own(Command::new("make").arg("up"))).await?;
        Ok(lab)
    }

    /// What `edalab` prints for these arguments.
    pub async fn edalab(&self, arguments: &[&str]) -> Result<String, ProcessError> {
        process::output(&self.command(arguments)).await
    }

    /// `edalab` with these arguments, not started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut edalab = Command::new(self.home.join("bin/edalab"));
        own(&mut edalab).args(arguments);
        edalab
    }

    /// Waits until the lab is ready for the spec that it has now.
    pub async fn ready(&self) -> Result<String, ProcessError> {
        let mut kubectl = Command::new(self.home.join("bin/kubectl"));
        kubectl.args(["wait", "--for=condition=Ready", "edalab/lab", "--timeout=180s", "--kubeconfig"]);
        process::output(kubectl.arg(self.kubeconfig())).await
    }

    /// Where that path of the service with this port is.
    pub fn url(port: u16, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", port + PORT_OFFSET)
    }

    /// Asks for a quote; an error where the answer is not 201.
    pub async fn quote(&self) -> Result<(), reqwest::Error> {
        let url = Self::url(8081, "/api/devis");
        let demande = json!({"clientId": "C001", "typeBien": "AUTO", "valeur": 25000});
        reqwest::Client::new().post(url).json(&demande).send().await?.error_for_status().map(drop)
    }

    /// A file's worth of shell commands as a document shows them, with this lab's name, ports and folders, and what the
    /// README exports; all that they print. `editor` is what `kubectl edit` opens. The first command that fails is an error.
    pub async fn type_in(&self, commands: &str, editor: &str) -> Result<String, ProcessError> {
        let mut script = commands
            .replace("~/.local/share/edalab", &self.home.display().to_string())
            .replace("clusters/edalab/", &format!("clusters/{NAME}/"));
        for port in PORTS {
            script =
                script.replace(&format!("localhost:{port}"), &format!("localhost:{}", port + PORT_OFFSET));
        }
        let mut bash = Command::new("timeout");
        bash.args(["600", "bash", "-euxc", &format!("{PRELUDE}{script}")]);
        let path = env::var("PATH").unwrap_or_default();
        bash.env("PATH", format!("{}:{path}", self.home.join("bin").display()));
        bash.env("KUBECONFIG", self.kubeconfig()).env("KUBE_EDITOR", editor);
        process::output(own(&mut bash)).await
    }

    fn kubeconfig(&self) -> PathBuf {
        self.home.join("clusters").join(NAME).join("kubeconfig")
    }

    /// How a client reaches the cluster.
    pub async fn config(&self) -> Result<Config, ClusterError> {
        cluster::config_of(&self.kubeconfig()).await
    }
}

/// A command in the checkout, about this lab.
fn own(command: &mut Command) -> &mut Command {
    command.current_dir(ROOT).env("EDALAB_NAME", NAME).env("EDALAB_PORT_OFFSET", PORT_OFFSET.to_string())
}

impl Rig for Lab {
    async fn explain(&self) {
        cluster::explain(&self.kubeconfig()).await;
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        cluster::take_down(NAME, own(Command::new("make").arg("down")));
    }
}
