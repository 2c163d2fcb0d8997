//! What the messages of one read provoke for their own connection, in one piece.
//!
//! Replies come in numbers: as many as there were messages in what was read. One by one each would be a frame of its own, with
//! memory of its own, and would be copied once more for the send. Here they are encoded one behind the other into memory
//! that the shard keeps for that, and leave together when the messages of the read have been delivered: at once, while what
//! was read is still in the processor's cache, or, where they are short and more may follow in the same turn
//! ([`Options::at_once_bytes`](crate::options::Options::at_once_bytes)), as one frame in the outbox.
//!
//! There is one cork, of the connection whose messages are being delivered. Order stays what it was: whatever else is
//! queued for that connection, or asked of its outbox, comes behind what is in the cork.

use std::mem;

use super::event::ConnectionId;
use crate::frame::FRAME_OVERHEAD_BYTES;

/// What the cork holds at most, and so the longest message that goes through it: the echo of one read, with a message that
/// ends in it. What is more goes into the outbox, in several frames.
pub(super) const CORK_BYTES_MAX: usize = 320 * 1024;

/// Memory of the shard, of which one connection has the use.
#[derive(Default)]
pub(super) struct Cork {
    of: Option<ConnectionId>,
    bytes: Vec<u8>,
}

impl Cork {
    /// Whatever this connection is sent goes into it.
    pub(super) fn open(&mut self, id: ConnectionId) {
        self.of = Some(id);
    }

    /// Whose it is.
    pub(super) fn of(&self) -> Option<ConnectionId> {
        self.of
    }

    pub(super) fn is_open_for(&self, id: ConnectionId) -> bool {
        self.of == Some(id)
    }

    /// What is in it of this connection.
    pub(super) fn bytes(&self, id: ConnectionId) -> &[u8] {
        if self.holds(id) { &self.bytes } else { &[] }
    }

    /// Where the next frame is encoded.
    pub(super) fn end(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Whether something of this connection is in it.
    pub(super) fn holds(&self, id: ConnectionId) -> bool {
        !self.bytes.is_empty() && self.of == Some(id)
    }

    /// What it counts in the outbox of this connection, bytes.
    pub(super) fn cost(&self, id: ConnectionId) -> usize {
        if self.holds(id) { self.bytes.len() + FRAME_OVERHEAD_BYTES } else { 0 }
    }

    /// Drops what is in it of this connection.
    pub(super) fn forget(&mut self, id: ConnectionId) {
        if self.holds(id) {
            self.bytes.clear();
        }
    }

    /// Takes what is in it, and says whose it is; it is nobody's then. [`Cork::put_back`] returns the memory.
    pub(super) fn take(&mut self) -> Option<(ConnectionId, Vec<u8>)> {
        let id = self.of.take().filter(|_| !self.bytes.is_empty())?;
        Some((id, mem::take(&mut self.bytes)))
    }

    pub(super) fn put_back(&mut self, mut bytes: Vec<u8>) {
        bytes.clear();
        self.bytes = bytes;
    }
}
