//! Images of a bare machine, built in the private engine. Each is tagged with the hash of its inputs, its base's included.

use std::{fs, path::Path};

use tokio::{process::Command, try_join};

use super::{Builder, write};
use crate::{
    engine::Engine,
    error::{Error, Result},
    hash::{Inputs, short_hash},
    progress::Step,
    versions::VERSIONS,
};

const JAVA: &str = include_str!("../../images/java.Dockerfile");
const KAFKA: &str = include_str!("../../images/kafka/Dockerfile");
const SCHEMA_REGISTRY: &str = include_str!("../../images/schema-registry/Dockerfile");
const KUBE: &str = include_str!("../../images/node/kube.Dockerfile");
const NODE: &str = include_str!("../../images/node/Dockerfile");
const ENTRYPOINT: &str = include_str!("../../images/node/entrypoint");
const PODS: &str = include_str!("../../images/node/pods.conflist");
const CONTAINERD: &str = include_str!("../../images/node/containerd.toml");
const STORAGE: &str = include_str!("../../images/node/storage.yaml");
const PAUSE: &str = include_str!("../../images/node/pause.c");

const MEND: &str = "look into the log, mend it, and run the same command again";

/// References of the images that a lab on a bare machine runs.
#[derive(Debug, Clone)]
pub(crate) struct Images {
    pub(crate) node: String,
    pub(crate) kafka: String,
    pub(crate) schema_registry: String,
    pub(crate) ours: Ours,
}

/// Our own two images.
#[derive(Debug, Clone)]
pub(crate) struct Ours {
    pub(crate) operator: String,
    pub(crate) services: String,
}

impl Builder {
    /// Every image, built where it is not there yet. The node carries all but our own two, which change too often.
    pub(crate) async fn images(&self, engine: &Engine) -> Result<Images> {
        let ((node, kafka, schema_registry), ours) =
            try_join!(self.node_and_java_images(engine), self.our_images(engine))?;
        Ok(Images { node, kafka, schema_registry, ours })
    }

    /// The node image with the two Java images that it carries; all that goes into it is built side by side.
    async fn node_and_java_images(&self, engine: &Engine) -> Result<(String, String, String)> {
        let ((kafka, schema_registry), ..) = try_join!(
            self.java_images(engine),
            self.node_base(),
            self.kubenode(),
            self.coredns(),
            self.local_path_provisioner()
        )?;
        let node = self.node_image(engine, &[&kafka, &schema_registry]).await?;
        Ok((node, kafka, schema_registry))
    }

    async fn java_images(&self, engine: &Engine) -> Result<(String, String)> {
        let (base, java, kafka, registry) =
            try_join!(self.runtime_base(), self.java(), self.kafka(), self.schema_registry())?;
        let base = self.import(engine, "runtime-base", &base).await?;
        let java = self.image(engine, "java", None, JAVA, &base, &java).await?;
        try_join!(
            self.image(engine, "kafka", Some(&VERSIONS.maven.kafka), KAFKA, &java, &kafka),
            self.image(
                engine,
                "schema-registry",
                Some(&VERSIONS.maven.apicurio),
                SCHEMA_REGISTRY,
                &java,
                &registry
            ),
        )
    }

    async fn our_images(&self, engine: &Engine) -> Result<Ours> {
        let (base, programs) = try_join!(self.runtime_base(), self.programs())?;
        let base = self.import(engine, "runtime-base", &base).await?;
        let image = async |name: &str, program: &str| {
            let dockerfile = format!(
                "FROM {base}\nCOPY {program} /usr/local/bin/{program}\nUSER 1000\nENTRYPOINT [\"/usr/local/bin/{program}\"]\n"
            );
            self.image(engine, name, None, &dockerfile, &base, &programs).await
        };
        let operator = image("operator", "edalab-operator").await?;
        let services = image("services", "edalab-services").await?;
        Ok(Ours { operator, services })
    }

