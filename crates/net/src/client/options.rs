//! What a connection is opened with: headers, sub-protocols, limits and time-outs.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use wavecast_websocket::Limits;
use wavecast_websocket::deflate::Compression;
use wavecast_websocket::keepalive::Intervals;

use super::conversation::Settings;
use super::dial::TcpOptions;
use super::proxy::{Proxy, ProxyUrlError};
use super::resolver::Resolver;
#[cfg(feature = "tls")]
use super::tls::Tls;

/// How to connect. The defaults are good; every setter replaces one of them.
///
/// ```no_run
/// # async fn example() -> Result<(), wavecast_net::client::ConnectError> {
/// use wavecast_net::client::ConnectOptions;
///
/// let socket = ConnectOptions::new()
///     .header("Authorization", "Bearer secret")
///     .protocol("centrifuge-json")
///     .connect("ws://127.0.0.1:8000/connection/websocket")
///     .await?;
/// # drop(socket);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ConnectOptions {
    pub(super) headers: Vec<(String, String)>,
    pub(super) protocols: Vec<String>,
    pub(super) connect_timeout: Duration,
    pub(super) handshake_timeout: Duration,
    pub(super) resolver: Resolver,
    pub(super) tcp: TcpOptions,
    pub(super) route: Route,
    #[cfg(feature = "tls")]
    pub(super) tls: Tls,
    pub(super) settings: Settings,
}

/// The way to the server.
#[derive(Debug, Clone)]
pub(super) enum Route {
    Direct,
    Through(Arc<Proxy>),
    AsTheEnvironmentSays,
}

