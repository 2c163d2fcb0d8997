//! Into the outboxes: messages to one connection, frames to many, and what belongs to the protocol.

use std::mem;

use wavecast_websocket::{self as websocket, Opcode};

use super::connection::Phase;
use super::connections::Connections;
use super::event::ConnectionId;
use super::waves::{Wave, WaveId};
use crate::frame::Frame;
use crate::message::MessageRef;
use crate::outbox::FRAME_OVERHEAD_BYTES;

/// Why a frame was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The connection has ended or is closing.
    Closed,
    /// The outbox is full. What a frame in a lane does then is the caller's to decide; for any other
    /// [`Handler::overflow`](super::Handler::overflow) will be asked at the end of the turn.
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

/// A fan-out that is being put together, of one frame or of several. [`Connections::launch`] sends it on its way; without
/// that what was queued waits for the next message to its connection.
#[must_use = "what was queued is flushed once it is launched"]
#[derive(Debug)]
pub struct FanOut(Wave);

impl Connections {
    /// Queues a message for one connection.
    ///
    /// # Errors
    /// [`SendError`]; nothing is queued then.
    pub fn send(&mut self, id: ConnectionId, message: MessageRef<'_>) -> Result<(), SendError> {
        let mut scratch = mem::take(&mut self.scratch);
        scratch.clear();
        encode(message, &mut scratch);
        let result = self.send_frame(id, &Frame::new(&scratch));
        self.scratch = scratch;
        result
    }

