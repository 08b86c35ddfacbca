//! A client's quotes come newest first, each once, however they are cut into pages.

use reqwest::StatusCode;
use serde_json::json;

use crate::service::Service;

#[tokio::test]
async fn pages_hold_each_quote_once_while_new_ones_come() {
    let service = Service::start().await;
    let mut made = Vec::new();
    for valeur in 1..=7 {
        made.push(service.post(&json!({ "clientId": "C001", "typeBien": "AUTO", "valeur": valeur })).await);
        service.post(&json!({ "clientId": "C002", "typeBien": "AUTO", "valeur": valeur })).await;
    }
    let mut seen = Vec::new();
    let mut path = "/api/devis?clientId=C001&limit=3".to_owned();
    loop {
        let (status, page) = service.get(&path).await;
        assert_eq!(status, StatusCode::OK);
        let devis = page["devis"].as_array().expect("a list");
        assert!(devis.len() <= 3);
        seen.extend(devis.iter().map(|devis| devis["valeur"].as_f64().expect("a number")));
        // A quote that comes meanwhile belongs to no later page.
        service.post(&json!({ "clientId": "C001", "typeBien": "AUTO", "valeur": 99 })).await;
        match page["nextCursor"].as_str() {
            Some(cursor) => path = format!("/api/devis?clientId=C001&limit=3&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, [7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]);
    service.stop().await;
}

#[tokio::test]
async fn a_full_last_page_has_no_next_and_a_stranger_has_none() {
    let service = Service::start().await;
    for valeur in 1..=4 {
        service.post(&json!({ "clientId": "C001", "typeBien": "AUTO", "valeur": valeur })).await;
    }
    let (_, page) = service.get("/api/devis?clientId=C001&limit=4").await;
    assert_eq!(page["devis"].as_array().map(Vec::len), Some(4));
    assert!(page.get("nextCursor").is_none());
    let (status, page) = service.get("/api/devis?clientId=C404").await;
    assert_eq!((status, page), (StatusCode::OK, json!({ "devis": [] })));
    service.stop().await;
}
