//! `client.*`: who may connect, and what one connection may cost.

use std::time::Duration;

use super::hook::SwitchedHook;
use super::token::{SubscriptionToken, Token};
use crate::config::origins::AllowedOrigins;

/// `client.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct Client {
    /// `insecure`: no checks at all for clients: anonymous, any subscription, any publication. Default false.
    pub insecure: bool,
    /// `allow_anonymous_connect_without_token`: a client without credentials becomes user "". Default false.
    pub allow_anonymous_connect_without_token: bool,
    /// `disallow_anonymous_connection_tokens`: a token without a user id is refused with 3507. Default false.
    pub disallow_anonymous_connection_tokens: bool,
    /// `user_id_http_header`: the request header that names the user, where a proxy in front has checked who it is;
    /// "" (default) = none.
    pub user_id_http_header: String,
    /// `token.*`: how connection tokens are verified, and subscription tokens unless those have keys of their own.
    pub token: Token,
    /// `subscription_token.*`: keys of their own for subscription tokens.
    pub subscription_token: SubscriptionToken,
    /// `proxy.*`: the hooks of a connection's life.
    pub proxy: ClientProxy,
    /// `subscribe_to_user_personal_channel.*`: a channel that each user is subscribed to when connecting.
    pub subscribe_to_user_personal_channel: PersonalChannel,
    /// `allowed_origins`: browser origins that may connect; empty (default) = only pages of the same host.
    pub allowed_origins: AllowedOrigins,
    /// `ping_interval`: time between the server's pings, default 25 s.
    pub ping_interval: Duration,
    /// `pong_timeout`: time to answer a ping, default 8 s; then 3012. Shorter than `ping_interval`.
    pub pong_timeout: Duration,
    /// `stale_close_delay`: time from the handshake to the connect command, default 10 s; then 3502.
    pub stale_close_delay: Duration,
    /// `expired_close_delay`: time an expired connection has to refresh its token, default 25 s; then 3005. It counts
    /// from the whole seconds that the client was told (`ttl`), up to one after the time in the token.
    pub expired_close_delay: Duration,
    /// `expired_sub_close_delay`: the same for an expired subscription, default 25 s; then 2501.
    pub expired_sub_close_delay: Duration,
    /// `channel_position_check_delay`: time between two looks whether a channel's subscribers have got all, default 40 s;
    /// 0 = never.
    pub channel_position_check_delay: Duration,
    /// `connect_include_server_time`: the answer to connect has the server's time. Default false.
    pub connect_include_server_time: bool,
    /// `channel_limit`: subscriptions of one connection, default 128; then error 106.
    pub channel_limit: usize,
    /// `queue_max_size`: bytes that may wait for one slow client, default 1048576; then 3008.
    pub queue_max_size: usize,
    /// `unsent_max_size` (own): bytes that the kernel may hold unsent for one client, where no policy for slow ones reaches
    /// them, default 131072. Linux.
    pub unsent_max_size: usize,
    /// `history_max_publication_limit`: publications in one answer to a client's history command, default 300.
    pub history_max_publication_limit: usize,
    /// `recovery_max_publication_limit`: publications one recovery may bring, default 300; more missed = not recovered.
    pub recovery_max_publication_limit: usize,
    /// `connection_limit`: client connections of this node; 0 (default) = what the descriptor limit leaves.
    pub connection_limit: usize,
    /// `user_connection_limit`: connections of one user to this node; 0 (default) = no limit. Beyond: 3504.
    pub user_connection_limit: usize,
    /// `connection_rate_limit`: new connections a second of this node; 0 (default) = no limit. Beyond: 503.
    pub connection_rate_limit: usize,
    /// `address_connection_limit` (own): connections from one IP address; 0 (default) = no limit. Beyond: 429.
    pub address_connection_limit: usize,
    /// `address_connection_rate_limit` (own): new connections a second from one IP address; 0 (default) = no limit.
    /// Beyond: 429.
    pub address_connection_rate_limit: usize,
    /// `command_rate_limit` (own): commands a second of one client; 0 (default) = no limit. Beyond: 3013.
    pub command_rate_limit: usize,
    /// `publish_rate_limit` (own): publications a second of one client; 0 (default) = no limit. Beyond: error 111.
    pub publish_rate_limit: usize,
    /// `pending_commands_max_size` (own): bytes of commands that may wait while a hook is asked, default 65536; then
    /// the client is not read from until the hook has answered.
    pub pending_commands_max_size: usize,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            insecure: false,
            allow_anonymous_connect_without_token: false,
            disallow_anonymous_connection_tokens: false,
            user_id_http_header: String::new(),
            token: Token::default(),
            subscription_token: SubscriptionToken::default(),
            proxy: ClientProxy::default(),
            subscribe_to_user_personal_channel: PersonalChannel::default(),
            allowed_origins: AllowedOrigins::default(),
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(8),
            stale_close_delay: Duration::from_secs(10),
            expired_close_delay: Duration::from_secs(25),
            expired_sub_close_delay: Duration::from_secs(25),
            channel_position_check_delay: Duration::from_secs(40),
            connect_include_server_time: false,
            channel_limit: 128,
            queue_max_size: 1024 * 1024,
            unsent_max_size: 128 * 1024,
            history_max_publication_limit: 300,
            recovery_max_publication_limit: 300,
            connection_limit: 0,
            user_connection_limit: 0,
            connection_rate_limit: 0,
            address_connection_limit: 0,
            address_connection_rate_limit: 0,
            command_rate_limit: 0,
            publish_rate_limit: 0,
            pending_commands_max_size: 64 * 1024,
        }
    }
}

/// `client.proxy.*`: the hooks of a connection's life.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClientProxy {
    /// `connect`: decides who a client without a token is.
    pub connect: SwitchedHook,
    /// `refresh`: decides whether a connection that would expire goes on.
    pub refresh: SwitchedHook,
    /// `disconnected` (own): is told that a connection has ended.
    pub disconnected: SwitchedHook,
}

/// `client.subscribe_to_user_personal_channel.*`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PersonalChannel {
    /// `enabled`: each user is subscribed to `#user` when connecting. Default false.
    pub enabled: bool,
    /// `personal_channel_namespace`: the namespace of that channel; "" (default) = none.
    pub personal_channel_namespace: String,
    /// `single_connection`: a user's new connection ends the earlier ones. Default false; needs presence there.
    pub single_connection: bool,
}
