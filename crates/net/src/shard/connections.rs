//! The connections of a shard, as its handler sees them: send, fan out, close, timers.
//!
//! Nothing here touches a socket. Sends go into outboxes and mark the connection for the flush at the end of the turn;
//! whatever needs the driver is noted as an order. So a handler may call anything from any event, for any connection.

use std::mem;
use std::time::{Duration, Instant};

use wavecast_websocket::keepalive::KeepAlive;
use wavecast_websocket::{self as websocket, CloseCode, Opcode, Pongs, Role};

use super::event::{ConnectionId, Message, Side};
use super::waves::{WaveId, Waves};
use crate::frame::Frame;
use crate::options::Options;
use crate::outbox::{FRAME_OVERHEAD_BYTES, Outbox, Pool};
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
    pub(super) began: Instant,
    pub(super) now: Instant,
    /// Connections in the table, whatever their phase.
    pub(super) present: usize,
    pub(super) open: usize,
    pub(super) draining: bool,
    jitter: Jitter,
    scratch: Vec<u8>,
}

/// What the driver is asked to do once it is free to be asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    Pause(u32, bool),
    Shutdown(u32),
    Close(u32),
    Detach(u32),
}

/// One connection. What few connections need is in boxes that are absent until then.
pub(super) struct Connection {
    pub(super) phase: Phase,
    pub(super) outbox: Outbox,
    /// How the connection is being closed, once it is.
    pub(super) farewell: Option<Box<Farewell>>,
    pub(super) pongs: Pongs,
    pub(super) alive: KeepAlive,
    pub(super) generation: u32,
    pub(super) flags: Flags,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    /// On a flush list.
    pub(super) dirty: bool,
    /// A send is in flight.
    pub(super) sending: bool,
    /// A close has been asked for; nothing more is delivered or queued.
    pub(super) closing: bool,
    /// Reported as overflowed in this turn.
    pub(super) overflowed: bool,
    /// What follows when the outbox is empty.
    pub(super) then: Then,
}

/// What follows when all that waits has been sent.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) enum Then {
    #[default]
    Stay,
    /// Close the socket: both close frames have passed, and the server closes first (RFC 6455 §7.1.1).
    Close,
    /// End our side and let the peer end its own, so that a reset does not swallow our last words.
    Shutdown,
}

/// How far a connection has come.
#[derive(Default)]
pub(super) enum Phase {
    #[default]
    Vacant,
    /// The request head is coming in.
    Head(Box<Head>),
    Open(websocket::Connection),
    /// On its way through the side door.
    Leaving(Box<Head>),
    /// The handler has been told that it ended; what is left is between us and the socket.
    Ended,
}

/// What is known of a connection before it is open.
pub(super) struct Head {
    pub(super) peer: std::net::SocketAddr,
    pub(super) bytes: Vec<u8>,
}

/// How the connection is being closed.
pub(super) struct Farewell {
    pub(super) code: u16,
    pub(super) reason: Box<str>,
    pub(super) by: Side,
}

