//! What can go wrong, one enum per operation, each telling whose fault it was.

use std::fmt;
use std::io;

use wavecast_websocket::handshake::{HandshakeError, RequestError};
use wavecast_websocket::{CloseCode, ProtocolError};

use super::proxy::ProxyUrlError;
#[cfg(feature = "tls")]
use super::tls_error::TlsError;
use super::tunnel::ProxyError;
use super::url::UrlError;

/// Why [`connect`](super::connect) gave no connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is not one of a WebSocket server.
    Url(UrlError),
    /// The URL asks for TLS (`wss://`), and there is none: the crate was built without its feature `tls`, or the
    /// connection is a Unix socket.
    TlsUnavailable,
    /// The proxy that the environment names is not one that can be used.
    ProxyUrl(ProxyUrlError),
    /// The request cannot be written: a header or sub-protocol of the options is not valid.
    Request(RequestError),
    /// The host's name could not be resolved.
    Resolve(io::Error),
    /// No address of the host accepted a TCP connection; this is what the last one answered.
    Connect(io::Error),
    /// The proxy gave no way to the server.
    Proxy(ProxyError),
    /// There is no TLS session with the server.
    #[cfg(feature = "tls")]
    Tls(Box<TlsError>),
    /// The step took longer than its time-out.
    TimedOut(ConnectStep),
    /// The connection failed or ended during the handshake.
    Io(io::Error),
    /// The server answered, but not with a valid upgrade: another status, a wrong
    /// `Sec-WebSocket-Accept`, a sub-protocol nobody asked for, a head beyond the limits.
    Handshake(HandshakeError),
}

/// A step of connecting. The first two have the connect time-out, the others share the handshake time-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectStep {
    /// Resolving the server's name and opening the TCP connection (or the Unix socket).
    Connect,
    /// The same for the proxy, and its answer.
    Proxy,
    /// The TLS handshake.
    Tls,
    /// The WebSocket handshake.
    Handshake,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => write!(f, "not a WebSocket URL: {error}"),
            Self::TlsUnavailable => f.write_str("wss:// needs TLS, and there is none here"),
            Self::ProxyUrl(error) => {
                write!(f, "the proxy that the environment names cannot be used: {error}")
            }
            Self::Request(error) => write!(f, "the handshake request is not valid: {error}"),
            Self::Resolve(error) => write!(f, "the host's name could not be resolved: {error}"),
            Self::Connect(error) => write!(f, "no TCP connection: {error}"),
            Self::Proxy(error) => error.fmt(f),
            #[cfg(feature = "tls")]
            Self::Tls(error) => error.fmt(f),
            Self::TimedOut(ConnectStep::Connect) => f.write_str("no TCP connection within the time-out"),
            Self::TimedOut(ConnectStep::Proxy) => {
                f.write_str("the proxy gave no connection to the server within the time-out")
            }
            Self::TimedOut(ConnectStep::Tls) => {
                f.write_str("the server did not finish the TLS handshake within the time-out")
            }
            Self::TimedOut(ConnectStep::Handshake) => {
                f.write_str("the server did not finish the WebSocket handshake within the time-out")
            }
            Self::Io(error) => write!(f, "the connection failed during the WebSocket handshake: {error}"),
            Self::Handshake(error) => write!(f, "the server refused the WebSocket handshake: {error}"),
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Url(error) => Some(error),
            Self::Request(error) => Some(error),
            Self::Handshake(error) => Some(error),
            Self::Resolve(error) | Self::Connect(error) | Self::Io(error) => Some(error),
            Self::ProxyUrl(error) => Some(error),
            Self::Proxy(error) => error.source(),
            #[cfg(feature = "tls")]
            Self::Tls(error) => error.source(),
            Self::TlsUnavailable | Self::TimedOut(_) => None,
        }
    }
}

impl From<UrlError> for ConnectError {
    fn from(error: UrlError) -> Self {
        Self::Url(error)
    }
}

const UNFINISHED: &str = "a message that was begun in pieces has not been finished with one of its kind";

