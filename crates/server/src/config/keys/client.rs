//! Keys of `client`, without those of tokens and hooks.

use std::time::Duration;

use super::key::{HOUR, Key, MIB, MS, SECOND, key};
use crate::config::settings::Config;
use crate::config::slot::Slot;

/// Who may connect, and what one connection may cost.
pub(super) const CLIENT: &[Key<Config>] = &[
    key("client.insecure", "no checks for clients: anonymous, any subscription, any publication", |c| {
        Slot::Switch(&mut c.client.insecure)
    }),
    key(
        "client.allow_anonymous_connect_without_token",
        "a client without credentials connects as the anonymous user",
        |c| Slot::Switch(&mut c.client.allow_anonymous_connect_without_token),
    ),
    key(
        "client.disallow_anonymous_connection_tokens",
        "a token without a user id is refused with 3507",
        |c| Slot::Switch(&mut c.client.disallow_anonymous_connection_tokens),
    ),
    key(
        "client.user_id_http_header",
        "request header that names the user, set by a proxy that has checked it; empty = none",
        |c| Slot::Header(&mut c.client.user_id_http_header),
    ),
    key("client.subscription_token.enabled", "subscription tokens have keys of their own", |c| {
        Slot::Switch(&mut c.client.subscription_token.enabled)
    }),
    key("client.proxy.connect.enabled", "a hook decides who a client without a token is", |c| {
        Slot::Switch(&mut c.client.proxy.connect.enabled)
    }),
    key("client.proxy.refresh.enabled", "a hook decides whether an expiring connection goes on", |c| {
        Slot::Switch(&mut c.client.proxy.refresh.enabled)
    }),
    key("client.proxy.disconnected.enabled", "a hook is told that a connection has ended", |c| {
        Slot::Switch(&mut c.client.proxy.disconnected.enabled)
    }),
    key(
        "client.subscribe_to_user_personal_channel.enabled",
        "each user is subscribed to a channel of its own when connecting",
        |c| Slot::Switch(&mut c.client.subscribe_to_user_personal_channel.enabled),
    ),
    key(
        "client.subscribe_to_user_personal_channel.personal_channel_namespace",
        "namespace of that channel; empty = none",
        |c| Slot::Text(&mut c.client.subscribe_to_user_personal_channel.personal_channel_namespace),
    ),
    key(
        "client.subscribe_to_user_personal_channel.single_connection",
        "a user's new connection ends the earlier ones; needs presence in that channel",
        |c| Slot::Switch(&mut c.client.subscribe_to_user_personal_channel.single_connection),
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
    key("client.expired_close_delay", "time an expired connection has to refresh; then 3005", |c| {
        Slot::Time(&mut c.client.expired_close_delay, Duration::ZERO..=HOUR)
    }),
    key("client.expired_sub_close_delay", "time an expired subscription has to refresh; then 2501", |c| {
        Slot::Time(&mut c.client.expired_sub_close_delay, Duration::ZERO..=HOUR)
    }),
    key(
        "client.channel_position_check_delay",
        "time between two looks whether a channel's subscribers have got all; then 2500 or 3010; 0 = never",
        |c| Slot::Time(&mut c.client.channel_position_check_delay, Duration::ZERO..=24 * HOUR),
    ),
    key("client.connect_include_server_time", "the answer to connect has the server's time", |c| {
        Slot::Switch(&mut c.client.connect_include_server_time)
    }),
    key("client.channel_limit", "subscriptions of one connection; then error 106", |c| {
        Slot::Number(&mut c.client.channel_limit, 1..=1_000_000)
    }),
    key("client.queue_max_size", "bytes that may wait for one slow client; then 3008", |c| {
        Slot::Number(&mut c.client.queue_max_size, 4096..=1024 * MIB)
    }),
    key("client.unsent_max_size", "bytes that the kernel may hold unsent for one client", |c| {
        Slot::Number(&mut c.client.unsent_max_size, 4096..=1024 * MIB)
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
    key(
        "client.connection_limit",
        "client connections of this node; 0 = what the descriptors leave; then 503",
        |c| Slot::Number(&mut c.client.connection_limit, 0..=100_000_000),
    ),
    key(
        "client.user_connection_limit",
        "connections of one user to this node; 0 = no limit; then 3504",
        |c| Slot::Number(&mut c.client.user_connection_limit, 0..=100_000_000),
    ),
    key(
        "client.connection_rate_limit",
        "new connections a second of this node; 0 = no limit; then 503",
        |c| Slot::Number(&mut c.client.connection_rate_limit, 0..=100_000_000),
    ),
    key("client.address_connection_limit", "connections from one IP address; 0 = no limit; then 429", |c| {
        Slot::Number(&mut c.client.address_connection_limit, 0..=100_000_000)
    }),
    key(
        "client.address_connection_rate_limit",
        "new connections a second from one IP address; 0 = no limit; then 429",
        |c| Slot::Number(&mut c.client.address_connection_rate_limit, 0..=100_000_000),
    ),
    key("client.command_rate_limit", "commands a second of one client; 0 = no limit; then 3013", |c| {
        Slot::Number(&mut c.client.command_rate_limit, 0..=100_000_000)
    }),
    key(
        "client.publish_rate_limit",
        "publications a second of one client; 0 = no limit; then error 111",
        |c| Slot::Number(&mut c.client.publish_rate_limit, 0..=100_000_000),
    ),
    key(
        "client.pending_commands_max_size",
        "bytes of commands that may wait while a hook is asked; then the client is not read from",
        |c| Slot::Number(&mut c.client.pending_commands_max_size, 1024..=1024 * MIB),
    ),
];
