//! Keys of Centrifugo's v6 configuration that are known but not carried out, and what becomes of each.
//!
//! A key that would not change who may do something or what is kept is ignored with a warning. One that would stops
//! the start: a server that seems configured and lets everybody in is worse than one that does not run.

use serde_json::Value;

use super::keys::variable;

/// What becomes of a known key that is set to something.
pub(super) enum Fate {
    /// It has no effect; the text says why that does no harm.
    Ignored(&'static str),
    /// The start stops, unless the value is one of `harmless`; `possible` says what can be done.
    Stops { harmless: &'static [&'static str], possible: &'static str },
}

/// Looks a key up by its whole path; the most particular line of the table decides.
pub(super) fn find(path: &str) -> Option<&'static Fate> {
    most_particular(KNOWN, path)
}

/// Looks up an option of a namespace by its name.
pub(super) fn find_channel_option(name: &str) -> Option<&'static Fate> {
    most_particular(KNOWN_CHANNEL_OPTIONS, name)
}

/// The key that the rest of a variable's name stands for (`CLIENT_TOKEN_AUDIENCE`), if it is known.
pub(super) fn find_variable(rest: &str) -> Option<String> {
    lookup_variable(KNOWN, rest)
}

/// The same for an option of a namespace.
pub(super) fn find_channel_variable(rest: &str) -> Option<String> {
    lookup_variable(KNOWN_CHANNEL_OPTIONS, rest)
}

/// Whether a value is what Centrifugo has by default for a feature that is off: then nobody asked for anything.
pub(super) fn is_off(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(on) => !on,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => matches!(text.as_str(), "" | "false" | "0" | "0s"),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
    }
}

/// Whether a key's value must not be shown.
pub(super) fn is_secret(path: &str) -> bool {
    let name = path.rsplit('.').next().unwrap_or(path);
    ["secret", "password", "key"].iter().any(|word| name.contains(word))
}

/// A path with `.*` at its end stands for everything below it.
type Table = &'static [(&'static str, Fate)];

fn most_particular(table: Table, path: &str) -> Option<&'static Fate> {
    let below = |known: &str| {
        known.strip_suffix('*').is_some_and(|section| path.starts_with(section) && path.len() > section.len())
    };
    table
        .iter()
        .filter(|(known, _)| *known == path || below(known))
        .max_by_key(|(known, _)| (*known == path, known.len()))
        .map(|(_, fate)| fate)
}

fn lookup_variable(table: Table, rest: &str) -> Option<String> {
    let exact = table.iter().find(|(known, _)| !known.ends_with('*') && variable(known) == rest);
    if let Some((known, _)) = exact {
        return Some((*known).to_owned());
    }
    table
        .iter()
        .filter_map(|(known, _)| known.strip_suffix('*'))
        .filter_map(|section| Some((section, rest.strip_prefix(&variable(section))?)))
        .filter(|(_, below)| !below.is_empty())
        .max_by_key(|(section, _)| section.len())
        .map(|(section, below)| format!("{section}{}", below.to_ascii_lowercase()))
}

const fn ignored(why: &'static str) -> Fate {
    Fate::Ignored(why)
}

const fn stops(possible: &'static str) -> Fate {
    Fate::Stops { harmless: &[], possible }
}

const NO_TOKENS: &str = "tokens are not checked yet; remove the key, and let clients in with \
    client.allow_anonymous_connect_without_token or client.insecure";
const NO_HOOKS: &str = "calls to a back end are not made yet; remove the key or set it to false";
const NO_TLS: &str = "TLS is not served yet; remove the key and put a reverse proxy with TLS in front";
const NO_SECOND_PORT: &str = "there is one port for everything; remove the key and keep the API's path \
    away from the public in a reverse proxy";
const NO_PRESENCE: &str = "presence is not kept yet; remove the key or set it to false";
const NOT_SERVED: &str = "this transport is not served yet; clients use the WebSocket endpoint";
const NO_ENGINE: &str = "only the engine in memory is there; set it to \"memory\" or remove the key";
const UNUSED: &str = "the feature it belongs to is not there yet";
const OURS: &str = "buffers are managed by the event loops";

