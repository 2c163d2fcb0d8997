//! What can go wrong, one enum per operation, and how a client or subscription ends.

use std::fmt;

use wavecast_protocol::centrifuge::{self, FilterError};

/// An error that the server answered a request with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// The code; below 400 the protocol's own (103 is "permission denied", say), above the
    /// application's.
    pub code: u32,
    /// What it means, in words.
    pub message: String,
    /// Whether the same request may succeed later.
    pub temporary: bool,
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error {}: {}", self.code, self.message)
    }
}

impl std::error::Error for ServerError {}

/// Why [`Client::connect`](crate::Client::connect) did not start a client.
///
/// A server that cannot be reached is not among the reasons: the client keeps trying.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is not one of a WebSocket server.
    Url(wavecast_net::client::UrlError),
    /// The URL asks for TLS (`wss://`), and the crate was built without its feature `tls`.
    TlsUnavailable,
    /// [`Options::data`](crate::Options::data) is no JSON, which the JSON encoding needs.
    Data,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => write!(f, "not a WebSocket URL: {error}"),
            Self::TlsUnavailable => f.write_str("wss:// needs TLS, and this program was built without it"),
            Self::Data => f.write_str("the data for the connection is no JSON"),
        }
    }
}

impl std::error::Error for ConnectError {}

/// Why [`Client::subscribe`](crate::Client::subscribe) gave no subscription.
///
/// What the server thinks of it arrives later, as events of the subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscribeError {
    /// This client has a subscription to that channel; share its events instead.
    AlreadySubscribed,
    /// [`Options::subscriptions_max`](crate::Options::subscriptions_max) is reached.
    Limit,
    /// [`SubscribeOptions::data`](crate::SubscribeOptions::data) is no JSON, which the JSON encoding
    /// needs.
    Data,
    /// The filter makes no sense, or is too large.
    Filter(FilterError),
    /// The options ask for deltas and for a filter. A server takes one of them.
    DeltaWithFilter,
    /// The client is closed.
    Closed,
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Filter(error) => return error.fmt(f),
            Self::AlreadySubscribed => "the client is subscribed to this channel already",
            Self::Limit => "the client has as many subscriptions as its options allow",
            Self::Data => "the data for the subscription is no JSON",
            Self::DeltaWithFilter => "a subscription has deltas or a filter, not both",
            Self::Closed => "the client is closed",
        })
    }
}

impl std::error::Error for SubscribeError {}

/// Why a request failed: [`Client::publish`](crate::Client::publish),
/// [`Client::rpc`](crate::Client::rpc), [`Client::history`](crate::Client::history) and the like.
#[derive(Debug)]
#[non_exhaustive]
pub enum RequestError {
    /// The data could not be written as JSON, or is none. Nothing was sent.
    Data(serde_json::Error),
    /// There was no connection, or no room among the waiting requests, within the time-out. Nothing was
    /// sent.
    NotSent,
    /// The request was sent, but the connection was lost before its answer: it may have been done.
    ConnectionLost,
    /// The request was sent, but not answered within the time-out: it may have been done, or may yet be.
    TimedOut,
    /// The server refused it.
    Refused(ServerError),
    /// The client is closed.
    Closed,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(error) => write!(f, "the data cannot be written as JSON: {error}"),
            Self::NotSent => f.write_str("no connection within the time-out; nothing was sent"),
            Self::ConnectionLost => {
                f.write_str("the connection was lost before the answer; it may have been done")
            }
            Self::TimedOut => f.write_str("no answer within the time-out; it may have been done"),
            Self::Refused(error) => write!(f, "the server refused: {error}"),
            Self::Closed => f.write_str("the client is closed"),
        }
    }
}

impl std::error::Error for RequestError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Data(error) => Some(error),
            Self::Refused(error) => Some(error),
            Self::NotSent | Self::ConnectionLost | Self::TimedOut | Self::Closed => None,
        }
    }
}

/// Why a connection, a subscription or the whole client came to an end or a halt.
///
/// Codes are the protocol's: 3000 and above are disconnects (the WebSocket close code), 2000 to 2999
/// unsubscribes, below that errors of a reply, among them 101 where a token source says
/// [`Unauthorized`](crate::Unauthorized). This client's own are [`Cause::LOCAL`] and
/// [`Cause::TRANSPORT`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The code.
    pub code: u32,
    /// What it means, in words.
    pub reason: String,
}

impl Cause {
    /// This program asked for it.
    pub const LOCAL: u32 = 0;
    /// The transport failed or could not be opened; the reason tells how.
    pub const TRANSPORT: u32 = 1;

    pub(crate) fn new(code: u32, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// There is no token to be had.
    pub(crate) fn unauthorized() -> Self {
        Self::new(centrifuge::Error::UNAUTHORIZED.code, "unauthorized: there is no token")
    }

    pub(crate) fn transport(error: impl fmt::Display) -> Self {
        Self::new(Self::TRANSPORT, error.to_string())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Self::LOCAL | Self::TRANSPORT => f.write_str(&self.reason),
            code => write!(f, "{} (code {code})", self.reason),
        }
    }
}

impl From<&ServerError> for Cause {
    fn from(error: &ServerError) -> Self {
        Self::new(error.code, error.message.clone())
    }
}
