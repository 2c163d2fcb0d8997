//! The settings themselves: one struct a section, one field a key, each with unit, default and effect.
//!
//! Names and meanings are those of Centrifugo's v6 configuration wherever the concept is the same. Fields marked
//! *own* are ours, in the same style. [`super::keys`] says how each is read from a file, a variable or a flag.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::origins::AllowedOrigins;

/// Everything a node can be told, checked and complete: what a key leaves out has its default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// `http_server.*`: the listener, and the limits of reading a request.
    pub http_server: HttpServer,
    /// `log.*`: what is logged, and to where.
    pub log: Log,
    /// `client.*`: who may connect, and what one connection may cost.
    pub client: Client,
    /// `channel.*`: how channel names are read, and the options per namespace.
    pub channel: Channel,
    /// `websocket.*`: the WebSocket endpoint of clients.
    pub websocket: WebSocket,
    /// `http_api.*`: the API of the back end.
    pub http_api: HttpApi,
    /// `health.*`: the endpoint of load balancers.
    pub health: Health,
    /// `pages.*` (own): the start page and the demo pages.
    pub pages: Pages,
    /// `shutdown.*`: how a node ends.
    pub shutdown: Shutdown,
    /// `node.*`: what this node is called.
    pub node: Node,
    /// `shard.*` (own): the event loops.
    pub shard: Shard,
    /// `engine.*`: the memory engine's limits.
    pub engine: Engine,
}

/// `http_server.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpServer {
    /// `address`: the IP address to listen on; `None` (the default, "") = every interface.
    pub address: Option<IpAddr>,
    /// `port`: TCP port, default 8000; 0 = any free port.
    pub port: u16,
    /// `handshake_timeout` (own): how long a request head may take to arrive, default 10 s.
    pub handshake_timeout: Duration,
    /// `head_size_limit` (own): bytes of a request head, default 16384; beyond is answered 431.
    pub head_size_limit: usize,
    /// `head_field_limit` (own): header fields of a request, default 100; beyond is answered 431.
    pub head_field_limit: usize,
    /// `body_timeout` (own): how long a request body may take to arrive, default 10 s; then 408.
    pub body_timeout: Duration,
    /// `write_timeout` (own): how long a plain HTTP answer may make no progress, default 30 s; then the connection ends.
    pub write_timeout: Duration,
    /// `idle_timeout` (own): how long a plain HTTP connection is kept for its next request, default 75 s.
    pub idle_timeout: Duration,
    /// `connection_limit` (own): plain HTTP connections at once, default 1024; beyond is answered 503.
    pub connection_limit: usize,
}

impl HttpServer {
    /// Where to listen. Every interface is `[::]`, which takes IPv4 as well; a host without IPv6 needs `0.0.0.0`.
    pub fn listen(&self) -> SocketAddr {
        SocketAddr::new(self.address.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)), self.port)
    }

    /// Whether other machines can reach the listener: anything but a loopback address.
    pub fn is_public(&self) -> bool {
        !self.address.is_some_and(|address| address.to_canonical().is_loopback())
    }
}

impl Default for HttpServer {
    fn default() -> Self {
        Self {
            address: None,
            port: 8000,
            handshake_timeout: Duration::from_secs(10),
            head_size_limit: 16 * 1024,
            head_field_limit: 100,
            body_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            connection_limit: 1024,
        }
    }
}

/// `log.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    /// `level`: one of `trace`, `debug`, `info` (default), `warn`, `error`, `fatal`, `none`.
    pub level: String,
    /// `file`: path of the log file; "" (default) = standard error.
    pub file: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".into(), file: String::new() }
    }
}

