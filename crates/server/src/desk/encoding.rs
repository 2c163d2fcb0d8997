//! What a request's body is written in.

use hyper::HeaderMap;
use hyper::header::CONTENT_TYPE;
use wavecast_protocol::centrifuge::Encoding;

/// The encoding that a request speaks: JSON, unless its body is said to be bytes.
pub(super) fn of_body(fields: &HeaderMap) -> Encoding {
    let value = fields.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim();
    match media_type.eq_ignore_ascii_case("application/octet-stream") {
        true => Encoding::Protobuf,
        false => Encoding::Json,
    }
}