    /// The node image: a Debian with Kubernetes, and every image that its pods run already in its containerd.
    async fn node_image(&self, engine: &Engine, carried: &[&str]) -> Result<String> {
        let (tools, base, kubenode, coredns, provisioner) = try_join!(
            self.tools(),
            self.node_base(),
            self.kubenode(),
            self.coredns(),
            self.local_path_provisioner()
        )?;
        let base = self.import(engine, "node-base", &base).await?;
        let node_files = [NODE, KUBE, ENTRYPOINT, PODS, CONTAINERD, STORAGE, PAUSE].join("\n");
        let key = [&base, &node_files, &carried.join(" "), &path_text(&[&kubenode, &coredns, &provisioner])];
        let reference = format!(
            "edalab.local/node:{}-{}",
            VERSIONS.kubernetes.version,
            short_hash(key.map(String::as_str).join("\n"))
        );
        if engine.has_image(&reference).await? {
            return Ok(reference);
        }
        let step = self.progress.step("node-image", "node image", MEND)?;
        let context = self.home.cache().join(format!("node-image.{}.unfinished", std::process::id()));
        super::remove(&context)?;
        for (name, from) in [
            ("kubenode", kubenode),
            ("coredns", coredns),
            ("local-path-provisioner", provisioner),
            ("busybox", tools.join("bin/busybox")),
        ] {
            let to = context.join(name);
            fs::create_dir_all(&context).map_err(|e| Error::path("create", &context, e))?;
            fs::copy(&from, &to).map_err(|e| Error::path("copy", &from, e))?;
        }
        write(&context.join("version"), format!("v{}\n", VERSIONS.kubernetes.version), false)?;
        write(
            &context.join("storage.yaml"),
            STORAGE.replace("@LOCAL_PATH_PROVISIONER@", &VERSIONS.kubernetes.local_path_provisioner),
            false,
        )?;
        write(&context.join("pods.conflist"), PODS, false)?;
        write(
            &context.join("containerd.toml"),
            CONTAINERD.replace("@PAUSE@", &VERSIONS.kubernetes.pause),
            false,
        )?;
        write(&context.join("entrypoint"), ENTRYPOINT, true)?;
        write(&context.join("pause.c"), PAUSE, false)?;
        let mut gcc = Command::new("gcc");
        step.run(gcc.args(["-static", "-O2", "-s", "-o", "pause", "pause.c"]).current_dir(&context)).await?;

        let mut carried: Vec<String> = carried.iter().map(ToString::to_string).collect();
        carried.extend(pod_images(engine, &step, &context, &base).await?);
        let empty = "edalab.local/node:empty";
        build(engine, &step, empty, &NODE.replace("edalab.local/node-base", &base), &context).await?;
        preload(engine, &step, empty, &carried, &reference).await?;
        super::remove(&context)?;
        step.done();
        Ok(reference)
    }

    /// An image of one layer, from a tar file.
    async fn import(&self, engine: &Engine, name: &str, tar: &Path) -> Result<String> {
        let reference = format!("edalab.local/{name}:{}", short_hash(path_text(&[tar])));
        if !engine.has_image(&reference).await? {
            let step = self.progress.step(&format!("import-{name}"), &format!("{name} image"), MEND)?;
            step.run(engine.docker(&["import"]).arg(tar).arg(&reference)).await?;
            step.done();
        }
        Ok(reference)
    }

    /// An image built from `dockerfile` over `base`, with `context` as its folder.
    async fn image(
        &self,
        engine: &Engine,
        name: &str,
        version: Option<&str>,
        dockerfile: &str,
        base: &str,
        context: &Path,
    ) -> Result<String> {
        let dockerfile = ["runtime-base", "java"].iter().fold(dockerfile.to_owned(), |text, stage| {
            text.replace(&format!("FROM edalab.local/{stage}\n"), &format!("FROM {base}\n"))
        });
        let hash = Inputs::of(&[&dockerfile, &path_text(&[context])]).finish();
        let tag = version.map_or(hash.clone(), |version| format!("{version}-{hash}"));
        let reference = format!("edalab.local/{name}:{tag}");
        if !engine.has_image(&reference).await? {
            let step = self.progress.step(&format!("image-{name}"), &format!("{name} image"), MEND)?;
            build(engine, &step, &reference, &dockerfile, context).await?;
            step.done();
        }
        Ok(reference)
    }
}