/// Why [`recv`](super::WebSocket::recv) ended without a message and without a closing handshake.
///
/// It is returned once; afterwards `recv` returns `Ok(None)`.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecvError {
    /// The peer broke RFC 6455. It has been sent a close frame with [`ProtocolError::close_code`].
    Protocol(ProtocolError),
    /// The peer sent more than [`Limits`](wavecast_websocket::Limits) allow. It has been sent a
    /// close frame with [`ProtocolError::close_code`].
    Limit(ProtocolError),
    /// The connection ended without a closing handshake (close code 1006).
    Lost,
    /// The server was silent for longer than [`keep_alive`](super::ConnectOptions::keep_alive) allows.
    PeerDead,
    /// This side began to close, and the peer did not answer within the close time-out.
    CloseTimedOut,
    /// Reading or writing failed.
    Io(io::Error),
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(error) => write!(f, "the server broke the WebSocket protocol: {error}"),
            Self::Limit(error) => write!(f, "the server sent more than the limits allow: {error}"),
            Self::Lost => f.write_str("the connection ended without a closing handshake"),
            Self::PeerDead => f.write_str("the server has been silent for too long, a ping included"),
            Self::CloseTimedOut => {
                f.write_str("the server did not answer the close frame within the time-out")
            }
            Self::Io(error) => write!(f, "the connection failed: {error}"),
        }
    }
}

impl std::error::Error for RecvError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Protocol(error) | Self::Limit(error) => Some(error),
            Self::Io(error) => Some(error),
            Self::Lost | Self::PeerDead | Self::CloseTimedOut => None,
        }
    }
}

/// Why [`send`](super::WebSocket::send), [`ping`](super::WebSocket::ping) or
/// [`flush`](super::WebSocket::flush) failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum SendError {
    /// The connection is closing or closed; the message was not queued.
    Closed,
    /// A ping carries more than 125 bytes (RFC 6455 §5.5).
    ControlTooLong,
    /// A message that was begun in pieces waits for its last one, or for one of its own kind.
    Unfinished,
    /// The transport took too little for the length of the send time-out.
    TimedOut,
    /// Writing failed. How much of what was queued has reached the peer is not known.
    Io(io::Error),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the connection is closed"),
            Self::ControlTooLong => f.write_str("a ping carries at most 125 bytes"),
            Self::Unfinished => f.write_str(UNFINISHED),
            Self::TimedOut => f.write_str("the server did not read what was sent within the time-out"),
            Self::Io(error) => write!(f, "the connection failed: {error}"),
        }
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Closed | Self::ControlTooLong | Self::Unfinished | Self::TimedOut => None,
        }
    }
}

/// Why [`try_send`](super::WebSocket::try_send) did not queue the message.
#[derive(Debug)]
#[non_exhaustive]
pub enum TrySendError {
    /// The outbox is full: wait with [`ready`](super::WebSocket::ready), or drop the message.
    Full,
    /// The connection is closing or closed.
    Closed,
    /// A message that was begun in pieces waits for its last one.
    Unfinished,
    /// Writing failed. How much of what was queued before has reached the peer is not known.
    Io(io::Error),
}

impl fmt::Display for TrySendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the outbox is full"),
            Self::Closed => f.write_str("the connection is closed"),
            Self::Unfinished => f.write_str(UNFINISHED),
            Self::Io(error) => write!(f, "the connection failed: {error}"),
        }
    }
}

impl std::error::Error for TrySendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Full | Self::Closed | Self::Unfinished => None,
        }
    }
}

/// Why [`close`](super::WebSocket::close) could not finish the closing handshake.
#[derive(Debug)]
#[non_exhaustive]
pub enum CloseError {
    /// The peer did not answer with its close frame within the time-out.
    TimedOut,
    /// The peer broke the protocol before its close frame.
    Protocol(ProtocolError),
    /// The connection ended before the peer's close frame.
    Lost,
    /// Reading or writing failed before the peer's close frame.
    Io(io::Error),
}

impl fmt::Display for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("the server did not answer the close frame within the time-out"),
            Self::Protocol(error) => write!(f, "the server broke the WebSocket protocol: {error}"),
            Self::Lost => f.write_str("the connection ended without the server's close frame"),
            Self::Io(error) => write!(f, "the connection failed: {error}"),
        }
    }
}

impl std::error::Error for CloseError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Protocol(error) => Some(error),
            Self::Io(error) => Some(error),
            Self::TimedOut | Self::Lost => None,
        }
    }
}

/// One end of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// This program.
    Local,
    /// The server.
    Peer,
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The code of the first close frame: [`CloseCode::NO_STATUS`] where it had none,
    /// [`CloseCode::ABNORMAL`] where there was no close frame at all.
    pub code: CloseCode,
    /// The reason of that frame, at most 123 bytes, often empty.
    pub reason: String,
    /// Who began to close.
    pub by: Side,
}

impl Closed {
    /// Without a close frame of either side.
    pub(super) fn lost() -> Self {
        Self { code: CloseCode::ABNORMAL, reason: String::new(), by: Side::Peer }
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = match self.by {
            Side::Local => "by this side",
            Side::Peer => "by the server",
        };
        write!(f, "closed {by} with code {}", self.code.get())?;
        if !self.reason.is_empty() {
            write!(f, ": {}", self.reason)?;
        }
        Ok(())
    }
}
