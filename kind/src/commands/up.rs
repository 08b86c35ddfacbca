//! `up` and `reset`: from whatever is there to a lab that is ready.

use std::{path::PathBuf, time::Instant};

use console::style;
use kube::Client;
use tokio::try_join;

use super::{Context, checkout};
use crate::{
    build::{
        Builder,
        images::{Images, Ours},
    },
    cli::{EngineChoice, Up},
    cluster::{self, Cluster, EngineKind},
    engine::Engine,
    error::Result,
    lab::{self, Release},
    preflight,
    versions::VERSIONS,
};

pub(super) async fn up(context: &Context, options: &Up) -> Result<bool> {
    let began = Instant::now();
    let _lock = context.lock_cluster()?;
    let record = cluster::record(&context.home, &context.name)?;
    let engine = match (record.as_ref(), options.engine) {
        (Some(record), EngineChoice::Auto) => record.engine,
        (None, EngineChoice::Auto) => preflight::choose().await?,
        (_, EngineChoice::Docker) => EngineKind::Existing,
        (_, EngineChoice::Private) => EngineKind::Private,
    };
    preflight::check(engine, &context.home, record.is_none())?;
    let offset = record.map_or(options.port_offset.unwrap_or(0), |record| {
        if options.port_offset.is_some_and(|wanted| wanted != record.port_offset) {
            context.progress.say(format!(
                "  the cluster was made with --port-offset {}, and keeps it; `edalab down` first to change it",
                record.port_offset
            ));
        }
        record.port_offset
    });
    match engine {
        EngineKind::Existing => context.progress.say("The lab runs in the Docker engine of this machine; images are pulled."),
        EngineKind::Private => context.progress.say(
            "The lab runs in a private Docker engine from Debian's packages; its images are built from package registries.",
        ),
    }
    let builder = context.builder()?;
    let (engine, kind, helm, images) = match engine {
        EngineKind::Existing => {
            let ours = crate::docker::build_images(&builder).await?;
            (Engine::Existing, "kind".into(), "helm".into(), upstream(ours))
        }
        EngineKind::Private => private(context, &builder).await?,
    };
    let cluster = Cluster { name: &context.name, home: &context.home, engine: &engine, kind };
    let node = (!images.node.is_empty()).then_some(images.node.as_str());
    cluster.up(&context.progress, offset, node).await?;
    let client = context.client().await?;
    try_join!(
        install(context, options, &client, &cluster, helm, &images),
        unpack(context, &cluster, &images)
    )?;
    if options.no_lab {
        context
            .progress
            .say(format!("Up in {:.0} s: the operator waits for an EdaLab.", began.elapsed().as_secs_f32()));
        return Ok(true);
    }
    let file = options.lab.clone().unwrap_or(checkout()?.join("examples/lab.yaml"));
    lab::apply_if_absent(&context.progress, &client, &file, offset).await?;
    lab::wait_until_ready(&context.progress, &client, cluster.started_at().await?).await?;
    farewell(context, offset, began);
    Ok(true)
}

/// Loads our own two images and installs the operator.
async fn install(
    context: &Context,
    options: &Up,
    client: &Client,
    cluster: &Cluster<'_>,
    helm: PathBuf,
    images: &Images,
) -> Result<()> {
    let progress = &context.progress;
    let step = progress.step("load", "our images loaded into the cluster", "run the same command again")?;
    for image in [&images.ours.operator, &images.ours.services] {
        cluster.load(&step, image).await?;
    }
    if options.merge {
        cluster.merge_kubeconfig(&step).await?;
    }
    step.done();
    let chart = checkout()?.join("charts/kafka-eda-lab");
    let release = Release { helm, chart, images, values: &options.values };
    let kubeconfig = context.home.kubeconfig(&context.name);
    lab::install(progress, client, &release, &kubeconfig).await
}

/// Our own node image carries Kafka and the registry packed: they are unpacked while the operator starts. A node that was
/// made from an older checkout lacks those of this one, and gets them.
async fn unpack(context: &Context, cluster: &Cluster<'_>, images: &Images) -> Result<()> {
    if images.node.is_empty() {
        return Ok(());
    }
    let step = context.progress.step(
        "unpack",
        "Kafka and schema registry unpacked",
        "run the same command again",
    )?;
    for image in [&images.kafka, &images.schema_registry] {
        cluster.load(&step, image).await?;
        cluster.unpack(&step, image).await?;
    }
    step.done();
    Ok(())
}

pub(super) async fn reset(context: &Context) -> Result<bool> {
    let offset = cluster::record(&context.home, &context.name)?.map(|record| record.port_offset);
    super::down::down(context, false).await?;
    let options = Up {
        engine: EngineChoice::Auto,
        port_offset: offset,
        lab: None,
        no_lab: false,
        values: Vec::new(),
        merge: false,
    };
    up(context, &options).await
}

/// Everything that a bare machine needs, from the cache or built.
async fn private(context: &Context, builder: &Builder) -> Result<(Engine, PathBuf, PathBuf, Images)> {
    let _lock = context.lock_builds()?;
    builder.remove_unfinished();
    let engine = Engine::private(&context.home, builder.tools().await?);
    engine.start(&context.progress).await?;
    let (images, kind, helm, kubenode) =
        try_join!(builder.images(&engine), builder.kind(), builder.helm(), builder.kubenode())?;
    context.home.offer_programs(&[("helm", &helm), ("kind", &kind), ("kubectl", &kubenode)])?;
    Ok((engine, kind, helm, images))
}

/// Where images can be pulled, only our own two are built; kind brings its own node.
fn upstream(ours: Ours) -> Images {
    Images {
        node: String::new(),
        kafka: VERSIONS.upstream.kafka.clone(),
        schema_registry: VERSIONS.upstream.schema_registry.clone(),
        ours,
    }
}

/// Says what to open and what to try.
fn farewell(context: &Context, offset: u16, began: Instant) {
    let port = |port: u16| port + offset;
    let kubeconfig = context.home.kubeconfig(&context.name);
    println!(
        "\n{} in {:.0} s. Try:",
        style("The lab is ready").green().bold(),
        began.elapsed().as_secs_f32()
    );
    println!("  open http://localhost:{}, the dashboard, and press Start", port(8080));
    println!("  export KUBECONFIG={}", kubeconfig.display());
    println!("  export PATH={}:$PATH", context.home.bin().display());
    println!("  kubectl get edalab lab");
    println!(
        "  curl -i -X POST localhost:{}/api/devis -H 'content-type: application/json' \\\n    -d '{{\"clientId\": \"C001\", \"typeBien\": \"AUTO\", \"valeur\": 25000}}'",
        port(8081)
    );
    println!("  edalab events --follow     # what just happened, decoded");
    println!("  kubectl edit edalab lab    # change the lab");
    println!(
        "quotation on http://localhost:{}, souscription on http://localhost:{}, reclamation on http://localhost:{}, \
         simulator on http://localhost:{}, Kafka on localhost:{}, the schema registry on http://localhost:{}/apis/ccompat/v7",
        port(8081),
        port(8082),
        port(8083),
        port(8084),
        port(9092),
        port(8085)
    );
}
