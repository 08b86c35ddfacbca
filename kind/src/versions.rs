//! The pinned versions of everything that is built or pulled: `versions.toml`, read at compile time.

use std::sync::LazyLock;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Versions {
    pub(crate) kubernetes: Kubernetes,
    pub(crate) java: Java,
    pub(crate) maven: Maven,
    pub(crate) debian: Debian,
    pub(crate) upstream: Upstream,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Kubernetes {
    pub(crate) version: String,
    pub(crate) etcd: String,
    pub(crate) coredns: String,
    pub(crate) pause: String,
    pub(crate) local_path_provisioner: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Java {
    pub(crate) wheel: String,
    pub(crate) sha256: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Maven {
    pub(crate) kafka: String,
    pub(crate) log4j: String,
    pub(crate) apicurio: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Debian {
    pub(crate) release: String,
    pub(crate) tools: Vec<String>,
    pub(crate) node: Vec<String>,
    pub(crate) runtime: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Upstream {
    pub(crate) kafka: String,
    pub(crate) schema_registry: String,
}

/// All pinned versions.
pub(crate) static VERSIONS: LazyLock<Versions> = LazyLock::new(|| {
    toml::from_str(include_str!("../versions.toml")).expect("versions.toml is checked by a test")
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_complete() {
        assert_eq!(VERSIONS.kubernetes.local_path_provisioner, "0.0.30");
    }
}
