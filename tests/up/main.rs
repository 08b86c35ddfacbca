//! The lab as `make up` brings it: the documents' commands, what `edalab` tells and does, its page in a browser, and the
//! operator's own Role.

mod faults;
mod page;

use std::{fs, process::ExitCode, sync::Arc, time::Duration};

use edalab_tests::{
    documents,
    rig::{lab::Lab, process, program::ROOT},
    rights,
    suite::{Outcome, Suite},
    trial, wait,
};
use k8s_openapi::api::{coordination::v1::Lease, core::v1::Pod};
use kube::{Api, ResourceExt, api::ListParams};

/// How long the next operator may take to lead: the one before lets go of the Lease when it stops.
const LED: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    Suite::new("cluster::up", 1)
        .trial("every_command_of_the_documents_does_what_it_says", trial!(every_command_of_the_documents))
        .trial("edalab_tells_of_the_lab", trial!(edalab_tells_of_the_lab))
        .trial("an_operator_that_is_replaced_restarts_nobody", trial!(an_operator_that_is_replaced))
        .trial("a_browser_steers_the_lab", trial!(page::steers))
        .trial("a_fault_from_outside_ends_by_itself", trial!(faults::faults))
        .trial("a_stop_keeps_the_data_and_a_reset_removes_it", trial!(a_stop_keeps_the_data))
        .trial("the_operator_has_rights_in_its_own_namespace_only", trial!(rights_in_one_namespace))
        .main(Lab::start)
}

/// Documents with commands, in the order in which they are read, and what their commands print among other things.
const DOCUMENTS: [(&str, &[&str]); 3] = [
    (
        "README.md",
        &["HTTP/1.1 201 Created", "quotation.DevisGenere", "\"contratId\":", "edalab.dev/lab edited"],
    ),
    (
        "docs/00-introduction.md",
        &[
            "HTTP/1.1 201 Created",
            "quotation.DevisExpire",
            "souscription.ContratEmis",
            "souscription.ContratResilie",
            "CURRENT-OFFSET",
            "FIELDS:",
        ],
    ),
    ("services/README.md", &["HTTP/1.1 201 Created"]),
];

async fn every_command_of_the_documents(lab: Arc<Lab>) -> Outcome {
    let mut list = std::process::Command::new("git");
    let tracked = process::output(list.args(["ls-files", "*.md"]).current_dir(ROOT)).await?;
    let with_commands: Vec<&str> = tracked
        .lines()
        .filter(|path| {
            fs::read_to_string(format!("{ROOT}/{path}"))
                .is_ok_and(|text| !documents::commands(&text).is_empty())
        })
        .collect();
    assert_eq!(with_commands, DOCUMENTS.map(|(path, _)| path), "each document with commands is run here");

    for (path, printed) in DOCUMENTS {
        let commands = documents::commands(&fs::read_to_string(format!("{ROOT}/{path}"))?);
        let told = lab.type_in(&commands, "sed -i s/quoteValidity:.*/quoteValidity:\\ 1s/").await?;
        for words in printed {
            assert!(told.contains(words), "{path}: nothing printed {words:?}:\n{told}");
        }
        lab.ready().await?;
    }
    Ok(())
}

async fn edalab_tells_of_the_lab(lab: Arc<Lab>) -> Outcome {
    lab.ready().await?;
    let health = lab.edalab(&["health"]).await?;
    for component in
        ["kafka", "schema-registry", "quotation", "souscription", "reclamation", "simulator", "dashboard"]
    {
        assert!(health.lines().any(|line| line.starts_with("OK") && line.contains(component)), "{health}");
    }
    let status = lab.edalab(&["status"]).await?;
    for port in [19080, 19081, 19082, 19083, 19084] {
        assert!(status.contains(&format!("http://localhost:{port}")), "{port}: {status}");
    }
    assert!(status.contains("localhost:20092"), "{status}");
    assert_eq!(lab.edalab(&["url", "dashboard"]).await?.trim(), "http://localhost:19080");
    let topics = lab.edalab(&["topics"]).await?;
    for topic in ["quotation.devis-genere", "reclamation.sinistre-declare", "dlq.errors", "edalab.control"] {
        assert!(topics.lines().any(|line| line == topic), "{topic}: {topics}");
    }
    let operator = lab.edalab(&["logs", "operator", "--tail", "3"]).await?;
    assert!(operator.lines().all(|line| line.starts_with("edalab-operator-")), "{operator}");
    for service in ["quotation", "souscription", "reclamation"] {
        let log = lab.edalab(&["logs", service, "--tail", "1"]).await?;
        assert!(log.starts_with(&format!("lab-{service}-0  {{")), "{log}");
    }
    let nowhere = lab.edalab(&["open", "no-such-component"]).await.expect_err("there is none").to_string();
    assert!(nowhere.contains("it has dashboard") || nowhere.contains("edalab health"), "{nowhere}");
    let nothing = lab.edalab(&["logs", "no-such-component"]).await.expect_err("there is none").to_string();
    assert!(nothing.contains("edalab health"), "what to do next: {nothing}");
    Ok(())
}

