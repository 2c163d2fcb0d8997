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

/// Looks up an option of a hook by its name.
pub(super) fn find_hook_option(name: &str) -> Option<&'static Fate> {
    most_particular(KNOWN_HOOK_OPTIONS, name)
}

/// The key that the rest of a variable's name stands for (`CLIENT_TOKEN_AUDIENCE`), if it is known.
pub(super) fn find_variable(rest: &str) -> Option<String> {
    lookup_variable(KNOWN, rest)
}

/// The same for an option of a namespace.
pub(super) fn find_channel_variable(rest: &str) -> Option<String> {
    lookup_variable(KNOWN_CHANNEL_OPTIONS, rest)
}

/// The same for an option of a hook.
pub(super) fn find_hook_variable(rest: &str) -> Option<String> {
    lookup_variable(KNOWN_HOOK_OPTIONS, rest)
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
    ["secret", "password", "key", "credentials", "metadata", "dsn", "url", "address"]
        .iter()
        .any(|word| name.contains(word))
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

const OVER_TLS: &str =
    "names are proved on the port of TLS itself (TLS-ALPN-01), which has to be reached from outside at 443";
const FOR_CLIENTS: &str = "it is for clients, and the listener is a server";
const ONE_MESSAGE_EACH: &str = "every push is a message of its own, within the limits of websocket.*, and the last one says why the session ends";
const ALWAYS_BY_STATUS: &str = "whoever may not come in is always told by the status of the answer";
const NOT_SERVED: &str = "this transport is not served yet; clients use the WebSocket endpoint";
const NO_ENGINE: &str = "only the engine in memory is there; set it to \"memory\" or remove the key";
const NO_STREAM_HOOK: &str =
    "subscriptions are not streamed from a back end; remove the key or set it to false";
const NO_MAPS: &str = "maps and shared polls are not offered: who subscribes to one gets error 108";
const UNUSED: &str = "the feature it belongs to is not there yet";
const OURS: &str = "buffers are managed by the event loops";
const OVER_HTTP: &str = "back ends are called over HTTP";

/// Centrifugo's keys outside the namespaces, section by section; those that are carried out stand in `keys`.
const KNOWN: Table = &[
    ("http_server.tls.server_ca_pem", ignored(FOR_CLIENTS)),
    ("http_server.tls.server_name", ignored(FOR_CLIENTS)),
    ("http_server.tls.insecure_skip_verify", ignored(FOR_CLIENTS)),
    ("http_server.internal_tls.server_ca_pem", ignored(FOR_CLIENTS)),
    ("http_server.internal_tls.server_name", ignored(FOR_CLIENTS)),
    ("http_server.internal_tls.insecure_skip_verify", ignored(FOR_CLIENTS)),
    (
        "http_server.tls_autocert.server_name",
        ignored("who asks for no name is shown the certificate of the first in host_whitelist"),
    ),
    ("http_server.tls_autocert.http", ignored(OVER_TLS)),
    ("http_server.tls_autocert.http_addr", ignored(OVER_TLS)),
    ("http_server.http3.enabled", ignored("HTTP/1.1 is served")),
    ("http_server.h2c_external", ignored("HTTP/1.1 is served")),
    (
        "client.insecure_skip_token_signature_verify",
        stops(
            "signatures of tokens are always verified; remove the key, or use client.insecure to try things out",
        ),
    ),
    (
        "client.presence_update_interval",
        ignored("presence ends with the subscription and needs no refreshing"),
    ),
    ("client.concurrency", ignored("commands of one connection are handled in order")),
    (
        "client.channel_position_max_time_lag",
        ignored("publications do not pass through a broker that they could be late in"),
    ),
    ("client.connect_code_to_unidirectional_disconnect.*", ignored(NOT_SERVED)),
    ("channel.proxy.subscribe_stream.*", ignored("subscriptions are not streamed from a back end")),
    ("channel.proxy.map_publish.*", ignored(NO_MAPS)),
    ("channel.proxy.map_remove.*", ignored(NO_MAPS)),
    ("channel.proxy.shared_poll_refresh.*", ignored(NO_MAPS)),
    (
        "websocket.decompressed_message_size_limit",
        ignored("websocket.message_size_limit holds for what a message is when it is inflated, too"),
    ),
    ("websocket.read_buffer_size", ignored(OURS)),
    ("websocket.use_write_buffer_pool", ignored(OURS)),
    ("websocket.write_buffer_size", ignored(OURS)),
    ("websocket.write_timeout", ignored("a slow client is judged by client.queue_max_size")),
    ("uni_websocket.compression", ignored(ONE_MESSAGE_EACH)),
    ("uni_websocket.compression_min_size", ignored(ONE_MESSAGE_EACH)),
    ("uni_websocket.compression_level", ignored(ONE_MESSAGE_EACH)),
    ("uni_websocket.message_size_limit", ignored(ONE_MESSAGE_EACH)),
    ("uni_websocket.decompressed_message_size_limit", ignored(ONE_MESSAGE_EACH)),
    ("uni_websocket.join_push_messages", ignored(ONE_MESSAGE_EACH)),
    ("uni_websocket.disable_closing_handshake", ignored(ONE_MESSAGE_EACH)),
    ("uni_websocket.disable_disconnect_push", ignored(ONE_MESSAGE_EACH)),
    ("uni_websocket.read_buffer_size", ignored(OURS)),
    ("uni_websocket.use_write_buffer_pool", ignored(OURS)),
    ("uni_websocket.write_buffer_size", ignored(OURS)),
    ("uni_websocket.write_timeout", ignored(OURS)),
    ("uni_sse.connect_code_to_http_response.*", ignored(ALWAYS_BY_STATUS)),
    ("uni_http_stream.connect_code_to_http_response.*", ignored(ALWAYS_BY_STATUS)),
    ("uni_grpc.*", ignored(NOT_SERVED)),
    ("webtransport.*", ignored(NOT_SERVED)),
    ("init.*", ignored(NOT_SERVED)),
    ("grpc_api.*", ignored("the API is served over HTTP")),
    ("admin.*", ignored("the console is not there yet")),
    ("swagger.*", ignored("the API is described at its own path, in openapi.json")),
    (
        "prometheus.instrument_http_handlers",
        ignored("the front desk's answers are counted by their status, always"),
    ),
    ("prometheus.recovered_publications_histogram", ignored("what was recovered is counted, always")),
    ("prometheus.native_histograms", ignored("histograms have buckets")),
    ("graphite.*", ignored("metrics are served for Prometheus only")),
    ("opentelemetry.*", ignored("traces are not exported yet")),
    ("usage_stats.*", ignored("nothing is sent to anybody")),
    ("debug.*", ignored(UNUSED)),
    ("pid_file", ignored("no PID file is written")),
    ("enable_unreleased_features", ignored(UNUSED)),
    ("node.info_metrics_aggregate_interval", ignored("metrics are served for Prometheus only")),
    ("consumers", stops("publications enter by the HTTP API and by clients only; remove the key")),
    ("consumers.*", stops("publications enter by the HTTP API and by clients only; remove the key")),
    ("engine.type", Fate::Stops { harmless: &["memory"], possible: NO_ENGINE }),
    ("engine.redis.*", ignored("the engine is in memory")),
    ("broker.enabled", stops(NO_ENGINE)),
    ("broker.type", Fate::Stops { harmless: &["memory"], possible: NO_ENGINE }),
    ("broker.*", ignored("the engine is in memory")),
    ("presence_manager.enabled", stops(NO_ENGINE)),
    ("presence_manager.type", Fate::Stops { harmless: &["memory"], possible: NO_ENGINE }),
    ("presence_manager.*", ignored("the engine is in memory")),
    ("controller.enabled", stops("this node is alone; remove the key or set it to false")),
    ("controller.*", ignored("this node is alone")),
    ("map_broker.*", ignored(NO_MAPS)),
    ("shared_poll.*", ignored(NO_MAPS)),
];

/// Centrifugo's options of a namespace that are not carried out.
const KNOWN_CHANNEL_OPTIONS: Table = &[
    ("map_clients_presence_channel_prefix", ignored(NO_MAPS)),
    ("map_users_presence_channel_prefix", ignored(NO_MAPS)),
    ("subscribe_stream_proxy_enabled", stops(NO_STREAM_HOOK)),
    ("subscribe_stream_proxy_bidirectional", ignored("the hook it describes is not enabled")),
    ("subscribe_stream_proxy_name", ignored("the hook it names is not enabled")),
    ("map.*", ignored(NO_MAPS)),
    ("shared_poll.*", ignored(NO_MAPS)),
];

/// Centrifugo's options of a hook that are not carried out.
const KNOWN_HOOK_OPTIONS: Table = &[
    ("grpc_metadata", ignored(OVER_HTTP)),
    ("grpc.*", ignored(OVER_HTTP)),
    ("http.tls.client_ca_pem", ignored("it is for servers, and a hook is a client")),
];
