//! Keys of the transports beside WebSocket.

use super::key::{Key, MIB, neutral};
use crate::config::settings::Config;
use crate::config::slot::Slot;

/// `sse.*`, `http_stream.*`, `emulation.*` and `uni_*.*`.
pub(super) const TRANSPORTS: &[Key<Config>] = &[
    neutral("sse.enabled", "sessions by EventSource", |c| Slot::Switch(&mut c.sse.enabled)),
    neutral("sse.handler_prefix", "path of that endpoint", |c| Slot::Path(&mut c.sse.handler_prefix)),
    neutral("sse.max_request_body_size", "bytes of the request; beyond: 413", |c| {
        Slot::Number(&mut c.sse.max_request_body_size, 1024..=1024 * MIB)
    }),
    neutral("http_stream.enabled", "sessions by the body of an HTTP response", |c| {
        Slot::Switch(&mut c.http_stream.enabled)
    }),
    neutral("http_stream.handler_prefix", "path of that endpoint", |c| {
        Slot::Path(&mut c.http_stream.handler_prefix)
    }),
    neutral("http_stream.max_request_body_size", "bytes of the request; beyond: 413", |c| {
        Slot::Number(&mut c.http_stream.max_request_body_size, 1024..=1024 * MIB)
    }),
    neutral("emulation.handler_prefix", "path at which clients of these two say something", |c| {
        Slot::Path(&mut c.emulation.handler_prefix)
    }),
    neutral("emulation.max_request_body_size", "bytes of what they say at once; beyond: 413", |c| {
        Slot::Number(&mut c.emulation.max_request_body_size, 1024..=1024 * MIB)
    }),
    neutral(
        "emulation.connection_limit",
        "HTTP connections kept open by clients who have said something",
        |c| Slot::Number(&mut c.emulation.connection_limit, 0..=1_000_000),
    ),
    neutral("uni_websocket.enabled", "sessions that go one way, by WebSocket", |c| {
        Slot::Switch(&mut c.uni_websocket.enabled)
    }),
    neutral("uni_websocket.handler_prefix", "path of that endpoint", |c| {
        Slot::Path(&mut c.uni_websocket.handler_prefix)
    }),
    neutral("uni_sse.enabled", "sessions that go one way, by EventSource", |c| {
        Slot::Switch(&mut c.uni_sse.enabled)
    }),
    neutral("uni_sse.handler_prefix", "path of that endpoint", |c| Slot::Path(&mut c.uni_sse.handler_prefix)),
    neutral("uni_sse.max_request_body_size", "bytes of the request; beyond: 413", |c| {
        Slot::Number(&mut c.uni_sse.max_request_body_size, 1024..=1024 * MIB)
    }),
    neutral("uni_http_stream.enabled", "sessions that go one way, by the body of an HTTP response", |c| {
        Slot::Switch(&mut c.uni_http_stream.enabled)
    }),
    neutral("uni_http_stream.handler_prefix", "path of that endpoint", |c| {
        Slot::Path(&mut c.uni_http_stream.handler_prefix)
    }),
    neutral("uni_http_stream.max_request_body_size", "bytes of the request; beyond: 413", |c| {
        Slot::Number(&mut c.uni_http_stream.max_request_body_size, 1024..=1024 * MIB)
    }),
];
