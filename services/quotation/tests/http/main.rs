//! Drives the service as a client would: on a real socket, over a real database, with neither Kafka nor registry
//! there. Commands must work all the same.

mod pages;
mod refusals;
mod service;

use reqwest::StatusCode;
use serde_json::json;

use service::Service;

#[tokio::test]
async fn a_quote_is_made_and_can_be_read() {
    let service = Service::start().await;
    let body = json!({ "clientId": "C001", "typeBien": "HABITATION", "valeur": 333.33 });
    let response = service.post(&body).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let location = response.headers()["location"].to_str().expect("a path").to_owned();
    let made: serde_json::Value = response.json().await.expect("JSON");
    assert_eq!(made["clientId"], "C001");
    assert_eq!(made["typeBien"], "HABITATION");
    assert_eq!(made["valeur"], json!(333.33));
    assert_eq!(made["prime"], json!(5.0));
    assert_eq!(made["statut"], "GENERE");
    assert_eq!(location, format!("/api/devis/{}", made["devisId"].as_str().expect("an id")));
    let created: jiff::Timestamp = made["dateCreation"].as_str().expect("text").parse().expect("RFC 3339");
    let expires: jiff::Timestamp = made["dateExpiration"].as_str().expect("text").parse().expect("RFC 3339");
    assert_eq!(expires.duration_since(created).as_hours(), 30 * 24);

    let (status, read) = service.get(&location).await;
    assert_eq!((status, read), (StatusCode::OK, made));
    service.stop().await;
}

#[tokio::test]
async fn the_plan_s_curl_works_as_written() {
    let service = Service::start().await;
    let body = r#"{"clientId":"C001","typeBien":"AUTO","valeur":25000}"#;
    let response = service.post_raw(Some("application/x-www-form-urlencoded"), body.into()).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert!(response.text().await.expect("a body").contains(r#""valeur":25000.00,"prime":500.00"#));
    service.stop().await;
}

#[tokio::test]
async fn the_service_is_ready_without_a_broker_and_counts() {
    let service = Service::start().await;
    assert_eq!(service.get("/health").await.0, StatusCode::OK);
    assert_eq!(service.get("/ready").await.0, StatusCode::OK);
    for _ in 0..3 {
        service.post(&json!({ "clientId": "C001", "typeBien": "AUTO", "valeur": 1 })).await;
    }
    service.post(&json!({})).await;
    let metrics = service.metrics().await;
    for line in [
        "devis_generes_total 3",
        "devis_generation_duration_seconds_count 3",
        "outbox_backlog 3",
        r#"http_requests_total{method="POST",route="/api/devis",status="201"} 3"#,
        r#"http_requests_total{method="POST",route="/api/devis",status="422"} 1"#,
    ] {
        assert!(metrics.lines().any(|found| found == line), "no {line:?} in\n{metrics}");
    }
    service.stop().await;
}

#[tokio::test]
async fn a_full_outbox_refuses_commands_and_readiness() {
    let service = Service::start_with(|config| config.service.outbox_capacity = 2).await;
    let body = json!({ "clientId": "C001", "typeBien": "AUTO", "valeur": 1 });
    assert_eq!(service.post(&body).await.status(), StatusCode::CREATED);
    assert_eq!(service.post(&body).await.status(), StatusCode::CREATED);
    let refused = service.post(&body).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "5");
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    assert_eq!(service.get("/ready").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(service.get("/health").await.0, StatusCode::OK);
    let (_, page) = service.get("/api/devis?clientId=C001").await;
    assert_eq!(page["devis"].as_array().map(Vec::len), Some(2), "the refused quote left nothing: {page}");
    service.stop().await;
}

#[tokio::test]
async fn a_quote_expires_once_and_the_event_waits_with_it() {
    let service = Service::start_with(|config| config.quote_validity = "1s".parse().expect("a span")).await;
    let made = service.post(&json!({ "clientId": "C001", "typeBien": "AUTO", "valeur": 100 })).await;
    let made: serde_json::Value = made.json().await.expect("JSON");
    let path = format!("/api/devis/{}", made["devisId"].as_str().expect("an id"));
    service.until("the quote is EXPIRE", async || service.get(&path).await.1["statut"] == "EXPIRE").await;
    // Two more sweeps: the quote must not expire again.
    tokio::time::sleep(std::time::Duration::from_millis(2_200)).await;
    let metrics = service.metrics().await;
    assert!(metrics.contains("\ndevis_expires_total 1\n"), "{metrics}");
    assert!(metrics.contains("\noutbox_backlog 2\n"), "{metrics}");
    service.stop().await;
}

#[tokio::test]
async fn data_outlives_the_service_and_a_second_one_is_kept_out() {
    let service = Service::start().await;
    let made = service.post(&json!({ "clientId": "C001", "typeBien": "AUTO", "valeur": 100 })).await;
    let made: serde_json::Value = made.json().await.expect("JSON");
    let refused = service.start_second().await.expect_err("the folder is taken");
    assert_eq!(refused.reason(), "DataFolderInUse");
    let service = service.restart().await;
    let (status, read) =
        service.get(&format!("/api/devis/{}", made["devisId"].as_str().expect("an id"))).await;
    assert_eq!((status, read), (StatusCode::OK, made));
    service.stop().await;
}

#[tokio::test]
async fn the_api_describes_itself() {
    let service = Service::start().await;
    let (status, document) = service.get("/api/openapi.json").await;
    assert_eq!(status, StatusCode::OK);
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{document}");
    for (path, method) in [("/api/devis", "post"), ("/api/devis", "get"), ("/api/devis/{id}", "get")] {
        assert!(document["paths"][path][method].is_object(), "{method} {path} in {document}");
    }
    let devis = &document["components"]["schemas"]["Devis"]["properties"];
    for field in
        ["devisId", "clientId", "typeBien", "valeur", "prime", "dateCreation", "dateExpiration", "statut"]
    {
        assert!(devis[field].is_object(), "{field} in {devis}");
    }
    service.stop().await;
}
