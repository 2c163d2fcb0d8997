//! Sessions on the body of an HTTP response, two ways and one, and WebSockets that go one way.

mod coming_back;
mod cut;
mod one_way;
mod reader;
mod refusals;
mod two_ways;

/// Every transport is on.
const ON: &[(&str, &str)] = &[
    ("sse.enabled", "true"),
    ("http_stream.enabled", "true"),
    ("uni_sse.enabled", "true"),
    ("uni_http_stream.enabled", "true"),
    ("uni_websocket.enabled", "true"),
];
