//! `fault`: something happens to a component of the lab, for a while.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use tokio::time::Instant;

use super::Context;
use crate::{
    cluster::Cluster,
    error::{Error, Result},
    fault::{Fault, Lasting, Placed},
    kubernetes,
    lab::LAB,
};

pub(super) async fn fault(
    context: &Context,
    fault: Fault,
    component: &str,
    lasting: Lasting,
) -> Result<bool> {
    let client = context.client().await?;
    let pods = kubernetes::pods(&client, LAB, Some(component)).await?;
    let pod = pods.iter().find_map(placed).ok_or_else(|| Error::Cannot {
        what: format!("the lab has no running pod of {component:?}"),
        next: "`edalab health` names the components and tells how they are".into(),
    })?;
    let (engine, kind) = context.engine(context.record()?.engine).await?;
    let cluster = Cluster { name: &context.name, home: &context.home, engine: &engine, kind };
    cluster.bring_about(fault, lasting, &pod).await?;
    let began = Instant::now();
    let about = fault.about();
    println!("{} is {about} for {lasting}. The fault ends by itself, also without this command.", pod.name);
    tokio::time::sleep_until(began + lasting.time()).await;
    println!("The fault is over. `edalab health` shows how the lab is.");
    Ok(true)
}

fn placed(pod: &Pod) -> Option<Placed> {
    let address = pod.status.as_ref()?.pod_ip.clone()?;
    Some(Placed { name: pod.name_any(), uid: pod.uid()?, address })
}
