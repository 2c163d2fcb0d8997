//! What a connection is opened with: headers, sub-protocols, limits and time-outs.

use std::time::Duration;

use wavecast_websocket::Limits;

use super::conversation::Settings;

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
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    pub(super) headers: Vec<(String, String)>,
    pub(super) protocols: Vec<String>,
    pub(super) connect_timeout: Duration,
    pub(super) handshake_timeout: Duration,
    pub(super) nodelay: bool,
    pub(super) settings: Settings,
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
            nodelay: true,
            settings: Settings {
                limits: Limits::DEFAULT,
                outbox_bytes_max: 64 * 1_024,
                send_timeout: Duration::from_secs(30),
                close_timeout: Duration::from_secs(5),
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

    /// How long resolving the name and opening the TCP connection may take in all. Default: 10 s.
    /// Where the name has several addresses, each gets an equal share of the time that is left.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long the WebSocket handshake may take. Default: 10 s.
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

    /// Whether small messages are sent at once (`TCP_NODELAY`) instead of being held back for an
    /// acknowledgement. Default: yes.
    #[must_use]
    pub fn nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = nodelay;
        self
    }
}
