//! What a shard keeps of one connection, and how far it has come.

use std::mem;

use wavecast_websocket::deflate::{Context, Window};
use wavecast_websocket::keepalive::KeepAlive;
use wavecast_websocket::{self as websocket, Pongs, Role};

use super::event::{ConnectionId, Side};
use crate::message::Kind;
use crate::outbox::Outbox;

/// What the driver is asked to do once it is free to be asked. An order names its connection, not its slot: who has left
/// the slot meanwhile takes its orders along, and the next one in it never hears of them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    Pause(ConnectionId, bool),
    Shutdown(ConnectionId),
    Close(ConnectionId),
    Detach(ConnectionId),
}

/// One connection. What few connections need is in boxes that are absent until then.
pub(super) struct Connection {
    pub(super) phase: Phase,
    pub(super) outbox: Outbox,
    /// How the connection is being closed, once it is.
    pub(super) farewell: Option<Box<Farewell>>,
    pub(super) pongs: Pongs,
    pub(super) alive: KeepAlive,
    /// What messages to the peer refer to, where context takeover was agreed on and one was sent.
    pub(super) context: Option<Box<Context>>,
    pub(super) generation: u32,
    /// When its lifetime is over, in milliseconds of the shard divided by 16; `NEVER` where it has none.
    pub(super) ends_at: u32,
    pub(super) flags: Flags,
}

/// No end of a connection's lifetime.
pub(super) const NEVER: u32 = u32::MAX;

#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    /// On a flush list.
    pub(super) dirty: bool,
    /// A send is in flight.
    pub(super) sending: bool,
    /// The last send did not go out at once.
    pub(super) slow: bool,
    /// A close has been asked for; nothing more is delivered or queued.
    pub(super) closing: bool,
    /// Reported as overflowed in this turn.
    pub(super) overflowed: bool,
    /// The handler has stopped to receive.
    pub(super) paused: bool,
    /// The shard has stopped to receive until what waits for the peer has been sent.
    pub(super) held: bool,
    /// The peer has ended its side: nothing more comes.
    pub(super) peer_ended: bool,
    /// A place in the outbox is kept for a frame that is not known yet.
    pub(super) holds_place: bool,
    /// The driver has been told, or will be in this turn, to let go of the socket: nothing more is asked of it.
    pub(super) released: bool,
    /// How messages to the peer may be compressed.
    pub(super) window: Option<Window>,
    /// Messages are delivered in pieces, as they come.
    pub(super) in_pieces: bool,
    /// The handler wants to know when all that waits has gone.
    pub(super) tells_drained: bool,
    /// The message that is being sent in fragments.
    pub(super) outgoing: Outgoing,
    /// What follows when the outbox is empty.
    pub(super) then: Then,
}

/// How far a message in fragments has gone out.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) enum Outgoing {
    /// There is none.
    #[default]
    None,
    /// Begun, and no fragment sent.
    First(Kind),
    Next(Kind),
}

impl Flags {
    /// Whether the driver is to receive.
    pub(super) fn listens(self) -> bool {
        !self.paused && !self.held
    }
}

/// What follows when all that waits has been sent.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) enum Then {
    #[default]
    Stay,
    /// Close the socket: both close frames have passed, and the server closes first (RFC 6455 §7.1.1).
    Close,
    /// End our side and let the peer end its own, so that a reset does not swallow our last words.
    Shutdown,
}

/// How far a connection has come.
#[derive(Default)]
pub(super) enum Phase {
    #[default]
    Vacant,
    /// The request head is coming in.
    Head(Box<Head>),
    /// The request head is whole, and the verdict is to come later.
    Asked(Box<Head>),
    Open(websocket::Connection),
    /// Answered elsewhere: what is sent goes out as it is, and nothing comes in. The number is the handler's.
    Stream(u8),
    /// On its way through the side door.
    Leaving(Box<Head>),
    /// The handler has been told that it ended; what is left is between us and the socket.
    Ended,
}

/// What is known of a connection before it is open.
pub(super) struct Head {
    pub(super) peer: std::net::SocketAddr,
    pub(super) bytes: Vec<u8>,
    /// A header of the PROXY protocol comes before the head.
    pub(super) proxied: bool,
}

/// How the connection is being closed.
pub(super) struct Farewell {
    pub(super) code: u16,
    pub(super) reason: Box<str>,
    pub(super) by: Side,
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            phase: Phase::Vacant,
            outbox: Outbox::default(),
            farewell: None,
            pongs: Pongs::new(),
            alive: KeepAlive::new(0),
            context: None,
            generation: 0,
            ends_at: NEVER,
            flags: Flags::default(),
        }
    }
}

impl Connection {
    /// Marks the connection for a flush; `true` if it has to be put on a list for it.
    pub(super) fn wants_flush(&mut self) -> bool {
        !self.flags.sending && !mem::replace(&mut self.flags.dirty, true)
    }

    /// Whether nothing waits that could go out, and nothing is in flight.
    pub(super) fn is_drained(&self) -> bool {
        (self.outbox.is_empty() || self.outbox.is_held()) && !self.flags.sending
    }

    /// Whether the handler has been told that it opened, and not yet that it ended.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open(_) | Phase::Stream(_))
    }

    /// Whether nothing was to follow once all that waited has gone.
    pub(super) fn is_content(&self) -> bool {
        let Flags { held, tells_drained, then, .. } = self.flags;
        self.pongs.is_idle() && !held && !tells_drained && then == Then::Stay
    }

    /// Lends the protocol's state out of the table while the handler has the table.
    pub(super) fn take_protocol(&mut self) -> Option<websocket::Connection> {
        match &mut self.phase {
            Phase::Open(protocol) => Some(mem::replace(protocol, websocket::Connection::new(Role::Server))),
            _ => None,
        }
    }
}

/// The number of a connection's own timer: head, keep-alive, close, linger.
pub(super) fn link_timer(slot: u32) -> u32 {
    slot * 2
}

/// The number of the timer that the handler sets.
pub(super) fn handler_timer(slot: u32) -> u32 {
    slot * 2 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an idle connection costs on a shard, beside its timers and the driver's share.
    #[test]
    fn an_idle_connection_is_small_and_owns_nothing() {
        assert!(size_of::<Connection>() <= 112, "{}", size_of::<Connection>());
        let idle = Connection::default();
        assert!(idle.farewell.is_none() && idle.context.is_none() && idle.outbox.is_empty());
    }
}
