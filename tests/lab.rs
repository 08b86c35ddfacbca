//! Labs on a real cluster, as a person makes, changes and deletes them.

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use edalab_tests::{
    rig::{
        cluster::{Cluster, ClusterError, PORT_OFFSET, Space, of_lab},
        container::Held,
        process, python,
        service::SERVICES,
    },
    rights,
    suite::{Outcome, Suite},
    trial, wait,
};
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Service},
};
use kube::{
    ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

/// How long something may take that the operator does at once, on a machine that has other tests to run as well.
const SOON: Duration = Duration::from_secs(300);
const SWITCHES: u32 = 50;

fn main() -> ExitCode {
    Suite::new("cluster::lab", 2)
        .trial("from_apply_to_the_first_event_and_through_its_phases", trial!(through_its_phases))
        .trial("two_labs_side_by_side_and_a_volume_that_is_kept", trial!(two_labs_side_by_side))
        .trial("what_stands_in_the_way_is_named", trial!(what_stands_in_the_way_is_named))
        .trial("a_second_replica_says_why_it_does_not_run", trial!(a_second_replica_says_why))
        .trial("a_switch_reaches_every_service_at_once", trial!(a_switch_reaches_every_service))
        .trial("accounts_can_do_what_they_need_and_no_more", trial!(accounts_can_do_what_they_need))
        .main(Cluster::start)
}

async fn through_its_phases(cluster: Arc<Cluster>) -> Outcome {
    let space = cluster.namespace("t-phases").await?;
    let began = Instant::now();
    let host = json!({"enabled": true, "portOffset": PORT_OFFSET});
    space.apply("lab", json!({"hostAccess": host})).await?;
    let first = quote_as_soon_as_possible(&space, "lab").await?;
    let events = events_of(&space, "lab", 1).await?;
    println!("from apply to the first event: {:.1} s", began.elapsed().as_secs_f32());
    assert_eq!(events[0]["key"], first);
    space.ready("lab").await?;
    only_restricted_pods_and_few_tokens(&space).await?;
    let contrat = contract_of(&space, "lab", &first).await?;
    from_the_host(&space, &first, &contrat).await?;

    // One field, one pod: the quote's validity concerns quotation only.
    let before = pods(&space).await?;
    space
        .apply("lab", json!({"hostAccess": host, "services": {"quotation": {"quoteValidity": "1s"}}}))
        .await?;
    space.ready("lab").await?;
    let second = quote(&space, "lab").await?;
    wait_for_event(&space, "lab", "quotation.devis-expire", &second).await?;
    let after = pods(&space).await?;
    let rolled: Vec<&String> = before.iter().filter(|pod| !after.contains(pod)).collect();
    assert!(rolled.iter().all(|pod| pod.contains("quotation")) && rolled.len() == 1, "{rolled:?}");

    // What we set is put back; what others labelled stays.
    let services = space.objects::<Service>();
    let meddle = json!({"metadata": {"labels": {"example.com/mine": "yes"}}, "spec": {"publishNotReadyAddresses": false}});
    services.patch("lab-kafka-headless", &PatchParams::default(), &Patch::Merge(meddle)).await?;
    let configs = space.objects::<ConfigMap>();
    configs.delete("lab-kafka", &DeleteParams::default()).await?;
    wait::until("what was changed to be put back", SOON, async || {
        configs.get("lab-kafka").await.map_err(|problem| problem.to_string())?;
        let service = services.get("lab-kafka-headless").await.map_err(|problem| problem.to_string())?;
        assert_eq!(service.labels().get("example.com/mine").map(String::as_str), Some("yes"));
        let published = service.spec.and_then(|spec| spec.publish_not_ready_addresses);
        if published == Some(true) { Ok(()) } else { Err(format!("{published:?}")) }
    })
    .await?;

    // Without services, and with them again: what they knew stayed.
    space.apply("lab", json!({"hostAccess": host, "phase": "Infrastructure"})).await?;
    space.ready("lab").await?;
    // The StatefulSets of those that have a database stay, with no pod: deleting one would delete its volume.
    wait::until("the services to be stopped", SOON, async || {
        let left = pods(&space).await.map_err(|problem| problem.to_string())?;
        let is_service = |pod: &String| SERVICES.iter().any(|(service, _)| pod.contains(service));
        if left.iter().any(is_service) { Err(left.join(", ")) } else { Ok(()) }
    })
    .await?;
    space.apply("lab", json!({"hostAccess": host})).await?;
    space.ready("lab").await?;
    let devis = space.ask("lab-quotation:8081", &format!("/api/devis/{first}"), None).await?;
    assert_eq!(devis["devisId"], first.as_str());
    let found = space.ask("lab-souscription:8082", &format!("/api/contrats/{contrat}"), None).await?;
    assert_eq!(found["devisId"], first.as_str());

    space.delete("lab").await?;
    let claims = space.objects::<PersistentVolumeClaim>();
    space.gone(&claims, "lab").await?;
    Ok(())
}

/// Clients on this machine reach the lab where its status says, and another implementation reads its events.
async fn from_the_host(space: &Space, first: &str, contrat: &str) -> Outcome {
    let lab = space.labs().get("lab").await?;
    let endpoint = |name: &str| {
        let endpoints = lab.data["status"]["endpoints"].as_array().cloned().unwrap_or_default();
        let found = endpoints.into_iter().find(|endpoint| endpoint["name"] == name).unwrap_or_default();
        found["hostUrl"].as_str().unwrap_or_default().to_owned()
    };
    let mut client = python::script("read_events.py").await?;
    client.arg(endpoint("kafka")).arg(endpoint("schema-registry"));
    client.args(["/edalab/lab/quotation", "1", "quotation.devis-genere"]);
    let line: Value = serde_json::from_str(process::output(&client).await?.trim())?;
    assert_eq!((&line["key"], &line["headers"]["ce_sequence"]), (&first.into(), &"1".into()));
    let devis: Value =
        reqwest::get(format!("{}/api/devis/{first}", endpoint("quotation"))).await?.json().await?;
    assert_eq!(devis["devisId"], first);
    let found: Value =
        reqwest::get(format!("{}/api/contrats/{contrat}", endpoint("souscription"))).await?.json().await?;
    assert_eq!(found["contratId"], contrat);
    for service in ["simulator", "dashboard"] {
        reqwest::get(format!("{}/health", endpoint(service))).await?.error_for_status()?;
    }
    Ok(())
}

async fn two_labs_side_by_side(cluster: Arc<Cluster>) -> Outcome {
    let space = cluster.namespace("t-two").await?;
    let kept = json!({"deletionPolicy": "Retain"});
    space.apply("one", kept.clone()).await?;
    space.apply("two", json!({})).await?;
    let first = quote_as_soon_as_possible(&space, "one").await?;
    events_of(&space, "one", 1).await?;
    space.ready("two").await?;
    assert_eq!(space.events("two").await?.len(), 0, "no event crosses");

    space.delete("two").await?;
    space.ready("one").await?;
    quote(&space, "one").await?;
    let before = events_of(&space, "one", 2).await?;
    let cluster_id = cluster_id(&space, "one").await?;

    // Retain: the volumes outlive the lab, and the next one of this name takes them up.
    space.delete("one").await?;
    let claims = space.objects::<PersistentVolumeClaim>();
    let mut kept_claims = of_lab(&claims, "one").await?;
    kept_claims.sort();
    assert_eq!(
        kept_claims,
        ["data-one-kafka-0", "data-one-quotation-0", "data-one-reclamation-0", "data-one-souscription-0"]
    );
    space.apply("one", kept).await?;
    space.ready("one").await?;
    assert_eq!(self::cluster_id(&space, "one").await?, cluster_id);
    assert_eq!(events_of(&space, "one", 2).await?, before);
    let devis = space.ask("one-quotation:8081", &format!("/api/devis/{first}"), None).await?;
    assert_eq!(devis["devisId"], first.as_str());
    space.delete("one").await?;
    Ok(())
}

async fn what_stands_in_the_way_is_named(cluster: Arc<Cluster>) -> Outcome {
    let space = cluster.namespace("t-blocked").await?;
    let spec = |image: Option<&str>| {
        let kafka = image.map_or(json!({}), |image| json!({"image": image}));
        json!({"phase": "Infrastructure", "kafka": kafka})
    };
    space.apply("lab", spec(Some("edalab.local/no-such-image:1"))).await?;
    wait::until("the image to be named", SOON, async || {
        let lab = space.labs().get("lab").await.map_err(|problem| problem.to_string())?;
        let status = lab.data["status"].to_string();
        let named = status.contains("lab-kafka-0") && status.contains("ImagePull");
        if named { Ok(()) } else { Err(status) }
    })
    .await?;
    space.apply("lab", spec(None)).await?;
    space.ready("lab").await?;

    // While it is paused, what is changed by hand stays.
    space.apply("lab", json!({"phase": "Infrastructure", "paused": true})).await?;
    let configs = space.objects::<ConfigMap>();
    configs.delete("lab-kafka", &DeleteParams::default()).await?;
    wait::until("the pause to be told", SOON, async || {
        let lab = space.labs().get("lab").await.map_err(|problem| problem.to_string())?;
        let told = lab.data["status"]["observedGeneration"].as_i64() == lab.metadata.generation;
        if told { Ok(()) } else { Err(lab.data["status"].to_string()) }
    })
    .await?;
    assert!(configs.get_opt("lab-kafka").await?.is_none(), "a paused lab is left alone");
    space.apply("lab", json!({"phase": "Infrastructure"})).await?;
    wait::until("the ConfigMap to be put back", SOON, async || configs.get("lab-kafka").await).await?;

    let privileged = json!({"metadata": {"name": "privileged"}, "spec": {"containers": [
        {"name": "c", "image": "busybox", "securityContext": {"privileged": true}}]}});
    let pods = space.objects::<Pod>();
    let refused = pods.create(&PostParams::default(), &serde_json::from_value(privileged)?).await;
    let refused = refused.expect_err("the namespace enforces Pod Security").to_string();
    assert!(refused.contains("violates PodSecurity \"restricted"), "{refused}");
    space.delete("lab").await?;
    Ok(())
}

/// The operator puts a scaled service back. While the lab is paused, the second pod stays, and what it says when it
/// gives up is in the lab's status.
async fn a_second_replica_says_why(cluster: Arc<Cluster>) -> Outcome {
    let space = cluster.namespace("t-replica").await?;
    space.apply("lab", json!({})).await?;
    space.ready("lab").await?;
    space.apply("lab", json!({"paused": true})).await?;
    space.condition("lab", "Ready", "True").await?;
    let sets = space.objects::<StatefulSet>();
    let two = json!({"spec": {"replicas": 2}});
    sets.patch_scale("lab-quotation", &PatchParams::default(), &Patch::Merge(two)).await?;
    wait::until("the second pod's words in the status", SOON, async || {
        let lab = space.labs().get("lab").await.map_err(|problem| problem.to_string())?;
        let status = lab.data["status"].to_string();
        let told = status.contains("lab-quotation-1: CrashLoopBackOff") && status.contains("second replica");
        if told { Ok(()) } else { Err(status) }
    })
    .await?;
    // It takes nothing from the first.
    quote(&space, "lab").await?;

    space.apply("lab", json!({})).await?;
    space.ready("lab").await?;
    let left = pods(&space).await?;
    assert!(left.iter().all(|pod| !pod.starts_with("lab-quotation-1 ")), "{left:?}");
    space.delete("lab").await?;
    Ok(())
}

/// From the patch to the last service that shows it, with no pod the worse for it; and who does not follow is named.
async fn a_switch_reaches_every_service(cluster: Arc<Cluster>) -> Outcome {
    let space = cluster.namespace("t-control").await?;
    space.apply("lab", json!({})).await?;
    space.ready("lab").await?;
    space.condition("lab", "ScenarioApplied", "True").await?;
    let before = lives(&space).await?;
    let mut took = Vec::new();
    for switch in 1..=SWITCHES {
        let scenario = if switch % 2 == 0 { "NORMAL" } else { "PIC_CHARGE" };
        // The rate tells one switch from another; with the simulation off, nobody goes by it.
        let spec = json!({"scenario": scenario, "simulation": {"eventsPerSecond": switch}});
        let began = Instant::now();
        space.apply("lab", spec).await?;
        let shown = SERVICES.map(|service| until_it_shows(&space, service, switch));
        futures::future::try_join_all(shown).await?;
        took.push(began.elapsed());
        space.condition("lab", "ScenarioApplied", "True").await?;
        let lab = space.labs().get("lab").await?;
        let (spec, status) = (&lab.data["spec"], &lab.data["status"]);
        assert_eq!((&status["scenario"], &status["simulation"]), (&spec["scenario"], &spec["simulation"]));
    }
    took.sort();
    let milliseconds = |share: usize| took[(took.len() * share).div_ceil(100) - 1].as_secs_f64() * 1e3;
    println!(
        "patch to the last of {} services, {SWITCHES} times: median {:.0} ms, p95 {:.0} ms",
        SERVICES.len(),
        milliseconds(50),
        milliseconds(95)
    );

    let held = Held::service("souscription", "lab", &space.name)?;
    space.apply("lab", json!({"scenario": "PIC_CHARGE"})).await?;
    let late = space.condition("lab", "ScenarioApplied", "False").await?;
    assert!(late.starts_with("no answer from souscription to: PIC_CHARGE"), "{late}");
    let status = space.labs().get("lab").await?.data["status"].clone();
    assert_eq!(status["scenario"], "NORMAL", "what not all follow is not in force");
    drop(held);
    space.condition("lab", "ScenarioApplied", "True").await?;
    space.ready("lab").await?;
    assert_eq!(space.labs().get("lab").await?.data["status"]["scenario"], "PIC_CHARGE");
    assert_eq!(lives(&space).await?, before, "a pod was made anew or restarted");
    one_service_is_taken_away(&space, &before).await?;

    let config = cluster.config().await?;
    for (service, wanted) in [
        ("simulator", "edalab.dev: edalabs [lab]: get,patch"),
        ("dashboard", ": pods/log: get\n: pods: list\nedalab.dev: edalabs [lab]: get,list,watch"),
    ] {
        let rights = rights::of(&config, &format!("{}:lab-{service}", space.name), &space.name).await?;
        assert_eq!(rights, wanted, "{service}");
    }
    space.delete("lab").await?;
    Ok(())
}

/// Its pod goes, no other one does; what happens meanwhile waits for it, and it knows of it when it is back.
async fn one_service_is_taken_away(space: &Space, before: &[String]) -> Outcome {
    let began = Instant::now();
    space.apply("lab", json!({"scenario": "SERVICE_EN_PANNE"})).await?;
    let others: Vec<&String> = before.iter().filter(|pod| !pod.starts_with("lab-reclamation-0 ")).collect();
    assert_eq!(others.len() + 1, before.len());
    wait::until("reclamation to be gone", SOON, async || {
        let left = lives(space).await.map_err(|problem| problem.to_string())?;
        if left.iter().eq(others.iter().copied()) { Ok(()) } else { Err(left.join(", ")) }
    })
    .await?;
    println!("the service that was taken away is gone after {:.1?}", began.elapsed());
    space.condition("lab", "ScenarioApplied", "True").await?;
    space.ready("lab").await?;
    let contrat = contract_of(space, "lab", &quote(space, "lab").await?).await?;

    let back = Instant::now();
    space.apply("lab", json!({"scenario": "NORMAL"})).await?;
    let loss = json!({"contratId": contrat, "type": "VOL", "description": "autoradio", "montantEstime": 300});
    wait::until("a claim on a contract that was made meanwhile", SOON, async || {
        space.ask("lab-reclamation:8083", "/api/sinistres", Some(&loss)).await
    })
    .await?;
    println!("and knows what happened {:.1?} after it was asked back", back.elapsed());
    space.condition("lab", "ScenarioApplied", "True").await?;
    space.ready("lab").await?;
    Ok(())
}

async fn until_it_shows(
    space: &Space,
    (service, port): (&str, u16),
    switch: u32,
) -> Result<(), wait::TimedOut> {
    wait::until(format!("{service} to follow switch {switch}"), SOON, async || {
        let address = format!("lab-{service}:{port}");
        let control =
            space.ask(&address, "/internal/control", None).await.map_err(|problem| problem.to_string())?;
        let rate = &control["simulation"]["eventsPerSecond"];
        if *rate == switch { Ok(()) } else { Err(control.to_string()) }
    })
    .await
}

/// Name, uid and number of restarts of every pod.
async fn lives(space: &Space) -> Result<Vec<String>, kube::Error> {
    let pods = space.objects::<Pod>().list(&ListParams::default()).await?;
    let mut lives: Vec<String> = pods
        .iter()
        .map(|pod| {
            let containers = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
            let restarts: i32 = containers.map(|container| container.restart_count).sum();
            format!("{} {} {restarts}", pod.name_any(), pod.uid().unwrap_or_default())
        })
        .collect();
    lives.sort();
    Ok(lives)
}

/// Pod Security admitted them, so they are restricted; the simulator and the dashboard speak to the Kubernetes API, and no
/// other pod of a lab does.
async fn only_restricted_pods_and_few_tokens(space: &Space) -> Outcome {
    let pods = space.objects::<Pod>();
    for pod in pods.list(&ListParams::default()).await? {
        let spec = pod.spec.clone().unwrap_or_default();
        let speaks = ["lab-simulator-", "lab-dashboard-"].iter().any(|name| pod.name_any().starts_with(name));
        assert_eq!(spec.automount_service_account_token, Some(speaks), "{}", pod.name_any());
        let volumes = serde_json::to_string(&spec.volumes)?;
        assert_eq!(volumes.contains("serviceAccountToken"), speaks, "{}: {volumes}", pod.name_any());
    }
    Ok(())
}

/// Everything that the accounts may do, asked of the API server as them. A new right shows up here.
async fn accounts_can_do_what_they_need(cluster: Arc<Cluster>) -> Outcome {
    let config = cluster.config().await?;
    let operator = rights::of(&config, rights::OPERATOR, "edalab").await?;
    assert_eq!(operator, rights::reviewed(), "reviewed in tests/operator-rights.txt");
    assert_eq!(rights::of(&config, "edalab:default", "edalab").await?, "", "a lab's pods");
    Ok(())
}

async fn quote(space: &Space, lab: &str) -> Result<String, ClusterError> {
    let demande = json!({"clientId": "C001", "typeBien": "AUTO", "valeur": 25000});
    let devis = space.ask(&format!("{lab}-quotation:8081"), "/api/devis", Some(&demande)).await?;
    Ok(devis["devisId"].as_str().unwrap_or_default().to_owned())
}

async fn quote_as_soon_as_possible(space: &Space, lab: &str) -> Result<String, wait::TimedOut> {
    wait::until(format!("a quote of {lab}"), SOON, async || quote(space, lab).await).await
}

/// The contract that a quote becomes, as soon as souscription has heard of the quote.
async fn contract_of(space: &Space, lab: &str, devis: &str) -> Result<String, wait::TimedOut> {
    let wanted = json!({"devisId": devis});
    wait::until(format!("the contract of quote {devis}"), SOON, async || {
        let service = format!("{lab}-souscription:8082");
        let contrat = space.ask(&service, "/api/contrats/convertir", Some(&wanted)).await?;
        Ok::<_, ClusterError>(contrat["contratId"].as_str().unwrap_or_default().to_owned())
    })
    .await
}

/// At least so many events, one topic partition after the other: those of several come in no order.
async fn events_of(space: &Space, lab: &str, count: usize) -> Result<Vec<Value>, wait::TimedOut> {
    wait::until(format!("{count} events of {lab}"), SOON, async || {
        let mut events = space.events(lab).await.map_err(|problem| problem.to_string())?;
        events.sort_by_key(|event| (event["topic"].to_string(), event["partition"].as_i64()));
        if events.len() >= count { Ok(events) } else { Err(format!("{events:?}")) }
    })
    .await
}

async fn wait_for_event(space: &Space, lab: &str, topic: &str, key: &str) -> Result<(), wait::TimedOut> {
    wait::until(format!("{topic} of {key}"), SOON, async || {
        let events = space.events(lab).await.map_err(|problem| problem.to_string())?;
        let found = events.iter().filter(|event| event["topic"] == topic && event["key"] == key).count();
        if found == 1 { Ok(()) } else { Err(format!("{found} of {} events", events.len())) }
    })
    .await
}

async fn cluster_id(space: &Space, lab: &str) -> Result<String, ClusterError> {
    let file = "/var/lib/kafka/data/log/meta.properties";
    let properties = space.exec(&format!("{lab}-kafka-0"), &["cat", file]).await?;
    Ok(properties.lines().find(|line| line.starts_with("cluster.id=")).unwrap_or_default().to_owned())
}

/// Name and uid of every pod.
async fn pods(space: &Space) -> Result<Vec<String>, kube::Error> {
    let pods = space.objects::<Pod>();
    let list = pods.list(&ListParams::default()).await?;
    Ok(list.iter().map(|pod| format!("{} {}", pod.name_any(), pod.uid().unwrap_or_default())).collect())
}
