//! The lab inside the cluster: the chart, the custom resource, and the wait until it is ready.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crds::{ConditionStatus, EdaLab, EdaLabStatus, ImageDefaults};
use k8s_openapi::{
    api::core::v1::{Namespace, Pod, ServiceAccount},
    jiff::Timestamp,
};
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use tokio::{process::Command, time::Instant};

use crate::{
    build::images::Images,
    cluster::NAMESPACE,
    error::{Error, Result},
    kubernetes,
    progress::Progress,
};

/// The lab that `up` makes.
pub(crate) const LAB: &str = "lab";
/// Who we are to server-side apply.
const FIELD_MANAGER: &str = "edalab";
/// How long a lab may take from its creation to Ready. It takes about 40 s where the images are loaded.
const READY: Duration = Duration::from_secs(300);

/// The chart and what it is installed with.
pub(crate) struct Release<'a> {
    pub(crate) helm: PathBuf,
    pub(crate) chart: PathBuf,
    pub(crate) images: &'a Images,
    /// `KEY=VALUE`, as helm's `--set` takes them.
    pub(crate) values: &'a [String],
}

/// Installs or upgrades the operator by its chart, in a namespace that enforces Pod Security "restricted".
pub(crate) async fn install(
    progress: &Progress,
    client: &Client,
    release: &Release<'_>,
    kubeconfig: &Path,
) -> Result<()> {
    let step =
        progress.step("chart", "operator, by its Helm chart", "`edalab logs operator` shows what it says")?;
    ensure_namespace(client).await?;
    let images = release.images;
    let (repository, tag) = images.ours.operator.rsplit_once(':').expect("our own references have a tag");
    let mut helm = Command::new(&release.helm);
    helm.args(["upgrade", "--install", "edalab"]).arg(&release.chart).args(["--namespace", NAMESPACE]);
    helm.arg("--kubeconfig").arg(kubeconfig).args(["--wait", "--timeout", "120s"]);
    for (key, value) in [
        ("image.repository", repository),
        ("image.tag", tag),
        ("relatedImages.kafka", &images.kafka),
        ("relatedImages.schemaRegistry", &images.schema_registry),
        ("relatedImages.services", &images.ours.services),
    ] {
        helm.arg("--set-string").arg(format!("{key}={value}"));
    }
    for value in release.values {
        helm.arg("--set").arg(value);
    }
    step.run(&mut helm).await?;
    step.done();
    Ok(())
}

