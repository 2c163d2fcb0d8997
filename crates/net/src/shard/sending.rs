//! Into the outbox of one connection: messages, frames, and what belongs to the protocol.

use std::mem;

use wavecast_websocket::{self as websocket, Opcode};

use super::connection::Outgoing;
use super::connections::Connections;
use super::event::ConnectionId;
use crate::frame::Frame;
use crate::message::MessageRef;
use crate::outbox::Place;

/// Why a frame was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The connection has ended or is closing.
    Closed,
    /// The outbox is full. What becomes of a frame that [gives way](Frame::gives_way) is the caller's to decide; for any
    /// other [`Handler::overflow`](super::Handler::overflow) will be asked at the end of the turn.
    Full,
}

impl std::fmt::Display for SendError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Closed => "the connection has ended or is closing",
            Self::Full => "the peer reads too slowly: its outbox is full",
        })
    }
}

impl std::error::Error for SendError {}

impl Connections {
    /// Queues a message for one connection; compressed, if that was agreed on and makes it shorter. Not for a
    /// [stream](crate::shard::Answered), which has no messages.
    ///
    /// # Errors
    /// [`SendError`]; nothing is queued then.
    pub fn send(&mut self, id: ConnectionId, message: MessageRef<'_>) -> Result<(), SendError> {
        debug_assert!(!self.is_stream(id), "a stream has no messages");
        if let Some(done) = self.send_corked(id, message) {
            return done;
        }
        let mut bytes = Vec::new();
        self.encode_for(id, message, &mut bytes);
        let result = self.send_frame(id, &bytes.into_boxed_slice().into());
        if result.is_err() {
            self.passed_over(id);
        }
        result
    }

    /// Queues bytes that are whole encoded frames ([`encode`]) for one connection. They go out as they are, unless the
    /// frame is [deflatable](Frame::deflatable) and the connection takes that.
    ///
    /// # Errors
    /// [`SendError`]; nothing is queued then.
    pub fn send_frame(&mut self, id: ConnectionId, frame: &Frame) -> Result<(), SendError> {
        let pushed = self.queue(id, frame);
        if pushed == Ok(true) {
            self.waves.soon(id);
        }
        pushed.map(|_| ())
    }

    /// Queues a frame before everything that waits for one connection: for pings, which say nothing about what stands
    /// behind them and are late behind a long queue.
    ///
    /// # Errors
    /// [`SendError`]; nothing is queued then.
    pub fn send_first(&mut self, id: ConnectionId, frame: &Frame) -> Result<(), SendError> {
        self.spill(id);
        self.make_room(id, frame)?;
        let Some(connection) = self.table.get_mut(id.slot).filter(|_| !frame.is_empty()) else {
            return Ok(());
        };
        connection.outbox.push_first(&mut self.pool, frame.clone());
        if connection.wants_flush() {
            self.waves.soon(id);
        }
        Ok(())
    }

    /// Queues a frame whatever waits, for what has to be said just because the outbox is full. The caller sees to it that
    /// few of them wait at a time.
    ///
    /// # Errors
    /// [`SendError::Closed`].
    pub fn send_anyway(&mut self, id: ConnectionId, frame: &Frame) -> Result<(), SendError> {
        if !self.is_open(id) {
            return Err(SendError::Closed);
        }
        let frame = self.form_for(id, frame);
        self.push_firm(id, frame);
        Ok(())
    }

    /// Keeps a place among what waits for a connection, for a frame that is not known yet: whatever is sent from now on
    /// goes out behind it, in order. [`Connections::fill_place`] ends that; a close gives the place up. There is one place
    /// at a time: where one is kept nothing happens.
    pub fn hold_place(&mut self, id: ConnectionId) {
        self.spill(id);
        let Some(connection) = self.table.get_mut(id.slot).filter(|c| c.generation == id.generation) else {
            return;
        };
        let is_open = connection.is_open() && !connection.flags.closing;
        if is_open && !mem::replace(&mut connection.flags.holds_place, true) {
            connection.outbox.hold_place(&mut self.pool);
        }
    }

    /// Puts the frame into the place that was kept for it, and sends what had to wait. With a frame without bytes that is
    /// all.
    ///
    /// # Errors
    /// [`SendError::Closed`], also where no place is kept.
    pub fn fill_place(&mut self, id: ConnectionId, frame: &Frame) -> Result<(), SendError> {
        let frame = self.form_for(id, frame);
        let Some(connection) = self.table.get_mut(id.slot).filter(|c| c.generation == id.generation) else {
            return Err(SendError::Closed);
        };
        // The place of a message in fragments is filled by its end.
        let is_kept = connection.flags.holds_place && connection.flags.outgoing == Outgoing::None;
        if !is_kept {
            return Err(SendError::Closed);
        }
        connection.flags.holds_place = false;
        connection.outbox.fill_place(&mut self.pool, &frame);
        if connection.wants_flush() {
            self.waves.soon(id);
        }
        Ok(())
    }

