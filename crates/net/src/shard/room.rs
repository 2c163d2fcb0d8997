//! Room in the outboxes: how much waits, and what gives way when it is too much.
//!
//! A frame in a lane without a key gives way while it waits, and others do not: so the first makes room for the second. What
//! is in flight is beyond all this.

use std::mem;
use std::ops::ControlFlow;

use super::connection::Connection;
use super::connections::Connections;
use super::event::{ConnectionId, Shed};
use super::sending::SendError;
use crate::frame::{FRAME_OVERHEAD_BYTES, Frame};

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
        self.get(id).map_or(0, |connection| connection.outbox.queued_bytes()) + self.cork.cost(id)
    }

    /// Those of the bytes that wait which stand in no lane: what the peer itself has asked for, mostly.
    #[must_use]
    pub fn firm_bytes(&self, id: ConnectionId) -> usize {
        self.get(id).map_or(0, |connection| connection.outbox.firm_bytes()) + self.cork.cost(id)
    }

    /// Those of the bytes that wait which make room for nothing: all but the frames that [give way](Frame::gives_way). Where
    /// there are lanes, what waits is looked through.
    #[must_use]
    pub fn staying_bytes(&self, id: ConnectionId) -> usize {
        self.get(id).map_or(0, |connection| connection.outbox.staying_bytes(&self.pool)) + self.cork.cost(id)
    }

    /// Whether nothing waits for a connection and no send is in flight.
    #[must_use]
    pub fn is_idle(&self, id: ConnectionId) -> bool {
        let is_idle = |c: &Connection| c.outbox.is_empty() && !c.flags.sending;
        !self.cork.holds(id) && self.get(id).is_some_and(is_idle)
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

    /// Drops what gives way of a lane, the oldest first, until a frame of `room_for` bytes has room; nothing where that is not
    /// enough. Says how many messages were lost; a send in flight is not touched.
    pub fn drop_oldest(&mut self, id: ConnectionId, lane: u32, room_for: usize) -> u32 {
        self.spill(id);
        let limit = self.options.outbox_bytes_max;
        let Some(connection) = self.table.get_mut(id.slot).filter(|c| c.generation == id.generation) else {
            return 0;
        };
        let excess = connection.outbox.excess(&self.pool, room_for + FRAME_OVERHEAD_BYTES, limit);
        let is_of_lane = |frame: &Frame| frame.gives_way() && is_in(lane, frame);
        let mut lost = 0;
        connection.outbox.free(&mut self.pool, excess, is_of_lane, |frame| lost += frame.messages());
        lost
    }

    /// Drops all that waits of a lane, whatever its keys. Says how many messages were lost; a send in flight is not touched.
    pub fn discard(&mut self, id: ConnectionId, lane: u32) -> u32 {
        let Some(connection) = self.table.get_mut(id.slot).filter(|c| c.generation == id.generation) else {
            return 0;
        };
        let mut lost = 0;
        connection.outbox.retain(&mut self.pool, |frame| {
            let goes = is_in(lane, frame);
            lost += if goes { frame.messages() } else { 0 };
            ControlFlow::Continue(!goes)
        });
        lost
    }

    /// What was dropped since this was last asked, because a frame that does not give way needed the room. Whoever sends
    /// frames in lanes asks at least once a turn.
    pub fn take_shed(&mut self) -> Vec<Shed> {
        mem::take(&mut self.shed)
    }

    /// Sees to it that a frame has room in an outbox.
    pub(super) fn make_room(&mut self, id: ConnectionId, frame: &Frame) -> Result<(), SendError> {
        let Some(connection) = self.get(id).filter(|_| self.is_open(id)) else {
            return Err(SendError::Closed);
        };
        match connection.outbox.excess(&self.pool, frame.cost(), self.options.outbox_bytes_max) {
            0 => Ok(()),
            _ if frame.gives_way() => Err(SendError::Full),
            excess => self.shed(id, excess),
        }
    }

    /// Drops the oldest that gives way, until so many bytes have gone. Where that is not enough it drops nothing, and the
    /// outbox has overflowed.
    pub(super) fn shed(&mut self, id: ConnectionId, excess: usize) -> Result<(), SendError> {
        let Self { table, pool, shed, overflowed, .. } = self;
        let connection = &mut table[id.slot];
        let before = shed.len();
        let is_freed = connection.outbox.free(pool, excess, Frame::gives_way, |frame| {
            let Some(lane) = frame.lane().map(|lane| lane.number) else { return };
            match shed[before..].iter_mut().find(|shed| shed.lane == lane) {
                Some(shed) => shed.messages += frame.messages(),
                None => shed.push(Shed { connection: id, lane, messages: frame.messages() }),
            }
        });
        if is_freed {
            return Ok(());
        }
        if !mem::replace(&mut connection.flags.overflowed, true) {
            overflowed.push(id);
        }
        Err(SendError::Full)
    }
}

fn is_in(lane: u32, frame: &Frame) -> bool {
    frame.lane().is_some_and(|of| of.number == lane)
}