/// Centrifugo's keys outside the namespaces, section by section; those that are carried out stand in `keys.rs`.
const KNOWN: Table = &[
    ("http_server.internal_address", stops(NO_SECOND_PORT)),
    ("http_server.internal_port", stops(NO_SECOND_PORT)),
    ("http_server.tls.enabled", stops(NO_TLS)),
    ("http_server.tls.*", ignored("TLS is not enabled")),
    ("http_server.tls_autocert.enabled", stops(NO_TLS)),
    ("http_server.tls_autocert.*", ignored("TLS is not enabled")),
    ("http_server.tls_external", ignored("TLS is not enabled")),
    ("http_server.internal_tls.enabled", stops(NO_TLS)),
    ("http_server.internal_tls.*", ignored("TLS is not enabled")),
    ("http_server.http3.enabled", ignored("HTTP/1.1 is served")),
    ("http_server.h2c_external", ignored("HTTP/1.1 is served")),
    ("client.proxy.connect.enabled", stops(NO_HOOKS)),
    ("client.proxy.refresh.enabled", stops(NO_HOOKS)),
    ("client.proxy.*", ignored("the hook it describes is not enabled")),
    ("client.token.*", stops(NO_TOKENS)),
    ("client.subscription_token.*", stops(NO_TOKENS)),
    ("client.disallow_anonymous_connection_tokens", stops(NO_TOKENS)),
    ("client.insecure_skip_token_signature_verify", stops(NO_TOKENS)),
    ("client.expired_close_delay", ignored("connections do not expire without tokens")),
    ("client.expired_sub_close_delay", ignored("subscriptions do not expire without tokens")),
    ("client.presence_update_interval", ignored(UNUSED)),
    ("client.concurrency", ignored("commands of one connection are handled in order")),
    ("client.channel_position_check_delay", ignored("positions are checked with each publication")),
    ("client.channel_position_max_time_lag", ignored("positions are checked with each publication")),
    ("client.user_connection_limit", stops("connections are not counted per user yet; remove the key")),
    (
        "client.connection_rate_limit",
        stops("the rate of connections is not limited yet; remove the key and use client.connection_limit"),
    ),
    ("client.connect_include_server_time", ignored(UNUSED)),
    ("client.user_id_http_header", stops("users are not taken from a header yet; remove the key")),
    (
        "client.subscribe_to_user_personal_channel.enabled",
        stops("clients subscribe by themselves only; remove the key or set it to false"),
    ),
    ("client.subscribe_to_user_personal_channel.*", ignored("the personal channel is not enabled")),
    ("client.connect_code_to_unidirectional_disconnect.*", ignored(UNUSED)),
    ("channel.proxy.*", ignored("it has no effect until a namespace enables the hook")),
    (
        "channel.publication_data_format",
        Fate::Stops {
            harmless: &["json"],
            possible: "publications are JSON; set it to \"json\" or remove the key",
        },
    ),
    ("rpc.proxy.*", ignored("it has no effect until the hook is enabled")),
    ("rpc.without_namespace.proxy_enabled", stops(NO_HOOKS)),
    ("rpc.without_namespace.proxy_name", ignored(UNUSED)),
    ("rpc.namespaces", stops("RPC is not answered yet; remove the key")),
    ("rpc.ping.*", ignored(UNUSED)),
    ("rpc.namespace_boundary", ignored(UNUSED)),
    ("websocket.compression", ignored("messages are not compressed yet")),
    ("websocket.compression_min_size", ignored("messages are not compressed yet")),
    ("websocket.compression_level", ignored("messages are not compressed yet")),
    ("websocket.decompressed_message_size_limit", ignored("messages are not compressed yet")),
    ("websocket.read_buffer_size", ignored(OURS)),
    ("websocket.use_write_buffer_pool", ignored(OURS)),
    ("websocket.write_buffer_size", ignored(OURS)),
    ("websocket.write_timeout", ignored("a slow client is judged by client.queue_max_size")),
    ("sse.*", ignored(NOT_SERVED)),
    ("http_stream.*", ignored(NOT_SERVED)),
    ("emulation.*", ignored(NOT_SERVED)),
    ("uni_websocket.*", ignored(NOT_SERVED)),
    ("uni_sse.*", ignored(NOT_SERVED)),
    ("uni_http_stream.*", ignored(NOT_SERVED)),
    ("uni_grpc.*", ignored(NOT_SERVED)),
    ("http_api.external", ignored("there is one port for everything")),
    ("grpc_api.*", ignored("the API is served over HTTP")),
    ("admin.*", ignored("the console is not there yet")),
    ("swagger.*", ignored(UNUSED)),
    ("prometheus.*", ignored("metrics are not exported yet")),
    ("graphite.*", ignored("metrics are not exported yet")),
    ("opentelemetry.*", ignored("traces are not exported yet")),
    ("debug.*", ignored(UNUSED)),
    ("pid_file", ignored("no PID file is written")),
    ("node.info_metrics_aggregate_interval", ignored("metrics are not exported yet")),
    ("proxies", ignored("they have no effect until a namespace enables a hook")),
    ("consumers", stops("publications enter by the HTTP API and by clients only; remove the key")),
    ("engine.type", Fate::Stops { harmless: &["memory"], possible: NO_ENGINE }),
    ("engine.redis.*", ignored("the engine is in memory")),
    ("broker.enabled", stops(NO_ENGINE)),
    ("broker.type", Fate::Stops { harmless: &["memory"], possible: NO_ENGINE }),
    ("broker.*", ignored("the engine is in memory")),
    ("presence_manager.enabled", stops(NO_ENGINE)),
    ("presence_manager.type", Fate::Stops { harmless: &["memory"], possible: NO_ENGINE }),
    ("presence_manager.*", ignored("the engine is in memory")),
];