    /// Pings a connection. The payload is at most 125 bytes; a longer one is cut there (RFC 6455 §5.5). A
    /// [stream](crate::shard::Answered) has no pings: nothing happens.
    ///
    /// # Errors
    /// [`SendError`]; nothing is queued then, and a full outbox is no overflow.
    pub fn ping(&mut self, id: ConnectionId, payload: &[u8]) -> Result<(), SendError> {
        if !self.is_open(id) {
            return Err(SendError::Closed);
        }
        if self.is_stream(id) {
            return Ok(());
        }
        if self.queued_bytes(id) >= self.options.outbox_bytes_max {
            return Err(SendError::Full);
        }
        let mut scratch = mem::take(&mut self.scratch);
        scratch.clear();
        websocket::frame::encode(Opcode::Ping, &payload[..payload.len().min(125)], None, &mut scratch);
        self.push_control(id, &scratch);
        self.scratch = scratch;
        Ok(())
    }

    /// Puts a frame into an outbox. `Ok(true)`: the connection has to be put on a flush list.
    pub(super) fn queue(&mut self, id: ConnectionId, frame: &Frame) -> Result<bool, SendError> {
        let Self { table, pool, .. } = self;
        let outbox = table.get(id.slot).filter(|c| c.generation == id.generation).map(|c| &c.outbox);
        let waits = outbox.filter(|outbox| frame.has_key() && !outbox.is_empty());
        match waits.and_then(|outbox| outbox.find(pool, frame)) {
            Some(place) => self.exchange(id, place, frame).map(|()| false),
            None => self.append(id, frame).map(|(_, wants_flush)| wants_flush),
        }
    }

    /// Puts a frame behind what waits. Says where it stands now, and whether the connection has to be put on a flush list.
    pub(super) fn append(
        &mut self,
        id: ConnectionId,
        frame: &Frame,
    ) -> Result<(Option<Place>, bool), SendError> {
        self.spill(id);
        let frame = self.form_for(id, frame);
        self.make_room(id, &frame)?;
        let Some(connection) = self.table.get_mut(id.slot).filter(|_| !frame.is_empty()) else {
            return Ok((None, false));
        };
        let place = connection.outbox.push(&mut self.pool, frame);
        Ok((Some(place), connection.wants_flush()))
    }

    /// Puts a frame in the place of the one that waits there with its lane and key.
    pub(super) fn exchange(
        &mut self,
        id: ConnectionId,
        place: Place,
        frame: &Frame,
    ) -> Result<(), SendError> {
        if !self.is_open(id) {
            return Err(SendError::Closed);
        }
        if frame.is_empty() {
            return Ok(());
        }
        self.spill(id);
        let frame = self.form_for(id, frame);
        let excess =
            self.table[id.slot].outbox.excess_in(&self.pool, place, &frame, self.options.outbox_bytes_max);
        if excess > 0 {
            self.shed(id, excess)?;
        }
        self.table[id.slot].outbox.exchange(&mut self.pool, place, &frame);
        Ok(())
    }

    /// Queues bytes that belong to the protocol, whatever waits before them: they are few and never dropped.
    pub(super) fn push_control(&mut self, id: ConnectionId, bytes: &[u8]) {
        let frame = Frame::new(bytes);
        // Control frames may stand between fragments (RFC 6455 §5.4), and must not wait for the last one.
        match self.get(id).map(|connection| connection.flags.outgoing) {
            Some(Outgoing::First(_) | Outgoing::Next(_)) => self.insert_at_place(id, &frame),
            Some(Outgoing::None) | None => self.push_firm(id, frame),
        }
    }

    pub(super) fn push_firm(&mut self, id: ConnectionId, frame: Frame) {
        self.spill(id);
        let Some(connection) = self.table.get_mut(id.slot).filter(|c| c.generation == id.generation) else {
            return;
        };
        if frame.is_empty() {
            return;
        }
        connection.outbox.push(&mut self.pool, frame);
        if connection.wants_flush() {
            self.waves.soon(id);
        }
    }

    /// Nobody fills the place any more: what waits behind it may go.
    pub(super) fn give_up_place(&mut self, id: ConnectionId) {
        let Some(connection) = self.table.get_mut(id.slot).filter(|c| c.generation == id.generation) else {
            return;
        };
        if mem::take(&mut connection.flags.holds_place) {
            connection.outbox.give_up_place(&mut self.pool);
            if !connection.outbox.is_empty() && connection.wants_flush() {
                self.waves.soon(id);
            }
        }
    }
}

/// Encodes a message as one frame of a server: the form that [`Connections::send_frame`] and
/// [`Connections::fan_out`] take.
pub fn encode(message: MessageRef<'_>, out: &mut Vec<u8>) {
    websocket::frame::encode(message.opcode(), message.as_bytes(), None, out);
}
