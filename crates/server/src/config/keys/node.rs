//! Keys of the node itself: listener, log, endpoints, API, event loops, memory, events.

use std::time::Duration;

use super::key::{DAY, HOUR, Key, MIB, MS, SECOND, key, neutral};
use crate::config::settings::Config;
use crate::config::slot::Slot;

const LEVELS: &[&str] = &["trace", "debug", "info", "warn", "error", "fatal", "none"];

/// The listener and the log.
pub(super) const LISTENER: &[Key<Config>] = &[
    neutral("http_server.address", "IP address to listen on; empty = every interface", |c| {
        Slot::Address(&mut c.http_server.address)
    }),
    neutral("http_server.port", "TCP port to listen on; 0 = any free port", |c| {
        Slot::Port(&mut c.http_server.port)
    }),
    key("http_server.handshake_timeout", "time for a request head to arrive", |c| {
        Slot::Time(&mut c.http_server.handshake_timeout, 10 * MS..=HOUR)
    }),
    key("http_server.head_size_limit", "bytes of a request head; beyond: 431", |c| {
        Slot::Number(&mut c.http_server.head_size_limit, 1024..=MIB)
    }),
    key("http_server.head_field_limit", "header fields of a request; beyond: 431", |c| {
        Slot::Number(&mut c.http_server.head_field_limit, 16..=1000)
    }),
    key("http_server.body_timeout", "time for a request body to arrive; then 408", |c| {
        Slot::Time(&mut c.http_server.body_timeout, 10 * MS..=HOUR)
    }),
    key("http_server.write_timeout", "time a plain HTTP answer may make no progress", |c| {
        Slot::Time(&mut c.http_server.write_timeout, 10 * MS..=HOUR)
    }),
    key("http_server.idle_timeout", "time a plain HTTP connection is kept for its next request", |c| {
        Slot::Time(&mut c.http_server.idle_timeout, 10 * MS..=DAY)
    }),
    key("http_server.connection_limit", "plain HTTP connections at once; beyond: 503", |c| {
        Slot::Number(&mut c.http_server.connection_limit, 1..=1_000_000)
    }),
    key("http_server.tls.enabled", "the listener speaks TLS, and nothing else", |c| {
        Slot::Switch(&mut c.http_server.tls.enabled)
    }),
    key("http_server.tls.cert_pem", "certificate with its chain: PEM, base64 of it, or a path", |c| {
        Slot::Text(&mut c.http_server.tls.cert_pem)
    }),
    key("http_server.tls.key_pem", "its key: PEM, base64 of it, or a path", |c| {
        Slot::Secret(&mut c.http_server.tls.key_pem)
    }),
    key("http_server.tls.client_ca_pem", "authority of clients' certificates; empty = they show none", |c| {
        Slot::Text(&mut c.http_server.tls.client_ca_pem)
    }),
    key("http_server.tls.http2", "HTTP/2 is offered, and WebSocket inside it (RFC 8441)", |c| {
        Slot::Switch(&mut c.http_server.tls.http2)
    }),
    neutral("log.level", "least severity that is logged", |c| Slot::Word(&mut c.log.level, LEVELS)),
    neutral("log.file", "path of the log file; empty = standard error", |c| Slot::Text(&mut c.log.file)),
];