/// Why a frame was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The connection has ended or is closing.
    Closed,
    /// The outbox is full; [`Handler::overflow`](super::Handler::overflow) will be asked at the end of the turn.
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
            began: now,
            now,
            present: 0,
            open: 0,
            draining: false,
            jitter: Jitter::new(seed),
            scratch: Vec::new(),
        }
    }

    /// Queues a message for one connection.
    ///
    /// # Errors
    /// [`SendError`]; nothing is queued then.
    pub fn send(&mut self, id: ConnectionId, message: Message<'_>) -> Result<(), SendError> {
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

    /// Queues one frame for many connections. Who has ended is passed over; who has no room is reported through
    /// [`Handler::overflow`](super::Handler::overflow). The flush to many is cut into slices, so that other connections are
    /// served in between; then the wave has a name, for [`Connections::is_under_way`].
    pub fn fan_out(&mut self, targets: &[ConnectionId], frame: &Frame) -> Option<WaveId> {
        let mut wave = self.waves.wave(targets.len());
        for &id in targets {
            if self.queue(id, frame) == Ok(true) {
                wave.push(id);
            }
        }
        self.waves.launch(wave)
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
    /// [`SendError`]; nothing is queued then.
    pub fn ping(&mut self, id: ConnectionId, payload: &[u8]) -> Result<(), SendError> {
        self.control(id, Opcode::Ping, payload)
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

    /// Stops or resumes receiving from a connection; its peer is held back by TCP.
    pub fn pause(&mut self, id: ConnectionId, paused: bool) {
        if self.get(id).is_some() {
            self.orders.push(Order::Pause(id.slot, paused));
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
        if waiting > 0 && waiting + frame.len() + FRAME_OVERHEAD_BYTES > limit {
            if !mem::replace(&mut connection.flags.overflowed, true) {
                self.overflowed.push(id);
            }
            return Err(SendError::Full);
        }
        connection.outbox.push(&mut self.pool, frame.clone());
        Ok(connection.wants_flush())
    }

    /// Queues bytes that belong to the protocol, whatever waits before them: they are few and never dropped.
    pub(super) fn push_control(&mut self, id: ConnectionId, bytes: &[u8]) {
        let Some(connection) = self.table.get_mut(id.slot).filter(|c| c.generation == id.generation) else {
            return;
        };
        connection.outbox.push(&mut self.pool, Frame::new(bytes));
        if connection.wants_flush() {
            self.waves.soon(id);
        }
    }

    pub(super) fn control(
        &mut self,
        id: ConnectionId,
        opcode: Opcode,
        payload: &[u8],
    ) -> Result<(), SendError> {
        if !self.is_open(id) {
            return Err(SendError::Closed);
        }
        let mut scratch = mem::take(&mut self.scratch);
        scratch.clear();
        websocket::frame::encode(opcode, &payload[..payload.len().min(125)], None, &mut scratch);
        self.push_control(id, &scratch);
        self.scratch = scratch;
        Ok(())
    }

    pub(super) fn say_farewell(&mut self, id: ConnectionId, code: u16, reason: &str, by: Side) {
        let Some(connection) = self.get_mut(id) else { return };
        if connection.flags.closing || !matches!(connection.phase, Phase::Open(_)) {
            return;
        }
        connection.flags.closing = true;
        connection.farewell = Some(Box::new(Farewell { code, reason: reason.into(), by }));
        self.closing.push(id);
    }
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            phase: Phase::Vacant,
            outbox: Outbox::default(),
            farewell: None,
            pongs: Pongs::new(),
            alive: KeepAlive::new(0),
            generation: 0,
            flags: Flags::default(),
        }
    }
}

impl Connection {
    /// Marks the connection for a flush; `true` if it has to be put on a list for it.
    fn wants_flush(&mut self) -> bool {
        !self.flags.sending && !mem::replace(&mut self.flags.dirty, true)
    }

    /// Lends the protocol's state out of the table while the handler has the table.
    pub(super) fn take_protocol(&mut self) -> Option<websocket::Connection> {
        match &mut self.phase {
            Phase::Open(protocol) => Some(mem::replace(protocol, websocket::Connection::new(Role::Server))),
            _ => None,
        }
    }
}

/// Encodes a message as one frame of a server: the form that [`Connections::send_frame`] and
/// [`Connections::fan_out`] take.
pub fn encode(message: Message<'_>, out: &mut Vec<u8>) {
    match message {
        Message::Text(text) => websocket::frame::encode(Opcode::Text, text.as_bytes(), None, out),
        Message::Binary(bytes) => websocket::frame::encode(Opcode::Binary, bytes, None, out),
    }
}

/// The number of a connection's own timer: head, keep-alive, close, linger.
pub(super) fn link_timer(slot: u32) -> u32 {
    slot * 2
}

/// The number of the timer that the handler sets.
pub(super) fn handler_timer(slot: u32) -> u32 {
    slot * 2 + 1
}
