//! The keys that are carried out: path, effect, and the field each one sets.

use std::time::Duration;

use super::settings::{ChannelSettings, Config};
use super::slot::Slot;

/// A key of the configuration. Its default is what its field has in [`Config::default`].
pub(super) struct Key {
    pub(super) path: &'static str,
    pub(super) effect: &'static str,
    pub(super) slot: fn(&mut Config) -> Slot<'_>,
    /// Whether setting it (in a variable or by a flag) leaves the development profile on.
    pub(super) keeps_development: bool,
}

/// A key of `channel.without_namespace` and of each entry of `channel.namespaces`.
pub(super) struct ChannelKey {
    pub(super) name: &'static str,
    pub(super) effect: &'static str,
    pub(super) slot: fn(&mut ChannelSettings) -> Slot<'_>,
}

/// Finds a key by its whole path.
pub(super) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// Finds a channel option by its name.
pub(super) fn find_channel_key(name: &str) -> Option<&'static ChannelKey> {
    CHANNEL_KEYS.iter().find(|key| key.name == name)
}

/// The environment variable's name for a key, without prefix.
pub(super) fn variable(path: &str) -> String {
    path.to_ascii_uppercase().replace(['.', '-'], "_")
}

const fn key(path: &'static str, effect: &'static str, slot: fn(&mut Config) -> Slot<'_>) -> Key {
    Key { path, effect, slot, keeps_development: false }
}

/// A key that says nothing about who may do what.
const fn neutral(path: &'static str, effect: &'static str, slot: fn(&mut Config) -> Slot<'_>) -> Key {
    Key { path, effect, slot, keeps_development: true }
}

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
/// The longest a time-out may be told to be.
const DAY: Duration = Duration::from_secs(24 * 3600);
/// The longest history may be kept: a hundred years, so that sums of milliseconds stay far from overflow.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
const MIB: usize = 1024 * 1024;
const LEVELS: &[&str] = &["trace", "debug", "info", "warn", "error", "fatal", "none"];

