//! What clients say to their sessions by requests of their own, because their stream goes one way.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use tokio::time::timeout;
use wavecast_protocol::centrifuge::Emulation;

use super::answer::{self, Answer};
use super::backend::Backend;
use super::encoding;
use super::request_body::RequestBody;
use super::seats::Seat;
use crate::config::Config;
use crate::streams::Heard;

/// The methods that are answered.
pub(super) const METHODS: &str = "POST";
/// How long a shard may take to hear of it.
const HEARD_WITHIN: Duration = Duration::from_secs(5);

/// Whether it is spoken at this path: with one of the transports that need it.
pub(super) fn is_at(path: &str, config: &Config) -> bool {
    (config.sse.enabled || config.http_stream.enabled) && path == config.emulation.handler_prefix
}

/// Answers a request: 204 when the session has what was said. What it answers goes the way of its stream.
pub(super) async fn answer<B: Backend>(
    backend: &Arc<B>,
    config: &Config,
    head: &Parts,
    body: &mut RequestBody,
) -> Answer {
    if head.method != Method::POST {
        let text = format!("{} answers POST only.", head.uri.path());
        return answer::with(answer::text(StatusCode::METHOD_NOT_ALLOWED, &text), ALLOW, METHODS);
    }
    if let Some(seat) = head.extensions.get::<Arc<Seat>>() {
        seat.is_of_client();
    }
    let bytes_max = config.emulation.max_request_body_size;
    let body = match body.read(bytes_max, config.http_server.body_timeout).await {
        Ok(body) => body,
        Err(error) => return error.answer(bytes_max),
    };
    let said = match Emulation::decode(encoding::of_body(&head.headers), &body) {
        Ok(said) if said.data.is_empty() => {
            return answer::text(StatusCode::BAD_REQUEST, "There are no commands: they stand in `data`.");
        }
        Ok(said) => said,
        Err(error) => {
            let text = format!("A request holds `session`, `node` and `data`, in JSON or Protobuf: {error}.");
            return answer::text(StatusCode::BAD_REQUEST, &text);
        }
    };
    let commands = Bytes::copy_from_slice(&said.data);
    let heard = timeout(HEARD_WITHIN, backend.say(&said.session, &said.node, commands)).await;
    let Ok(heard) = heard else {
        let text = "The session has not answered in time: it may have it all the same.";
        return answer::text(StatusCode::GATEWAY_TIMEOUT, text);
    };
    match heard {
        Heard::Taken => taken(),
        Heard::NoSession => answer::text(StatusCode::NOT_FOUND, "This node has no such session (any more)."),
        Heard::Busy => {
            let text = "Too much waits for this session already: come back later.";
            answer::with(answer::text(StatusCode::SERVICE_UNAVAILABLE, text), RETRY_AFTER, "1")
        }
    }
}

fn taken() -> Answer {
    let mut taken = answer::text(StatusCode::NO_CONTENT, "");
    *taken.body_mut() = Bytes::new();
    taken.headers_mut().remove(CONTENT_TYPE);
    taken
}
