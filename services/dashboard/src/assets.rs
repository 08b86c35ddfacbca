//! Scripts and styles, in the program: compressed once, and kept by browsers until they change.

use std::{io::Write as _, sync::LazyLock};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use flate2::{Compression, write::GzEncoder};
use platform::http::Problem;
use sha2::{Digest as _, Sha256};

/// An address names its content's hash, so what is under it never changes.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// All of them.
pub(crate) static ASSETS: LazyLock<Assets> = LazyLock::new(Assets::new);

pub(crate) struct Assets {
    all: [Asset; 5],
    addresses: Addresses,
}

struct Asset {
    name: &'static str,
    kind: &'static str,
    tag: String,
    plain: Bytes,
    compressed: Bytes,
}

/// Where the page finds them.
#[derive(Debug)]
pub(crate) struct Addresses {
    pub(crate) style: String,
    pub(crate) flow: String,
    pub(crate) beside: String,
    pub(crate) htmx: String,
    pub(crate) sse: String,
}

impl Assets {
    fn new() -> Self {
        const SCRIPT: &str = "text/javascript; charset=utf-8";
        let all = [
            asset("style.css", "text/css; charset=utf-8", include_bytes!("../static/style.css")),
            asset("flow.js", SCRIPT, include_bytes!("../static/flow.js")),
            asset("beside.js", SCRIPT, include_bytes!("../static/beside.js")),
            asset("htmx.min.js", SCRIPT, include_bytes!("../static/vendor/htmx.min.js")),
            asset("sse.min.js", SCRIPT, include_bytes!("../static/vendor/sse.min.js")),
        ];
        let [style, flow, beside, htmx, sse] =
            all.each_ref().map(|asset| format!("/static/{}?{}", asset.name, asset.tag));
        Self { addresses: Addresses { style, flow, beside, htmx, sse }, all }
    }

    pub(crate) const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Answers a request for one.
    pub(crate) fn answer(&self, name: &str, headers: &HeaderMap) -> Response {
        let Some(asset) = self.all.iter().find(|asset| asset.name == name) else {
            return Problem::not_found("there is no such file").into_response();
        };
        let tag = format!("\"{}\"", asset.tag);
        let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        let fresh = known.is_some_and(|known| known.split(',').any(|one| one.trim() == tag));
        let mut response = if fresh {
            StatusCode::NOT_MODIFIED.into_response()
        } else if takes_gzip(headers) {
            let encoding = [(header::CONTENT_ENCODING, "gzip")];
            (encoding, Body::from(asset.compressed.clone())).into_response()
        } else {
            Body::from(asset.plain.clone()).into_response()
        };
        let answered = response.headers_mut();
        answered.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
        answered.insert(header::CACHE_CONTROL, FOR_EVER);
        answered.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Ok(tag) = tag.parse() {
            answered.insert(header::ETAG, tag);
        }
        response
    }
}

fn asset(name: &'static str, kind: &'static str, content: &'static [u8]) -> Asset {
    let tag = Sha256::digest(content).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Asset {
        name,
        kind,
        tag,
        plain: Bytes::from_static(content),
        compressed: gzip(content, Compression::best()),
    }
}

/// Whether the client takes gzip (RFC 9110, section 12.5.3).
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let text = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(',').any(|part| {
        let (name, parameters) = part.split_once(';').unwrap_or((part, ""));
        name.trim().eq_ignore_ascii_case("gzip") && !matches!(parameters.trim(), "q=0" | "q=0.0" | "q=0.00")
    })
}

pub(crate) fn gzip(content: &[u8], level: Compression) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    // Writing into a vector does not fail.
    let _ = encoder.write_all(content);
    encoder.finish().unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_peoples_files_are_what_their_readme_says() {
        let readme = include_str!("../static/vendor/README.md");
        for content in [
            &include_bytes!("../static/vendor/htmx.min.js")[..],
            include_bytes!("../static/vendor/sse.min.js"),
        ] {
            let sum: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(readme.contains(&sum), "{sum}");
        }
    }

    #[test]
    fn scripts_and_styles_leave_most_of_100_kb_to_the_page() {
        let compressed: usize = ASSETS.all.iter().map(|asset| asset.compressed.len()).sum();
        assert!(compressed < 50_000, "{compressed}");
    }

    #[test]
    fn a_file_is_sent_once() {
        let ask = |pairs: &[(header::HeaderName, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| (name.clone(), value.parse().expect("a value")));
            ASSETS.answer("flow.js", &pairs.collect())
        };
        let first = ask(&[(header::ACCEPT_ENCODING, "br, gzip")]);
        assert_eq!(
            (first.status(), &first.headers()["content-encoding"]),
            (StatusCode::OK, &"gzip".parse().expect("a value"))
        );
        let tag = first.headers()["etag"].to_str().expect("text").to_owned();
        assert_eq!(ask(&[(header::IF_NONE_MATCH, &tag)]).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(ask(&[(header::IF_NONE_MATCH, "\"x\"")]).status(), StatusCode::OK);
        assert!(ask(&[(header::ACCEPT_ENCODING, "gzip;q=0")]).headers().get("content-encoding").is_none());
        assert_eq!(ASSETS.answer("../Cargo.toml", &HeaderMap::new()).status(), StatusCode::NOT_FOUND);
    }
}
