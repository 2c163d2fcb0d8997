//! A connection in the hands of an event.

use wavecast_websocket::CloseCode;

use super::hall::Hall;
use super::handle::{BroadcastError, Handle};
use super::peer::Peer;
use super::roster::JoinError;
use crate::message::{Kind, MessageRef};
use crate::shard::{ConnectionId, Connections, FragmentError, SendError};

/// A connection, lent to an event, with what the program keeps of it. What is sent here takes no lock and goes out when the
/// event loop's turn ends.
pub struct Connection<'c, S = ()> {
    pub(super) connections: &'c mut Connections,
    pub(super) hall: &'c mut Hall,
    pub(super) id: ConnectionId,
    pub(super) state: &'c mut S,
}

/// The members of a group, as an event reaches them.
pub struct Members<'a> {
    connections: &'a mut Connections,
    hall: &'a Hall,
    name: &'a str,
    me: ConnectionId,
}

impl<S> Connection<'_, S> {
    /// What the program keeps of this connection.
    #[must_use]
    pub fn state(&self) -> &S {
        self.state
    }

    /// What the program keeps of this connection, to be changed.
    pub fn state_mut(&mut self) -> &mut S {
        self.state
    }

    /// Queues a message.
    ///
    /// # Errors
    /// [`SendError::Closed`] when the connection has ended; [`SendError::Full`] when the peer reads too slowly: its
    /// connection is closed with 1013 then.
    pub fn send<'m>(&mut self, message: impl Into<MessageRef<'m>>) -> Result<(), SendError> {
        self.connections.send(self.id, message.into())
    }

    /// Begins a message that is sent in fragments, because it is longer than memory should hold, or not known yet to its
    /// end. Whole messages that are sent to this connection meanwhile, broadcasts too, wait behind it and are bounded by the
    /// outbox with it. [`Connection::fragment`] and [`Connection::finish`] follow.
    ///
    /// # Errors
    /// [`FragmentError::Closed`]; [`FragmentError::Order`] when another one is under way.
    pub fn begin(&mut self, kind: Kind) -> Result<(), FragmentError> {
        self.connections.begin_message(self.id, kind)
    }

    /// Queues the next fragment: some kilobytes at least, or its frame costs more than it carries. Once half of the outbox
    /// is full nothing is queued and nothing closed: [`Connection::tell_when_drained`] says when to go on.
    ///
    /// # Errors
    /// [`FragmentError`]; the message goes on in any case but [`FragmentError::Closed`].
    pub fn fragment<'m>(&mut self, part: impl Into<MessageRef<'m>>) -> Result<(), FragmentError> {
        self.connections.fragment(self.id, part.into())
    }

    /// Ends the message that was begun. What waits behind it follows.
    ///
    /// # Errors
    /// [`FragmentError::Closed`]; [`FragmentError::Order`] when none was begun.
    pub fn finish(&mut self) -> Result<(), FragmentError> {
        self.connections.finish_message(self.id)
    }

    /// Bytes that wait for the peer, each frame counted with 32 bytes more than its length. What the system has taken
    /// (at most [`UNSENT_BYTES`](crate::listener::UNSENT_BYTES) of it unsent) is not counted.
    #[must_use]
    pub fn outbox_bytes(&self) -> usize {
        self.connections.queued_bytes(self.id)
    }

    /// Asks for one [`Events::drained`](super::Events::drained), as soon as all that waits has been given to the system; where
    /// nothing waits, at the end of this turn.
    pub fn tell_when_drained(&mut self) {
        self.connections.tell_when_drained(self.id);
    }

    /// Has what the peer sends from now on delivered in pieces ([`Events::piece`](super::Events::piece)), as it comes, and
    /// none of it as a whole message: so that a message of any length passes, and none is kept. Best called in
    /// [`Events::open`](super::Events::open); later it holds from the next read on, and a message that has begun
    /// before comes as one piece. It cannot be undone. The limits are
    /// [`Options::websocket_in_pieces`](crate::Options::websocket_in_pieces) then.
    pub fn receive_in_pieces(&mut self) {
        self.connections.receive_in_pieces(self.id);
    }

    /// Stops to receive: the peer is held back by TCP, and is not declared dead. What had come in with the current message
    /// is still delivered: the rest of one read, [`Options::receive_bytes`](crate::Options::receive_bytes), which compressed
    /// may be a thousand times as much. [`Connection::resume`], or a close, ends it.
    pub fn pause(&mut self) {
        self.connections.pause(self.id, true);
    }

    /// Receives again.
    pub fn resume(&mut self) {
        self.connections.pause(self.id, false);
    }

    /// Pings the peer; the payload is cut at 125 bytes. [`Events::pong`](super::Events::pong) has the answer.
    ///
    /// # Errors
    /// [`SendError::Closed`] when the connection has ended; [`SendError::Full`] when its outbox is full.
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.connections.ping(self.id, payload)
    }

    /// Starts the closing handshake; what was sent before still arrives. The close event follows when it is done. A reason is
    /// at most 123 bytes; what is longer is cut.
    pub fn close(&mut self, code: CloseCode, reason: &str) {
        self.connections.close(self.id, code, reason);
    }

    /// Ends the connection at once: what waits is dropped, and the peer sees 1006.
    pub fn terminate(&mut self) {
        self.connections.terminate(self.id);
    }

    /// Whether messages may be sent: it is open, and nobody has begun to close it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.connections.is_open(self.id)
    }

    /// Which connection this is, for tables of your own: never the same for two of one shard.
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// A handle that may be kept and sent to other threads.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.hall.peer(self.id)
    }

    /// The server that this connection belongs to.
    #[must_use]
    pub fn server(&self) -> &Handle {
        &self.hall.handle
    }

    /// Everybody on the shard of this connection, itself included. For all shards: [`Handle::peers`].
    pub fn neighbours(&self) -> impl Iterator<Item = Peer> {
        self.hall.roster.everybody().iter().map(|id| self.hall.peer(*id))
    }

    /// Joins a group, which is made by its first member and gone with its last. Being in it already is no error. Membership
    /// ends with the connection, after its close event.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn join(&mut self, group: &str) -> Result<(), JoinError> {
        self.hall.roster.join(self.id, group)
    }

    /// Leaves a group; `false` if it was not in it.
    pub fn leave(&mut self, group: &str) -> bool {
        self.hall.roster.leave(self.id, group)
    }

    /// The groups that this connection is in, in no order.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.hall.roster.groups_of(self.id)
    }

    /// The members of a group, whether this connection is one or not.
    pub fn group<'a>(&'a mut self, name: &'a str) -> Members<'a> {
        Members { connections: self.connections, hall: self.hall, name, me: self.id }
    }

    /// Queues a message for every connection of the server: on this shard at once, on the others as
    /// [`Handle::broadcast`] does.
    ///
    /// # Errors
    /// [`BroadcastError`]: it is sent to everybody or to nobody.
    pub fn broadcast<'m>(&mut self, message: impl Into<MessageRef<'m>>) -> Result<(), BroadcastError> {
        self.hall.broadcast(self.connections, message.into(), None)
    }

    /// As [`Connection::broadcast`], to everybody but this connection.
    ///
    /// # Errors
    /// [`BroadcastError`]: it is sent to everybody or to nobody.
    pub fn broadcast_to_others<'m>(
        &mut self,
        message: impl Into<MessageRef<'m>>,
    ) -> Result<(), BroadcastError> {
        self.hall.broadcast(self.connections, message.into(), Some(self.id))
    }
}

impl Members<'_> {
    /// Queues a message for all members, on every shard: see [`Connection::broadcast`].
    ///
    /// # Errors
    /// [`BroadcastError`]: it is sent to everybody or to nobody.
    pub fn send<'m>(&mut self, message: impl Into<MessageRef<'m>>) -> Result<(), BroadcastError> {
        self.hall.send_to_group(self.connections, self.name, message.into(), None)
    }

    /// As [`Members::send`], to everybody but the connection whose event this is.
    ///
    /// # Errors
    /// [`BroadcastError`]: it is sent to everybody or to nobody.
    pub fn send_to_others<'m>(&mut self, message: impl Into<MessageRef<'m>>) -> Result<(), BroadcastError> {
        self.hall.send_to_group(self.connections, self.name, message.into(), Some(self.me))
    }
}
