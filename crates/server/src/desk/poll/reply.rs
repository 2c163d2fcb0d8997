//! The answer to a poll: JSON with a tag, compressed where that helps.

use std::hash::{DefaultHasher, Hasher as _};
use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, ETAG, HeaderName, HeaderValue, VARY,
};
use hyper::{HeaderMap, StatusCode};
use serde::Serialize;
use wavecast_protocol::centrifuge::{self, json};

use crate::desk::answer::{self, Answer};
use crate::desk::coding;
use crate::polling::PollPage;
use crate::wire::{self, Data};

/// Shorter answers are sent as they are: gzip has a frame of its own, and they fit one packet either way.
const GZIP_BYTES_MIN: usize = 1024;

/// A page of publications as the request's `Accept-Encoding` and `If-None-Match` have it. What was waited for, or asked for with
/// a token in the address, is nothing to keep.
pub(super) fn page(page: &PollPage, asked: &HeaderMap, is_unique: bool) -> Answer {
    let json = written(page);
    // Which bytes they are is all that a tag says, and it need not be the same in another version of this program.
    let mut hasher = DefaultHasher::new();
    hasher.write(&json);
    let tag = hasher.finish();
    let gzip =
        (json.len() >= GZIP_BYTES_MIN && coding::takes_gzip(asked)).then(|| compressed(&json)).flatten();
    // Two forms, two tags: a strong one names bytes (RFC 9110 §8.8.3.3).
    let tag = if gzip.is_some() { format!("\"{tag:016x}-gzip\"") } else { format!("\"{tag:016x}\"") };
    let is_compressed = gzip.is_some();
    let mut answer = match answer::is_known(asked, &tag) {
        true => answer::json(StatusCode::NOT_MODIFIED, Bytes::new()),
        false => answer::json(StatusCode::OK, gzip.unwrap_or(json)),
    };
    let headers = answer.headers_mut();
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(ETAG, tag);
    }
    if is_compressed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    for name in [ACCEPT_ENCODING, AUTHORIZATION] {
        headers.append(VARY, HeaderName::into(name));
    }
    let kept = if is_unique { "no-store" } else { "private, no-cache" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
    answer
}

fn written(page: &PollPage) -> Vec<u8> {
    let payloads: usize = page.publications.iter().map(|publication| publication.data.len() + 100).sum();
    let mut out = Vec::with_capacity(payloads + 200);
    out.extend_from_slice(b"{\"publications\":[");
    for (index, publication) in page.publications.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let content = centrifuge::Publication {
            channel: (&*publication.channel).into(),
            ..wire::publication(publication, Data::Plain)
        };
        json::encode_publication(&content, &mut out);
    }
    let rest = Rest {
        next: page.next.to_string(),
        gap: !page.gaps.is_empty(),
        gaps: &page.gaps,
        more: page.has_more,
    };
    // An object that goes on where the list ends.
    let rest = serde_json::to_vec(&rest).unwrap_or_default();
    out.extend_from_slice(b"],");
    out.extend_from_slice(rest.get(1..).unwrap_or_default());
    out
}

#[derive(Serialize)]
struct Rest<'p> {
    next: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    gap: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    gaps: &'p [Box<str>],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    more: bool,
}

fn compressed(json: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(json.len() / 2), Compression::fast());
    encoder.write_all(json).ok()?;
    encoder.finish().ok()
}