/// `client.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct Client {
    /// `insecure`: no checks at all for clients: anonymous, any subscription, any publication. Default false.
    pub insecure: bool,
    /// `allow_anonymous_connect_without_token`: a client without credentials becomes user "". Default false.
    pub allow_anonymous_connect_without_token: bool,
    /// `allowed_origins`: browser origins that may connect; empty (default) = only pages of the same host.
    pub allowed_origins: AllowedOrigins,
    /// `ping_interval`: time between the server's pings, default 25 s.
    pub ping_interval: Duration,
    /// `pong_timeout`: time to answer a ping, default 8 s; then 3012. Shorter than `ping_interval`.
    pub pong_timeout: Duration,
    /// `stale_close_delay`: time from the handshake to the connect command, default 10 s; then 3502.
    pub stale_close_delay: Duration,
    /// `channel_limit`: subscriptions of one connection, default 128; then error 106.
    pub channel_limit: usize,
    /// `queue_max_size`: bytes that may wait for one slow client, default 1048576; then 3008.
    pub queue_max_size: usize,
    /// `history_max_publication_limit`: publications in one answer to a client's history command, default 300.
    pub history_max_publication_limit: usize,
    /// `recovery_max_publication_limit`: publications one recovery may bring, default 300; more missed = not recovered.
    pub recovery_max_publication_limit: usize,
    /// `connection_limit`: client connections of this node; 0 (default) = what the descriptor limit leaves.
    pub connection_limit: usize,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            insecure: false,
            allow_anonymous_connect_without_token: false,
            allowed_origins: AllowedOrigins::default(),
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(8),
            stale_close_delay: Duration::from_secs(10),
            channel_limit: 128,
            queue_max_size: 1024 * 1024,
            history_max_publication_limit: 300,
            recovery_max_publication_limit: 300,
            connection_limit: 0,
        }
    }
}

/// `channel.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// `without_namespace.*`: options of channels whose name has no namespace.
    pub without_namespace: ChannelSettings,
    /// `namespaces`: a name and the same options, each.
    pub namespaces: Vec<Namespace>,
    /// `max_length`: bytes of a channel name, default 255.
    pub max_length: usize,
    /// `private_prefix`: channels that begin with it need a subscription token, default "$"; "" = none.
    pub private_prefix: String,
    /// `namespace_boundary`: ends the namespace in a channel name, default ":"; "" = no namespaces.
    pub namespace_boundary: String,
    /// `user_boundary`: begins the list of users in a channel name, default "#"; "" = no user-limited channels.
    pub user_boundary: String,
    /// `user_separator`: between users in that list, default ",".
    pub user_separator: String,
    /// `history_meta_ttl`: how long a stream's position outlives its last publication, default 720 h.
    pub history_meta_ttl: Duration,
}

impl Default for Channel {
    fn default() -> Self {
        Self {
            without_namespace: ChannelSettings::default(),
            namespaces: Vec::new(),
            max_length: 255,
            private_prefix: "$".into(),
            namespace_boundary: ":".into(),
            user_boundary: "#".into(),
            user_separator: ",".into(),
            history_meta_ttl: Duration::from_secs(720 * 3600),
        }
    }
}

/// One entry of `channel.namespaces`.
#[derive(Debug, Clone, PartialEq)]
pub struct Namespace {
    /// `name`: two or more of letters, digits, `-`, `_`, `.`; unique.
    pub name: String,
    /// The options of the channels `name:*`.
    pub settings: ChannelSettings,
}

/// The options of a namespace: all off by default, as in Centrifugo.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChannelSettings {
    /// `history_size`: publications kept; 0 (default) = no history.
    pub history_size: usize,
    /// `history_ttl`: how long they are kept; needed when `history_size` is set.
    pub history_ttl: Duration,
    /// `history_meta_ttl`: overrides `channel.history_meta_ttl`; 0 (default) = does not.
    pub history_meta_ttl: Duration,
    /// `force_positioning`: every subscription checks for gaps.
    pub force_positioning: bool,
    /// `allow_positioning`: a client may ask for that.
    pub allow_positioning: bool,
    /// `force_recovery`: every subscription recovers what it missed.
    pub force_recovery: bool,
    /// `allow_recovery`: a client may ask for that.
    pub allow_recovery: bool,
    /// `allow_subscribe_for_client`: clients with a user id may subscribe.
    pub allow_subscribe_for_client: bool,
    /// `allow_subscribe_for_anonymous`: anonymous clients may subscribe.
    pub allow_subscribe_for_anonymous: bool,
    /// `allow_publish_for_client`: clients with a user id may publish.
    pub allow_publish_for_client: bool,
    /// `allow_publish_for_subscriber`: who has subscribed may publish.
    pub allow_publish_for_subscriber: bool,
    /// `allow_publish_for_anonymous`: anonymous clients may publish.
    pub allow_publish_for_anonymous: bool,
    /// `allow_history_for_client`: clients with a user id may read history.
    pub allow_history_for_client: bool,
    /// `allow_history_for_subscriber`: who has subscribed may read history.
    pub allow_history_for_subscriber: bool,
    /// `allow_history_for_anonymous`: anonymous clients may read history.
    pub allow_history_for_anonymous: bool,
    /// `allow_user_limited_channels`: `name#42` is for user 42 alone.
    pub allow_user_limited_channels: bool,
}

