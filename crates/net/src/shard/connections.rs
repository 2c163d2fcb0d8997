//! The connections of a shard, as its handler sees them: close, timers, what is known of them. What is sent to them has
//! rooms of its own.
//!
//! Nothing here touches a socket. Sends go into outboxes and mark the connection for the flush at the end of the turn;
//! whatever needs the driver is noted as an order. So a handler may call anything from any event, for any connection.

use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wavecast_websocket::CloseCode;
use wavecast_websocket::deflate::{Deflater, Inflater};

use super::connection::{Connection, Farewell, Flags, Order, Phase, handler_timer, link_timer};
use super::cork::Cork;
use super::event::{ConnectionId, Shed, Side};
use super::verdict::Verdict;
use super::waves::Waves;
use crate::options::Options;
use crate::outbox::{Place, Pool};
use crate::random::Jitter;
use crate::slots::Slots;
use crate::tally::Tally;
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
    /// Verdicts that came later.
    pub(super) decided: Vec<(ConnectionId, Verdict)>,
    /// Connections of which all that waited has gone, and whose handler wants to know.
    pub(super) emptied: Vec<ConnectionId>,
    /// Connections whose outbox had no room.
    pub(super) overflowed: Vec<ConnectionId>,
    /// What was dropped to make room.
    pub(super) shed: Vec<Shed>,
    pub(super) began: Instant,
    pub(super) now: Instant,
    /// The time of this turn since the shard began: every read asks for it.
    now_ms: u64,
    /// Connections in the table, whatever their phase.
    pub(super) present: usize,
    pub(super) open: usize,
    /// Open ones of which a close has been asked for.
    pub(super) parting: usize,
    /// No connection opens any more.
    pub(super) draining: bool,
    /// Nor is anybody heard at the door.
    pub(super) shut: bool,
    /// Until then, nobody's silence is believed: see [`Connections::notice_delay`].
    pub(super) deaf_until: Option<Instant>,
    /// Connections refused because the shard is full, since this was last told, and when that was.
    pub(super) refused: u64,
    pub(super) refusal_told: Option<Instant>,
    jitter: Jitter,
    pub(super) scratch: Vec<u8>,
    /// For all connections that take nothing over from message to message; they own nothing before the first.
    pub(super) deflater: Deflater,
    pub(super) inflater: Inflater,
    pub(super) cork: Cork,
    /// Where what a bundle renews waits: memory that is used again.
    pub(super) places: Vec<Option<Place>>,
    /// Where the shard counts, for others to read.
    pub(super) tally: Arc<Tally>,
}

