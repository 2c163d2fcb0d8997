//! HTTP answers in the forms the front desk has.

use bytes::Bytes;
use hyper::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    HeaderName, HeaderValue, IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{HeaderMap, Response, StatusCode};

use super::coding;
use crate::pages::Page;

/// An answer before the connection sends it.
pub(super) type Answer = Response<Bytes>;

/// A page loads scripts, styles and data from this server alone, and no other page may frame it.
const CONTENT_POLICY: &str =
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Words for a person, with a line feed so that a terminal shows them well.
pub(super) fn text(status: StatusCode, text: &str) -> Answer {
    answer(status, "text/plain; charset=utf-8", Bytes::from(format!("{text}\n")))
}

/// JSON for a program.
pub(super) fn json(status: StatusCode, json: impl Into<Bytes>) -> Answer {
    answer(status, "application/json", json.into())
}

/// Anything else.
pub(super) fn bytes(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    answer(status, content_type, body.into())
}

/// A page or what it loads, as the request's `Accept-Encoding` and `If-None-Match` have it.
pub(super) fn page(page: &Page, asked: &HeaderMap) -> Answer {
    let gzip = page.gzip.filter(|_| coding::takes_gzip(asked));
    // Two forms, two tags: a strong one names bytes (RFC 9110 §8.8.3.3).
    let tag = if gzip.is_some() { format!("\"{}-gzip\"", page.tag) } else { format!("\"{}\"", page.tag) };
    let (status, body) = match is_known(asked, &tag) {
        true => (StatusCode::NOT_MODIFIED, Bytes::new()),
        false => (StatusCode::OK, Bytes::from_static(gzip.unwrap_or(page.body))),
    };
    let mut answer = answer(status, page.content_type, body);
    let headers = answer.headers_mut();
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(ETAG, tag);
    }
    if gzip.is_some() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if page.gzip.is_some() {
        headers.insert(VARY, HeaderValue::from(ACCEPT_ENCODING));
    }
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let cached = if page.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cached));
    answer
}

/// A page of a demo application: it may open WebSockets to other ports of the host it was asked of as well, where a demo's
/// back end has a relay for viewers that want to be slow. `name` is that host; without one the policy of all pages holds.
pub(super) fn demo_page(page: &Page, asked: &HeaderMap, name: Option<&str>) -> Answer {
    let mut answer = self::page(page, asked);
    let policy =
        name.map(|name| format!("{CONTENT_POLICY}; connect-src 'self' ws://{name}:* wss://{name}:*"));
    if let Some(policy) = policy.and_then(|policy| HeaderValue::try_from(policy).ok()) {
        answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    answer
}

/// The same with one more field.
pub(super) fn with(mut answer: Answer, name: HeaderName, value: &'static str) -> Answer {
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
    answer
}

fn answer(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// Whether the asker has the answer with this tag already.
pub(super) fn is_known(asked: &HeaderMap, tag: &str) -> bool {
    let known = asked.get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    known.is_some_and(|tags| tags.split(',').any(|known| is_tag(known.trim(), tag)))
}

/// Weak comparison, as `If-None-Match` has it (RFC 9110 §13.1.2).
fn is_tag(known: &str, tag: &str) -> bool {
    known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
}
