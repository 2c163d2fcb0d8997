//! What a shard asks of the program above it: the four events, and the questions around them.

use std::fmt;
use std::net::{SocketAddr, TcpStream};

use wavecast_websocket::handshake::RequestHead;
use wavecast_websocket::{CloseCode, ProtocolError};

use super::connections::Connections;

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

    /// An id that no shard has given out, for the tests of a handler's own rooms.
    #[must_use]
    pub const fn for_tests(slot: u32, generation: u32) -> Self {
        Self { slot, generation }
    }
}

/// A whole message, lent until the event returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'m> {
    /// Text, valid UTF-8.
    Text(&'m str),
    /// Any bytes.
    Binary(&'m [u8]),
}

/// What to do with a request.
#[derive(Debug, Default)]
pub enum Verdict {
    /// Go on with the opening handshake, if the request is a right one (RFC 6455 §4.2.1).
    #[default]
    Upgrade,
    /// As [`Verdict::Upgrade`], with a choice of sub-protocols and headers for the answer.
    UpgradeWith(Upgrade),
    /// Answer with an HTTP status and a line of text, and close.
    Refuse {
        /// HTTP status, 400 to 599.
        status: u16,
        /// A line for people.
        reason: String,
    },
    /// Hand the socket over, with all that was received: [`Handler::side_door`] gets it.
    SideDoor,
}

/// How to answer an opening handshake.
#[derive(Debug, Default)]
pub struct Upgrade {
    /// Sub-protocols that are spoken, best first; the first that the client offers too is taken.
    pub protocols: &'static [&'static str],
    /// Headers to add to the answer.
    pub headers: Vec<(String, String)>,
}

/// A connection that has just opened.
#[derive(Debug)]
pub struct Opening<'o> {
    /// The request.
    pub head: &'o RequestHead<'o>,
    /// The sub-protocol agreed on.
    pub protocol: Option<&'o str>,
    /// Where it came from.
    pub peer: SocketAddr,
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
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(error) => error.fmt(f),
            Self::Io(error) => write!(f, "the connection broke: {error}"),
            Self::Ended => f.write_str("the peer ended the connection without a close frame"),
            Self::Idle => f.write_str("nothing was heard of the peer for the idle time-out"),
            Self::Overflow => f.write_str("the peer reads too slowly: its outbox is full"),
        }
    }
}

impl std::error::Error for ConnectionError {}

/// A socket that leaves the shard, with what it has received so far.
#[derive(Debug)]
pub struct Detached {
    /// The socket, non-blocking.
    pub stream: TcpStream,
    /// Every byte received, the request head first.
    pub received: Vec<u8>,
    /// Where it came from.
    pub peer: SocketAddr,
}

/// The program above a shard: one instance a shard, so that it needs no locks of its own.
///
/// All calls come from the shard's thread and must not block. What they send is collected in outboxes and goes out with
/// one write per connection at the end of the turn.
pub trait Handler {
    /// What other threads post to this shard, through [`Remote`](crate::shard::Remote).
    type Event: Send + 'static;

    /// A whole request head has come in. By default a WebSocket handshake goes on, anything else is refused with 426.
    fn request(&mut self, head: &RequestHead<'_>, peer: SocketAddr) -> Verdict {
        let _ = (head, peer);
        Verdict::Upgrade
    }

    /// A connection has opened.
    fn open(&mut self, connections: &mut Connections, id: ConnectionId, opening: &Opening<'_>);

    /// A message has come in.
    fn message(&mut self, connections: &mut Connections, id: ConnectionId, message: Message<'_>);

    /// A connection that had opened has ended; once for each.
    fn close(&mut self, connections: &mut Connections, id: ConnectionId, close: &Close<'_>);

    /// Something went wrong; [`Handler::close`] follows.
    fn error(&mut self, connections: &mut Connections, id: ConnectionId, error: &ConnectionError) {
        let _ = (connections, id, error);
    }

    /// An event from another thread.
    fn event(&mut self, connections: &mut Connections, event: Self::Event);

    /// Whether more events may be handed over now. While it says no they wait in the inbox, and who posts them finds it full
    /// in the end: back-pressure.
    fn ready(&self) -> bool {
        true
    }

    /// The timer of a connection ([`Connections::set_timer`]) has come.
    fn timer(&mut self, connections: &mut Connections, id: ConnectionId) {
        let _ = (connections, id);
    }

    /// All that had come in has been handled; the outboxes are flushed next. What was collected for this moment (several
    /// publications of one channel, say) is sent now. `true`: something is held back, for a wave that is under way; the
    /// shard does not sleep then.
    fn turn(&mut self, connections: &mut Connections) -> bool {
        let _ = connections;
        false
    }

    /// A frame for this connection did not fit its outbox and was not queued.
    fn overflow(&mut self, connections: &mut Connections, id: ConnectionId) {
        connections.cut(id, CloseCode::TRY_AGAIN_LATER, "slow consumer");
    }

    /// A socket leaves through the side door ([`Verdict::SideDoor`]). By default it is closed.
    fn side_door(&mut self, detached: Detached) {
        drop(detached);
    }
}
