//! What a shard answers to a handshake, as an HTTP response.

use std::future::poll_fn;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, SEC_WEBSOCKET_ACCEPT, UPGRADE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use wavecast_websocket::Limits;
use wavecast_websocket::handshake::{self, ResponseHead};

use crate::relay::{BYTES_MAX, Outside};

/// Bytes that are looked at first; an answer is mostly shorter.
const FIRST_BYTES: usize = 4 * 1024;

/// An answer.
pub(super) type Answer = Response<Full<Bytes>>;

/// Waits for the shard's answer. What stands behind its head, when it is 101, is left for the connection.
pub(super) async fn hear(outside: &Outside) -> Answer {
    let limits = Limits { head_bytes_max: BYTES_MAX, head_fields_max: BYTES_MAX, ..Limits::DEFAULT };
    let mut buffer = vec![0; FIRST_BYTES];
    loop {
        let count = poll_fn(|context| outside.poll_peek(context, &mut buffer)).await;
        let Ok(head) = handshake::parse_response(&buffer[..count], &limits) else { return unanswered() };
        if let Some((head, length)) = head {
            outside.consume(length);
            let status = StatusCode::from_u16(head.status()).unwrap_or(StatusCode::BAD_GATEWAY);
            let mut answer = Response::new(Full::default());
            *answer.status_mut() = status;
            copy_fields(&head, &mut answer);
            if status != StatusCode::SWITCHING_PROTOCOLS {
                let length = head.header("content-length").and_then(|length| length.parse().ok());
                *answer.body_mut() = Full::new(body(outside, length).await);
            }
            return answer;
        }
        // A shard writes a head at once: what is not whole has more than was looked at, or is the end.
        if count < buffer.len() || count == BYTES_MAX {
            return unanswered();
        }
        buffer.resize(BYTES_MAX, 0);
    }
}

/// As it is inside HTTP/2: 200 opens the stream, and the fields of a connection are not for it (RFC 8441 §5).
pub(super) fn for_a_stream(mut answer: Answer) -> Answer {
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        *answer.status_mut() = StatusCode::OK;
    }
    for name in [CONNECTION, UPGRADE, SEC_WEBSOCKET_ACCEPT] {
        answer.headers_mut().remove(name);
    }
    answer
}

/// The shards take no connection now, or have ended.
pub(super) fn unanswered() -> Answer {
    let mut answer =
        Response::new(Full::from("The WebSocket server takes no connection now: come back later.\n"));
    *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    answer
}

fn copy_fields(head: &ResponseHead<'_>, answer: &mut Answer) {
    for (name, value) in head.headers().iter() {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
            // The length is the HTTP server's to tell; a refusal's connection is its own, and may go on.
            if name != CONTENT_LENGTH && !(name == CONNECTION && head.status() != 101) {
                answer.headers_mut().append(name, value);
            }
        }
    }
}

/// The text of a refusal: as long as it says, or to the end.
async fn body(outside: &Outside, length: Option<usize>) -> Bytes {
    let length = length.unwrap_or(BYTES_MAX).min(BYTES_MAX);
    let mut body = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match poll_fn(|context| outside.poll_read(context, &mut body[filled..])).await {
            Ok(0) | Err(_) => break,
            Ok(count) => filled += count,
        }
    }
    body.truncate(filled);
    body.into()
}
