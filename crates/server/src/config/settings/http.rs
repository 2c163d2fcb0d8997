//! `http_server.*` and `http_api.*`: the listener, and the API of the back end.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::autocert::TlsAutocert;
use super::tls::ListenerTls;
use crate::config::networks::{TrustedProxies, X_FORWARDED_FOR};
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
    /// `tls_autocert.*`: certificates that the server fetches itself.
    pub tls_autocert: TlsAutocert,
    /// `tls_external`: the internal port speaks no TLS although the other does. Default false.
    pub tls_external: bool,
    /// `internal_*`: a port of its own for API, health and metrics.
    pub internal: InternalPort,
    /// `unix_socket` (own): path of a Unix socket to listen on as well, without TLS; "" (default) = none.
    pub unix_socket: String,
    /// `unix_socket_mode` (own): permissions of its file, default 0660.
    pub unix_socket_mode: u32,
    /// `trusted_proxies` (own): who is believed when it says where a client is; default nobody.
    pub trusted_proxies: TrustedProxies,
    /// `client_address_header` (own): the header of theirs that says it, in lower case; default `x-forwarded-for`.
    pub client_address_header: String,
    /// `proxy_protocol.enabled` (own): their connections begin with a header of the PROXY protocol. Default false.
    pub proxy_protocol: bool,
}

/// `http_server.internal_address`, `internal_port`, `internal_tls`: where API, health and metrics are when they are not on
/// the port of clients.
#[derive(Debug, Clone, PartialEq)]
pub struct InternalPort {
    /// `internal_address`: the IP address to listen on; `None` (the default, "") = as `address`.
    pub address: Option<IpAddr>,
    /// `internal_port`: TCP port; 0 = any free port; `None` (the default, "") = as `port`.
    pub port: Option<u16>,
    /// `internal_tls.*`: TLS there; not enabled (the default) = as `tls`.
    pub tls: ListenerTls,
    /// `internal_connection_limit` (own): connections at once, default 256; beyond is answered 503.
    pub connection_limit: usize,
}

impl Default for InternalPort {
    fn default() -> Self {
        Self { address: None, port: None, tls: ListenerTls::internal(), connection_limit: 256 }
    }
}

impl HttpServer {
    /// Where to listen. Every interface is `[::]`, which takes IPv4 as well; a host without IPv6 needs `0.0.0.0`.
    pub fn listen(&self) -> SocketAddr {
        SocketAddr::new(self.address.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)), self.port)
    }

    /// Where the internal port listens; `None` = there is none, and everything is on one port.
    pub fn listen_internally(&self) -> Option<SocketAddr> {
        let InternalPort { address, port, .. } = self.internal;
        let public = self.listen();
        let internal = SocketAddr::new(address.unwrap_or(public.ip()), port.unwrap_or(public.port()));
        // Port 0 takes another one each time.
        (internal != public || port == Some(0)).then_some(internal)
    }

    /// Whether other machines can reach the listener: anything but a loopback address.
    pub fn is_public(&self) -> bool {
        is_public(self.address)
    }

    /// The same of the internal port; as the listener where there is none.
    pub fn is_public_internally(&self) -> bool {
        is_public(self.internal.address.or(self.address))
    }
}

fn is_public(address: Option<IpAddr>) -> bool {
    !address.is_some_and(|address| address.to_canonical().is_loopback())
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
            tls_autocert: TlsAutocert::default(),
            tls_external: false,
            internal: InternalPort::default(),
            unix_socket: String::new(),
            unix_socket_mode: 0o660,
            trusted_proxies: TrustedProxies::default(),
            client_address_header: X_FORWARDED_FOR.into(),
            proxy_protocol: false,
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
    /// `external`: it stays on the port of clients where there is an internal one. Default false.
    pub external: bool,
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
            external: false,
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
