//! What the messages of one read provoke for their own connection, in one piece.
//!
//! Replies come in numbers: as many as there were messages in what was read. One by one each would be a frame of its own, with
//! memory of its own, and would be copied once more for the send. Here they are encoded one behind the other into memory
//! that the shard keeps for that, and leave together when the messages of the read have been delivered: at once, where they
//! are long, while what was read is still in the processor's cache; otherwise as one frame in the outbox.
//!
//! There is one cork, of the connection whose messages are being delivered. Order stays what it was: whatever else is
//! queued for that connection, or asked of its outbox, comes behind what is in the cork.

use std::mem;

use super::connection::{Connection, Phase};
use super::connections::Connections;
use super::event::ConnectionId;
use super::sending::SendError;
use crate::frame::{FRAME_OVERHEAD_BYTES, Frame};
use crate::message::MessageRef;

/// What the cork holds at most, and so the longest message that goes through it: one send's worth. What is more goes into the
/// outbox, in several frames.
const CORK_BYTES_MAX: usize = 128 * 1024;
/// From here on what is in the cork leaves at once. Below, to copy it costs less than a send that the turn might save.
const AT_ONCE_BYTES: usize = 4 * 1024;

/// Memory of the shard, of which one connection has the use.
#[derive(Default)]
pub(super) struct Cork {
    of: Option<ConnectionId>,
    bytes: Vec<u8>,
}

impl Cork {
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

    /// Takes what is to leave at once, and whose it is. [`Cork::put_back`] returns the memory.
    pub(super) fn take(&mut self) -> Option<(ConnectionId, Vec<u8>)> {
        let id = self.of.filter(|_| !self.bytes.is_empty())?;
        Some((id, mem::take(&mut self.bytes)))
    }

    pub(super) fn put_back(&mut self, mut bytes: Vec<u8>) {
        bytes.clear();
        self.bytes = bytes;
    }
}

impl Connections {
    /// The messages of one read are delivered now.
    pub(super) fn cork(&mut self, id: ConnectionId) {
        debug_assert!(self.cork.bytes.is_empty(), "what one read provoked has left before the next");
        self.cork.of = Some(id);
    }

    /// They have been. What may leave at once stays in the cork, for [`flush`](super::flush) to send; what may not goes into
    /// the outbox.
    pub(super) fn uncork(&mut self, id: ConnectionId) {
        let may_leave = |c: &Connection| {
            let is_open = matches!(c.phase, Phase::Open(_)) && !c.flags.closing && !c.flags.released;
            is_open && c.outbox.is_empty() && !c.flags.sending
        };
        if self.cork.bytes.len() < AT_ONCE_BYTES || !self.get(id).is_some_and(may_leave) {
            self.spill(id);
            self.cork.of = None;
        }
    }

    /// Encodes a message into the cork, if that is open for this connection and has room. `None`: it is to be queued like
    /// any other, and what is in the cork stands before it.
    pub(super) fn send_corked(
        &mut self,
        id: ConnectionId,
        message: MessageRef<'_>,
    ) -> Option<Result<(), SendError>> {
        if self.cork.of != Some(id) {
            return None;
        }
        if !self.is_open(id) {
            return Some(Err(SendError::Closed));
        }
        let length = message.len();
        let waits = self.queued_bytes(id);
        let fits_limit = waits + length + FRAME_OVERHEAD_BYTES <= self.options.outbox_bytes_max;
        let fits = self.cork.bytes.len() + length <= CORK_BYTES_MAX && (waits == 0 || fits_limit);
        if !fits {
            self.spill(id);
            if length > CORK_BYTES_MAX || !fits_limit {
                return None;
            }
        }
        // Nobody looks at the cork meanwhile.
        let mut bytes = mem::take(&mut self.cork.bytes);
        self.encode_for(id, message, &mut bytes);
        self.cork.bytes = bytes;
        Some(Ok(()))
    }

    /// What the cork holds of this connection goes into its outbox, because something is to stand behind it.
    pub(super) fn spill(&mut self, id: ConnectionId) {
        if self.cork.holds(id) {
            let frame = Frame::new(&self.cork.bytes);
            self.cork.bytes.clear();
            self.push_firm(id, frame);
        }
    }
}
