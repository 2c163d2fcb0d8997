//! The answer to a poll as HTTP has it: with a tag, compressed where that helps.

use bytes::Bytes;
use hyper::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, ETAG, HeaderName, HeaderValue, VARY,
};
use hyper::{HeaderMap, StatusCode};

use super::writing::Written;
use crate::desk::answer::{self, Answer};
use crate::desk::coding;

/// A page of publications as the request's `Accept-Encoding` and `If-None-Match` have it. What was waited for, or asked for with
/// a token in the address, is nothing to keep.
pub(super) fn page(written: &Written, asked: &HeaderMap, is_unique: bool) -> Answer {
    let gzip = if coding::takes_gzip(asked) { written.gzip() } else { None };
    // Two forms, two tags: a strong one names bytes (RFC 9110 §8.8.3.3).
    let tag = written.tag;
    let tag = if gzip.is_some() { format!("\"{tag:016x}-gzip\"") } else { format!("\"{tag:016x}\"") };
    let mut answer = match answer::is_known(asked, &tag) {
        true => answer::json(StatusCode::NOT_MODIFIED, Bytes::new()),
        false => answer::json(StatusCode::OK, gzip.unwrap_or(&written.json).clone()),
    };
    let headers = answer.headers_mut();
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(ETAG, tag);
    }
    if gzip.is_some() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    for name in [ACCEPT_ENCODING, AUTHORIZATION] {
        headers.append(VARY, HeaderName::into(name));
    }
    let kept = if is_unique { "no-store" } else { "private, no-cache" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
    answer
}