/// Every key that is carried out, in the order of the reference.
pub(super) const KEYS: &[Key] = &[
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
    neutral("log.level", "least severity that is logged", |c| Slot::Word(&mut c.log.level, LEVELS)),
    neutral("log.file", "path of the log file; empty = standard error", |c| Slot::Text(&mut c.log.file)),
    key("client.insecure", "no checks for clients: anonymous, any subscription, any publication", |c| {
        Slot::Switch(&mut c.client.insecure)
    }),
    key(
        "client.allow_anonymous_connect_without_token",
        "a client without credentials connects as the anonymous user",
        |c| Slot::Switch(&mut c.client.allow_anonymous_connect_without_token),
    ),
    key(
        "client.allowed_origins",
        "browser origins that may connect, * for any characters; none given = pages of the same host only",
        |c| Slot::Origins(&mut c.client.allowed_origins),
    ),
    key("client.ping_interval", "time between two pings of the server", |c| {
        Slot::Time(&mut c.client.ping_interval, SECOND..=HOUR)
    }),
    key("client.pong_timeout", "time to answer a ping; then 3012", |c| {
        Slot::Time(&mut c.client.pong_timeout, 100 * MS..=HOUR)
    }),
    key("client.stale_close_delay", "time from handshake to connect command; then 3502", |c| {
        Slot::Time(&mut c.client.stale_close_delay, 100 * MS..=HOUR)
    }),
    key("client.channel_limit", "subscriptions of one connection; then error 106", |c| {
        Slot::Number(&mut c.client.channel_limit, 1..=1_000_000)
    }),
    key("client.queue_max_size", "bytes that may wait for one slow client; then 3008", |c| {
        Slot::Number(&mut c.client.queue_max_size, 4096..=1024 * MIB)
    }),
    key(
        "client.history_max_publication_limit",
        "publications in one answer to a client's history command",
        |c| Slot::Number(&mut c.client.history_max_publication_limit, 1..=1_000_000),
    ),
    key(
        "client.recovery_max_publication_limit",
        "publications one recovery may bring; more missed = not recovered",
        |c| Slot::Number(&mut c.client.recovery_max_publication_limit, 1..=1_000_000),
    ),
    key("client.connection_limit", "client connections of this node; 0 = what the descriptors leave", |c| {
        Slot::Number(&mut c.client.connection_limit, 0..=100_000_000)
    }),
    key("channel.max_length", "bytes of a channel name", |c| {
        Slot::Number(&mut c.channel.max_length, 1..=4096)
    }),
    key(
        "channel.private_prefix",
        "channels that begin with it need a subscription token; empty = none",
        |c| Slot::Text(&mut c.channel.private_prefix),
    ),
    key("channel.namespace_boundary", "ends the namespace in a channel name; empty = no namespaces", |c| {
        Slot::Text(&mut c.channel.namespace_boundary)
    }),
    key("channel.user_boundary", "begins the users in a channel name; empty = none", |c| {
        Slot::Text(&mut c.channel.user_boundary)
    }),
    key("channel.user_separator", "stands between users in a channel name", |c| {
        Slot::Text(&mut c.channel.user_separator)
    }),
    key("channel.history_meta_ttl", "time a stream's position outlives its last publication", |c| {
        Slot::Time(&mut c.channel.history_meta_ttl, SECOND..=CENTURY)
    }),
    key("websocket.disabled", "no WebSocket endpoint", |c| Slot::Switch(&mut c.websocket.disabled)),
    key("websocket.handler_prefix", "path of the WebSocket endpoint", |c| {
        Slot::Path(&mut c.websocket.handler_prefix)
    }),
    key("websocket.message_size_limit", "bytes of one message from a client; then close code 1009", |c| {
        Slot::Number(&mut c.websocket.message_size_limit, 1024..=1024 * MIB)
    }),
    key("http_api.disabled", "no HTTP API", |c| Slot::Switch(&mut c.http_api.disabled)),
    key("http_api.handler_prefix", "path of the HTTP API", |c| Slot::Path(&mut c.http_api.handler_prefix)),
    key("http_api.key", "what a caller must show; none = every call is answered 401", |c| {
        Slot::Secret(&mut c.http_api.key)
    }),
    key("http_api.insecure", "the HTTP API asks for no key", |c| Slot::Switch(&mut c.http_api.insecure)),
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
    key("health.enabled", "the health endpoint of load balancers", |c| Slot::Switch(&mut c.health.enabled)),
    key("health.handler_prefix", "path of the health endpoint", |c| Slot::Path(&mut c.health.handler_prefix)),
    key("pages.enabled", "the start page and the demo pages", |c| Slot::Switch(&mut c.pages.enabled)),
    key("shutdown.timeout", "the longest a shutdown may take", |c| {
        Slot::Time(&mut c.shutdown.timeout, Duration::ZERO..=HOUR)
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
];

const fn option(
    name: &'static str,
    effect: &'static str,
    slot: fn(&mut ChannelSettings) -> Slot<'_>,
) -> ChannelKey {
    ChannelKey { name, effect, slot }
}

/// Every channel option that is carried out, in the order of the reference.
pub(super) const CHANNEL_KEYS: &[ChannelKey] = &[
    option("history_size", "publications kept; 0 = no history", |c| {
        Slot::Number(&mut c.history_size, 0..=10_000_000)
    }),
    option("history_ttl", "time publications are kept; needed with history_size", |c| {
        Slot::Time(&mut c.history_ttl, Duration::ZERO..=CENTURY)
    }),
    option("history_meta_ttl", "overrides channel.history_meta_ttl; 0s = does not", |c| {
        Slot::Time(&mut c.history_meta_ttl, Duration::ZERO..=CENTURY)
    }),
    option("force_positioning", "every subscription checks for gaps", |c| {
        Slot::Switch(&mut c.force_positioning)
    }),
    option("allow_positioning", "a client may ask for a check for gaps", |c| {
        Slot::Switch(&mut c.allow_positioning)
    }),
    option("force_recovery", "every subscription recovers what it missed", |c| {
        Slot::Switch(&mut c.force_recovery)
    }),
    option("allow_recovery", "a client may ask for recovery", |c| Slot::Switch(&mut c.allow_recovery)),
    option("allow_subscribe_for_client", "clients with a user id may subscribe", |c| {
        Slot::Switch(&mut c.allow_subscribe_for_client)
    }),
    option("allow_subscribe_for_anonymous", "anonymous clients may subscribe", |c| {
        Slot::Switch(&mut c.allow_subscribe_for_anonymous)
    }),
    option("allow_publish_for_client", "clients with a user id may publish", |c| {
        Slot::Switch(&mut c.allow_publish_for_client)
    }),
    option("allow_publish_for_subscriber", "who has subscribed may publish", |c| {
        Slot::Switch(&mut c.allow_publish_for_subscriber)
    }),
    option("allow_publish_for_anonymous", "anonymous clients may publish", |c| {
        Slot::Switch(&mut c.allow_publish_for_anonymous)
    }),
    option("allow_history_for_client", "clients with a user id may read history", |c| {
        Slot::Switch(&mut c.allow_history_for_client)
    }),
    option("allow_history_for_subscriber", "who has subscribed may read history", |c| {
        Slot::Switch(&mut c.allow_history_for_subscriber)
    }),
    option("allow_history_for_anonymous", "anonymous clients may read history", |c| {
        Slot::Switch(&mut c.allow_history_for_anonymous)
    }),
    option("allow_user_limited_channels", "name#42 is for user 42 alone", |c| {
        Slot::Switch(&mut c.allow_user_limited_channels)
    }),
];
