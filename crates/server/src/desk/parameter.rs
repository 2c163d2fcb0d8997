//! What a client says in its query and its fields.

use std::borrow::Cow;

use hyper::HeaderMap;
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use wavecast_protocol::centrifuge::Encoding;

/// The first parameter of this name, decoded as forms are (`+` is a space).
pub(super) fn of_query<'h>(head: &'h Parts, name: &str) -> Option<Cow<'h, str>> {
    let pairs = form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
    pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// The encoding that a request speaks: JSON, unless its body is said to be bytes.
pub(super) fn encoding(fields: &HeaderMap) -> Encoding {
    let value = fields.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim();
    match media_type.eq_ignore_ascii_case("application/octet-stream") {
        true => Encoding::Protobuf,
        false => Encoding::Json,
    }
}
