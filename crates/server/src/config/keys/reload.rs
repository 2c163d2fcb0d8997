//! Which keys a reload carries out. A key that is not here counts from the next start on, and a reload says so.

/// Keys, and sections with all of their keys. What is not here is fixed when the server starts: sockets, sizes of buffers and tables,
/// the number of shards, what connections have been promised.
const RELOADED: &[&str] = &[
    "channel.history_meta_ttl",
    "channel.max_length",
    "channel.namespaces",
    "channel.proxy",
    "channel.publication_data_format",
    "channel.without_namespace",
    "client.allow_anonymous_connect_without_token",
    "client.allowed_origins",
    "client.channel_limit",
    "client.channel_position_check_delay",
    "client.command_rate_limit",
    "client.connect_include_server_time",
    "client.connection_limit",
    "client.connection_rate_limit",
    "client.disallow_anonymous_connection_tokens",
    "client.expired_close_delay",
    "client.expired_sub_close_delay",
    "client.history_max_publication_limit",
    "client.insecure",
    "client.pending_commands_max_size",
    "client.pong_timeout",
    "client.proxy",
    "client.publish_rate_limit",
    "client.recovery_max_publication_limit",
    "client.stale_close_delay",
    "client.subscribe_to_user_personal_channel",
    "client.subscription_token",
    "client.token",
    "client.user_connection_limit",
    "client.user_id_http_header",
    "emulation.handler_prefix",
    "emulation.max_request_body_size",
    "health",
    "http_api.broadcast_channel_limit",
    "http_api.disabled",
    "http_api.error_mode",
    "http_api.handler_prefix",
    "http_api.history_max_publication_limit",
    "http_api.insecure",
    "http_api.key",
    "http_api.max_request_body_size",
    "http_api.timeout",
    "http_server.body_timeout",
    "http_server.idle_timeout",
    "http_server.write_timeout",
    "http_stream",
    "log.level",
    "node",
    "pages",
    "poll.enabled",
    "poll.handler_prefix",
    "poll.response_max_size",
    "poll.wait_max",
    "prometheus",
    "proxies",
    "rpc",
    "shutdown",
    "sse",
    "uni_http_stream",
    "uni_sse",
    "uni_websocket",
    "websocket.disabled",
    "websocket.handler_prefix",
];

/// Whether a reload carries a key out.
pub(in crate::config) fn is_reloaded(path: &str) -> bool {
    RELOADED.iter().any(|entry| covers(entry, path))
}

fn covers(entry: &str, path: &str) -> bool {
    path.strip_prefix(entry).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::{LISTS, paths};

    #[test]
    fn each_entry_is_a_key_or_a_section_and_none_stands_twice() {
        let lists = LISTS.iter().map(|list| list.path().to_owned());
        let known: Vec<String> = paths().chain(lists).collect();
        for entry in RELOADED {
            assert!(known.iter().any(|path| covers(entry, path)), "{entry} is no key");
            let by = RELOADED.iter().filter(|other| covers(other, entry)).count();
            assert_eq!(by, 1, "{entry} is covered by another entry");
        }
        assert!(RELOADED.is_sorted());
    }

    #[test]
    fn what_is_fixed_is_not_taken_for_its_neighbour() {
        for (path, reloaded) in [
            ("channel.without_namespace.history_size", true),
            ("channel.vacated_delay", false),
            ("client.token.hmac_secret_key", true),
            ("client.ping_interval", false),
            ("http_api.idempotency_ttl", false),
            ("http_server.port", false),
            ("node.name", true),
        ] {
            assert_eq!(is_reloaded(path), reloaded, "{path}");
        }
    }
}
