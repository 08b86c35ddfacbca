use serde_json::json;

use super::*;

fn wanted() -> Value {
    json!({
        "metadata": {
            "name": "x",
            "labels": { "a": "1" },
            "ownerReferences": [{ "uid": "u", "controller": true }],
        },
        "spec": {
            "replicas": 1,
            "template": { "spec": { "containers": [{
                "name": "kafka",
                "env": [{ "name": "A", "value": "1" }],
                "resources": { "limits": { "cpu": "1000m" } },
            }] } },
        },
        "data": { "k": "v" },
    })
}

/// As the API server hands it out: with defaults, a version, and others' labels and owners.
fn live() -> Value {
    let mut live = wanted();
    live["metadata"]["resourceVersion"] = json!("7");
    live["metadata"]["labels"]["b"] = json!("2");
    live["metadata"]["ownerReferences"] = json!([{ "uid": "z" }, { "uid": "u", "controller": true, "x": 1 }]);
    live["spec"]["revisionHistoryLimit"] = json!(10);
    live["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"] = json!("1");
    live["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = json!("Always");
    live
}

#[test]
fn defaults_and_what_belongs_to_others_are_no_drift() {
    assert!(holds(&wanted(), &live()));
}

#[test]
fn what_was_set_and_is_different_or_gone_is_drift() {
    let changes: [(&str, Value); 6] = [
        ("/spec/replicas", json!(2)),
        ("/metadata/labels/a", json!("other")),
        ("/metadata/ownerReferences", json!([])),
        ("/spec/template/spec/containers/0/env", json!([])),
        ("/spec/template/spec/containers/0/resources/limits/cpu", json!("2")),
        ("/data/k", json!("w")),
    ];
    for (pointer, value) in changes {
        let mut live = live();
        *live.pointer_mut(pointer).expect(pointer) = value;
        assert!(!holds(&wanted(), &live), "{pointer}");
    }
    let mut sidecar = live();
    let containers =
        sidecar.pointer_mut("/spec/template/spec/containers").and_then(Value::as_array_mut).unwrap();
    containers.push(json!({ "name": "sidecar" }));
    assert!(!holds(&wanted(), &sidecar));
    assert!(!holds(&wanted(), &Value::Null));
}

fn with_fields(manager: &str, subresource: &str, fields: &Value) -> Value {
    let mut live = live();
    live["metadata"]["managedFields"] = json!([{
        "manager": manager, "subresource": subresource, "operation": "Update", "fieldsV1": fields,
    }]);
    live
}

#[test]
fn additions_are_told_by_path() {
    let fields = json!({
        "f:spec": { "f:template": { "f:spec": {
            "f:dnsPolicy": {},
            "f:containers": {
                "k:{\"name\":\"kafka\"}": { ".": {}, "f:env": {
                    "k:{\"name\":\"A\"}": { "f:value": {} },
                    "k:{\"name\":\"B\"}": { ".": {}, "f:name": {}, "f:value": {} },
                } },
                "k:{\"name\":\"sidecar\"}": { ".": {}, "f:image": {} },
            },
        } } },
        "f:data": { "f:extra": {} },
    });
    let found = additions(&wanted(), &with_fields("kubectl-edit", "", &fields));
    assert_eq!(
        found,
        [
            "data.extra",
            "spec.template.spec.containers[{\"name\":\"kafka\"}].env[{\"name\":\"B\"}]",
            "spec.template.spec.containers[{\"name\":\"sidecar\"}]",
            "spec.template.spec.dnsPolicy",
        ]
    );
}

#[test]
fn labels_restarts_subresources_and_our_own_fields_are_no_additions() {
    let everybodys = json!({
        "f:metadata": { "f:labels": { "f:team": {} } },
        "f:spec": { "f:template": { "f:metadata": { "f:annotations": { "f:kubectl.kubernetes.io/restartedAt": {} } } } },
    });
    let extra = json!({ "f:spec": { "f:extra": {} } });
    let none: [String; 0] = [];
    assert_eq!(additions(&wanted(), &with_fields("kubectl", "", &everybodys)), none);
    assert_eq!(additions(&wanted(), &with_fields("kube-controller-manager", "status", &extra)), none);
    assert_eq!(additions(&wanted(), &with_fields(MANAGER, "", &extra)), none);
    assert_eq!(additions(&wanted(), &with_fields("kubectl", "", &extra)), ["spec.extra"]);
}

#[test]
fn taking_additions_out_keeps_what_is_everybodys() {
    let mut live = live();
    live["metadata"]["annotations"] = json!({ "note": "mine" });
    live["spec"]["template"]["metadata"] = json!({ "annotations": { "restartedAt": "now" } });
    live["spec"]["template"]["spec"]["dnsPolicy"] = json!("None");
    let whole = without_additions(&wanted(), &live);
    assert_eq!(whole["metadata"]["labels"], json!({ "a": "1", "b": "2" }));
    assert_eq!(whole["metadata"]["annotations"]["note"], "mine");
    assert_eq!(whole["metadata"]["resourceVersion"], "7");
    assert_eq!(whole["metadata"]["ownerReferences"].as_array().map(Vec::len), Some(2));
    assert_eq!(whole["spec"]["template"]["metadata"]["annotations"]["restartedAt"], "now");
    assert!(whole["spec"]["template"]["spec"]["dnsPolicy"].is_null());
}
