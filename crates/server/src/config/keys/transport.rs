//! Keys of the transports beside WebSocket.

use super::key::{Key, MIB, neutral};
use crate::config::settings::Config;
use crate::config::slot::Slot;

/// `sse.*`, `http_stream.*` and `emulation.*`.
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
];