/// Cached artefacts are named after the hash of their inputs, so their paths stand for their content.
fn path_text(paths: &[&Path]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join("\n")
}

async fn build(
    engine: &Engine,
    step: &Step,
    reference: &str,
    dockerfile: &str,
    context: &Path,
) -> Result<()> {
    let file = step.log().with_extension("Dockerfile");
    write(&file, dockerfile, false)?;
    // no network: everything is in the context, and the private engine has no bridge to offer
    let mut docker = engine.docker(&["build", "--network=none", "--force-rm", "-t", reference, "-f"]);
    step.run(docker.arg(&file).arg(context)).await
}

/// Builds the images of Kubernetes' own pods and returns their references.
async fn pod_images(engine: &Engine, step: &Step, context: &Path, base: &str) -> Result<Vec<String>> {
    let kubernetes = &VERSIONS.kubernetes;
    build(engine, step, "edalab.local/kube:build", &KUBE.replace("edalab.local/node-base", base), context)
        .await?;
    let mut references = vec![format!("registry.k8s.io/etcd:{}", kubernetes.etcd)];
    for component in ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"] {
        references.push(format!("registry.k8s.io/{component}:v{}", kubernetes.version));
    }
    for reference in &references {
        step.run(&mut engine.docker(&["tag", "edalab.local/kube:build", reference])).await?;
    }
    for (reference, dockerfile) in [
        (
            format!("registry.k8s.io/coredns/coredns:v{}", kubernetes.coredns),
            "FROM scratch\nCOPY coredns /coredns\nENTRYPOINT [\"/coredns\"]\n",
        ),
        (
            format!("registry.k8s.io/pause:{}", kubernetes.pause),
            "FROM scratch\nCOPY pause /pause\nENTRYPOINT [\"/pause\"]\n",
        ),
        (
            format!("edalab.local/local-path-provisioner:v{}", kubernetes.local_path_provisioner),
            "FROM scratch\nCOPY local-path-provisioner /provisioner\nENTRYPOINT [\"/provisioner\"]\n",
        ),
        (
            "edalab.local/busybox:1".to_owned(),
            "FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\nCOPY busybox /bin/mkdir\nCOPY busybox /bin/rm\n",
        ),
    ] {
        build(engine, step, &reference, dockerfile, context).await?;
        references.push(reference);
    }
    Ok(references)
}

/// Starts the node's containerd once, hands it the images, and keeps the result as `reference`: no boot loads them again.
async fn preload(
    engine: &Engine,
    step: &Step,
    empty: &str,
    images: &[String],
    reference: &str,
) -> Result<()> {
    const NAME: &str = "edalab-preload";
    // one left by an interrupted build
    step.run(&mut engine.docker(&["rm", "--force", NAME])).await.or_else(|e| match e {
        Error::Step { .. } => Ok(()),
        other => Err(other),
    })?;
    let containerd =
        ["run", "-d", "--privileged", "--network=none", "--name", NAME, "--entrypoint", "containerd", empty];
    step.run(&mut engine.docker(&containerd)).await?;
    let script = format!(
        "set -euo pipefail; for i in $(seq 150); do docker exec {NAME} ctr version >/dev/null 2>&1 && break; sleep 0.2; done
         docker save {images} | docker exec -i --privileged {NAME} ctr -n k8s.io images import --all-platforms --no-unpack -
         docker exec {NAME} sh -c 'kill 1'; docker wait {NAME}
         docker commit --change 'ENTRYPOINT [\"/usr/local/bin/entrypoint\"]' {NAME} {reference}
         docker rm {NAME}",
        images = images.join(" "),
    );
    step.run(engine.prepare(Command::new("bash")).args(["-c", &script])).await
}