/// The values of headers stay out of logs: they are where secrets are.
impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        let mut shown = f.debug_struct("ConnectOptions");
        shown.field("headers", &names).field("protocols", &self.protocols);
        shown.field("connect_timeout", &self.connect_timeout);
        shown.field("handshake_timeout", &self.handshake_timeout);
        shown.field("resolver", &self.resolver).field("tcp", &self.tcp).field("route", &self.route);
        #[cfg(feature = "tls")]
        shown.field("tls", &self.tls);
        shown.field("settings", &self.settings).finish()
    }
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl ConnectOptions {
    /// The defaults that each setter names.
    pub fn new() -> Self {
        Self {
            headers: Vec::new(),
            protocols: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(10),
            resolver: Resolver::default(),
            tcp: TcpOptions {
                nodelay: true,
                local: None,
                keepalive: None,
                receive_buffer: None,
                send_buffer: None,
            },
            route: Route::Direct,
            #[cfg(feature = "tls")]
            tls: Tls::new(),
            settings: Settings {
                limits: Limits::DEFAULT,
                outbox_bytes_max: 64 * 1_024,
                send_timeout: Duration::from_secs(30),
                close_timeout: Duration::from_secs(5),
                keep_alive: None,
                compression: None,
            },
        }
    }

    /// Adds a header to the request. Those that the handshake itself sends cannot be set; what is not
    /// a valid header makes the connect fail.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Asks for a sub-protocol (RFC 6455 §1.9). The order of the calls is the order of preference;
    /// the server chooses one or none.
    #[must_use]
    pub fn protocol(mut self, name: impl Into<String>) -> Self {
        self.protocols.push(name.into());
        self
    }

    /// What the server may send: the response's head, and later frames and messages. Default:
    /// [`Limits::DEFAULT`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// How long resolving the name and opening the TCP connection may take in all, a proxy's answer included.
    /// Default: 10 s. Where the name has several addresses (the first 16 count), the next one is tried beside those
    /// before it after 250 ms, IPv6 and IPv4 by turns, and the first connection that stands is kept (RFC 8305).
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long the handshakes of TLS and WebSocket may take together. Default: 10 s.
    #[must_use]
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// How long a send waits for a server that does not read. Default: 30 s.
    #[must_use]
    pub fn send_timeout(mut self, timeout: Duration) -> Self {
        self.settings.send_timeout = timeout;
        self
    }

    /// How long the server may take to finish a closing handshake, and then to end the TCP
    /// connection. Default: 5 s.
    #[must_use]
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.settings.close_timeout = timeout;
        self
    }

    /// How many bytes may wait to be written before a send waits (or a `try_send` is refused). One
    /// message of any size may be queued below that mark. Default: 64 KiB.
    #[must_use]
    pub fn outbox_bytes_max(mut self, bytes: usize) -> Self {
        self.settings.outbox_bytes_max = bytes.max(1);
        self
    }

    /// Offers permessage-deflate (RFC 7692) to the server, which may decline it. [`Compression`] has its options and what
    /// they cost; without context takeover a connection owns a compressor from the first message on that is worth it
    /// (some 380 KB), and 45 KB from the first compressed message that comes. Default: no compression.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.settings.compression = Some(compression);
        self
    }

    /// Pings a server that is silent for `interval`, and gives it up with [`RecvError::PeerDead`](super::RecvError) when
    /// it is silent for `patience` after that. Every byte that comes is a sign of life, so a busy connection is never
    /// pinged; time in which nobody receives is not held against the server. Default: off. 25 s and 10 s are good values:
    /// proxies and mobile networks forget a silent connection after 30 to 60 s.
    #[must_use]
    pub fn keep_alive(mut self, interval: Duration, patience: Duration) -> Self {
        let ms = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX).max(1);
        let intervals = Intervals { ping_interval_ms: ms(interval), pong_timeout_ms: ms(patience) };
        self.settings.keep_alive = Some(intervals);
        self
    }

    /// How `wss://` servers are verified, and what this client shows them. Default: [`Tls::new`].
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Goes through a proxy: `http://user:password@host:port` or `socks5://user:password@host:port`, see [`Proxy`].
    /// Default: none.
    ///
    /// # Errors
    ///
    /// [`ProxyUrlError`].
    pub fn proxy(self, url: &str) -> Result<Self, ProxyUrlError> {
        Ok(self.through(url.parse()?))
    }

    /// The same, with a proxy that has been parsed.
    #[must_use]
    pub fn through(mut self, proxy: Proxy) -> Self {
        self.route = Route::Through(Arc::new(proxy));
        self
    }

    /// Goes through the proxy that the environment names when a connection is opened: `HTTPS_PROXY` for `wss://`,
    /// `http_proxy` for `ws://`, `ALL_PROXY` for both, in capitals or not (`http_proxy` only in small letters, as a CGI
    /// program gets `HTTP_PROXY` from strangers). Servers in the list `NO_PROXY` are reached directly: names, each with
    /// all below it, addresses, networks such as `10.0.0.0/8`, `*`; with a port, only that one. So is this machine
    /// (`localhost` and loopback addresses). Default: the environment is not looked at.
    #[must_use]
    pub fn proxy_from_environment(mut self) -> Self {
        self.route = Route::AsTheEnvironmentSays;
        self
    }

    /// Finds the addresses of a host (the server's, or the proxy's where there is one) in your own way, in the order in
    /// which they are to be tried; the first 16 count. Default: the system's resolver.
    ///
    /// ```
    /// use wavecast_net::client::ConnectOptions;
    ///
    /// let options = ConnectOptions::new()
    ///     .resolver(|_host, port| async move { Ok(vec![([127, 0, 0, 1], port).into()]) });
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn resolver<F, A>(mut self, resolve: F) -> Self
    where
        F: Fn(String, u16) -> A + Send + Sync + 'static,
        A: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        self.resolver = Resolver::new(resolve);
        self
    }

    /// Whether small messages are sent at once (`TCP_NODELAY`) instead of being held back for an
    /// acknowledgement. Default: yes.
    #[must_use]
    pub fn nodelay(mut self, nodelay: bool) -> Self {
        self.tcp.nodelay = nodelay;
        self
    }

    /// The local address to connect from. Default: the kernel chooses.
    #[must_use]
    pub fn local_address(mut self, address: IpAddr) -> Self {
        self.tcp.local = Some(address);
        self
    }

    /// Lets the kernel probe the peer after so much silence (`SO_KEEPALIVE`). It finds out that the machine at the other
    /// end is gone, not that its program hangs. Default: no.
    #[must_use]
    pub fn tcp_keepalive(mut self, idle: Duration) -> Self {
        self.tcp.keepalive = Some(idle);
        self
    }

    /// Bytes of the kernel's buffers for what was received and not read (`SO_RCVBUF`), and for what was written and not
    /// acknowledged (`SO_SNDBUF`). Default: the kernel tunes both.
    #[must_use]
    pub fn tcp_buffers(mut self, receive: Option<u32>, send: Option<u32>) -> Self {
        self.tcp.receive_buffer = receive;
        self.tcp.send_buffer = send;
        self
    }
}