/// What an upgrade of the operator does: another pod of it, with the same images for the lab.
async fn an_operator_that_is_replaced(lab: Arc<Lab>) -> Outcome {
    const REPLACE: &str = "kubectl rollout restart --namespace edalab deployment/edalab-operator\n\
                           kubectl rollout status --namespace edalab deployment/edalab-operator --timeout=120s";
    lab.ready().await?;
    let client = kube::Client::try_from(lab.config().await?)?;
    let (before, held_before) = (pods(&client).await?, holder(&client).await?);
    lab.type_in(REPLACE, "true").await?;
    let held = wait::until("the next operator to lead", LED, async || match holder(&client).await {
        Ok(Some(held)) if Some(&held) != held_before.as_ref() => Ok(held),
        other => Err(format!("{other:?}")),
    })
    .await?;
    // Time for what it would do at its first look at the lab.
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(pods(&client).await?, before, "the lab's pods, and how often their containers were started");
    println!("{held} leads, and {} pods are the same", before.len());
    lab.ready().await?;
    Ok(())
}

/// The lab's pods with what tells them from their successors.
async fn pods(client: &kube::Client) -> Result<Vec<(String, Option<String>, i32)>, kube::Error> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), "edalab");
    let of_lab = ListParams::default().labels("app.kubernetes.io/instance=lab");
    let pods = pods.list(&of_lab).await?.into_iter().map(|pod| {
        let containers = pod.status.iter().flat_map(|status| &status.container_statuses).flatten();
        let starts = containers.map(|container| container.restart_count).sum();
        (pod.name_any(), pod.uid(), starts)
    });
    Ok(pods.collect())
}

/// Who holds the operator's Lease.
async fn holder(client: &kube::Client) -> Result<Option<String>, kube::Error> {
    let leases: Api<Lease> = Api::namespaced(client.clone(), "edalab");
    let lease = leases.get("edalab-operator-edalab").await?;
    Ok(lease.spec.and_then(|spec| spec.holder_identity).filter(|holder| !holder.is_empty()))
}

async fn a_stop_keeps_the_data(lab: Arc<Lab>) -> Outcome {
    lab.ready().await?;
    lab.quote().await?;
    let before = lab.edalab(&["events"]).await?;
    assert!(before.contains("DevisGenere"), "{before}");
    lab.edalab(&["stop"]).await?;
    let stopped = lab.edalab(&["health"]).await.expect_err("it is stopped").to_string();
    assert!(stopped.contains("edalab up"), "what to do next: {stopped}");
    lab.edalab(&["up"]).await?;
    // What `up` calls ready is ready: the first request is answered.
    lab.quote().await?;
    let after = lab.edalab(&["events"]).await?;
    let lost: Vec<&str> = before.lines().filter(|event| !after.lines().any(|line| line == *event)).collect();
    assert_eq!(lost, Vec::<&str>::new(), "{after}");

    lab.edalab(&["reset", "--data"]).await?;
    assert_eq!(lab.edalab(&["events"]).await?, "", "events of before the reset");
    lab.quote().await?;
    let again = lab.edalab(&["events"]).await?;
    assert!(again.lines().next().is_some_and(|event| event.contains(r#""ce_sequence":"1""#)), "{again}");
    Ok(())
}

async fn rights_in_one_namespace(lab: Arc<Lab>) -> Outcome {
    let config = lab.config().await?;
    let operator = rights::of(&config, rights::OPERATOR, "edalab").await?;
    // Its Lease is named after the namespace that it serves.
    let operator = operator.replace("[edalab-operator-edalab]", "[edalab-operator]");
    assert_eq!(operator, rights::reviewed(), "reviewed in tests/operator-rights.txt");
    assert_eq!(rights::of(&config, rights::OPERATOR, "default").await?, "", "elsewhere");
    Ok(())
}