/// Centrifugo's options of a namespace that are not carried out.
const KNOWN_CHANNEL_OPTIONS: Table = &[
    ("presence", stops(NO_PRESENCE)),
    ("join_leave", stops("joins and leaves are not told yet; remove the key or set it to false")),
    ("force_push_join_leave", stops("joins and leaves are not told yet; remove the key or set it to false")),
    ("map_clients_presence_channel_prefix", stops(NO_PRESENCE)),
    ("map_users_presence_channel_prefix", stops(NO_PRESENCE)),
    (
        "force_recovery_mode",
        Fate::Stops {
            harmless: &["stream"],
            possible: "recovery brings the stream; set it to \"stream\" or remove the key",
        },
    ),
    ("auto_cache_recover", stops("recovery brings the stream; remove the key or set it to false")),
    ("allowed_delta_types", ignored("publications are sent whole, which every client takes")),
    ("delta_publish", ignored("publications are sent whole, which every client takes")),
    ("allow_tags_filter", ignored("a subscription with a filter is refused")),
    ("allow_presence_for_anonymous", ignored("presence is not kept yet")),
    ("allow_presence_for_subscriber", ignored("presence is not kept yet")),
    ("allow_presence_for_client", ignored("presence is not kept yet")),
    ("channel_regex", stops("channel names are not matched with a pattern yet; remove the key")),
    (
        "publication_data_format",
        Fate::Stops {
            harmless: &["json"],
            possible: "publications are JSON; set it to \"json\" or remove the key",
        },
    ),
    ("subscribe_proxy_enabled", stops(NO_HOOKS)),
    ("publish_proxy_enabled", stops(NO_HOOKS)),
    ("sub_refresh_proxy_enabled", stops(NO_HOOKS)),
    ("subscribe_stream_proxy_enabled", stops(NO_HOOKS)),
    ("subscribe_stream_proxy_bidirectional", ignored("the hook it describes is not enabled")),
    ("subscribe_proxy_name", ignored("the hook it names is not enabled")),
    ("publish_proxy_name", ignored("the hook it names is not enabled")),
    ("sub_refresh_proxy_name", ignored("the hook it names is not enabled")),
    ("subscribe_stream_proxy_name", ignored("the hook it names is not enabled")),
    (
        "subscription_type",
        Fate::Stops { harmless: &["stream"], possible: "subscriptions are to streams; remove the key" },
    ),
    ("map.*", ignored("subscriptions are to streams")),
    ("shared_poll.*", ignored("subscriptions are to streams")),
];
