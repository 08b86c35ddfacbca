use k8s_openapi::api::core::v1::{Event, PersistentVolumeClaim};
use serde_json::json;

use super::*;
use crate::{
    apply::Error,
    samples::{lab, minimal, validated},
};

fn pod(status: &Value) -> Pod {
    serde_json::from_value(json!({
        "metadata": {
            "name": "lab-kafka-0",
            "uid": "pod-uid",
            "labels": { "app.kubernetes.io/name": "kafka" },
        },
        "status": status,
    }))
    .expect("a pod")
}

fn container(state: &Value, restarts: i32, last: &Value) -> Value {
    json!({ "containerStatuses": [{
        "name": "kafka", "image": "kafka:4", "imageID": "", "ready": false,
        "restartCount": restarts, "state": state, "lastState": last,
    }] })
}

fn event(kind: &str, name: &str, reason: &str, message: &str) -> Event {
    serde_json::from_value(json!({
        "metadata": {},
        "involvedObject": { "kind": kind, "name": name, "uid": "pod-uid" },
        "reason": reason,
        "message": message,
    }))
    .expect("an Event")
}

fn kafka(refs: &Refs, applied: &Applied) -> (bool, String, String) {
    let part = observe(&validated(&minimal()), refs, applied).into_iter().next().expect("Kafka is first");
    (part.ready, part.reason, part.message)
}

fn workload(status: &Value) -> Applied {
    let mut applied = Applied::default();
    let object = json!({ "metadata": { "generation": 2 }, "spec": { "replicas": 1 }, "status": status });
    applied.seen.insert((Kind::StatefulSet, "lab-kafka".to_owned()), object);
    applied
}

#[test]
fn a_workload_is_ready_when_it_runs_what_it_was_last_told() {
    let done = json!({
        "observedGeneration": 2, "replicas": 1, "readyReplicas": 1, "updatedReplicas": 1,
    });
    let with = |field: &str, value: Value| {
        let mut status = done.clone();
        status[field] = value;
        status
    };
    let cases = [
        (done.clone(), true),
        (with("observedGeneration", json!(1)), false),
        (with("readyReplicas", json!(0)), false),
        (with("updatedReplicas", json!(0)), false),
        (with("replicas", json!(2)), false),
        (json!({}), false),
    ];
    for (status, ready) in cases {
        assert_eq!(kafka(&Refs::default(), &workload(&status)).0, ready, "{status}");
    }
}

#[test]
fn names_what_is_in_the_way_of_a_pod() {
    let none = json!({});
    let crash = json!({ "terminated": { "exitCode": 1, "reason": "Error" } });
    let crashed = "lab-kafka-0: CrashLoopBackOff: the container ended with Error (exit code 1); \
                   kubectl logs --previous lab-kafka-0 says why";
    let cases = [
        (
            container(&json!({ "waiting": { "reason": "ContainerCreating" } }), 0, &none),
            "Starting",
            "lab-kafka-0 is starting",
        ),
        (
            container(
                &json!({ "waiting": { "reason": "ErrImagePull", "message": "no such image" } }),
                0,
                &none,
            ),
            "ImagePullBackOff",
            "lab-kafka-0: ImagePullBackOff: kafka:4: no such image",
        ),
        (
            container(
                &json!({ "waiting": {
                    "reason": "ImagePullBackOff",
                    "message": "Back-off pulling image \"kafka:4\": ErrImagePull: no such image",
                } }),
                0,
                &none,
            ),
            "ImagePullBackOff",
            "lab-kafka-0: ImagePullBackOff: kafka:4: no such image",
        ),
        (
            container(
                &json!({ "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 10s" } }),
                4,
                &crash,
            ),
            "CrashLoopBackOff",
            crashed,
        ),
        (container(&crash, 4, &crash), "CrashLoopBackOff", crashed),
        (container(&json!({ "running": {} }), 4, &crash), "CrashLoopBackOff", crashed),
        (container(&json!({ "running": {} }), 1, &crash), "Starting", "lab-kafka-0 is starting"),
        (
            container(
                &json!({ "waiting": { "reason": "CreateContainerConfigError", "message": "no configmap" } }),
                0,
                &none,
            ),
            "CreateContainerConfigError",
            "lab-kafka-0: CreateContainerConfigError: no configmap",
        ),
        (
            json!({ "conditions": [{
                "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                "message": "0/1 nodes are available: 1 Insufficient memory.",
            }] }),
            "Unschedulable",
            "lab-kafka-0: Unschedulable: 0/1 nodes are available: 1 Insufficient memory.",
        ),
    ];
    for (status, reason, message) in cases {
        let refs = Refs { pods: vec![pod(&status)], ..Refs::default() };
        assert_eq!(
            kafka(&refs, &Applied::default()),
            (false, reason.to_owned(), message.to_owned()),
            "{status}"
        );
    }
}