/// What a node serves, and what it is made of.
pub(super) const NODE: &[Key<Config>] = &[
    key("websocket.disabled", "no WebSocket endpoint", |c| Slot::Switch(&mut c.websocket.disabled)),
    key("websocket.handler_prefix", "path of the WebSocket endpoint", |c| {
        Slot::Path(&mut c.websocket.handler_prefix)
    }),
    key("websocket.message_size_limit", "bytes of one message from a client; then close code 1009", |c| {
        Slot::Number(&mut c.websocket.message_size_limit, 1024..=1024 * MIB)
    }),
    key("websocket.compression", "messages are compressed where clients offer it (RFC 7692)", |c| {
        Slot::Switch(&mut c.websocket.compression)
    }),
    key("websocket.compression_min_size", "bytes; shorter messages are sent as they are", |c| {
        Slot::Number(&mut c.websocket.compression_min_size, 0..=1024 * MIB)
    }),
    key("websocket.compression_level", "1 = fast, 9 = small", |c| {
        Slot::Number(&mut c.websocket.compression_level, 1..=9)
    }),
    key("http_api.disabled", "no HTTP API", |c| Slot::Switch(&mut c.http_api.disabled)),
    key("http_api.handler_prefix", "path of the HTTP API", |c| Slot::Path(&mut c.http_api.handler_prefix)),
    key("http_api.key", "what a caller must show; none = every call is answered 401", |c| {
        Slot::Secret(&mut c.http_api.key)
    }),
    key("http_api.insecure", "the HTTP API asks for no key", |c| Slot::Switch(&mut c.http_api.insecure)),
    key("http_api.external", "it stays on the clients' port although there is an internal one", |c| {
        Slot::Switch(&mut c.http_api.external)
    }),
    key("http_api.error_mode", "transport = an error sets the HTTP status; empty = it does not", |c| {
        Slot::Word(&mut c.http_api.error_mode, &["", "transport"])
    }),
    key("http_api.max_request_body_size", "bytes of one request; beyond: 413", |c| {
        Slot::Number(&mut c.http_api.max_request_body_size, 1024..=1024 * MIB)
    }),
    key("http_api.timeout", "time a call waits for room in the shards' inboxes; then error 111", |c| {
        Slot::Time(&mut c.http_api.timeout, 10 * MS..=HOUR)
    }),
    key("http_api.broadcast_channel_limit", "channels of one broadcast; then error 107", |c| {
        Slot::Number(&mut c.http_api.broadcast_channel_limit, 1..=10_000_000)
    }),
    key("http_api.history_max_publication_limit", "publications in one answer to a history call", |c| {
        Slot::Number(&mut c.http_api.history_max_publication_limit, 1..=10_000_000)
    }),
    key("http_api.idempotency_ttl", "time an idempotency key is remembered", |c| {
        Slot::Time(&mut c.http_api.idempotency_ttl, SECOND..=DAY)
    }),
    key(
        "http_api.idempotency_cache_size",
        "idempotency keys remembered; beyond, the oldest is forgotten",
        |c| Slot::Number(&mut c.http_api.idempotency_cache_size, 1..=10_000_000),
    ),
    key("health.enabled", "the health endpoints of load balancers", |c| Slot::Switch(&mut c.health.enabled)),
    key("health.handler_prefix", "path of the health endpoint; /live and /ready are below it", |c| {
        Slot::Path(&mut c.health.handler_prefix)
    }),
    key("health.canary_interval", "time between two canary publications", |c| {
        Slot::Time(&mut c.health.canary_interval, 100 * MS..=HOUR)
    }),
    key("health.canary_timeout", "time a shard may take to return one; then it is not ready", |c| {
        Slot::Time(&mut c.health.canary_timeout, 100 * MS..=HOUR)
    }),
    key("health.live_timeout", "time an event loop may take to turn; then it is not alive", |c| {
        Slot::Time(&mut c.health.live_timeout, 100 * MS..=HOUR)
    }),
    key("prometheus.enabled", "the endpoint of metrics", |c| Slot::Switch(&mut c.prometheus.enabled)),
    key("prometheus.handler_prefix", "path of the endpoint of metrics", |c| {
        Slot::Path(&mut c.prometheus.handler_prefix)
    }),
    key("pages.enabled", "the start page", |c| Slot::Switch(&mut c.pages.enabled)),
    neutral("demo.enabled", "the demo applications below /demo/, and their back ends", |c| {
        Slot::Switch(&mut c.demo.enabled)
    }),
    key("shutdown.timeout", "the longest a shutdown may take", |c| {
        Slot::Time(&mut c.shutdown.timeout, Duration::ZERO..=HOUR)
    }),
    key(
        "shutdown.drain",
        "time over which connections are closed, one after the other; 0s = all at once",
        |c| Slot::Time(&mut c.shutdown.drain, Duration::ZERO..=HOUR),
    ),
    key("shutdown.delay", "time before, in which health says no and everything else goes on", |c| {
        Slot::Time(&mut c.shutdown.delay, Duration::ZERO..=HOUR)
    }),
    key("node.name", "what the API calls this node; empty = `wavecast_` and the configured port", |c| {
        Slot::Text(&mut c.node.name)
    }),
    key("shard.count", "event loops; 0 = one per core", |c| Slot::Number(&mut c.shard.count, 0..=128)),
    key("shard.inbox_size", "publications that may wait for one shard; then publishers wait", |c| {
        Slot::Number(&mut c.shard.inbox_size, 16..=1_000_000)
    }),
    key("engine.memory.channel_limit", "channels with subscribers or history at once; then error 106", |c| {
        Slot::Number(&mut c.engine.memory.channel_limit, 1..=1_000_000_000)
    }),
    key("memory.max", "bytes the node may hold for clients and channels; 0 = no limit", |c| {
        Slot::Size(&mut c.memory.max)
    }),
    key("events.queue_size", "events for hooks that may wait; one beyond is lost", |c| {
        Slot::Number(&mut c.events.queue_size, 16..=10_000_000)
    }),
    key("events.queue_max_size", "bytes of these; an event beyond is lost", |c| {
        Slot::Number(&mut c.events.queue_max_size, 65_536..=1024 * MIB)
    }),
    key("events.concurrency", "calls at once, each of another session or channel", |c| {
        Slot::Number(&mut c.events.concurrency, 1..=1000)
    }),
    key(
        "events.retry_delay_min",
        "longest time before a failed call is made again; doubled each time",
        |c| Slot::Time(&mut c.events.retry_delay_min, 10 * MS..=HOUR),
    ),
    key("events.retry_delay_max", "what that time grows to", |c| {
        Slot::Time(&mut c.events.retry_delay_max, 10 * MS..=HOUR)
    }),
    key("events.give_up_after", "age at which an event is lost when its call fails", |c| {
        Slot::Time(&mut c.events.give_up_after, SECOND..=DAY)
    }),
];
