//! A connection's replies to its own messages: into the cork while a read is delivered, and out of it.

use super::compression::encode_for;
use super::connection::{Connection, Phase};
use super::connections::Connections;
use super::cork::CORK_BYTES_MAX;
use super::event::ConnectionId;
use super::sending::SendError;
use crate::frame::{FRAME_OVERHEAD_BYTES, Frame};
use crate::message::MessageRef;

impl Connections {
    /// The messages of one read are delivered now. What they provoke leaves with [`uncork`](super::flush::uncork).
    pub(super) fn cork(&mut self, id: ConnectionId) {
        if let Some(before) = self.cork.of() {
            self.spill(before);
        }
        self.cork.open(id);
    }

    /// Closes the cork. What may leave at once is handed out, with the memory that [`Cork::put_back`](super::cork::Cork)
    /// wants again; what may not goes into the outbox.
    pub(super) fn take_corked(&mut self) -> Option<(ConnectionId, Vec<u8>)> {
        let id = self.cork.of()?;
        let may_leave = |c: &Connection| {
            let is_open = matches!(c.phase, Phase::Open(_)) && !c.flags.closing && !c.flags.released;
            is_open && c.outbox.is_empty() && !c.flags.sending
        };
        if self.cork.bytes(id).len() < self.options.at_once_bytes || !self.get(id).is_some_and(may_leave) {
            self.spill(id);
        }
        self.cork.take()
    }

    /// Encodes a message into the cork, if that is open for this connection and has room. `None`: it is to be queued like
    /// any other, and what is in the cork stands before it.
    pub(super) fn send_corked(
        &mut self,
        id: ConnectionId,
        message: MessageRef<'_>,
    ) -> Option<Result<(), SendError>> {
        if !self.cork.is_open_for(id) {
            return None;
        }
        let connection = self.get(id).filter(|c| matches!(c.phase, Phase::Open(_)) && !c.flags.closing);
        let Some(connection) = connection else { return Some(Err(SendError::Closed)) };
        let (length, corked) = (message.len(), self.cork.bytes(id).len());
        let waits = connection.outbox.queued_bytes() + self.cork.cost(id);
        let fits_limit = waits == 0 || waits + length + FRAME_OVERHEAD_BYTES <= self.options.outbox_bytes_max;
        if !fits_limit || corked + length > CORK_BYTES_MAX {
            self.spill(id);
            if !fits_limit || length > CORK_BYTES_MAX {
                return None;
            }
        }
        let Self { table, deflater, cork, .. } = self;
        encode_for(&mut table[id.slot], deflater, message, cork.end());
        Some(Ok(()))
    }

    /// What the cork holds of this connection goes into its outbox, because something is to stand behind it.
    pub(super) fn spill(&mut self, id: ConnectionId) {
        if self.cork.holds(id) {
            let frame = Frame::new(self.cork.bytes(id));
            self.cork.forget(id);
            self.push_firm(id, frame);
        }
    }
}