/// `websocket.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct WebSocket {
    /// `disabled`: no WebSocket endpoint. Default false.
    pub disabled: bool,
    /// `handler_prefix`: its path, default `/connection/websocket`.
    pub handler_prefix: String,
    /// `message_size_limit`: bytes of one message from a client, default 65536; then close code 1009.
    pub message_size_limit: usize,
}

impl Default for WebSocket {
    fn default() -> Self {
        Self {
            disabled: false,
            handler_prefix: "/connection/websocket".into(),
            message_size_limit: 64 * 1024,
        }
    }
}

/// `http_api.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpApi {
    /// `disabled`: no API. Default false.
    pub disabled: bool,
    /// `handler_prefix`: its path, default `/api`.
    pub handler_prefix: String,
    /// `key`: what a caller must show; "" (default) = nobody may call, unless `insecure`.
    pub key: Secret,
    /// `insecure`: the API asks for no key. Default false.
    pub insecure: bool,
    /// `error_mode`: "" (default) = errors are answers with status 200; `transport` = they set the status.
    pub error_mode: String,
    /// `max_request_body_size` (own): bytes of one request, default 4 MiB; beyond is answered 413.
    pub max_request_body_size: usize,
    /// `timeout` (own): how long a call waits for room in the shards' inboxes, default 5 s; then error 111.
    pub timeout: Duration,
    /// `broadcast_channel_limit` (own): channels of one broadcast, default 10000; then error 107.
    pub broadcast_channel_limit: usize,
    /// `history_max_publication_limit` (own): publications in one answer to a history call, default 10000.
    pub history_max_publication_limit: usize,
    /// `idempotency_ttl` (own): how long an idempotency key is remembered, default 5 min.
    pub idempotency_ttl: Duration,
    /// `idempotency_cache_size` (own): keys remembered, default 65536; beyond, the oldest is forgotten.
    pub idempotency_cache_size: usize,
}

impl Default for HttpApi {
    fn default() -> Self {
        Self {
            disabled: false,
            handler_prefix: "/api".into(),
            key: Secret::default(),
            insecure: false,
            error_mode: String::new(),
            max_request_body_size: 4 * 1024 * 1024,
            timeout: Duration::from_secs(5),
            broadcast_channel_limit: 10_000,
            history_max_publication_limit: 10_000,
            idempotency_ttl: Duration::from_secs(300),
            idempotency_cache_size: 65_536,
        }
    }
}

/// `health.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// `enabled`: default true (Centrifugo: false).
    pub enabled: bool,
    /// `handler_prefix`: its path, default `/health`.
    pub handler_prefix: String,
}

impl Default for Health {
    fn default() -> Self {
        Self { enabled: true, handler_prefix: "/health".into() }
    }
}

/// `pages.*` (own).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pages {
    /// `enabled`: serve the start page and the demo pages; default false, true in the development profile.
    pub enabled: bool,
}

/// `shutdown.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct Shutdown {
    /// `timeout`: the longest a shutdown may take, default 30 s; what is left then is cut.
    pub timeout: Duration,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(30) }
    }
}

/// `node.*`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Node {
    /// `name`: what the API calls this node; "" (default) = `wavecast_` and the configured port.
    pub name: String,
}

/// `shard.*` (own).
#[derive(Debug, Clone, PartialEq)]
pub struct Shard {
    /// `count`: event loops; 0 (default) = one per core. At most 128.
    pub count: usize,
    /// `inbox_size`: publications that may wait for one shard, default 4096; then publishers wait or get 111.
    pub inbox_size: usize,
}

impl Default for Shard {
    fn default() -> Self {
        Self { count: 0, inbox_size: 4096 }
    }
}

/// `engine.*`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Engine {
    /// `memory.*` (own): the engine inside the process.
    pub memory: MemoryEngine,
}

/// `engine.memory.*` (own).
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryEngine {
    /// `channel_limit`: channels with subscribers or history at once, default 1000000; then error 106.
    pub channel_limit: usize,
}

impl Default for MemoryEngine {
    fn default() -> Self {
        Self { channel_limit: 1_000_000 }
    }
}

/// A value that must not be seen: neither `Debug` nor an error shows it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub(super) String);

impl Secret {
    /// The value, for comparing; never for printing.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether no secret is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "(none)" } else { "(set)" })
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

/// The address of the development profile.
pub(super) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
