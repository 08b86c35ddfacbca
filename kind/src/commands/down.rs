//! `down` and `stop`: each is safe at any point, also after a kill or a reboot.

use super::Context;
use crate::{
    build,
    cluster::{self, Cluster, EngineKind},
    engine::Engine,
    error::Result,
};

/// Removes the cluster; with the last one, the private engine.
pub(super) async fn down(context: &Context, purge: bool) -> Result<bool> {
    let _lock = context.lock_cluster()?;
    let names = if purge { context.home.clusters() } else { vec![context.name.clone()] };
    for name in &names {
        if let Some(record) = cluster::record(&context.home, name)? {
            let (engine, kind) = context.engine(record.engine).await?;
            engine.start(&context.progress).await?;
            let cluster = Cluster { name, home: &context.home, engine: &engine, kind };
            cluster.down(&context.progress).await?;
        }
        build::remove(&context.home.cluster(name))?;
    }
    if context.home.clusters().is_empty() {
        end_private_engine(context, true).await?;
    }
    if purge {
        build::remove(context.home.root())?;
    }
    context.progress.say(if purge {
        "Nothing is left."
    } else {
        "The lab is down; what was built stays in the cache."
    });
    Ok(true)
}

/// Stops the cluster with its data kept; with the last running one, the private engine.
pub(super) async fn stop(context: &Context) -> Result<bool> {
    let _lock = context.lock_cluster()?;
    let Some(record) = cluster::record(&context.home, &context.name)? else {
        context.progress.say(format!("There is no cluster {:?} to stop.", context.name));
        return Ok(true);
    };
    let (engine, kind) = context.engine(record.engine).await?;
    if engine.answers().await {
        let cluster = Cluster { name: &context.name, home: &context.home, engine: &engine, kind };
        cluster.stop(&context.progress).await?;
        if record.engine == EngineKind::Private && engine.is_idle().await? {
            end_private_engine(context, false).await?;
        }
    }
    context.progress.say("Stopped; `edalab up` brings the lab back with its data.");
    Ok(true)
}

/// Ends the private engine where one runs. `network`: kind's bridge goes too, since no cluster is left to use it.
async fn end_private_engine(context: &Context, network: bool) -> Result<()> {
    if !context.home.run().exists() {
        return Ok(()); // it was never started, or not since the last reboot
    }
    let tools = context.builder()?.tools().await?;
    let engine = Engine::private(&context.home, tools);
    if network {
        engine.start(&context.progress).await?; // a killed engine's bridge is only removed by an engine that runs
        engine.remove_network("kind").await?;
    }
    engine.stop(&context.progress).await
}
