use serde_json::{Value, json};

use super::*;
use crate::samples::{full, lab, minimal, validated};

fn manifests(objects: &[Object]) -> Vec<&Value> {
    objects.iter().map(|object| &object.manifest).collect()
}

#[test]
fn a_minimal_lab_whole() {
    insta::assert_yaml_snapshot!(manifests(&build(&validated(&minimal()))));
}

#[test]
fn a_full_lab_whole() {
    insta::assert_yaml_snapshot!(manifests(&build(&validated(&full()))));
}

#[test]
fn endpoints_of_both() {
    insta::assert_yaml_snapshot!([endpoints(&validated(&minimal())), endpoints(&validated(&full()))]);
}

#[test]
fn building_twice_gives_the_same() {
    assert_eq!(build(&validated(&full())), build(&validated(&full())));
}

/// Names fit the 63 characters of a DNS label for the longest lab name, together with the hash that a Deployment or
/// StatefulSet adds for its ReplicaSet's name and its revision label. (Pod names are cut to fit.)
#[test]
fn names_fit_for_the_longest_lab_name() {
    let mut lab = full();
    lab.metadata.name = Some("a".repeat(35));
    for object in build(&validated(&lab)) {
        let hash = if object.kind >= Kind::StatefulSet { 11 } else { 0 };
        assert!(object.name.len() + hash <= 63, "{} {}", object.kind.as_str(), object.name);
    }
}

#[test]
fn a_changed_configuration_changes_the_pod_template_and_nothing_else_does() {
    let template = |spec: Value| {
        let objects = build(&validated(&lab(&spec)));
        let kafka =
            objects.into_iter().find(|o| o.kind == Kind::StatefulSet && o.component == Component::Kafka);
        kafka.expect("there is a broker").manifest["spec"]["template"].clone()
    };
    let base = template(json!({}));
    assert_eq!(base, template(json!({ "phase": "Infrastructure", "deletionPolicy": "Retain" })));
    assert_eq!(base, template(json!({ "hostAccess": { "enabled": true } })));
    assert_ne!(base, template(json!({ "hostAccess": { "portOffset": 1 } })));
}

#[test]
fn phase_infrastructure_keeps_the_volume_and_takes_the_pod_and_its_ports() {
    let objects = build(&validated(&lab(&json!({
        "phase": "Infrastructure", "hostAccess": { "enabled": true },
    }))));
    for component in Component::SERVICES {
        let mine: Vec<_> = objects.iter().filter(|o| o.component == component).collect();
        let names: Vec<_> = mine.iter().map(|o| (o.kind, o.name.clone())).collect();
        let name = component.object_name("lab");
        assert_eq!(names, [(Kind::Service, format!("{name}-headless")), (Kind::StatefulSet, name)]);
        let spec = &mine[1].manifest["spec"];
        assert_eq!(spec["replicas"], 0);
        assert_eq!(spec["persistentVolumeClaimRetentionPolicy"]["whenScaled"], "Retain");
    }
}

/// Pod Security Standards, profile "restricted"
/// (<https://kubernetes.io/docs/concepts/security/pod-security-standards/>), for every pod of every lab.
#[test]
fn every_pod_meets_pod_security_restricted() {
    let mut pods = 0;
    for object in [minimal(), full()].iter().flat_map(|lab| build(&validated(lab))) {
        let pod = &object.manifest["spec"]["template"]["spec"];
        if pod.is_null() {
            continue;
        }
        pods += 1;
        let name = &object.name;
        assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{name}");
        assert_ne!(pod["securityContext"]["runAsUser"], 0, "{name}");
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{name}");
        for namespace in ["hostNetwork", "hostPID", "hostIPC"] {
            assert!(pod[namespace].is_null(), "{name}: {namespace}");
        }
        for volume in pod["volumes"].as_array().into_iter().flatten() {
            let kinds: Vec<_> = volume.as_object().unwrap().keys().filter(|key| *key != "name").collect();
            assert!(
                kinds.iter().all(|kind| ["emptyDir", "configMap"].contains(&kind.as_str())),
                "{name}: {kinds:?}"
            );
        }
        for container in pod["containers"].as_array().expect("a pod has containers") {
            let context = &container["securityContext"];
            assert_eq!(context["allowPrivilegeEscalation"], false, "{name}");
            assert_eq!(context["capabilities"], json!({ "drop": ["ALL"] }), "{name}");
            assert_eq!(context["readOnlyRootFilesystem"], true, "{name}");
            assert!(context["privileged"].is_null(), "{name}");
            assert!(container["ports"].as_array().unwrap().iter().all(|port| port["hostPort"].is_null()));
            for amount in ["requests", "limits"] {
                assert!(container["resources"][amount]["memory"].is_string(), "{name}: {amount}");
            }
        }
    }
    assert_eq!(pods, 2 * Component::ALL.len());
}

/// The status quotes what a container said last, and a kubelet keeps that only where it is asked to.
#[test]
fn every_container_leaves_its_last_words() {
    for object in build(&validated(&minimal())) {
        let pod = &object.manifest["spec"]["template"]["spec"];
        let containers = ["initContainers", "containers"].map(|list| pod[list].as_array());
        for container in containers.into_iter().flatten().flatten() {
            assert_eq!(container["terminationMessagePolicy"], "FallbackToLogsOnError", "{}", object.name);
        }
    }
}
