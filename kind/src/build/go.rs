//! Go programs: Kubernetes as one binary, CoreDNS, the volume provisioner, kind and helm.
//!
//! They are one module (`images/go`), so that what they share, Kubernetes' client above all, is compiled once and in one
//! version.

use std::path::PathBuf;

use tokio::process::Command;

use super::Builder;
use crate::{error::Result, hash::Inputs, versions::VERSIONS};

const MODULE: &str = include_str!("../../images/go/go.mod");
/// What the linker would strip is not written in the first place, which is an eighth of the compiler's work.
const NO_DEBUG: &str = "all=-dwarf=false";
const SOURCES: [(&str, &str); 4] = [
    ("go.mod", MODULE),
    ("go.sum", include_str!("../../images/go/go.sum")),
    ("main.go", include_str!("../../images/go/main.go")),
    ("coredns/main.go", include_str!("../../images/go/coredns/main.go")),
];

impl Builder {
    /// The one binary of a node's Kubernetes programs.
    pub(crate) async fn kubenode(&self) -> Result<PathBuf> {
        Ok(self.go_programs().await?.join("kubenode"))
    }

    pub(crate) async fn coredns(&self) -> Result<PathBuf> {
        Ok(self.go_programs().await?.join("coredns"))
    }

    pub(crate) async fn local_path_provisioner(&self) -> Result<PathBuf> {
        Ok(self.go_programs().await?.join("local-path-provisioner"))
    }

    pub(crate) async fn kind(&self) -> Result<PathBuf> {
        Ok(self.go_programs().await?.join("kind"))
    }

    pub(crate) async fn helm(&self) -> Result<PathBuf> {
        Ok(self.go_programs().await?.join("helm"))
    }

    async fn go_programs(&self) -> Result<PathBuf> {
        self.go_programs
            .get_or_try_init(|| async {
                let version = &VERSIONS.kubernetes.version;
                let minor = version.split('.').nth(1).unwrap_or_default();
                let inputs = Inputs::of(&SOURCES.map(|(_, content)| content)).add(version);
                let title = format!("Kubernetes {version}, kind and helm, compiled");
                self.artefact("go", &title, inputs, async |step, dir| {
                    let source = dir.join("source");
                    for (name, content) in SOURCES {
                        super::write(&source.join(name), content, false)?;
                    }
                    let component = "k8s.io/component-base/version";
                    let flags = format!(
                        "-s -w -X {component}.gitVersion=v{version} -X {component}.gitMajor=1 \
                         -X {component}.gitMinor={minor} -X k8s.io/client-go/pkg/version.gitVersion=v{version}"
                    );
                    // `tool`: the programs that go.mod names as such. Not with the others in one call: the provisioner
                    // spells the import path of a library as nobody else does, which Go takes for a mistake.
                    for programs in [&["tool"][..], &[".", "./coredns"]] {
                        let mut build = go(&["build", "-v", "-trimpath", "-gcflags", NO_DEBUG, "-ldflags", &flags, "-o"]);
                        step.run(build.arg(dir).args(programs).current_dir(&source)).await?;
                    }
                    super::remove(&source)
                })
                .await
            })
            .await
            .cloned()
    }
}

fn go(arguments: &[&str]) -> Command {
    let mut go = Command::new("go");
    // static: the binaries also run in images without a C library
    go.args(arguments).env("CGO_ENABLED", "0").env("GOFLAGS", "-buildvcs=false");
    // the compiler, a Go program as well, spends a seventh of its time on collecting garbage otherwise
    go.env("GOGC", "400");
    go
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_has_the_versions_that_the_cluster_asks_for() {
        let kubernetes = &VERSIONS.kubernetes;
        assert!(MODULE.contains(&format!("k8s.io/kubernetes v{}", kubernetes.version)));
        assert!(MODULE.contains(&format!("github.com/coredns/coredns v{}", kubernetes.coredns)));
        let provisioner = &kubernetes.local_path_provisioner;
        assert!(MODULE.contains(&format!("github.com/rancher/local-path-provisioner v{provisioner}")));
    }
}