/// A service's last line when it will not start.
const REFUSAL: &str = "edalab-services: pod lab-kafka-1 is a second replica: its data lies on another volume";

#[test]
fn a_container_that_gave_up_is_told_in_its_own_last_words() {
    let endless = "é".repeat(500);
    let cut = format!("{}…", "é".repeat(399));
    let log_end = format!("{{\"message\":\"starting\"}}\n{REFUSAL}\n");
    let trace =
        "[12:00] ERROR Exiting\nCaused by: no such file\n\tat kafka.Kafka.main(Kafka.scala)\n\t... 2 more\n";
    let theirs = |code: i64| {
        format!(
            "the container ended with Error (exit code {code}); kubectl logs --previous lab-kafka-0 says why"
        )
    };
    let cases: [(&str, i64, &str, String); 10] = [
        ("Error", 1, &log_end, REFUSAL.to_owned()),
        ("Error", 1, "one\n\n  \n", "one".to_owned()),
        ("Error", 1, trace, "Caused by: no such file".to_owned()),
        ("Error", 1, "\tat only.Frames\n", "at only.Frames".to_owned()),
        ("Error", 1, "\u{1b}[2J\u{7}gone\r\n", "[2J gone".to_owned()),
        ("Error", 1, &endless, cut),
        ("StartError", 128, "exec: no such program", "exec: no such program".to_owned()),
        ("Error", 1, " \n\u{7}\n", theirs(1)),
        // A signal ended it: its last line is about something else.
        ("Error", 143, "all is well\n", theirs(143)),
        ("OOMKilled", 1, "all is well\n", theirs(1).replace("Error", "OOMKilled")),
    ];
    for (reason, code, message, told) in cases {
        let ended = json!({ "terminated": { "exitCode": code, "reason": reason, "message": message } });
        let waiting = json!({ "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 10s" } });
        for status in [container(&waiting, 4, &ended), container(&ended, 4, &json!({}))] {
            let refs = Refs { pods: vec![pod(&status)], ..Refs::default() };
            let (_, reason, said) = kafka(&refs, &Applied::default());
            assert_eq!(reason, "CrashLoopBackOff");
            assert_eq!(said, format!("lab-kafka-0: CrashLoopBackOff: {told}"));
        }
    }
}

#[test]
fn a_replica_too_many_is_told_while_it_is_there() {
    let done = workload(&json!({
        "observedGeneration": 2, "replicas": 1, "readyReplicas": 1, "updatedReplicas": 1,
    }));
    let named = |name: &str, status: &Value| {
        let mut pod = pod(status);
        pod.metadata.name = Some(name.to_owned());
        pod
    };
    let running = container(&json!({ "running": {} }), 0, &json!({}));
    let refused = container(
        &json!({ "terminated": { "exitCode": 1, "reason": "Error", "message": REFUSAL } }),
        1,
        &json!({}),
    );
    let with = |second: Pod| {
        let pods = vec![named("lab-kafka-0", &json!({})), second];
        kafka(&Refs { pods, ..Refs::default() }, &done)
    };
    let extra = "lab-kafka-1 is beyond the one replica that the lab has of lab-kafka";
    let told = |reason: &str, message: &str| (false, reason.to_owned(), message.to_owned());
    assert_eq!(with(named("lab-kafka-1", &running)), told("ExtraReplica", extra));
    assert_eq!(
        with(named("lab-kafka-1", &refused)),
        told("CrashLoopBackOff", &format!("lab-kafka-1: CrashLoopBackOff: {REFUSAL}"))
    );
    let mut leaving = named("lab-kafka-1", &refused);
    leaving.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).ok();
    assert_eq!(with(leaving), told("ExtraReplica", extra));
    // A Deployment's pods have no numbers.
    assert!(with(named("lab-kafka-5d9f7c-x2x4z", &running)).0);
}

