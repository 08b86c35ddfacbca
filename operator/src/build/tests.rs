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
    let of = |component| objects.iter().filter(|o| o.component == component).collect::<Vec<_>>();
    for component in [Component::Quotation, Component::Souscription, Component::Reclamation] {
        let mine = of(component);
        let names: Vec<_> = mine.iter().map(|o| (o.kind, o.name.clone())).collect();
        let name = component.object_name("lab");
        assert_eq!(names, [(Kind::Service, format!("{name}-headless")), (Kind::StatefulSet, name)]);
        let spec = &mine[1].manifest["spec"];
        assert_eq!(spec["replicas"], 0);
        assert_eq!(spec["persistentVolumeClaimRetentionPolicy"]["whenScaled"], "Retain");
    }
    for component in [Component::Simulator, Component::Dashboard] {
        assert!(of(component).is_empty(), "{component:?} keeps nothing");
    }
}

#[test]
fn a_scenario_takes_one_service_away_and_changes_nothing_else() {
    let usual = build(&validated(&lab(&json!({}))));
    let parameters = json!({ "target": "souscription" });
    let taken =
        build(&validated(&lab(&json!({ "scenario": "SERVICE_EN_PANNE", "scenarioParameters": parameters }))));
    let differ: Vec<_> =
        usual.iter().zip(&taken).filter(|(usual, taken)| usual.manifest != taken.manifest).collect();
    assert_eq!(usual.len(), taken.len());
    let [(usual, taken)] = differ[..] else { panic!("{differ:?}") };
    assert_eq!((taken.kind, taken.component), (Kind::StatefulSet, Component::Souscription));
    assert_eq!(
        (&usual.manifest["spec"]["replicas"], &taken.manifest["spec"]["replicas"]),
        (&json!(1), &json!(0))
    );
}

/// The last two digits of a service's port are its node port's (design: 8081 is 30081).
#[test]
fn a_service_is_reached_on_its_own_node_port() {
    let objects = build(&validated(&lab(&json!({ "hostAccess": { "enabled": true } }))));
    let ports = Component::SERVICES.map(|component| {
        let name = format!("{}-host", component.object_name("lab"));
        let host = objects.iter().find(|object| object.name == name).expect("a node port");
        let port = &host.manifest["spec"]["ports"][0];
        (port["port"].as_i64().unwrap_or_default(), port["nodePort"].as_i64().unwrap_or_default())
    });
    assert_eq!(ports, [(8081, 30081), (8082, 30082), (8083, 30083), (8084, 30084), (8080, 30080)]);
}

/// A service that speaks to the Kubernetes API may do so about its own lab, and nobody else may at all; the dashboard reads
/// logs too.
#[test]
fn an_account_reaches_one_edalab() {
    let objects = build(&validated(&minimal()));
    let pods = json!({ "apiGroups": [""], "resources": ["pods"], "verbs": ["list"] });
    let logs = json!({ "apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"] });
    let verbs = [
        ("lab-simulator", json!(["get", "patch"]), vec![]),
        ("lab-dashboard", json!(["get", "list", "watch"]), vec![pods, logs]),
    ];
    let roles: Vec<&Object> = objects.iter().filter(|object| object.kind == Kind::Role).collect();
    assert_eq!(roles.len(), verbs.len());
    for (name, verbs, more) in verbs {
        let role = roles.iter().find(|role| role.name == name).expect("a Role");
        let own = json!({
            "apiGroups": ["edalab.dev"], "resources": ["edalabs"], "resourceNames": ["lab"], "verbs": verbs
        });
        let granted: Vec<_> = std::iter::once(own).chain(more).collect();
        assert_eq!(role.manifest["rules"], json!(granted));
        let binding =
            objects.iter().find(|o| o.kind == Kind::RoleBinding && o.name == name).expect("a RoleBinding");
        assert_eq!(binding.manifest["roleRef"]["name"], name);
        assert_eq!(
            binding.manifest["subjects"],
            json!([{ "kind": "ServiceAccount", "name": name, "namespace": "classroom" }])
        );
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
        let speaks_to_the_api = [Component::Simulator, Component::Dashboard].contains(&object.component);
        assert_eq!(pod["automountServiceAccountToken"], speaks_to_the_api, "{name}");
        assert_eq!(pod["serviceAccountName"].is_string(), speaks_to_the_api, "{name}");
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
    // The full lab is in a phase without those that keep nothing.
    assert_eq!(pods, 2 * Component::ALL.len() - 2);
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