async fn ensure_namespace(client: &Client) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
    });
    let parameters = PatchParams::apply(FIELD_MANAGER);
    let applied = namespaces.patch(NAMESPACE, &parameters, &Patch::Apply(namespace)).await;
    applied.map_err(Error::kube("create the lab's namespace"))?;
    // a pod made before this account exists is refused
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), NAMESPACE);
    let deadline = Instant::now() + Duration::from_secs(30);
    while accounts.get_opt("default").await.map_err(Error::kube("wait for the namespace"))?.is_none() {
        if Instant::now() > deadline {
            return Err(Error::Cannot {
                what: format!("the namespace {NAMESPACE:?} got no ServiceAccount within 30 s"),
                next: "run the same command again".into(),
            });
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// Creates the lab from a file, unless there is one: what people edited since is theirs.
pub(crate) async fn apply_if_absent(
    progress: &Progress,
    client: &Client,
    file: &Path,
    offset: u16,
) -> Result<()> {
    let labs: Api<EdaLab> = Api::namespaced(client.clone(), NAMESPACE);
    if labs.get_opt(LAB).await.map_err(Error::kube("look for the lab"))?.is_some() {
        progress.say("  the EdaLab \"lab\" is there already and stays as it is");
        return Ok(());
    }
    let text = fs::read_to_string(file).map_err(|e| Error::path("read", file, e))?;
    let lab = as_applied(&text, offset).map_err(|e| Error::Cannot {
        what: format!("{} is not an EdaLab: {e}", file.display()),
        next: "compare it with examples/lab.yaml; `kubectl explain edalab.spec` describes every field".into(),
    })?;
    labs.create(&PostParams::default(), &lab).await.map_err(Error::kube("create the lab"))?;
    Ok(())
}

/// The lab of a file, as `kubectl apply` would make it, with this machine's ports added.
fn as_applied(text: &str, offset: u16) -> std::result::Result<EdaLab, serde_yaml_ng::Error> {
    let mut lab: EdaLab = serde_yaml_ng::from_str(text)?;
    // the file as it is, without defaults: a later apply of it leaves alone what it does not name
    let mut file: Value = serde_yaml_ng::from_str(text)?;
    file["metadata"]["name"] = LAB.into();
    let annotations = lab.metadata.annotations.get_or_insert_default();
    annotations.insert("kubectl.kubernetes.io/last-applied-configuration".into(), file.to_string());
    lab.metadata.name = Some(LAB.into());
    // the cluster's node ports are this machine's ports
    lab.spec.host_access.enabled = true;
    lab.spec.host_access.port_offset = offset;
    Ok(lab)
}

/// The lab as it stands; fails where there is none.
pub(crate) async fn get(client: &Client) -> Result<EdaLab> {
    let labs: Api<EdaLab> = Api::namespaced(client.clone(), NAMESPACE);
    labs.get_opt(LAB).await.map_err(Error::kube("read the lab"))?.ok_or_else(|| Error::Cannot {
        what: format!("there is no EdaLab {LAB:?} in namespace {NAMESPACE:?}"),
        next: "run `edalab up`".into(),
    })
}

/// Waits until the lab's Ready condition holds for what its spec asks now, and its pods and the operator's have been
/// started after `since`: what a status says from before a node's start is not true any more.
pub(crate) async fn wait_until_ready(progress: &Progress, client: &Client, since: Timestamp) -> Result<()> {
    let step = progress.step(
        "lab",
        "lab: Kafka, schema registry, services",
        "`edalab status` and `edalab logs` show more",
    )?;
    let deadline = Instant::now() + READY;
    loop {
        let standing = match what_is_missing(client, since).await {
            Ok(None) => {
                step.done();
                return Ok(());
            }
            Ok(Some(standing)) => standing,
            // a cluster that was started again may start its API server a second time
            Err(Error::Unreachable { .. }) => "the cluster does not answer at the moment".into(),
            Err(e) => return Err(e),
        };
        step.note(&standing);
        if Instant::now() > deadline {
            return Err(step.error(&format!("not ready after {} s: {standing}", READY.as_secs())));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// What the lab still waits for; nothing where it is ready.
async fn what_is_missing(client: &Client, since: Timestamp) -> Result<Option<String>> {
    let lab = get(client).await?;
    if !is_ready(&lab) {
        return Ok(Some(standing(lab.status.as_ref())));
    }
    let operator = kubernetes::operator_pods(client).await?;
    let pods = kubernetes::pods(client, LAB, None).await?;
    // A status may be from before the operator was upgraded; so are pods with another image than it gives them now.
    let image =
        services_image(&operator).filter(|_| lab.spec.images == ImageDefaults::default() && !lab.spec.paused);
    let is_old = |pod: &Pod| image.is_some_and(|image| runs_another(pod, image));
    let waiting: Vec<String> = operator
        .iter()
        .chain(&pods)
        .filter(|pod| !is_up(pod, since) || is_old(pod))
        .map(ResourceExt::name_any)
        .collect();
    Ok(if waiting.is_empty() { None } else { Some(waiting.join(", ")) })
}

/// Waits until the operator has seen that the lab is not ready, as it is not after its pods were deleted.
pub(crate) async fn wait_until_changed(client: &Client) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while is_ready(&get(client).await?) && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// Whether Ready is true, and about the generation that the lab has now.
pub(crate) fn is_ready(lab: &EdaLab) -> bool {
    let condition = lab.status.as_ref().and_then(|status| status.condition("Ready"));
    condition.is_some_and(|ready| {
        ready.status == ConditionStatus::True && ready.observed_generation == lab.metadata.generation
    })
}

/// Whether all containers of a pod are ready and were started after `since`.
fn is_up(pod: &Pod, since: Timestamp) -> bool {
    let containers = pod.status.as_ref().and_then(|status| status.container_statuses.as_deref());
    containers.is_some_and(|containers| {
        containers.iter().all(|container| {
            let running = container.state.as_ref().and_then(|state| state.running.as_ref());
            let started = running.and_then(|running| running.started_at.as_ref());
            container.ready && started.is_some_and(|started| started.0.as_second() >= since.as_second())
        })
    })
}

/// The services' image that the operator gives to a lab which names none, by the last operator that was installed.
fn services_image(operator: &[Pod]) -> Option<&str> {
    let last = operator.iter().max_by_key(|pod| pod.creation_timestamp())?;
    let mut variables =
        last.spec.iter().flat_map(|spec| &spec.containers).flat_map(|c| c.env.iter().flatten());
    variables.find(|variable| variable.name == "RELATED_IMAGE_SERVICES")?.value.as_deref()
}

/// Whether the pod runs the services' image in another version.
fn runs_another(pod: &Pod, image: &str) -> bool {
    let repository = image.rsplit_once(':').map(|(repository, _)| repository);
    let mut images = pod.spec.iter().flat_map(|spec| &spec.containers).filter_map(|c| c.image.as_deref());
    images.any(|found| found != image && found.rsplit_once(':').map(|(found, _)| found) == repository)
}

/// What stands in the way of Ready, in one line.
fn standing(status: Option<&EdaLabStatus>) -> String {
    let Some(status) = status else {
        return "the operator has not looked at it yet".into();
    };
    let waiting: Vec<&str> = status
        .components
        .iter()
        .filter(|component| !component.ready)
        .map(|component| component.name.as_str())
        .collect();
    match (waiting.is_empty(), status.condition("Ready")) {
        (false, Some(ready)) => format!("{} ({})", waiting.join(", "), ready.message),
        (false, None) => waiting.join(", "),
        (true, Some(ready)) => format!("{}: {}", ready.reason, ready.message),
        (true, None) => "no component has been looked at yet".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lab(status: &str, observed: i64) -> EdaLab {
        serde_json::from_value(json!({
            "apiVersion": "edalab.dev/v1alpha1", "kind": "EdaLab",
            "metadata": {"name": "lab", "generation": 2}, "spec": {},
            "status": {
                "conditions": [{"type": "Ready", "status": status, "observedGeneration": observed, "reason": "R",
                    "message": "lab-kafka-0: ImagePullBackOff", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
                "components": [{"name": "kafka", "ready": false, "reason": "R", "message": "M", "image": "I"}],
            },
        }))
        .unwrap()
    }

    #[test]
    fn ready_is_about_the_spec_of_now() {
        assert!(is_ready(&lab("True", 2)));
        assert!(!is_ready(&lab("True", 1)), "an answer to an older spec");
        assert!(!is_ready(&lab("False", 2)));
    }

    #[test]
    fn a_pod_from_before_the_nodes_start_is_not_up() {
        let pod = |ready: bool, started: &str| -> Pod {
            serde_json::from_value(json!({"status": {"containerStatuses": [{
                "name": "kafka", "image": "I", "imageID": "I", "restartCount": 0, "ready": ready,
                "state": {"running": {"startedAt": started}},
            }]}}))
            .unwrap()
        };
        let since = "2026-01-01T12:00:00.7Z".parse().unwrap();
        assert!(is_up(&pod(true, "2026-01-01T12:00:00Z"), since), "Kubernetes tells whole seconds");
        assert!(!is_up(&pod(false, "2026-01-01T12:00:01Z"), since));
        assert!(!is_up(&pod(true, "2026-01-01T11:59:59Z"), since));
        assert!(!is_up(&Pod::default(), since), "not scheduled yet");
    }

    #[test]
    fn a_service_from_before_an_upgrade_is_not_what_the_operator_gives_now() {
        let pod = |created: &str, image: &str, related: &str| -> Pod {
            serde_json::from_value(json!({
                "metadata": {"creationTimestamp": created},
                "spec": {"containers": [{
                    "name": "c", "image": image, "env": [{"name": "RELATED_IMAGE_SERVICES", "value": related}],
                }]},
            }))
            .unwrap()
        };
        let operators =
            [pod("2026-01-02T00:00:00Z", "o", "services:2"), pod("2026-01-01T00:00:00Z", "o", "services:1")];
        assert_eq!(services_image(&operators), Some("services:2"));
        assert!(runs_another(&pod("2026-01-01T00:00:00Z", "services:1", ""), "services:2"));
        assert!(!runs_another(&pod("2026-01-01T00:00:00Z", "services:2", ""), "services:2"));
        assert!(!runs_another(&pod("2026-01-01T00:00:00Z", "kafka:1", ""), "services:2"));
    }

    #[test]
    fn a_later_apply_of_the_file_leaves_the_ports_alone() {
        let text = "apiVersion: edalab.dev/v1alpha1\nkind: EdaLab\nmetadata: {name: mine}\nspec: {}\n";
        let lab = as_applied(text, 1000).unwrap();
        assert!(lab.spec.host_access.enabled && lab.spec.host_access.port_offset == 1000);
        let annotation =
            &lab.metadata.annotations.unwrap()["kubectl.kubernetes.io/last-applied-configuration"];
        let applied: Value = serde_json::from_str(annotation).unwrap();
        assert_eq!((&applied["metadata"]["name"], &applied["spec"]), (&json!("lab"), &json!({})));
    }

    #[test]
    fn what_is_waited_for_is_named() {
        assert_eq!(standing(lab("False", 2).status.as_ref()), "kafka (lab-kafka-0: ImagePullBackOff)");
        assert_eq!(standing(None), "the operator has not looked at it yet");
    }
}
