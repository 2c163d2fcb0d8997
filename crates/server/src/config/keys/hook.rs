//! Keys of a section that says where and how a hook is called.

use std::time::Duration;

use super::key::{Key, MS, key};
use crate::config::settings::Hook;
use crate::config::slot::Slot;

/// The longest one call may take. A command waits for it, and so does what its client sends behind it.
const TIMEOUT_MAX: Duration = Duration::from_secs(60);

/// The keys below each section of a hook, and in each entry of `proxies`.
pub(super) const HOOK: &[Key<Hook>] = &[
    key("endpoint", "URL that is called; `handler:` = a handler inside the process", |h| {
        Slot::Endpoint(&mut h.endpoint)
    }),
    key("timeout", "time one call may take", |h| Slot::Time(&mut h.timeout, 10 * MS..=TIMEOUT_MAX)),
    key("concurrency", "calls at once; beyond, commands wait, then error 111", |h| {
        Slot::Number(&mut h.concurrency, 1..=10_000)
    }),
    key("http_headers", "headers of the client's handshake that are passed on", |h| {
        Slot::Headers(&mut h.http_headers)
    }),
    key("emulated_headers", "headers of the client's connect command that are passed on", |h| {
        Slot::Headers(&mut h.emulated_headers)
    }),
    key("include_connection_meta", "calls have the connection's meta", |h| {
        Slot::Switch(&mut h.include_connection_meta)
    }),
    key("binary_encoding", "payloads are base64 text", |h| Slot::Switch(&mut h.binary_encoding)),
    key("http.static_headers", "headers of every call", |h| Slot::HeaderValues(&mut h.static_headers)),
    key("http.status_to_code_transforms", "what an HTTP status means to the client", |h| {
        Slot::Transforms(&mut h.status_to_code_transforms)
    }),
    key("http.tls.enabled", "the keys below hold", |h| Slot::Switch(&mut h.tls.enabled)),
    key("http.tls.cert_pem", "certificate to show: PEM, base64 of it, or a path", |h| {
        Slot::Text(&mut h.tls.cert_pem)
    }),
    key("http.tls.key_pem", "its key: PEM, base64 of it, or a path", |h| Slot::Secret(&mut h.tls.key_pem)),
    key("http.tls.server_ca_pem", "authority of the back end's certificate; empty = the system's", |h| {
        Slot::Text(&mut h.tls.server_ca_pem)
    }),
    key("http.tls.server_name", "name in the back end's certificate; empty = the URL's host", |h| {
        Slot::Text(&mut h.tls.server_name)
    }),
    key("http.tls.insecure_skip_verify", "the back end's certificate is not verified", |h| {
        Slot::Switch(&mut h.tls.insecure_skip_verify)
    }),
];
