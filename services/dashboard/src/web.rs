//! What all pages have in common over HTTP: a language, and answers that browsers do not keep.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Uri, header},
    response::{IntoResponse as _, Response},
};
use flate2::Compression;

use crate::{
    assets::{gzip, takes_gzip},
    texts::Lang,
};

/// The header of a page that asks for what is new of it.
pub(crate) const FRAGMENT: &str = "x-fragment";
/// The header by which a page says its language.
const PAGE: &str = "x-lang";
/// How long a chosen language is kept, in seconds: a year.
const REMEMBERED: u32 = 31_536_000;
const LANG: &str = "lang";

/// The language of a request: asked for in the address, that of the page which asks, remembered, or accepted, in this order.
pub(crate) fn language(uri: &Uri, headers: &HeaderMap) -> Lang {
    let text = |name: &str| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let cookies = text("cookie").unwrap_or_default().split(';');
    let remembered = cookies.filter_map(|cookie| cookie.trim().strip_prefix("lang=")).find_map(Lang::of_tag);
    // Two tabs may be in two languages; what is remembered is the last one's.
    let asking = text(PAGE).and_then(Lang::of_tag);
    let accepted = || Lang::accepted(text("accept-language")?);
    asked(uri).or(asking).or(remembered).or_else(accepted).unwrap_or(Lang::En)
}

fn asked(uri: &Uri) -> Option<Lang> {
    query(uri).find(|(name, _)| name == LANG).and_then(|(_, tag)| Lang::of_tag(&tag))
}

fn query(uri: &Uri) -> impl Iterator<Item = (String, String)> {
    form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned()
}

/// The address, to which a language can be added.
pub(crate) fn without_language(uri: &Uri) -> String {
    let mut address =
        form_urlencoded::Serializer::for_suffix(format!("{}?", uri.path()), uri.path().len() + 1);
    address.extend_pairs(query(uri).filter(|(name, _)| name != LANG));
    let address = address.finish();
    if address.ends_with('?') { address } else { address + "&" }
}

/// A page, compressed where the browser takes that; a language that was asked for is remembered.
pub(crate) fn html(page: String, uri: &Uri, headers: &HeaderMap) -> Response {
    let mut response = if takes_gzip(headers) {
        let body = gzip(page.as_bytes(), Compression::fast());
        ([(header::CONTENT_ENCODING, "gzip")], Body::from(body)).into_response()
    } else {
        page.into_response()
    };
    let answered = response.headers_mut();
    answered.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    answered.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answered.insert(header::VARY, HeaderValue::from_static("accept-encoding, accept-language, cookie"));
    if let Some(lang) = asked(uri) {
        let cookie = format!("lang={}; Path=/; Max-Age={REMEMBERED}; SameSite=Lax; HttpOnly", lang.tag());
        if let Ok(cookie) = cookie.parse() {
            answered.insert(header::SET_COOKIE, cookie);
        }
    }
    response
}

/// A stream of server-sent events.
pub(crate) fn events(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies would wait until a buffer is full.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_language_wins_over_a_remembered_one_and_that_over_an_accepted_one() {
        for (address, cookie, accept, wanted) in [
            ("/", "", "", Lang::En),
            ("/", "", "fr-FR", Lang::Fr),
            ("/topics", "a=b; lang=en", "fr-FR", Lang::En),
            ("/?lang=", "lang=xx", "fr-FR", Lang::Fr),
            ("/?a=b&lang=fr", "lang=en", "en", Lang::Fr),
            ("/?lang=xx", "lang=fr", "en", Lang::Fr),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, cookie.parse().expect("a value"));
            headers.insert(header::ACCEPT_LANGUAGE, accept.parse().expect("a value"));
            let uri = address.parse().expect("an address");
            assert_eq!(language(&uri, &headers), wanted, "{address:?} {cookie:?} {accept:?}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("lang=fr"));
        headers.insert(PAGE, HeaderValue::from_static("en"));
        assert_eq!(language(&Uri::from_static("/steer/start"), &headers), Lang::En, "the page's own");
    }

    #[test]
    fn an_address_takes_another_language() {
        for (address, wanted) in [
            ("/", "/?"),
            ("/topics/a.b?partition=1&lang=fr&offset=7", "/topics/a.b?partition=1&offset=7&"),
            ("/?lang=fr", "/?"),
            ("/?x=%3Cscript%3E", "/?x=%3Cscript%3E&"),
        ] {
            assert_eq!(without_language(&address.parse().expect("an address")), wanted);
        }
    }
}
