//! Every refusal is problem+json with the status that it should have, and names the fields at fault.

use std::convert::Infallible;

use axum::body::Bytes;
use http_body_util::StreamBody;
use hyper::body::Frame;
use reqwest::{Body, Method, Response};
use serde_json::{Value as Json, json};

use crate::service::Service;

async fn problem(response: Response) -> Json {
    let status = response.status().as_u16();
    let content_type = response.headers()["content-type"].to_str().expect("text").to_owned();
    assert_eq!(content_type, "application/problem+json");
    let problem: Json = response.json().await.expect("JSON");
    assert_eq!(problem["status"], status, "{problem}");
    assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
    problem
}

fn fields(problem: &Json) -> Vec<&str> {
    problem["errors"].as_array().into_iter().flatten().filter_map(|error| error["field"].as_str()).collect()
}

#[tokio::test]
async fn bodies() {
    let service = Service::start().await;
    let good = json!({ "clientId": "C001", "typeBien": "AUTO", "valeur": 25000 });
    let with = |field: &str, value: Json| {
        let mut body = good.clone();
        body[field] = value;
        body.to_string()
    };
    let without = |field: &str| {
        let mut body = good.clone();
        body.as_object_mut().expect("an object").remove(field);
        body.to_string()
    };
    for (body, status, named) in [
        (String::new(), 400, vec![]),
        ("{".to_owned(), 400, vec![]),
        (format!("{good}{good}"), 400, vec![]),
        ("{'clientId':'C001'}".to_owned(), 400, vec![]),
        ("[]".to_owned(), 422, vec![]),
        ("null".to_owned(), 422, vec![]),
        ("{}".to_owned(), 422, vec!["clientId", "typeBien", "valeur"]),
        (without("clientId"), 422, vec!["clientId"]),
        (without("typeBien"), 422, vec!["typeBien"]),
        (without("valeur"), 422, vec!["valeur"]),
        (with("clientId", json!("")), 422, vec!["clientId"]),
        (with("clientId", json!("c".repeat(65))), 422, vec!["clientId"]),
        (with("clientId", json!("C 1")), 422, vec!["clientId"]),
        (with("clientId", json!("C\n1")), 422, vec!["clientId"]),
        (with("clientId", json!(7)), 422, vec!["clientId"]),
        (with("clientId", json!(null)), 422, vec!["clientId"]),
        (with("typeBien", json!("MOTO")), 422, vec!["typeBien"]),
        (with("typeBien", json!("auto")), 422, vec!["typeBien"]),
        (with("typeBien", json!(["AUTO"])), 422, vec!["typeBien"]),
        (with("valeur", json!(0)), 422, vec!["valeur"]),
        (with("valeur", json!(-1)), 422, vec!["valeur"]),
        (with("valeur", json!(0.001)), 422, vec!["valeur"]),
        (with("valeur", json!(25000.555)), 422, vec!["valeur"]),
        (with("valeur", json!(10_000_000_000_u64)), 422, vec!["valeur"]),
        (with("valeur", json!(1e300)), 422, vec!["valeur"]),
        (with("valeur", json!("25000")), 422, vec!["valeur"]),
        (with("valeur", json!(true)), 422, vec!["valeur"]),
        (with("valeur", json!({ "montant": 1 })), 422, vec!["valeur"]),
        (with("couleur", json!("rouge")), 422, vec!["couleur"]),
        (with("prime", json!(0)), 422, vec!["prime"]),
        (
            r#"{"clientId":1,"typeBien":2,"valeur":"3","x":4}"#.to_owned(),
            422,
            vec!["clientId", "typeBien", "valeur", "x"],
        ),
    ] {
        let response = service.post_raw(Some("application/json"), body.clone().into()).await;
        assert_eq!(response.status().as_u16(), status, "{body}");
        let problem = problem(response).await;
        assert_eq!(fields(&problem), named, "{body}");
        assert_eq!(problem["field"].as_str(), named.first().copied(), "{body}");
    }
    assert!(service.metrics().await.contains("\ndevis_generes_total 0\n"));
    service.stop().await;
}

#[tokio::test]
async fn sizes_and_types() {
    let service = Service::start().await;
    let good = r#"{"clientId":"C001","typeBien":"AUTO","valeur":25000}"#;
    let huge = format!("{good}{}", " ".repeat(1_000_000));
    let announced = service.post_raw(Some("application/json"), huge.clone().into()).await;
    assert_eq!(problem(announced).await["status"], 413);
    let pieces: Vec<_> = huge.into_bytes().chunks(8_000).map(Bytes::copy_from_slice).collect();
    let frames = pieces.into_iter().map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
    let streamed = Body::wrap(StreamBody::new(futures::stream::iter(frames)));
    let streamed = service.post_raw(Some("application/json"), streamed).await;
    assert_eq!(problem(streamed).await["status"], 413);
    for content_type in ["text/plain", "application/xml", "multipart/form-data; boundary=x"] {
        let response = service.post_raw(Some(content_type), good.into()).await;
        assert_eq!(problem(response).await["status"], 415, "{content_type}");
    }
    for content_type in [None, Some("application/json; charset=utf-8"), Some("application/merge-patch+json")]
    {
        let response = service.post_raw(content_type, good.into()).await;
        assert_eq!(response.status(), 201, "{content_type:?}");
    }
    service.stop().await;
}

#[tokio::test]
async fn paths_and_methods() {
    let service = Service::start().await;
    for (method, path, status, allow) in [
        (Method::GET, "/api/devis/01a21117-3e12-76e9-a924-23be9c5ea3bf", 404, None),
        (Method::GET, "/api/devis/none", 404, None),
        (Method::GET, "/api/devis/%FF", 404, None),
        (Method::GET, "/api/devi", 404, None),
        (Method::GET, "/", 404, None),
        (Method::DELETE, "/api/devis", 405, Some("GET,HEAD,POST")),
        (Method::PUT, "/api/devis/01a21117-3e12-76e9-a924-23be9c5ea3bf", 405, Some("GET,HEAD")),
        (Method::POST, "/health", 405, Some("GET,HEAD")),
    ] {
        let response = service.send(method.clone(), path).await;
        let allowed = response.headers().get("allow").map(|value| value.to_str().expect("text").to_owned());
        let allowed = allowed.map(|methods| {
            let mut methods: Vec<_> = methods.split(',').map(str::to_owned).collect();
            methods.sort();
            methods.join(",")
        });
        assert_eq!(allowed.as_deref(), allow, "{method} {path}");
        assert_eq!(problem(response).await["status"], status, "{method} {path}");
    }
    service.stop().await;
}

#[tokio::test]
async fn parameters() {
    let service = Service::start().await;
    for (query, named) in [
        ("", "clientId"),
        ("?clientId=", "clientId"),
        ("?clientId=a%20b", "clientId"),
        ("?clientId=a&clientId=b", "clientId"),
        ("?clientId=a&limit=0", "limit"),
        ("?clientId=a&limit=101", "limit"),
        ("?clientId=a&limit=ten", "limit"),
        ("?clientId=a&cursor=", "cursor"),
        ("?clientId=a&cursor=-1", "cursor"),
        ("?clientId=a&cursor=x", "cursor"),
        ("?clientId=a&page=2", "page"),
    ] {
        let response = service.send(Method::GET, &format!("/api/devis{query}")).await;
        let problem = problem(response).await;
        assert_eq!((problem["status"].as_u64(), fields(&problem)), (Some(400), vec![named]), "{query}");
    }
    service.stop().await;
}
