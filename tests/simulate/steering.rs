//! The API that steers, over a real API server: it changes the custom resource, as the account that the operator gives it.

use std::sync::Arc;

use edalab_tests::{
    edalabs,
    rig::{
        apiserver::ApiServer,
        parts::Parts,
        program,
        run::ARRIVAL,
        service::{Service, Settings},
        stand::Stand,
    },
    suite::Outcome,
    wait,
};
use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::ServiceAccount,
    rbac::v1::{Role, RoleBinding},
};
use kube::{
    Api,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// The lab's account and what it may do, as the contract with the operator has it.
async fn account(server: &ApiServer) -> Result<String, Box<dyn std::error::Error>> {
    let (client, name) = (server.client()?, "lab-simulator");
    let accounts: Api<ServiceAccount> = Api::default_namespaced(client.clone());
    let roles: Api<Role> = Api::default_namespaced(client.clone());
    let bindings: Api<RoleBinding> = Api::default_namespaced(client);
    let how = PostParams::default();
    accounts.create(&how, &serde_json::from_value(json!({"metadata": {"name": name}}))?).await?;
    let rule = json!({
        "apiGroups": ["edalab.dev"], "resources": ["edalabs"], "resourceNames": ["lab"], "verbs": ["get", "patch"],
    });
    roles
        .create(&how, &serde_json::from_value(json!({"metadata": {"name": name}, "rules": [rule]}))?)
        .await?;
    let binding = json!({
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "default"}],
    });
    bindings.create(&how, &serde_json::from_value(binding)?).await?;
    let request = TokenRequest { spec: TokenRequestSpec::default(), ..TokenRequest::default() };
    let answer = accounts.create_token_request(name, &how, &request).await?;
    Ok(answer.status.ok_or("a request for a token was answered without one")?.token)
}

/// A simulator that asks the server as that account.
async fn simulator(
    stand: &Stand,
    lab: &str,
    kubeconfig: &str,
) -> Result<Service, Box<dyn std::error::Error>> {
    let settings = stand.settings(program::services().await?, lab);
    let mut simulator = Service::new(Settings { service: "simulator", ..settings })?;
    std::fs::create_dir_all(simulator.data())?;
    let path = simulator.data().join("kubeconfig");
    std::fs::write(&path, kubeconfig)?;
    simulator.set_env("KUBECONFIG", path.display().to_string());
    simulator.set_env("EDALAB_NAMESPACE", "default");
    simulator.restart().await?;
    Ok(simulator)
}

async fn ask(simulator: &Service, method: Method, what: &str, body: &Value) -> (StatusCode, Value) {
    let answer = simulator.send(method, &format!("/api/simulator/{what}"), body).await.expect("an answer");
    (answer.status(), answer.json().await.expect("JSON"))
}

pub(crate) async fn what_steers_is_in_the_lab(stand: Arc<Stand>) -> Outcome {
    let server = ApiServer::start(&Parts::find(&["kubenode"]).await?).await?;
    server.install(&edalabs::definition()).await?;
    let labs = edalabs::of(server.client()?, "default");
    for name in ["lab", "other"] {
        let lab: DynamicObject = serde_json::from_value(edalabs::manifest(name, &json!({})))?;
        labs.create(&PostParams::default(), &lab).await?;
    }
    let kubeconfig = server.kubeconfig(&account(&server).await?);
    let own = simulator(&stand, "lab", &kubeconfig).await?;
    let spec = async || labs.get("lab").await.map(|lab| lab.data["spec"].clone());
    let (post, put, none) = (Method::POST, Method::PUT, json!({}));

    let started = wait::until("the account's rights to be known", ARRIVAL, async || {
        match ask(&own, post.clone(), "start", &none).await {
            (StatusCode::ACCEPTED, wanted) => Ok(wanted),
            (status, problem) => Err(format!("{status}: {problem}")),
        }
    })
    .await?;
    let simulation = json!({"running": true, "eventsPerSecond": 5});
    let parameters = json!({"peakFactor": 10, "peakSeconds": 30, "run": 0});
    let expected = json!({"scenario": "NORMAL", "simulation": simulation, "scenarioParameters": parameters});
    assert_eq!(started, expected);
    assert_eq!(spec().await?["simulation"], simulation);

    // What somebody else has set stays.
    let other = json!({"spec": {"scenarioParameters": {"peakSeconds": 60}}});
    labs.patch("lab", &PatchParams::default(), &Patch::Merge(&other)).await?;
    let (status, wanted) = ask(&own, put.clone(), "speed", &json!({"eventsPerSecond": 1000})).await;
    assert_eq!((status, &wanted["simulation"]["eventsPerSecond"]), (StatusCode::ACCEPTED, &json!(1000)));
    assert_eq!(wanted["scenarioParameters"]["peakSeconds"], 60);

    for (rate, said) in [(5000, "less than or equal to 1000"), (0, "greater than or equal to 1")] {
        let (status, problem) = ask(&own, put.clone(), "speed", &json!({"eventsPerSecond": rate})).await;
        assert_eq!(
            (status, &problem["field"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("eventsPerSecond"))
        );
        assert_eq!(problem["detail"], format!("eventsPerSecond should be {said}"), "{problem}");
    }
    assert_eq!(spec().await?["simulation"]["eventsPerSecond"], 1000);

    // A peak, another one, and two that are asked for at once.
    let peak = async || ask(&own, put.clone(), "scenario", &json!({"scenario": "PIC_CHARGE"})).await;
    for run in [0, 1] {
        let (status, wanted) = peak().await;
        assert_eq!((status, &wanted["scenario"]), (StatusCode::ACCEPTED, &json!("PIC_CHARGE")), "{wanted}");
        assert_eq!(wanted["scenarioParameters"]["run"], run);
    }
    let (one, two) = futures::join!(peak(), peak());
    assert_eq!((one.0, two.0), (StatusCode::ACCEPTED, StatusCode::ACCEPTED), "{} {}", one.1, two.1);
    assert_eq!(spec().await?["scenarioParameters"]["run"], 3);
    assert_eq!(
        ask(&own, put.clone(), "scenario", &json!({"scenario": "NORMAL"})).await.0,
        StatusCode::ACCEPTED
    );
    assert_eq!(ask(&own, post.clone(), "stop", &none).await.0, StatusCode::ACCEPTED);
    let left = spec().await?;
    assert_eq!((&left["scenario"], &left["simulation"]["running"]), (&json!("NORMAL"), &json!(false)));

    // It may change its own lab and no other.
    let stranger = simulator(&stand, "other", &kubeconfig).await?;
    let (status, problem) = ask(&stranger, post.clone(), "start", &none).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{problem}");
    let said = problem["detail"].to_string();
    assert!(said.contains("cannot patch resource") && said.contains("other"), "{said}");

    labs.delete("lab", &DeleteParams::default()).await?;
    let (status, problem) = ask(&own, post, "start", &none).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{problem}");
    assert!(problem["detail"].to_string().contains("the lab is not there"), "{problem}");
    Ok(())
}
