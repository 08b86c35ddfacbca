//! Other people's pages.

use std::sync::Arc;

use edalab_tests::suite::Outcome;
use reqwest::StatusCode;

use crate::show::Show;

pub(crate) async fn refused(show: Arc<Show>) -> Outcome {
    let here = show.dashboard.url("");
    let commands = ["/api/simulation/start", "/api/simulation/stop", "/steer/start"];
    for (name, value) in
        [("origin", "http://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")]
    {
        for path in commands {
            let response = show.http.post(show.dashboard.url(path)).header(name, value).send().await?;
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path} {name}: {value}");
            assert_eq!(response.headers()["content-type"], "application/problem+json");
            assert!(response.headers().get("access-control-allow-origin").is_none());
        }
    }
    for path in ["/", "/api/events/recent", "/api/events/stream", "/static/flow.js", "/nowhere"] {
        let response = show.http.get(show.dashboard.url(path)).header("host", "evil.example").send().await?;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path}");
    }
    // What Kubernetes and Prometheus ask comes under any name.
    for path in ["/health", "/ready", "/metrics"] {
        let response = show.http.get(show.dashboard.url(path)).header("host", "10.0.0.7:8080").send().await?;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }
    // From our own page a command gets through the guard, and on to a simulator that is not there.
    let response = show
        .http
        .post(show.dashboard.url("/api/simulation/start"))
        .header("origin", here.as_str())
        .send()
        .await?;
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    let problem: serde_json::Value = response.json().await?;
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(detail.starts_with("the simulator does not answer"), "{problem}");

    let page = show.http.get(show.dashboard.url("/")).send().await?;
    let policy = page.headers()["content-security-policy"].to_str()?.to_owned();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert_eq!(page.headers()["x-content-type-options"], "nosniff");
    Ok(())
}
