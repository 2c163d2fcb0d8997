//! What becomes of a request: the question a shard asks, and the answers there are.

use std::net::SocketAddr;

use wavecast_websocket::handshake::RequestHead;

use super::event::ConnectionId;

/// A whole request head, about which the handler is asked.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// The connection it came in on, as it will be called if it opens.
    pub id: ConnectionId,
    /// What was asked for.
    pub head: &'r RequestHead<'r>,
    /// Where it came from; behind a proxy that says so with the PROXY protocol, the client's address.
    pub peer: SocketAddr,
}

/// What to do with a request.
///
/// ```
/// use wavecast_net::shard::Verdict;
///
/// let unknown = Verdict::refuse(401, "who are you?").with_header("WWW-Authenticate", "Bearer");
/// let elsewhere = Verdict::refuse(307, "moved").with_header("Location", "https://example.com/chat");
/// let welcome = Verdict::with_protocols(&["chat.v2", "chat.v1"]).with_header("X-Node", "7");
/// ```
#[derive(Debug, Default)]
pub enum Verdict {
    /// Go on with the opening handshake, if the request is a right one (RFC 6455 §4.2.1).
    #[default]
    Upgrade,
    /// As [`Verdict::Upgrade`], with a choice of sub-protocols and headers for the answer.
    UpgradeWith(Upgrade),
    /// Answer with an HTTP status and a line of text, and close.
    Refuse {
        /// HTTP status, 300 to 599.
        status: u16,
        /// A line for people.
        reason: String,
    },
    /// As [`Verdict::Refuse`], with headers for the answer.
    RefuseWith {
        /// HTTP status, 300 to 599.
        status: u16,
        /// A line for people.
        reason: String,
        /// Headers to add. One that may not be added (RFC 9110 §5.5) makes the answer a 500.
        headers: Vec<(String, String)>,
    },
    /// The answer is not known yet: [`Connections::decide`](super::Connections::decide) gives it later, from an event.
    /// Nothing is received meanwhile; a client that had sent more by then than a head may have, its head included, is
    /// answered 400. Past [`Options::head_timeout`](crate::Options::head_timeout), counted from the accept, the answer is
    /// 503.
    Later,
    /// Hand the socket over, with all that was received: [`Handler::side_door`](super::Handler::side_door) gets it.
    SideDoor,
}

/// How to answer an opening handshake.
#[derive(Debug, Default)]
pub struct Upgrade {
    /// Sub-protocols that are spoken, best first; the first that the client offers too is taken.
    pub protocols: Protocols,
    /// Headers to add to the answer.
    pub headers: Vec<(String, String)>,
    /// Sends and receives plain messages only, whatever [`Options::compression`](crate::Options::compression) says.
    pub without_compression: bool,
}

/// Names of sub-protocols, best first: fixed ones, without an allocation, or some that are put together for one request.
#[derive(Clone, Debug)]
pub enum Protocols {
    /// Fixed names.
    Fixed(&'static [&'static str]),
    /// Names of the moment.
    Owned(Vec<String>),
}

impl Verdict {
    /// Refuses with a status (300 to 599) and a line of text.
    #[must_use]
    pub fn refuse(status: u16, reason: impl Into<String>) -> Self {
        Self::Refuse { status, reason: reason.into() }
    }

    /// Takes the handshake and speaks these sub-protocols, best first: the first that the client offers too is taken. Where
    /// there is none the connection opens without; a browser that asked for one ends it then.
    #[must_use]
    pub fn with_protocols(protocols: impl Into<Protocols>) -> Self {
        Self::UpgradeWith(Upgrade { protocols: protocols.into(), ..Upgrade::default() })
    }

    /// Takes the handshake without compression: see [`Upgrade::without_compression`]. A refusal stays one.
    #[must_use]
    pub fn without_compression(self) -> Self {
        match self {
            Self::Upgrade => Self::UpgradeWith(Upgrade { without_compression: true, ..Upgrade::default() }),
            Self::UpgradeWith(upgrade) => Self::UpgradeWith(Upgrade { without_compression: true, ..upgrade }),
            other => other,
        }
    }

    /// Adds a header to the answer, whichever it is. To [`Verdict::SideDoor`] and [`Verdict::Later`] nothing can be added.
    #[must_use]
    pub fn with_header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let header = (name.into(), value.into());
        match self {
            Self::Upgrade => Self::UpgradeWith(Upgrade { headers: vec![header], ..Upgrade::default() }),
            Self::UpgradeWith(mut upgrade) => {
                upgrade.headers.push(header);
                Self::UpgradeWith(upgrade)
            }
            Self::Refuse { status, reason } => Self::RefuseWith { status, reason, headers: vec![header] },
            Self::RefuseWith { status, reason, mut headers } => {
                headers.push(header);
                Self::RefuseWith { status, reason, headers }
            }
            Self::Later | Self::SideDoor => self,
        }
    }
}

impl From<&RequestHead<'_>> for Verdict {
    /// The common rule where there is a side door: a WebSocket handshake stays, anything else leaves.
    fn from(head: &RequestHead<'_>) -> Self {
        if head.is_websocket_upgrade() { Self::Upgrade } else { Self::SideDoor }
    }
}

impl Protocols {
    /// Lends the names to `with`.
    pub(super) fn lend<R>(&self, with: impl FnOnce(&[&str]) -> R) -> R {
        match self {
            Self::Fixed(names) => with(names),
            Self::Owned(names) => with(&names.iter().map(String::as_str).collect::<Vec<_>>()),
        }
    }
}

impl Default for Protocols {
    fn default() -> Self {
        Self::Fixed(&[])
    }
}

impl From<&'static [&'static str]> for Protocols {
    fn from(names: &'static [&'static str]) -> Self {
        Self::Fixed(names)
    }
}

impl<const N: usize> From<&'static [&'static str; N]> for Protocols {
    fn from(names: &'static [&'static str; N]) -> Self {
        Self::Fixed(names)
    }
}

impl From<Vec<String>> for Protocols {
    fn from(names: Vec<String>) -> Self {
        Self::Owned(names)
    }
}

impl From<String> for Protocols {
    fn from(name: String) -> Self {
        Self::Owned(vec![name])
    }
}

impl From<&str> for Protocols {
    fn from(name: &str) -> Self {
        Self::Owned(vec![name.to_owned()])
    }
}
