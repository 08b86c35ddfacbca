//! What stands between the page and other people's pages: a browser on the same machine opens those too, and they must
//! neither steer the lab nor read it.
//!
//! - The Host must be one of ours: a name that somebody else's DNS turns to this address is not.
//! - A request that changes something must come from our own page, by Origin and Sec-Fetch-Site, where a browser sends it.
//!   Programs send neither header and are let through.
//! - No header allows another origin to read an answer (no CORS).

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use platform::http::Problem;

/// Everything comes from here, nothing is written into the page, and nobody frames it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Names that requests may be sent to.
#[derive(Debug, Clone)]
pub struct Hosts(Arc<BTreeSet<String>>);

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("this is not a name of the dashboard; add it to ALLOWED_HOSTS to reach it under that name")]
    Host,
    #[error("what changes something must come from the dashboard's own page")]
    Site,
}

impl Hosts {
    /// The names of the machine itself, those of the lab's Service, and `more`.
    pub fn new(lab: &str, namespace: Option<&str>, more: &[String]) -> Self {
        let mut names: BTreeSet<String> = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned).into();
        let service = format!("{lab}-dashboard");
        if let Some(namespace) = namespace {
            names.insert(format!("{service}.{namespace}"));
            names.insert(format!("{service}.{namespace}.svc"));
            names.insert(format!("{service}.{namespace}.svc.cluster.local"));
        }
        names.insert(service);
        names
            .extend(more.iter().map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty()));
        Self(Arc::new(names))
    }

    /// Judges a request by its head.
    pub fn judge(&self, method: &Method, target: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        let host = authority(target, headers).ok_or(Refusal::Host)?;
        if !self.0.contains(&host.host().to_ascii_lowercase()) {
            return Err(Refusal::Host);
        }
        if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return Ok(());
        }
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let from_here = match text("sec-fetch-site") {
            // `none` is what the person did, such as an address typed.
            Some(site) => matches!(site, "same-origin" | "none"),
            None => true,
        };
        let our_origin = match text("origin") {
            Some(origin) => {
                let named = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
                named.is_some_and(|named| named.eq_ignore_ascii_case(host.as_str()))
            }
            None => true,
        };
        if from_here && our_origin { Ok(()) } else { Err(Refusal::Site) }
    }
}

/// Where the request was sent to, by its target or its one Host header.
fn authority(target: &Uri, headers: &HeaderMap) -> Option<Authority> {
    if let Some(named) = target.authority() {
        return Some(named.clone());
    }
    let mut named = headers.get_all(header::HOST).iter();
    let (first, second) = (named.next(), named.next());
    first.filter(|_| second.is_none())?.to_str().ok()?.parse().ok()
}

/// Refuses with 403, and sets on every answer what browsers are to keep to.
pub(crate) async fn stand_guard(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let mut response = match hosts.judge(request.method(), request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => Problem::new(StatusCode::FORBIDDEN, refusal.to_string()).into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-security-policy", CONTENT_SECURITY_POLICY),
        ("x-content-type-options", "nosniff"),
        // `no-referrer` would make browsers send "Origin: null" with our own forms.
        ("referrer-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(method: &Method, target: &str, headers: &[(&'static str, &'static str)]) -> &'static str {
        let hosts = Hosts::new("lab", Some("demo"), &["Lab.Example ".to_owned(), String::new()]);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        match hosts.judge(method, &target.parse().expect("a target"), &map) {
            Ok(()) => "ok",
            Err(Refusal::Host) => "host",
            Err(Refusal::Site) => "site",
        }
    }

    #[test]
    fn only_our_names() {
        for (host, wanted) in [
            ("localhost", "ok"),
            ("localhost:8080", "ok"),
            ("LOCALHOST:9080", "ok"),
            ("127.0.0.1:8080", "ok"),
            ("[::1]:8080", "ok"),
            ("lab-dashboard:8080", "ok"),
            ("lab-dashboard.demo.svc:8080", "ok"),
            ("lab-dashboard.demo.svc.cluster.local", "ok"),
            ("lab.example", "ok"),
            ("evil.example", "host"),
            ("localhost.evil.example", "host"),
            ("lab-dashboard.other.svc", "host"),
            ("127.0.0.2", "host"),
            ("localhost@evil.example", "host"),
            ("", "host"),
            ("local host", "host"),
        ] {
            assert_eq!(judged(&Method::GET, "/", &[("host", host)]), wanted, "{host:?}");
        }
        assert_eq!(judged(&Method::GET, "/", &[]), "host");
        assert_eq!(judged(&Method::GET, "/", &[("host", "localhost"), ("host", "evil.example")]), "host");
        assert_eq!(judged(&Method::GET, "http://evil.example/", &[("host", "localhost")]), "host");
    }

    #[test]
    fn only_our_own_page_changes_something() {
        let host = ("host", "localhost:8080");
        for (headers, wanted) in [
            (vec![], "ok"),
            (vec![("origin", "http://localhost:8080"), ("sec-fetch-site", "same-origin")], "ok"),
            (vec![("origin", "http://localhost:8080")], "ok"),
            (vec![("sec-fetch-site", "none")], "ok"),
            (vec![("origin", "http://localhost:8081")], "site"),
            (vec![("origin", "http://evil.example")], "site"),
            (vec![("origin", "null")], "site"),
            (vec![("origin", "")], "site"),
            (vec![("origin", "localhost:8080")], "site"),
            (vec![("sec-fetch-site", "cross-site")], "site"),
            (vec![("sec-fetch-site", "same-site")], "site"),
            (vec![("origin", "http://localhost:8080"), ("sec-fetch-site", "cross-site")], "site"),
        ] {
            let headers: Vec<_> = headers.into_iter().chain([host]).collect();
            for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
                assert_eq!(
                    judged(&method, "/api/simulation/start", &headers),
                    wanted,
                    "{method} {headers:?}"
                );
            }
            assert_eq!(judged(&Method::GET, "/", &headers), "ok", "reading is guarded by the missing CORS");
        }
    }
}
