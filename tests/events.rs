//! Quotation over a real broker and a real registry: what is asked for over HTTP ends up on the topics.

use std::{process::ExitCode, sync::Arc};

use edalab_tests::{
    rig::{kafka::Kafka, parts::Parts, registry::Registry},
    suite::{Outcome, Suite},
    trial,
};

#[derive(Debug)]
struct Rig {
    registry: Registry,
    kafka: Kafka,
}

fn main() -> ExitCode {
    Suite::new("events", 4).trial("schemas_are_known", trial!(schemas_are_known)).main(start)
}

async fn start() -> Result<Rig, Box<dyn std::error::Error>> {
    let parts = Parts::find(&["kafka", "schema-registry", "java"]).await?;
    let kafka = Kafka::start(&parts).await?;
    let registry = Registry::start(&parts, &kafka).await?;
    Ok(Rig { registry, kafka })
}

async fn schemas_are_known(rig: Arc<Rig>) -> Outcome {
    println!("{} {:?}", rig.kafka.bootstrap(), rig.registry.subjects().await?);
    Ok(())
}
