//! What kubelets would tell of pods, told for pods that nobody runs.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, ResourceExt,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Tells of every new pod of every namespace that it is ready. Dropping it ends it.
#[derive(Debug)]
pub struct Kubelet(JoinHandle<()>);

impl Kubelet {
    /// Begins.
    pub fn start(client: Client) -> Self {
        Self(tokio::spawn(async move {
            loop {
                if let Err(problem) = make_ready(&client).await {
                    println!("pods that nobody runs: {problem}");
                }
                tokio::time::sleep(BETWEEN_LOOKS).await;
            }
        }))
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn make_ready(client: &Client) -> Result<(), kube::Error> {
    let pending = ListParams::default().fields("status.phase=Pending");
    for pod in Api::<Pod>::all(client.clone()).list(&pending).await? {
        let pods: Api<Pod> = Api::namespaced(client.clone(), &pod.namespace().unwrap_or_default());
        let status = Patch::Merge(json!({"status": ready(&pod)}));
        match pods.patch_status(&pod.name_any(), &PatchParams::default(), &status).await {
            Ok(_) => {}
            Err(kube::Error::Api(answer)) if answer.code == 404 => {}
            Err(problem) => return Err(problem),
        }
    }
    Ok(())
}

fn ready(pod: &Pod) -> Value {
    let condition = |kind: &str| json!({"type": kind, "status": "True"});
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let running = containers.map(|container| {
        json!({"name": container.name, "image": container.image, "imageID": "", "ready": true,
            "restartCount": 0, "state": {"running": {}}})
    });
    let conditions = ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map(condition);
    json!({
        "phase": "Running",
        "conditions": conditions,
        "containerStatuses": running.collect::<Vec<_>>(),
    })
}
