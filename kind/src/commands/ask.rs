//! Commands that ask a running lab something.

use console::{Style, style};
use crds::{ConditionStatus, Endpoint};
use futures::future::try_join_all;
use k8s_openapi::{
    api::core::v1::{PersistentVolumeClaim, Pod},
    jiff::Timestamp,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams},
};

use super::Context;
use crate::{
    cluster::NAMESPACE,
    error::{Error, Result},
    kubernetes,
    lab::{self, LAB},
};

/// The path that kubectl wants, and nothing else, so that `KUBECONFIG=$(edalab kubeconfig)` works.
pub(super) fn kubeconfig(context: &Context) -> Result<bool> {
    let path = context.home.kubeconfig(&context.name);
    if !path.is_file() {
        return Err(Error::Cannot {
            what: format!("there is no cluster {:?} on this machine", context.name),
            next: "run `edalab up` (make up)".into(),
        });
    }
    println!("{}", path.display());
    Ok(true)
}

pub(super) async fn status(context: &Context) -> Result<bool> {
    let lab = lab::get(&context.client().await?).await?;
    let status = lab.status.clone().unwrap_or_default();
    println!("cluster {}, namespace {NAMESPACE}, lab {LAB}, phase {:?}", context.name, lab.spec.phase);
    for condition in &status.conditions {
        let holds = condition.status == ConditionStatus::True;
        println!("  {} {:20} {}", mark(holds), condition.type_, condition.message);
    }
    println!("reached at");
    for endpoint in &status.endpoints {
        println!("  {:16} {}", endpoint.name, endpoint.host_url.as_ref().unwrap_or(&endpoint.port_forward));
    }
    Ok(lab::is_ready(&lab))
}

pub(super) async fn health(context: &Context) -> Result<bool> {
    let lab = lab::get(&context.client().await?).await?;
    let status = lab.status.clone().unwrap_or_default();
    for component in &status.components {
        println!("{} {:16} {}", mark(component.ready), component.name, component.message);
    }
    for condition in status.conditions.iter().filter(|condition| condition.status != ConditionStatus::True) {
        println!("{} {:16} {}", mark(false), condition.type_, condition.message);
    }
    Ok(lab::is_ready(&lab) && status.components.iter().all(|component| component.ready))
}

/// Where a part of the lab is reached from this machine, alone on its line; a command that makes it so where no port leads
/// to it.
pub(super) async fn url(context: &Context, component: &str) -> Result<bool> {
    let endpoint = endpoint(context, component).await?;
    println!("{}", endpoint.host_url.as_ref().unwrap_or(&endpoint.port_forward));
    Ok(true)
}

/// Opens a part of the lab in the browser that this machine uses for addresses.
pub(super) async fn open(context: &Context, component: &str) -> Result<bool> {
    let Endpoint { host_url, port_forward, .. } = endpoint(context, component).await?;
    let url = host_url.ok_or_else(|| Error::Cannot {
        what: format!("no port of this machine leads to {component}"),
        next: format!("set spec.hostAccess.enabled, or run: {port_forward}"),
    })?;
    open::that_detached(&url).map_err(|e| Error::Cannot {
        what: format!("no browser can be opened here: {e}"),
        next: format!("open {url} in one"),
    })?;
    println!("{url}");
    Ok(true)
}

async fn endpoint(context: &Context, component: &str) -> Result<Endpoint> {
    let status = lab::get(&context.client().await?).await?.status.unwrap_or_default();
    let found = status.endpoints.iter().find(|endpoint| endpoint.name == component);
    found.cloned().ok_or_else(|| {
        let names: Vec<&str> = status.endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
        Error::Cannot {
            what: format!("the lab has no {component:?} at the moment"),
            next: format!("it has {}; `edalab health` shows how they are", names.join(", ")),
        }
    })
}

fn mark(well: bool) -> console::StyledObject<&'static str> {
    if well { style("OK  ").green() } else { Style::new().red().bold().apply_to("FAIL") }
}

pub(super) async fn logs(
    context: &Context,
    component: Option<&str>,
    tail: i64,
    follow: bool,
) -> Result<bool> {
    let client = context.client().await?;
    let pods = match component {
        Some("operator") => kubernetes::operator_pods(&client).await?,
        _ => kubernetes::pods(&client, LAB, component).await?,
    };
    if pods.is_empty() {
        return Err(Error::Cannot {
            what: component
                .map_or("the lab has no pods".into(), |name| format!("the lab has no pods of {name:?}")),
            next: "`edalab health` names the components".into(),
        });
    }
    let names: Vec<String> = pods.iter().map(ResourceExt::name_any).collect();
    try_join_all(names.iter().map(|pod| kubernetes::logs(&client, pod, tail, follow))).await?;
    Ok(true)
}

pub(super) async fn topics(context: &Context, describe: bool) -> Result<bool> {
    let action = if describe { "--describe" } else { "--list" };
    let command = ["/opt/kafka/bin/kafka-topics.sh", "--bootstrap-server", "localhost:9092", action];
    kubernetes::exec(&context.client().await?, &format!("{LAB}-kafka-0"), &command).await
}

pub(super) async fn events(
    context: &Context,
    topics: &[String],
    follow: bool,
    max: Option<u64>,
) -> Result<bool> {
    let client = context.client().await?;
    let max = max.map(|max| max.to_string());
    let mut command = vec!["edalab-services", "events"];
    for topic in topics {
        command.extend(["--topic", topic]);
    }
    if follow {
        command.push("--follow");
    }
    if let Some(max) = &max {
        command.extend(["--max", max]);
    }
    let pod = kubernetes::pods(&client, LAB, Some("quotation")).await?.first().map(ResourceExt::name_any);
    let pod = pod.ok_or_else(|| Error::Cannot {
        what: "no service runs in the lab, so there are no events to read".into(),
        next: "set spec.phase to ProducteurConsommateur: kubectl edit edalab lab".into(),
    })?;
    kubernetes::exec(&client, &pod, &command).await
}

/// Removes the lab's volumes and the pods that use them. The StatefulSets make both anew, and the operator the topics.
pub(super) async fn reset_data(context: &Context) -> Result<bool> {
    let _lock = context.lock_cluster()?;
    let client = context.client().await?;
    let step = context.progress.step(
        "reset-data",
        "topics, databases and offsets removed",
        "run the same command again",
    )?;
    let of_the_lab = ListParams::default().labels(&format!("app.kubernetes.io/instance={LAB}"));
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), NAMESPACE);
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let delete = DeleteParams::default();
    claims.delete_collection(&delete, &of_the_lab).await.map_err(Error::kube("delete the lab's volumes"))?;
    // the registry keeps its schemas in Kafka, so its pod goes too
    pods.delete_collection(&delete, &of_the_lab).await.map_err(Error::kube("delete the lab's pods"))?;
    step.done();
    lab::wait_until_changed(&client).await?;
    lab::wait_until_ready(&context.progress, &client, Timestamp::MIN).await?;
    Ok(true)
}
