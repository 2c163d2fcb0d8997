//! A connection in the hands of an event, and the handle that may leave the event.

use std::fmt;

use wavecast_websocket::CloseCode;

use crate::message::MessageRef;
use crate::shard::{self, ConnectionId, Connections, Remote, SendError};

/// A connection, lent to an event. What is sent here takes no lock and goes out when the event loop's turn ends.
pub struct Connection<'c> {
    connections: &'c mut Connections,
    id: ConnectionId,
    remote: &'c Remote<Command>,
}

/// A handle to a connection: cheap to clone, free to be kept, sent to any thread and used after the connection has ended.
#[derive(Clone, Debug)]
pub struct Peer {
    id: ConnectionId,
    remote: Remote<Command>,
}

/// What a [`Peer`] asks its shard for.
#[derive(Debug)]
pub(super) enum Command {
    Send(ConnectionId, Box<[u8]>),
    Ping(ConnectionId, Box<[u8]>),
    Close(ConnectionId, CloseCode, Box<str>),
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

impl<'c> Connection<'c> {
    pub(super) fn new(
        connections: &'c mut Connections,
        id: ConnectionId,
        remote: &'c Remote<Command>,
    ) -> Self {
        Self { connections, id, remote }
    }

    /// Queues a message.
    ///
    /// # Errors
    /// [`SendError::Closed`] when the connection has ended; [`SendError::Full`] when the peer reads too slowly: its
    /// connection is closed with 1013 then.
    pub fn send<'m>(&mut self, message: impl Into<MessageRef<'m>>) -> Result<(), SendError> {
        self.connections.send(self.id, message.into())
    }

    /// Pings the peer; the payload is cut at 125 bytes.
    ///
    /// # Errors
    /// [`SendError::Closed`] when the connection has ended.
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.connections.ping(self.id, payload)
    }

    /// Starts the closing handshake; what was sent before still arrives. The close event follows when it is done.
    pub fn close(&mut self, code: CloseCode, reason: &str) {
        self.connections.close(self.id, code, reason);
    }

    /// Which connection this is, for tables of your own: never the same for two of one shard.
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// A handle that may be kept and sent to other threads.
    #[must_use]
    pub fn peer(&self) -> Peer {
        Peer { id: self.id, remote: self.remote.clone() }
    }
}

impl Peer {
    /// Queues a message. Messages of one thread keep their order. A connection that has ended takes nothing, silently:
    /// its close event has told.
    ///
    /// # Errors
    /// [`PeerError`] when the shard's inbox is full: wait a little, or drop the message.
    pub fn send<'m>(&self, message: impl Into<MessageRef<'m>>) -> Result<(), PeerError> {
        let mut frame = Vec::new();
        shard::encode(message.into(), &mut frame);
        self.remote.try_push(Command::Send(self.id, frame.into())).map_err(|_| PeerError)
    }

    /// Pings the peer; the payload is cut at 125 bytes.
    ///
    /// # Errors
    /// As [`Peer::send`].
    pub fn ping(&self, payload: &[u8]) -> Result<(), PeerError> {
        self.remote.try_push(Command::Ping(self.id, payload.into())).map_err(|_| PeerError)
    }

    /// Starts the closing handshake, after what this thread sent before.
    ///
    /// # Errors
    /// As [`Peer::send`].
    pub fn close(&self, code: CloseCode, reason: &str) -> Result<(), PeerError> {
        self.remote.try_push(Command::Close(self.id, code, reason.into())).map_err(|_| PeerError)
    }
}

impl Command {
    /// Carries the command out on the shard. Full and ended connections are the shard's to report.
    pub(super) fn carry_out(self, connections: &mut Connections) {
        match self {
            Self::Send(id, frame) => {
                connections.send_frame(id, &frame.into()).ok();
            }
            Self::Ping(id, payload) => {
                connections.ping(id, &payload).ok();
            }
            Self::Close(id, code, reason) => connections.close(id, code, &reason),
        }
    }
}
