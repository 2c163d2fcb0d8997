//! Room in the outboxes: how much waits, and what gives way when it is too much.
//!
//! A frame in a lane may be dropped while it waits, and one without may not: so the first makes room for the second. What is
//! in flight is beyond all this.

use std::mem;

use super::connections::Connections;
use super::event::{ConnectionId, Shed};
use super::sending::SendError;
use crate::frame::Frame;
use crate::outbox::FRAME_OVERHEAD_BYTES;

/// What the outboxes of a shard hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxBytes {
    /// Bytes that wait, a shared frame counted for everyone that it waits for.
    pub waiting: u64,
    /// Bytes of the frames that wait or are being sent, a shared one counted once: the memory they take.
    pub frames: usize,
}

impl Connections {
    /// Bytes that wait for a connection, not counting the send in flight.
    #[must_use]
    pub fn queued_bytes(&self, id: ConnectionId) -> usize {
        self.get(id).map_or(0, |connection| connection.outbox.queued_bytes())
    }

    /// Those of the bytes that wait which may not be dropped: everything outside of a lane.
    #[must_use]
    pub fn firm_bytes(&self, id: ConnectionId) -> usize {
        self.get(id).map_or(0, |connection| connection.outbox.firm_bytes())
    }

    /// Whether nothing waits for a connection and no send is in flight.
    #[must_use]
    pub fn is_idle(&self, id: ConnectionId) -> bool {
        self.get(id).is_some_and(|connection| connection.outbox.is_empty() && !connection.flags.sending)
    }

    /// Whether a send is in flight. Seen at the beginning of a turn, by an event of the inbox say, the peer is behind: its
    /// system had no room for all that was sent in an earlier turn.
    #[must_use]
    pub fn is_sending(&self, id: ConnectionId) -> bool {
        self.get(id).is_some_and(|connection| connection.flags.sending)
    }

    /// What the outboxes of this shard hold.
    #[must_use]
    pub fn outbox_bytes(&self) -> OutboxBytes {
        OutboxBytes { waiting: self.pool.queued_bytes(), frames: self.pool.frame_bytes() }
    }

    /// Drops what waits of a lane, the oldest first, until a frame of `room_for` bytes has room; nothing where that is not
    /// enough. Says how many messages were lost; a send in flight is not touched.
    pub fn drop_oldest(&mut self, id: ConnectionId, lane: u32, room_for: usize) -> u32 {
        let (_, excess) = self.excess(id, room_for);
        let mut of_lane = 0;
        self.drop_where(id, usize::MAX, |of, _, cost| {
            of_lane += if of == lane { cost } else { 0 };
            false
        });
        // Where nothing else waits, a frame has room however long it is.
        let is_enough = of_lane >= excess || of_lane == self.queued_bytes(id);
        if is_enough { self.drop_lane(id, lane, excess) } else { 0 }
    }

    /// Drops all that waits of a lane. Says how many messages were lost; a send in flight is not touched.
    pub fn discard(&mut self, id: ConnectionId, lane: u32) -> u32 {
        self.drop_lane(id, lane, usize::MAX)
    }

    /// What was dropped since this was last asked, because a frame that has no lane needed the room. Whoever sends frames
    /// in lanes asks at least once a turn.
    pub fn take_shed(&mut self) -> Vec<Shed> {
        mem::take(&mut self.shed)
    }

    /// Sees to it that a frame has room in an outbox. What has a lane makes room for what has none.
    pub(super) fn make_room(&mut self, id: ConnectionId, frame: &Frame) -> Result<(), SendError> {
        if !self.is_open(id) {
            return Err(SendError::Closed);
        }
        let (firm, excess) = self.excess(id, frame.len());
        if excess == 0 {
            return Ok(());
        }
        if frame.lane().is_some() {
            return Err(SendError::Full);
        }
        let limit = self.options.outbox_bytes_max;
        if firm > 0 && firm + frame.len() + FRAME_OVERHEAD_BYTES > limit {
            let Some(connection) = self.get_mut(id) else { return Err(SendError::Closed) };
            if !mem::replace(&mut connection.flags.overflowed, true) {
                self.overflowed.push(id);
            }
            return Err(SendError::Full);
        }
        let mut shed = mem::take(&mut self.shed);
        let before = shed.len();
        self.drop_where(id, excess, |lane, messages, _| {
            match shed[before..].iter_mut().find(|shed| shed.lane == lane) {
                Some(shed) => shed.messages += messages,
                None => shed.push(Shed { connection: id, lane, messages }),
            }
            true
        });
        self.shed = shed;
        Ok(())
    }

    /// How many of the waiting bytes are firm, and how many have to go before a frame of `length` bytes has room.
    fn excess(&self, id: ConnectionId, length: usize) -> (usize, usize) {
        let Some(outbox) = self.get(id).map(|connection| &connection.outbox) else { return (0, 0) };
        let waiting = outbox.queued_bytes();
        let needed = if waiting == 0 { 0 } else { waiting + length + FRAME_OVERHEAD_BYTES };
        (outbox.firm_bytes(), needed.saturating_sub(self.options.outbox_bytes_max))
    }

    fn drop_lane(&mut self, id: ConnectionId, lane: u32, excess: usize) -> u32 {
        let mut lost = 0;
        self.drop_where(id, excess, |of, messages, _| {
            lost += if of == lane { messages } else { 0 };
            of == lane
        });
        lost
    }

    /// Drops frames that `wants` to go, which is told lane, messages and bytes of each, until `excess` bytes have gone.
    fn drop_where(
        &mut self,
        id: ConnectionId,
        excess: usize,
        mut wants: impl FnMut(u32, u32, usize) -> bool,
    ) {
        let Some(connection) = self.table.get_mut(id.slot).filter(|c| c.generation == id.generation) else {
            return;
        };
        let mut dropped = 0;
        connection.outbox.retain(&mut self.pool, |frame| {
            let Some(lane) = frame.lane().filter(|_| dropped < excess) else { return true };
            let cost = frame.len() + FRAME_OVERHEAD_BYTES;
            let goes = wants(lane.number, frame.messages(), cost);
            dropped += if goes { cost } else { 0 };
            !goes
        });
    }
}
