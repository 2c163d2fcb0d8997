//! A connection from outside of its events.

use std::fmt;

use wavecast_websocket::CloseCode;

use super::command::Command;
use crate::message::{Message, MessageRef};
use crate::shard::{ConnectionId, Remote};

/// A handle to a connection: cheap to clone, free to be kept, sent to any thread and used after the connection has ended.
#[derive(Clone, Debug)]
pub struct Peer {
    id: ConnectionId,
    remote: Remote<Command>,
}

/// Why a [`Peer`] could not pass a request on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerError;

impl fmt::Display for PeerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the shard's inbox is full, or the server has ended; nothing was sent")
    }
}

impl std::error::Error for PeerError {}

impl Peer {
    pub(super) fn new(id: ConnectionId, remote: Remote<Command>) -> Self {
        Self { id, remote }
    }

    /// Queues a message. Messages of one thread keep their order. A connection that has ended takes nothing, silently:
    /// its close event has told.
    ///
    /// # Errors
    /// [`PeerError`] when the shard's inbox is full: wait a little, or drop the message.
    pub fn send<'m>(&self, message: impl Into<MessageRef<'m>>) -> Result<(), PeerError> {
        self.post(Command::Send(self.id, Message::copy_of(message.into())))
    }

    /// Pings the peer; the payload is cut at 125 bytes.
    ///
    /// # Errors
    /// As [`Peer::send`].
    pub fn ping(&self, payload: &[u8]) -> Result<(), PeerError> {
        self.post(Command::Ping(self.id, payload[..payload.len().min(125)].into()))
    }

    /// Starts the closing handshake, after what this thread sent before.
    ///
    /// # Errors
    /// As [`Peer::send`].
    pub fn close(&self, code: CloseCode, reason: &str) -> Result<(), PeerError> {
        self.post(Command::Close(self.id, code, reason.into()))
    }

    /// Stops to receive: see [`Connection::pause`](super::Connection::pause).
    ///
    /// # Errors
    /// As [`Peer::send`].
    pub fn pause(&self) -> Result<(), PeerError> {
        self.post(Command::Pause(self.id, true))
    }

    /// Receives again.
    ///
    /// # Errors
    /// As [`Peer::send`].
    pub fn resume(&self) -> Result<(), PeerError> {
        self.post(Command::Pause(self.id, false))
    }

    /// Which connection of its shard this is.
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    pub(super) fn remote(&self) -> &Remote<Command> {
        &self.remote
    }

    fn post(&self, command: Command) -> Result<(), PeerError> {
        self.remote.try_push(command).map_err(|_| PeerError)
    }
}

/// Two handles to the same connection are equal.
impl PartialEq for Peer {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.remote.is_same(&other.remote)
    }
}

impl Eq for Peer {}