#[test]
fn a_container_that_comes_before_is_in_the_way_until_it_is_done() {
    let before = |state: &Value| {
        let mut status = container(&json!({ "waiting": { "reason": "PodInitializing" } }), 0, &json!({}));
        status["initContainerStatuses"] = container(state, 0, &json!({}))["containerStatuses"].clone();
        let warnings = vec![event("Pod", "lab-kafka-0", "FailedMount", "no such volume")];
        kafka(&Refs { pods: vec![pod(&status)], warnings, ..Refs::default() }, &Applied::default()).1
    };
    assert_eq!(before(&json!({ "waiting": { "reason": "PodInitializing" } })), "FailedMount");
    assert_eq!(before(&json!({ "running": {} })), "Starting");
    assert_eq!(before(&json!({ "terminated": { "exitCode": 1 } })), "CrashLoopBackOff");
    let done = json!({ "terminated": { "exitCode": 0, "reason": "Completed" } });
    assert_eq!(before(&done), "FailedMount", "what keeps the next from starting");
}

#[test]
fn names_what_keeps_a_pod_from_being_there() {
    let quota = event(
        "StatefulSet",
        "lab-kafka",
        "FailedCreate",
        "create Pod lab-kafka-0 in StatefulSet lab-kafka failed error: exceeded quota",
    );
    let refs = Refs { warnings: vec![quota], ..Refs::default() };
    let (_, reason, message) = kafka(&refs, &Applied::default());
    assert_eq!(reason, "FailedCreate");
    assert!(
        message.starts_with("lab-kafka: FailedCreate: create Pod") && message.ends_with("exceeded quota")
    );

    let claim: PersistentVolumeClaim = serde_json::from_value(json!({
        "metadata": { "name": "data-lab-kafka-0" }, "status": { "phase": "Pending" },
    }))
    .expect("a claim");
    let failed = event("PersistentVolumeClaim", "data-lab-kafka-0", "ProvisioningFailed", "no such class");
    let refs = Refs { claims: vec![claim], warnings: vec![failed], ..Refs::default() };
    let (_, reason, message) = kafka(&refs, &Applied::default());
    assert_eq!(reason, "VolumePending");
    assert_eq!(message, "volume claim data-lab-kafka-0: VolumePending: ProvisioningFailed: no such class");
}

#[test]
fn a_mount_that_failed_is_told_while_the_container_waits() {
    let warnings = vec![event("Pod", "lab-kafka-0", "FailedMount", "no such volume")];
    let waiting = container(&json!({ "waiting": { "reason": "ContainerCreating" } }), 0, &json!({}));
    let running = container(&json!({ "running": {} }), 0, &json!({}));
    let reason = |status: &Value| {
        let refs = Refs { pods: vec![pod(status)], warnings: warnings.clone(), ..Refs::default() };
        kafka(&refs, &Applied::default()).1
    };
    assert_eq!(reason(&waiting), "FailedMount");
    assert_eq!(reason(&running), "Starting");
}

#[test]
fn a_write_that_failed_comes_first() {
    let mut applied = workload(&json!({}));
    let error =
        Error::NodePortTaken { kind: "Service", name: "lab-kafka-host".to_owned(), port: "30092".to_owned() };
    applied.failures.push((Component::Kafka, error));
    let (ready, reason, message) = kafka(&Refs::default(), &applied);
    assert!(!ready);
    assert_eq!(reason, "NodePortTaken");
    assert!(message.contains("30092"), "{message}");
}

#[test]
fn a_part_that_the_scenario_takes_away_is_ready_when_its_pod_is_gone() {
    let taken = validated(&lab(&json!({ "scenario": "SERVICE_EN_PANNE" })));
    let parts = observe(&taken, &Refs::default(), &Applied::default());
    let standing = |component| {
        let part = parts.iter().find(|part| part.component == component).expect("a part");
        (part.wanted, part.ready, part.reason.as_str())
    };
    assert_eq!(standing(Component::Reclamation), (false, true, "TakenAway"));
    assert_eq!(standing(Component::Souscription), (true, false, "Starting"));
}

#[test]
fn a_part_that_the_phase_does_not_have_is_ready_when_its_pod_is_gone() {
    let infrastructure = validated(&lab(&json!({ "phase": "Infrastructure" })));
    let quotation = |refs: &Refs| {
        let parts = observe(&infrastructure, refs, &Applied::default());
        let part = parts.into_iter().find(|part| part.component == Component::Quotation).expect("a part");
        (part.ready, part.reason)
    };
    assert_eq!(quotation(&Refs::default()), (true, "NotInThisPhase".to_owned()));
    let mut pod = pod(&json!({}));
    pod.metadata
        .labels
        .get_or_insert_default()
        .insert("app.kubernetes.io/name".to_owned(), "quotation".to_owned());
    let refs = Refs { pods: vec![pod], ..Refs::default() };
    assert_eq!(quotation(&refs), (false, "Stopping".to_owned()));
}
