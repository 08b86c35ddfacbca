//! Our own two images where Docker is: one multi-stage Dockerfile, built by the engine that `docker` reaches.

use tokio::process::Command;

use crate::{
    build::{Builder, images::Ours},
    error::Result,
};

/// Builds the images of the operator and of the services, unless the engine has those of these sources.
pub(crate) async fn build_images(builder: &Builder) -> Result<Ours> {
    let hash = builder.source_hash()?;
    let image = async |name: &str| {
        let reference = format!("edalab.local/{name}:{hash}");
        let step =
            builder.progress.step(&format!("image-{name}"), &format!("{name} image"), "look into the log")?;
        let mut docker = Command::new("docker");
        docker.args(["build", "--target", name, "--tag", &reference, "--file"]);
        step.run(docker.arg("kind/images/Dockerfile").arg(".").current_dir(&builder.source)).await?;
        step.done();
        Ok::<_, crate::error::Error>(reference)
    };
    // one after the other: the second finds everything compiled
    Ok(Ours { operator: image("operator").await?, services: image("services").await? })
}
