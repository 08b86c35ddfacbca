//! Go programs: Kubernetes as one binary, CoreDNS, the volume provisioner, kind and helm.

use std::path::PathBuf;

use tokio::process::Command;

use super::{Artefact, Builder};
use crate::{error::Result, hash::Inputs, versions::VERSIONS};

const MAIN: &str = include_str!("../../images/kubenode/main.go");
const MODULE: &str = include_str!("../../images/kubenode/go.mod");
const SUMS: &str = include_str!("../../images/kubenode/go.sum");

impl Builder {
    /// The one binary of a node's Kubernetes programs.
    pub(crate) async fn kubenode(&self) -> Result<PathBuf> {
        self.kubenode
            .get_or_try_init(|| async {
                let version = &VERSIONS.kubernetes.version;
                let minor = version.split('.').nth(1).unwrap_or_default();
                let inputs = Inputs::of(&[MAIN, MODULE, SUMS, version]);
                let title = format!("Kubernetes {version}, compiled");
                self.artefact("kubenode", &title, inputs, async |step, dir| {
                    let source = dir.join("source");
                    for (name, content) in [("main.go", MAIN), ("go.mod", MODULE), ("go.sum", SUMS)] {
                        super::write(&source.join(name), content, false)?;
                    }
                    let component = "k8s.io/component-base/version";
                    let flags = format!(
                        "-s -w -X {component}.gitVersion=v{version} -X {component}.gitMajor=1 \
                         -X {component}.gitMinor={minor} -X k8s.io/client-go/pkg/version.gitVersion=v{version}"
                    );
                    let _turn = self.compilers.acquire().await;
                    let mut go = go(&["build", "-trimpath", "-ldflags", &flags, "-o"]);
                    step.run(go.arg(dir.join("kubenode")).arg(".").current_dir(&source)).await?;
                    super::remove(&source)
                })
                .await
                .map(|dir| dir.join("kubenode"))
            })
            .await
            .cloned()
    }

    pub(crate) async fn coredns(&self) -> Result<PathBuf> {
        self.go_program(&self.coredns, "coredns", &VERSIONS.go.coredns).await
    }

    pub(crate) async fn local_path_provisioner(&self) -> Result<PathBuf> {
        let package = &VERSIONS.go.local_path_provisioner;
        self.go_program(&self.local_path_provisioner, "local-path-provisioner", package).await
    }

    pub(crate) async fn kind(&self) -> Result<PathBuf> {
        self.go_program(&self.kind, "kind", &VERSIONS.go.kind).await
    }

    pub(crate) async fn helm(&self) -> Result<PathBuf> {
        self.go_program(&self.helm, "helm", &VERSIONS.go.helm).await
    }

    async fn go_program(&self, artefact: &Artefact, name: &str, package: &str) -> Result<PathBuf> {
        artefact
            .get_or_try_init(|| async {
                let title = format!("{name} {}, compiled", crate::versions::tag_of(package));
                self.artefact(name, &title, Inputs::of(&[package]), async |step, dir| {
                    let _turn = self.compilers.acquire().await;
                    step.run(go(&["install", "-trimpath", "-ldflags", "-s -w", package]).env("GOBIN", dir))
                        .await
                })
                .await
                .map(|dir| dir.join(name))
            })
            .await
            .cloned()
    }
}

fn go(arguments: &[&str]) -> Command {
    let mut go = Command::new("go");
    // static: the binaries also run in images without a C library
    go.args(arguments).env("CGO_ENABLED", "0").env("GOFLAGS", "-buildvcs=false");
    go
}