    /// Queues bytes that are whole encoded frames ([`encode`]) for one connection.
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
        self.make_room(id, frame)?;
        let Some(connection) = self.table.get_mut(id.slot) else { return Err(SendError::Closed) };
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
        self.push_firm(id, frame.clone());
        Ok(())
    }

    /// Keeps a place among what waits for a connection, for a frame that is not known yet: whatever is sent from now on
    /// goes out behind it, in order. [`Connections::fill_place`] ends that; a close gives the place up.
    pub fn hold_place(&mut self, id: ConnectionId) {
        let Some(connection) = self.table.get_mut(id.slot).filter(|c| c.generation == id.generation) else {
            return;
        };
        if matches!(connection.phase, Phase::Open(_)) && !connection.flags.closing {
            connection.outbox.hold_place(&mut self.pool);
            connection.flags.holds_place = true;
        }
    }

    /// Puts the frame into the place that was kept for it, and sends what had to wait.
    ///
    /// # Errors
    /// [`SendError::Closed`], also where no place is kept.
    pub fn fill_place(&mut self, id: ConnectionId, frame: &Frame) -> Result<(), SendError> {
        let Some(connection) = self.table.get_mut(id.slot).filter(|c| c.generation == id.generation) else {
            return Err(SendError::Closed);
        };
        if !mem::take(&mut connection.flags.holds_place)
            || !connection.outbox.fill_place(&mut self.pool, frame)
        {
            return Err(SendError::Closed);
        }
        if connection.wants_flush() {
            self.waves.soon(id);
        }
        Ok(())
    }

    /// Queues one frame for many connections. Who has ended is passed over; who has no room is reported through
    /// [`Handler::overflow`](super::Handler::overflow). The flush to many is cut into slices, so that other connections are
    /// served in between; then the wave has a name, for [`Connections::is_under_way`].
    pub fn fan_out(&mut self, targets: &[ConnectionId], frame: &Frame) -> Option<WaveId> {
        let mut fan_out = self.begin(targets.len());
        for &id in targets {
            self.add(&mut fan_out, id, frame).ok();
        }
        self.launch(fan_out)
    }

    /// Begins a fan-out of several frames, to about so many connections.
    pub fn begin(&mut self, size: usize) -> FanOut {
        FanOut(self.waves.wave(size))
    }

    /// Queues a frame for one connection of a fan-out.
    ///
    /// A frame whose lane has a key takes the place of the one that waits with the same lane, if there is one, so that a
    /// lane that is renewed all the time is not behind the others for ever. A frame without a lane takes the room of
    /// frames that have one, the oldest first, before it finds none: see [`Connections::take_shed`].
    ///
    /// # Errors
    /// [`SendError`]; nothing is queued then.
    pub fn add(&mut self, fan_out: &mut FanOut, id: ConnectionId, frame: &Frame) -> Result<(), SendError> {
        if self.queue(id, frame)? {
            fan_out.0.push(id);
        }
        Ok(())
    }

    /// Sends a fan-out on its way; the wave has a name if it takes more than a turn.
    pub fn launch(&mut self, fan_out: FanOut) -> Option<WaveId> {
        self.waves.launch(fan_out.0)
    }

    /// Whether a fan-out still has connections to flush. Who publishes faster than a wave runs collects what comes
    /// meanwhile, and sends it with the next: one write for many publications.
    #[must_use]
    pub fn is_under_way(&self, wave: WaveId) -> bool {
        self.waves.is_under_way(wave)
    }

    /// Pings a connection. The payload is at most 125 bytes; a longer one is cut there (RFC 6455 §5.5).
    ///
    /// # Errors
    /// [`SendError`]; nothing is queued then, and a full outbox is no overflow.
    pub fn ping(&mut self, id: ConnectionId, payload: &[u8]) -> Result<(), SendError> {
        if !self.is_open(id) {
            return Err(SendError::Closed);
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
    fn queue(&mut self, id: ConnectionId, frame: &Frame) -> Result<bool, SendError> {
        let limit = self.options.outbox_bytes_max;
        let Some(connection) = self.table.get_mut(id.slot).filter(|c| c.generation == id.generation) else {
            return Err(SendError::Closed);
        };
        if !matches!(connection.phase, Phase::Open(_)) || connection.flags.closing {
            return Err(SendError::Closed);
        }
        // When nothing waits, one frame goes however long it is: else a message could be received and not sent.
        let waiting = connection.outbox.queued_bytes();
        if waiting > 0 && (frame.has_key() || waiting + frame.len() + FRAME_OVERHEAD_BYTES > limit) {
            return self.queue_behind(id, frame);
        }
        connection.outbox.push(&mut self.pool, frame.clone());
        Ok(connection.wants_flush())
    }

    /// As [`Connections::queue`], where something waits that may have to give way.
    fn queue_behind(&mut self, id: ConnectionId, frame: &Frame) -> Result<bool, SendError> {
        let limit = self.options.outbox_bytes_max;
        let Self { table, pool, .. } = self;
        let outbox = &mut table[id.slot].outbox;
        if frame.has_key()
            && let Some(exchanged) = outbox.exchange(pool, frame, limit)
        {
            return exchanged.then_some(false).ok_or(SendError::Full);
        }
        self.make_room(id, frame)?;
        let connection = &mut self.table[id.slot];
        connection.outbox.push(&mut self.pool, frame.clone());
        Ok(connection.wants_flush())
    }

    /// Queues bytes that belong to the protocol, whatever waits before them: they are few and never dropped.
    pub(super) fn push_control(&mut self, id: ConnectionId, bytes: &[u8]) {
        self.push_firm(id, Frame::new(bytes));
    }

    fn push_firm(&mut self, id: ConnectionId, frame: Frame) {
        let Some(connection) = self.table.get_mut(id.slot).filter(|c| c.generation == id.generation) else {
            return;
        };
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
            connection.outbox.retain(&mut self.pool, |frame| !frame.is_empty());
            if !connection.outbox.is_empty() && connection.wants_flush() {
                self.waves.soon(id);
            }
        }
    }
}

/// Encodes a message as one frame of a server: the form that [`Connections::send_frame`] and
/// [`Connections::fan_out`] take.
pub fn encode(message: MessageRef<'_>, out: &mut Vec<u8>) {
    match message {
        MessageRef::Text(text) => websocket::frame::encode(Opcode::Text, text.as_bytes(), None, out),
        MessageRef::Binary(bytes) => websocket::frame::encode(Opcode::Binary, bytes, None, out),
    }
}
