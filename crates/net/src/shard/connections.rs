//! The connections of a shard, as its handler sees them: send, fan out, close, timers.
//!
//! Nothing here touches a socket. Sends go into outboxes and mark the connection for the flush at the end of the turn;
//! whatever needs the driver is noted as an order. So a handler may call anything from any event, for any connection.

use std::mem;
use std::time::{Duration, Instant};

use wavecast_websocket::{self as websocket, CloseCode, Opcode};

use super::connection::{Connection, Farewell, Flags, Order, Phase, handler_timer, link_timer};
use super::event::{ConnectionId, Side};
use super::waves::{Wave, WaveId, Waves};
use crate::frame::Frame;
use crate::message::MessageRef;
use crate::options::Options;
use crate::outbox::{FRAME_OVERHEAD_BYTES, Pool};
use crate::random::Jitter;
use crate::slots::Slots;
use crate::wheel::Wheel;

/// The connections of one shard.
pub struct Connections {
    pub(super) table: Slots<Connection>,
    pub(super) options: Options,
    pub(super) pool: Pool,
    pub(super) wheel: Wheel,
    pub(super) waves: Waves,
    pub(super) orders: Vec<Order>,
    /// Closes that were asked for and whose frame is not written yet.
    pub(super) closing: Vec<ConnectionId>,
    /// Connections whose outbox had no room.
    pub(super) overflowed: Vec<ConnectionId>,
    /// What was dropped to make room.
    shed: Vec<Shed>,
    pub(super) began: Instant,
    pub(super) now: Instant,
    /// Connections in the table, whatever their phase.
    pub(super) present: usize,
    pub(super) open: usize,
    pub(super) draining: bool,
    /// Until then, nobody's silence is believed: see [`Connections::notice_delay`].
    pub(super) deaf_until: Option<Instant>,
    /// Connections refused because the shard is full, since this was last told, and when that was.
    pub(super) refused: u64,
    pub(super) refusal_told: Option<Instant>,
    jitter: Jitter,
    scratch: Vec<u8>,
}

/// Why a frame was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The connection has ended or is closing.
    Closed,
    /// The outbox is full. What a frame in a lane does then is the caller's to decide; for any other
    /// [`Handler::overflow`](super::Handler::overflow) will be asked at the end of the turn.
    Full,
}

/// What a connection has lost of a lane, because something that may not be dropped needed the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shed {
    /// The connection.
    pub connection: ConnectionId,
    /// The number of the lane.
    pub lane: u32,
    /// The messages that were dropped: the oldest of those that waited.
    pub messages: u32,
}

/// What the outboxes of a shard hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxBytes {
    /// Bytes that wait, a shared frame counted for everyone that it waits for.
    pub waiting: u64,
    /// Bytes of the frames that wait or are being sent, a shared one counted once: the memory they take.
    pub frames: usize,
}

