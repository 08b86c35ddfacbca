//! Faults from outside, by `edalab fault`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use edalab_tests::{rig::lab::Lab, suite::Outcome, wait};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, ResourceExt};

/// How long an answer may take that is one.
const ANSWER: Duration = Duration::from_secs(1);
/// How long a fault may take to begin, and a service to be back.
const DEADLINE: Duration = Duration::from_secs(60);

/// A service under a fault, seen from this machine.
struct Victim {
    pods: Api<Pod>,
    name: &'static str,
    port: u16,
    http: reqwest::Client,
}

impl Victim {
    async fn answers(&self) -> bool {
        let asked = self.http.get(Lab::url(self.port, "/health")).timeout(ANSWER).send().await;
        asked.is_ok_and(|answer| answer.status().is_success())
    }

    /// What tells the pod from another, and how often its container was started again.
    async fn life(&self) -> Result<(Option<String>, i32), kube::Error> {
        let pod = self.pods.get(&format!("lab-{}-0", self.name)).await?;
        let status = pod.status.clone().unwrap_or_default();
        let restarts = status.container_statuses.iter().flatten().map(|container| container.restart_count);
        Ok((pod.uid(), restarts.sum()))
    }

    async fn until(&self, answers: bool) -> Result<(), wait::TimedOut> {
        let what = format!("{} to {}", self.name, if answers { "answer" } else { "be silent" });
        wait::until(&what, DEADLINE, async || {
            if self.answers().await == answers { Ok(()) } else { Err(format!("answers: {}", !answers)) }
        })
        .await
    }
}

pub(crate) async fn faults(lab: Arc<Lab>) -> Outcome {
    lab.ready().await?;
    let client = Client::try_from(lab.config().await?)?;
    // A connection for each question: one from before the fault tells of the one before.
    let http = reqwest::Client::builder().pool_max_idle_per_host(0).build()?;
    let victim = |name, port| Victim {
        pods: Api::namespaced(client.clone(), "edalab"),
        name,
        port,
        http: http.clone(),
    };
    for (fault, victim, restarts) in [
        ("kill", victim("quotation", 8081), 1),
        ("pause", victim("souscription", 8082), 0),
        ("partition", victim("reclamation", 8083), 0),
    ] {
        let (pod, before) = victim.life().await?;
        let began = Instant::now();
        let arguments = ["fault", fault, victim.name, "--for", "6s"];
        let (told, silent) = tokio::join!(lab.edalab(&arguments), async {
            victim.until(false).await?;
            let silent = began.elapsed();
            victim.until(true).await?;
            Ok::<_, Box<dyn std::error::Error>>((silent, began.elapsed()))
        });
        let (told, (silent_after, ended)) = (told?, silent?);
        println!("{fault}: {} is silent after {silent_after:.1?} and answers after {ended:.1?}", victim.name);
        assert!(told.contains("ends by itself") && told.contains("is over"), "{told}");
        assert!(ended > Duration::from_secs(5), "{fault} lasted {ended:?}");
        assert_eq!(victim.life().await?, (pod, before + restarts), "{fault}");
    }

    // Whatever becomes of the command.
    let victim = victim("souscription", 8082);
    let mut command = lab.command(&["fault", "pause", "souscription", "--for", "6s"]);
    let mut command = command.spawn()?;
    victim.until(false).await?;
    command.kill()?;
    command.wait()?;
    victim.until(true).await?;

    let nobody = lab.edalab(&["fault", "kill", "nobody"]).await.expect_err("there is none").to_string();
    assert!(nobody.contains("edalab health"), "what to do next: {nobody}");
    let for_ever =
        lab.edalab(&["fault", "kill", "kafka", "--for", "1h"]).await.expect_err("too long").to_string();
    assert!(for_ever.contains("from 1s to 10m"), "{for_ever}");
    lab.ready().await?;
    let ledger = lab.edalab(&["ledger"]).await?;
    println!("{ledger}");
    Ok(())
}