impl Connections {
    pub(super) fn new(options: Options, now: Instant, seed: u64, tally: Arc<Tally>) -> Self {
        Self {
            table: Slots::new(),
            waves: Waves::new(options.flush_slice),
            deflater: Deflater::new(&options.compression.unwrap_or_default()),
            inflater: Inflater::new(),
            options,
            pool: Pool::default(),
            wheel: Wheel::new(),
            orders: Vec::new(),
            closing: Vec::new(),
            decided: Vec::new(),
            emptied: Vec::new(),
            overflowed: Vec::new(),
            shed: Vec::new(),
            began: now,
            now,
            now_ms: 0,
            present: 0,
            open: 0,
            parting: 0,
            draining: false,
            shut: false,
            deaf_until: None,
            refused: 0,
            refusal_told: None,
            jitter: Jitter::new(seed),
            scratch: Vec::new(),
            cork: Cork::default(),
            places: Vec::new(),
            tally,
        }
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
            self.cork.forget(id);
            self.close(id, code, reason);
        }
    }

    /// Closes as [`Connections::close`] does, because something failed: the close event says so, and the peer's own close
    /// frame is not waited for.
    pub fn fail(&mut self, id: ConnectionId, code: CloseCode, reason: &str) {
        self.say_farewell(id, code.get(), reason, Side::Failure);
    }

    /// Gives the verdict that [`Verdict::Later`] promised; for a connection that does not wait for one it is dropped. It is
    /// carried out at the end of the turn.
    pub fn decide(&mut self, id: ConnectionId, verdict: Verdict) {
        self.decided.push((id, verdict));
    }

    /// Whether a connection waits for the verdict that [`Verdict::Later`] promised.
    #[must_use]
    pub fn awaits_verdict(&self, id: ConnectionId) -> bool {
        self.get(id).is_some_and(|connection| matches!(connection.phase, Phase::Asked(_)))
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

    /// Has what the peer sends from the next read on delivered in pieces ([`Handler::piece`](super::Handler::piece)), as it
    /// comes: so that a message of any length passes and none is kept. From [`Handler::open`](super::Handler::open) that is
    /// everything; a message that has begun before comes as one piece, within the limits of whole ones. It cannot be undone. [`Options::websocket_in_pieces`] are the limits then, and
    /// [`Connections::pause`] holds the peer back.
    pub fn receive_in_pieces(&mut self, id: ConnectionId) {
        if let Some(connection) = self.get_mut(id) {
            connection.flags.in_pieces = true;
        }
    }

    /// Whether the connection is open and not closing.
    #[must_use]
    pub fn is_open(&self, id: ConnectionId) -> bool {
        self.get(id).is_some_and(|c| c.is_open() && !c.flags.closing)
    }

    /// Whether the connection is a [stream](crate::shard::Answered).
    #[must_use]
    pub fn is_stream(&self, id: ConnectionId) -> bool {
        self.get(id).is_some_and(|connection| matches!(connection.phase, Phase::Stream(_)))
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

    /// A number below `bound`, by chance.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.jitter.below(bound as u64) as usize
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
        self.now_ms
    }

    /// Sets the time of this turn, and gives that of the turn before.
    pub(super) fn begin_turn(&mut self, now: Instant) -> Instant {
        let before = mem::replace(&mut self.now, now);
        self.now_ms = self.elapsed().as_millis() as u64;
        before
    }

    /// A turn ends: what it has left, and how long it took.
    pub(super) fn count_turn(&self, now: Instant) {
        self.tally.connections.set(self.present as u64);
        self.tally.open.set(self.open as u64);
        self.tally.turn_took(now - self.now);
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
        self.cork.forget(id);
        let Some(connection) = self.table.get_mut(id.slot).filter(|c| c.generation == id.generation) else {
            return;
        };
        connection.outbox.clear(&mut self.pool);
        if !mem::replace(&mut connection.flags.released, true) {
            self.orders.push(Order::Close(id));
        }
    }

    /// A sign of life other than bytes that came in.
    pub(super) fn heard(&mut self, slot: u32) {
        let now_ms = self.elapsed_ms();
        self.table[slot].alive.heard(now_ms);
    }

    /// The slot is free: its next connection has another name.
    pub(super) fn vacate(&mut self, slot: u32) {
        self.wheel.cancel(link_timer(slot));
        self.wheel.cancel(handler_timer(slot));
        let connection = &mut self.table[slot];
        let generation = connection.generation.wrapping_add(1);
        let mut outbox = mem::take(&mut connection.outbox);
        outbox.clear(&mut self.pool);
        self.table[slot] = Connection { generation, ..Default::default() };
        self.present -= 1;
    }

    pub(super) fn set_link_timer(&mut self, slot: u32, after: Duration) {
        let elapsed = self.elapsed();
        self.wheel.set(link_timer(slot), elapsed, after);
    }

    pub(super) fn say_farewell(&mut self, id: ConnectionId, code: u16, reason: &str, by: Side) {
        let Some(connection) = self.get_mut(id) else { return };
        if connection.flags.closing || !connection.is_open() {
            return;
        }
        connection.flags.closing = true;
        self.parting += 1;
        self.give_up_message(id);
        self.give_up_place(id);
        let Some(connection) = self.get_mut(id) else { return };
        connection.farewell = Some(Box::new(Farewell { code, reason: reason.into(), by }));
        self.closing.push(id);
        // The peer's close frame stands behind what was not read.
        self.listen(id, |flags| (flags.paused, flags.held) = (false, false));
    }
}
