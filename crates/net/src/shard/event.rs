//! What the events of a shard carry: names, openings, errors, ends.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use wavecast_websocket::handshake::RequestHead;
use wavecast_websocket::{CloseCode, ProtocolError};

use crate::driver::Stream;
use crate::params::Params;

/// A connection's name on its shard. It is never given out twice: a slot that is used again has a new generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

impl ConnectionId {
    /// A small number, dense and used again after the connection has ended: an index for a handler's own table.
    #[must_use]
    pub fn slot(self) -> u32 {
        self.slot
    }

    /// The id as a number, for what is to be carried about outside.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        (self.slot as u64) << 32 | self.generation as u64
    }

    /// The id behind [`to_bits`](Self::to_bits). Of any other number it makes an id under which nobody is found, or somebody
    /// else: whoever takes numbers from outside has to check that they are its own.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self { slot: (bits >> 32) as u32, generation: bits as u32 }
    }

    /// An id that no connection ever has, for what is like a connection's and belongs to none.
    #[must_use]
    pub const fn nobody() -> Self {
        Self { slot: u32::MAX, generation: u32::MAX }
    }

    /// An id that no shard has given out, for the tests of a handler's own rooms.
    #[must_use]
    pub const fn for_tests(slot: u32, generation: u32) -> Self {
        Self { slot, generation }
    }
}

/// What a connection has lost of a lane, because something that may not be dropped needed the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shed {
    /// The connection.
    pub connection: ConnectionId,
    /// The number of the lane.
    pub lane: u32,
    /// The messages that were dropped: the oldest of those that waited.
    pub messages: u32,
}

/// A connection that has just opened.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'o> {
    /// The request.
    pub head: &'o RequestHead<'o>,
    /// The sub-protocol agreed on.
    pub protocol: Option<&'o str>,
    /// Where it came from; behind a proxy that says so with the PROXY protocol, the client's address.
    pub peer: SocketAddr,
    /// The parts of the path that the route names; none without routes.
    pub params: Params<'o>,
}

/// Who began to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The peer, with a close frame.
    Peer,
    /// This side: the handler, a time-out, the drain.
    Local,
    /// An error: the peer broke the protocol or a limit, or the connection broke.
    Failure,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close<'c> {
    /// The code of the close frame; 1005 if it had none, 1006 if there was no close frame (RFC 6455 §7.1.5).
    pub code: u16,
    /// The reason that came with it.
    pub reason: &'c str,
    /// Who began.
    pub by: Side,
}

impl Close<'_> {
    /// Whether the peer began.
    #[must_use]
    pub fn is_by_peer(&self) -> bool {
        self.by == Side::Peer
    }
}

/// How connections are asked to leave: all of them ([`Remote::drain_over`](super::Remote::drain_over)) or some
/// ([`Remote::send_away`](super::Remote::send_away)).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leave {
    /// The code of the close frame.
    pub code: CloseCode,
    /// The reason beside it; at most 123 bytes, what is longer is cut.
    pub reason: Box<str>,
    /// The time over which they are asked, one after the other, evenly and in an order of chance. Zero: all at once.
    pub window: Duration,
}

impl Leave {
    /// All at once.
    #[must_use]
    pub fn new(code: CloseCode, reason: &str) -> Self {
        Self { code, reason: reason.into(), window: Duration::ZERO }
    }

    /// The same, over a time.
    #[must_use]
    pub fn over(self, window: Duration) -> Self {
        Self { window, ..self }
    }
}

/// What went wrong on a connection.
#[derive(Debug)]
pub enum ConnectionError {
    /// The peer broke the protocol or passed a limit; it is told by its close code.
    Protocol(ProtocolError),
    /// The connection broke.
    Io(std::io::Error),
    /// The peer ended its side without a closing handshake.
    Ended,
    /// Nothing was heard of the peer for the idle time-out.
    Idle,
    /// What waits for the peer has passed the limit of its outbox.
    Overflow,
    /// The program failed: an event panicked. The peer is told 1011.
    Panicked,
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(error) => error.fmt(f),
            Self::Io(error) => write!(f, "the connection broke: {error}"),
            Self::Ended => f.write_str("the peer ended the connection without a close frame"),
            Self::Idle => f.write_str("nothing was heard of the peer for the idle time-out"),
            Self::Overflow => f.write_str("the peer reads too slowly: its outbox is full"),
            Self::Panicked => f.write_str("an event of the program panicked"),
        }
    }
}

impl std::error::Error for ConnectionError {}

/// A connection that has been answered elsewhere and goes on as a *stream*: what the shard sends on it goes out as it is,
/// without frames of the WebSocket protocol (an HTTP response without a length, say). Nothing comes in: what the peer
/// sends is read and thrown away, and its end is a close by the peer, with 1005.
///
/// A stream has outbox, waves, timers and the close event like any other connection. It is closed by ending it, behind
/// [`Handler::last_words`](super::Handler::last_words). It has no messages, pings and fragments, and is not compressed.
#[derive(Debug)]
pub struct Answered<E> {
    /// The socket, non-blocking, or what stands for it.
    pub stream: Stream,
    /// Where it came from.
    pub peer: SocketAddr,
    /// A number of the handler's own, by which it knows what last words to say.
    pub kind: u8,
    /// What [`Handler::open_stream`](super::Handler::open_stream) is told.
    pub about: E,
}

/// A socket that leaves the shard, with what it has received so far.
#[derive(Debug)]
pub struct Detached {
    /// The socket, non-blocking.
    pub stream: Stream,
    /// Every byte received, the request head first.
    pub received: Vec<u8>,
    /// Where it came from.
    pub peer: SocketAddr,
}
