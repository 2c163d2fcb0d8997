//! `http_server.*` and `http_api.*`: the listener, and the API of the back end.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::tls::ListenerTls;
use crate::secret::Secret;

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
    /// `tls.*`: TLS at the listener.
    pub tls: ListenerTls,
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
            tls: ListenerTls::default(),
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
