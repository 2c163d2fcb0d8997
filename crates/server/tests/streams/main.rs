//! Sessions on the body of an HTTP response, two ways and one, and WebSockets that go one way: through the whole server, over
//! sockets.

#![allow(clippy::unwrap_used, reason = "tests, and their helpers, fail loudly")]

mod cut;
mod one_way;
mod reader;
mod refusals;
#[path = "../poll/served.rs"]
#[allow(dead_code, reason = "the tests of polls use the rest")]
mod served;
mod two_ways;

/// Every transport is on.
const ON: &[(&str, &str)] = &[
    ("sse.enabled", "true"),
    ("http_stream.enabled", "true"),
    ("uni_sse.enabled", "true"),
    ("uni_http_stream.enabled", "true"),
    ("uni_websocket.enabled", "true"),
];