/// A fan-out that is being put together, of one frame or of several. [`Connections::launch`] sends it on its way; without
/// that what was queued waits for the next message to its connection.
#[must_use = "what was queued is flushed once it is launched"]
#[derive(Debug)]
pub struct FanOut(Wave);

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
    pub(super) fn new(options: Options, now: Instant, seed: u64) -> Self {
        Self {
            table: Slots::new(),
            waves: Waves::new(options.flush_slice),
            options,
            pool: Pool::default(),
            wheel: Wheel::new(),
            orders: Vec::new(),
            closing: Vec::new(),
            overflowed: Vec::new(),
            shed: Vec::new(),
            began: now,
            now,
            present: 0,
            open: 0,
            draining: false,
            deaf_until: None,
            refused: 0,
            refusal_told: None,
            jitter: Jitter::new(seed),
            scratch: Vec::new(),
        }
    }

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

    /// Starts the closing handshake. What was queued before is still sent; what is sent after is not queued.
    pub fn close(&mut self, id: ConnectionId, code: CloseCode, reason: &str) {
        self.say_farewell(id, code.get(), reason, Side::Local);
    }

    /// Closes like [`Connections::close`] but drops what waits: for peers that do not read.
    pub fn cut(&mut self, id: ConnectionId, code: CloseCode, reason: &str) {
        if let Some(connection) = self.get_mut(id)
            && !connection.flags.closing
        {
            let outbox = &mut connection.outbox;
            let mut waiting = mem::take(outbox);
            waiting.clear(&mut self.pool);
            self.close(id, code, reason);
        }
    }

    /// Ends a connection at once, without a closing handshake: the peer sees 1006.
    pub fn terminate(&mut self, id: ConnectionId) {
        if self.get(id).is_some() {
            self.say_farewell(id, CloseCode::ABNORMAL.get(), "", Side::Local);
        }
    }

    /// Sets the handler's timer of a connection, in place of an earlier one. Precision is 16 ms, never early.
    pub fn set_timer(&mut self, id: ConnectionId, after: Duration) {
        if self.get(id).is_some() {
            let elapsed = self.elapsed();
            self.wheel.set(handler_timer(id.slot), elapsed, after);
        }
    }

    /// Cancels the handler's timer of a connection.
    pub fn cancel_timer(&mut self, id: ConnectionId) {
        if self.get(id).is_some() {
            self.wheel.cancel(handler_timer(id.slot));
        }
    }

    /// Stops or resumes receiving from a connection; its peer is held back by TCP. Messages that had come in with the
    /// current one are still delivered. A peer that we do not listen to is not declared dead. Closing resumes: the peer's
    /// close frame is awaited.
    pub fn pause(&mut self, id: ConnectionId, paused: bool) {
        if self.is_open(id) {
            self.listen(id, |flags| flags.paused = paused);
        }
    }

    /// Whether the connection is open and not closing.
    #[must_use]
    pub fn is_open(&self, id: ConnectionId) -> bool {
        self.get(id).is_some_and(|c| matches!(c.phase, Phase::Open(_)) && !c.flags.closing)
    }

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

    /// What the outboxes of this shard hold.
    #[must_use]
    pub fn outbox_bytes(&self) -> OutboxBytes {
        OutboxBytes { waiting: self.pool.queued_bytes(), frames: self.pool.frame_bytes() }
    }

    /// Drops what waits of a lane, the oldest first, until a frame of `room_for` bytes has room. Says how many messages were
    /// lost; a send in flight is not touched.
    pub fn drop_oldest(&mut self, id: ConnectionId, lane: u32, room_for: usize) -> u32 {
        let (_, excess) = self.excess(id, room_for);
        self.drop_lane(id, lane, excess)
    }

    /// Drops all that waits of a lane. Says how many messages were lost; a send in flight is not touched.
    pub fn discard(&mut self, id: ConnectionId, lane: u32) -> u32 {
        self.drop_lane(id, lane, usize::MAX)
    }

    fn drop_lane(&mut self, id: ConnectionId, lane: u32, excess: usize) -> u32 {
        let mut lost = 0;
        self.drop_where(id, excess, |of, messages| {
            lost += if of == lane { messages } else { 0 };
            of == lane
        });
        lost
    }

    /// What was dropped since this was last asked, because a frame that has no lane needed the room. Whoever sends frames
    /// in lanes asks at least once a turn.
    pub fn take_shed(&mut self) -> Vec<Shed> {
        mem::take(&mut self.shed)
    }

    /// Connections that are open.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.open
    }

    /// The time of this turn.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// A duration between the two, by chance: so that what began together does not stay together.
    pub fn jitter(&mut self, low: Duration, high: Duration) -> Duration {
        self.jitter.between(low, high)
    }

    /// Whether the shard is on its way to the end.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining
    }

    pub(super) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.table.get(id.slot).filter(|connection| connection.generation == id.generation)
    }

    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.table.get_mut(id.slot).filter(|connection| connection.generation == id.generation)
    }

    pub(super) fn id(&self, slot: u32) -> ConnectionId {
        ConnectionId { slot, generation: self.table[slot].generation }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.now.duration_since(self.began)
    }

    pub(super) fn elapsed_ms(&self) -> u64 {
        self.elapsed().as_millis() as u64
    }

    /// Changes whether the driver is to receive.
    pub(super) fn listen(&mut self, id: ConnectionId, change: impl FnOnce(&mut Flags)) {
        let now_ms = self.elapsed_ms();
        let Some(connection) = self.get_mut(id) else { return };
        let before = connection.flags.listens();
        change(&mut connection.flags);
        let listens = connection.flags.listens();
        if before != listens {
            // Silence that we caused does not count against the peer.
            connection.alive.heard(now_ms);
            self.orders.push(Order::Pause(id, !listens));
        }
    }

    /// The socket is of no use any more: it is closed at the end of the turn, and nothing is sent until then.
    pub(super) fn release(&mut self, id: ConnectionId) {
        let Some(connection) = self.table.get_mut(id.slot).filter(|c| c.generation == id.generation) else {
            return;
        };
        connection.outbox.clear(&mut self.pool);
        if !mem::replace(&mut connection.flags.released, true) {
            self.orders.push(Order::Close(id));
        }
    }

    pub(super) fn set_link_timer(&mut self, slot: u32, after: Duration) {
        let elapsed = self.elapsed();
        self.wheel.set(link_timer(slot), elapsed, after);
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

    /// Sees to it that a frame has room in an outbox. What has a lane makes room for what has none.
    fn make_room(&mut self, id: ConnectionId, frame: &Frame) -> Result<(), SendError> {
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
        self.drop_where(id, excess, |lane, messages| {
            match shed[before..].iter_mut().find(|shed| shed.lane == lane) {
                Some(shed) => shed.messages += messages,
                None => shed.push(Shed { connection: id, lane, messages }),
            }
            true
        });
        self.shed = shed;
        Ok(())
    }

    /// Drops frames that `wants` to go, which is told lane and messages of each, until `excess` bytes have gone.
    fn drop_where(&mut self, id: ConnectionId, excess: usize, mut wants: impl FnMut(u32, u32) -> bool) {
        let Some(connection) = self.table.get_mut(id.slot).filter(|c| c.generation == id.generation) else {
            return;
        };
        let mut dropped = 0;
        connection.outbox.retain(&mut self.pool, |frame| {
            let Some(lane) = frame.lane().filter(|_| dropped < excess) else { return true };
            if !wants(lane.number, frame.messages()) {
                return true;
            }
            dropped += frame.len() + FRAME_OVERHEAD_BYTES;
            false
        });
    }

    /// How many of the waiting bytes are firm, and how many have to go before a frame of `length` bytes has room.
    fn excess(&self, id: ConnectionId, length: usize) -> (usize, usize) {
        let Some(outbox) = self.get(id).map(|connection| &connection.outbox) else { return (0, 0) };
        let waiting = outbox.queued_bytes();
        let needed = if waiting == 0 { 0 } else { waiting + length + FRAME_OVERHEAD_BYTES };
        (outbox.firm_bytes(), needed.saturating_sub(self.options.outbox_bytes_max))
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
    fn give_up_place(&mut self, id: ConnectionId) {
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

    pub(super) fn say_farewell(&mut self, id: ConnectionId, code: u16, reason: &str, by: Side) {
        let Some(connection) = self.get_mut(id) else { return };
        if connection.flags.closing || !matches!(connection.phase, Phase::Open(_)) {
            return;
        }
        connection.flags.closing = true;
        self.give_up_place(id);
        let Some(connection) = self.get_mut(id) else { return };
        connection.farewell = Some(Box::new(Farewell { code, reason: reason.into(), by }));
        self.closing.push(id);
        // The peer's close frame stands behind what was not read.
        self.listen(id, |flags| (flags.paused, flags.held) = (false, false));
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
