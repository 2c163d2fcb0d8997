//! Every way a connection ends: by the peer, by this side, by an error, by time.
//!
//! All of them pass through [`end`], which tells the handler once. What is left after that (the last frames, the peer's own
//! end) is between the shard and the socket, and bounded by time.

use std::io::{self, ErrorKind};
use std::mem;
use std::time::Duration;

use tracing::{debug, info};
use wavecast_websocket::CloseCode;
use wavecast_websocket::handshake::Refusal;
use wavecast_websocket::keepalive::{Action, KeepAlive};

use super::connection::{Farewell, NEVER, Outgoing, Phase, Then};
use super::connections::Connections;
use super::event::{Close, ConnectionError, ConnectionId, Side};
use super::handler::Handler;
use super::verdict::Verdict;
use crate::options::Lifetime;

/// A delay of the shard from which on the silence of peers may be its own fault.
const DELAY_NOTICED: Duration = Duration::from_secs(1);
/// What is said to who asks to come in while the shard is drained.
pub(super) const GOING_AWAY: &str = "the server is going away";
/// What [`Connection::ends_at`](super::connection::Connection) counts in.
const LIFETIME_TICK_MS: u128 = 16;

/// Writes the close frame of a connection that is to be closed.
pub(super) fn write_farewell<H: Handler>(handler: &mut H, connections: &mut Connections, id: ConnectionId) {
    let close_timeout = connections.options.close_timeout;
    let Some(connection) = connections.get_mut(id) else { return };
    let Some(Farewell { code, reason, by }) = connection.farewell.as_deref() else { return };
    if connection.is_open() && *code == CloseCode::ABNORMAL.get() {
        end(handler, connections, id);
        connections.release(id);
        return;
    }
    let protocol = match &mut connection.phase {
        Phase::Open(protocol) => protocol,
        &mut Phase::Stream(kind) => {
            let last_words = handler.last_words(id, kind, &Close { code: *code, reason, by: *by });
            return end_stream(handler, connections, id, &last_words);
        }
        _ => return,
    };
    let mut frame = Vec::new();
    protocol.send_close(CloseCode::new(*code), reason, None, &mut frame);
    // Nothing follows from a peer that has answered, or has ended its side; and from one that failed nothing is wanted.
    let silent = protocol.close_received() || connection.flags.peer_ended;
    let then = match by {
        _ if silent => Then::Close,
        Side::Failure => Then::Shutdown,
        Side::Local | Side::Peer => Then::Stay,
    };
    connection.flags.then = then;
    connections.push_control(id, &frame);
    connections.set_link_timer(id.slot, close_timeout);
    if then != Then::Stay {
        end(handler, connections, id);
    }
}

/// A stream ends behind its last words. Its end is all that the peer sees of a close.
fn end_stream<H: Handler>(
    handler: &mut H,
    connections: &mut Connections,
    id: ConnectionId,
    last_words: &[u8],
) {
    let close_timeout = connections.options.close_timeout;
    let Some(connection) = connections.get_mut(id) else { return };
    connection.flags.then = if connection.flags.peer_ended { Then::Close } else { Then::Shutdown };
    connections.push_control(id, last_words);
    connections.set_link_timer(id.slot, close_timeout);
    end(handler, connections, id);
    connections.follow_up(id);
}

/// The peer's close frame has come in.
pub(super) fn close_received<H: Handler>(
    handler: &mut H,
    connections: &mut Connections,
    id: ConnectionId,
    code: Option<CloseCode>,
    reason: &str,
) {
    let code = code.map_or(CloseCode::NO_STATUS.get(), CloseCode::get);
    let Some(connection) = connections.get_mut(id) else { return };
    if !connection.flags.closing {
        // The answer is written when the turn settles; it echoes the code.
        connections.say_farewell(id, code, reason, Side::Peer);
        return;
    }
    let Phase::Open(protocol) = &connection.phase else { return };
    if protocol.close_sent() {
        connection.flags.then = Then::Close;
        end(handler, connections, id);
        connections.follow_up(id);
    }
}

/// The peer has ended its sending side. It may still read: what waits for it, our close frame above all, is sent before
/// the socket is closed.
pub(super) fn peer_ended<H: Handler>(handler: &mut H, connections: &mut Connections, slot: u32) {
    let id = connections.id(slot);
    let connection = &mut connections.table[slot];
    connection.flags.peer_ended = true;
    match &connection.phase {
        // Who waits for a verdict may have ended its side already: it is answered in any case.
        Phase::Vacant | Phase::Leaving(_) | Phase::Asked(_) => {}
        Phase::Open(_) if !connection.flags.closing => {
            broke(handler, connections, id, &ConnectionError::Ended);
        }
        // A client of a stream has no other way to leave it.
        Phase::Stream(_) if !connection.flags.closing => {
            connections.say_farewell(id, CloseCode::NO_STATUS.get(), "", Side::Peer);
        }
        // The close frame is written when the turn settles.
        Phase::Stream(_) => {}
        Phase::Open(protocol) if !protocol.close_sent() => {}
        Phase::Head(_) | Phase::Open(_) | Phase::Ended => {
            connection.flags.then = Then::Close;
            end(handler, connections, id);
            connections.follow_up(id);
        }
    }
}

/// The driver says that a connection broke. Who ends TLS without a word after we have begun to close, or to leave a stream,
/// does no more than who ends a plain connection: it is no error.
pub(super) fn failed<H: Handler>(
    handler: &mut H,
    connections: &mut Connections,
    slot: u32,
    error: io::Error,
) {
    let connection = &connections.table[slot];
    let closes = match connection.phase {
        Phase::Open(_) => connection.flags.closing,
        Phase::Stream(_) => true,
        _ => false,
    };
    if closes && error.kind() == ErrorKind::UnexpectedEof {
        return peer_ended(handler, connections, slot);
    }
    let id = connections.id(slot);
    broke(handler, connections, id, &ConnectionError::Io(error));
}

/// The connection is of no use any more.
pub(super) fn broke<H: Handler>(
    handler: &mut H,
    connections: &mut Connections,
    id: ConnectionId,
    error: &ConnectionError,
) {
    let Connections { table, tally, .. } = &*connections;
    let Some(connection) = table.get(id.slot).filter(|c| c.generation == id.generation) else { return };
    if matches!(connection.phase, Phase::Vacant | Phase::Leaving(_)) {
        return;
    }
    if let Phase::Head(head) = &connection.phase
        && let ConnectionError::Io(error) = error
        && error.kind() == ErrorKind::InvalidData
    {
        // What came in is wrong, and the socket is not: TLS that is none, or a certificate that is not let in.
        info!(peer = %head.peer, %error, "refused at the door");
        tally.refused_tls.add(1);
    }
    if connection.is_open() {
        debug!(slot = id.slot, %error, "connection broke");
        handler.error(connections, id, error);
        connections.say_farewell(id, CloseCode::ABNORMAL.get(), "", Side::Failure);
    }
    end(handler, connections, id);
    connections.release(id);
}

/// The drain's time is over: whoever is left is cut off, and the handler told.
pub(super) fn cut_off<H: Handler>(handler: &mut H, connections: &mut Connections) {
    for slot in 0..connections.table.len() as u32 {
        end(handler, connections, connections.id(slot));
    }
}

/// Tells the handler that a connection has ended. Does nothing for one that never opened or has ended before.
fn end<H: Handler>(handler: &mut H, connections: &mut Connections, id: ConnectionId) {
    let Some(connection) = connections.get_mut(id) else { return };
    match mem::replace(&mut connection.phase, Phase::Ended) {
        Phase::Open(_) | Phase::Stream(_) => {}
        Phase::Asked(_) => return handler.turned_away(id),
        Phase::Vacant | Phase::Head(_) | Phase::Leaving(_) | Phase::Ended => return,
    }
    let was_closing = mem::replace(&mut connection.flags.closing, true);
    let farewell = connection.farewell.take();
    connections.open -= 1;
    connections.parting -= usize::from(was_closing);
    connections.cancel_timer(id);
    let close =
        farewell
            .as_ref()
            .map_or(Close { code: CloseCode::ABNORMAL.get(), reason: "", by: Side::Failure }, |farewell| {
                Close { code: farewell.code, reason: &farewell.reason, by: farewell.by }
            });
    debug!(slot = id.slot, code = close.code, reason = close.reason, by = ?close.by, "connection closed");
    handler.close(connections, id, &close);
}

/// A connection's own timer has come: what it was for follows from the phase.
pub(super) fn link_timer_fired<H: Handler>(handler: &mut H, connections: &mut Connections, id: ConnectionId) {
    let is_over = connections.lifetime_is_over(id);
    let Some(connection) = connections.get_mut(id) else { return };
    match &connection.phase {
        Phase::Vacant | Phase::Leaving(_) => {}
        Phase::Head(head) if head.proxied => {
            info!(proxy = %head.peer, "closed: no header of the PROXY protocol in time");
            connection.phase = Phase::Ended;
            connections.tally.refused_late.add(1);
            connections.release(id);
        }
        Phase::Head(head) => {
            info!(peer = %head.peer, received = head.bytes.len(), "no whole request head in time: 408");
            connections.tally.refused_late.add(1);
            refuse(connections, id, 408, "the request head did not arrive in time");
        }
        Phase::Asked(head) => {
            info!(peer = %head.peer, "no verdict in time: 503");
            refuse(connections, id, 503, "no decision in time: come back later");
            handler.turned_away(id);
        }
        Phase::Ended => connections.release(id),
        // Keep-alive's timer, in the turn in which a close was asked for: the close frame has a time of its own.
        Phase::Open(protocol) if connection.flags.closing && !protocol.close_sent() => {}
        Phase::Open(_) if connection.flags.closing => {
            end(handler, connections, id);
            connections.release(id);
        }
        Phase::Open(_) | Phase::Stream(_) if is_over => connections.end_lifetime(id),
        Phase::Open(_) => keep_alive(handler, connections, id),
        Phase::Stream(_) => {}
    }
}

/// Looks how long the peer has been silent. Hearing of it moves no timer: the timer comes, looks, and goes on.
fn keep_alive<H: Handler>(handler: &mut H, connections: &mut Connections, id: ConnectionId) {
    let now_ms = connections.elapsed_ms();
    let intervals = connections.options.keep_alive;
    let deaf = connections.is_deaf();
    let Some(connection) = connections.get_mut(id) else { return };
    let flags = connection.flags;
    // A message in fragments that nobody goes on with may keep from the system what would let us listen again.
    let paused = flags.paused || (flags.held && flags.outgoing != Outgoing::None);
    match connection.alive.poll(&intervals, now_ms) {
        // It may have answered: we did not listen.
        Action::PeerDead if paused || deaf => {
            connection.alive.heard(now_ms);
            connections.look_again(id.slot, intervals.ping_interval_ms.into());
        }
        Action::Wait { until_ms: None } => {}
        Action::Wait { until_ms: Some(until) } => {
            connections.look_again(id.slot, until.saturating_sub(now_ms));
        }
        Action::SendPing => {
            // Refused only by a full outbox: then it is told by what it takes of that.
            connections.ping(id, b"").ok();
            connections.look_again(id.slot, intervals.pong_timeout_ms.into());
        }
        Action::PeerDead => broke(handler, connections, id, &ConnectionError::Idle),
    }
}

/// Answers with a status and ends the connection.
pub(super) fn refuse(connections: &mut Connections, id: ConnectionId, status: u16, reason: &str) {
    write_refusal(connections, id, &Refusal::new(status, reason.to_owned()));
}

pub(super) fn write_refusal(connections: &mut Connections, id: ConnectionId, refusal: &Refusal) {
    let mut answer = Vec::new();
    refusal.write(&mut answer);
    write_answer(connections, id, &answer);
}

/// The last that is said at the door.
pub(super) fn write_answer(connections: &mut Connections, id: ConnectionId, answer: &[u8]) {
    connections.table[id.slot].phase = Phase::Ended;
    connections.table[id.slot].flags.then = Then::Shutdown;
    connections.listen(id, |flags| flags.paused = false);
    connections.push_control(id, answer);
    connections.set_link_timer(id.slot, connections.options.close_timeout);
}

impl Connections {
    /// Starts to watch over the silences of a connection that has just opened, and over its time.
    pub(super) fn start_watch(&mut self, slot: u32) {
        let now_ms = self.elapsed_ms();
        self.table[slot].alive = KeepAlive::new(now_ms);
        if let Some(Lifetime { max, spread, .. }) = self.options.lifetime {
            let lives = self.jitter(max.saturating_sub(spread), max);
            let ends_at =
                (self.elapsed().saturating_add(lives).as_millis() / LIFETIME_TICK_MS).min((NEVER - 1).into());
            self.table[slot].ends_at = ends_at as u32;
        }
        let interval = Duration::from_millis(self.options.keep_alive.ping_interval_ms.into());
        let is_stream = matches!(self.table[slot].phase, Phase::Stream(_));
        let first = if interval > Duration::ZERO && !is_stream {
            // A little apart from its neighbours: connections that came in one storm are not pinged in one.
            self.jitter(interval, interval + interval / 16).as_millis() as u64
        } else if self.table[slot].ends_at != NEVER {
            u64::MAX
        } else {
            return;
        };
        self.look_again(slot, first);
    }

    /// Sets the timer that looks after an open connection, to the end of its lifetime at the latest.
    fn look_again(&mut self, slot: u32, after_ms: u64) {
        let left_ms = match self.table[slot].ends_at {
            NEVER => u64::MAX,
            ends_at => (u64::from(ends_at) * LIFETIME_TICK_MS as u64).saturating_sub(self.elapsed_ms()),
        };
        self.set_link_timer(slot, Duration::from_millis(after_ms.min(left_ms)));
    }

    fn lifetime_is_over(&self, id: ConnectionId) -> bool {
        let ends_at = self.get(id).map_or(NEVER, |connection| connection.ends_at);
        ends_at != NEVER && self.elapsed().as_millis() / LIFETIME_TICK_MS >= ends_at.into()
    }

    fn end_lifetime(&mut self, id: ConnectionId) {
        if let Some(Lifetime { code, reason, .. }) = self.options.lifetime.clone() {
            self.close(id, code, &reason);
        }
    }

    /// The shard has been held up for `late`: by the machine, or by a handler that blocked. What peers sent meanwhile
    /// (their pongs!) is not all read yet, so for a moment nobody's silence counts.
    pub(super) fn notice_delay(&mut self, late: Duration) {
        if late >= DELAY_NOTICED {
            self.deaf_until = Some(self.now + DELAY_NOTICED);
        }
    }

    fn is_deaf(&self) -> bool {
        self.deaf_until.is_some_and(|until| self.now < until)
    }

    /// No connection opens any more. Who waits for a verdict has it now.
    pub(super) fn begin_to_drain(&mut self) {
        self.draining = true;
        for slot in 0..self.table.len() as u32 {
            if let Phase::Asked(_) = self.table[slot].phase {
                self.decide(self.id(slot), Verdict::refuse(503, GOING_AWAY));
            }
        }
    }

    /// Nobody is heard at the door any more: who is still there is let go.
    pub(super) fn shut_the_door(&mut self) {
        self.shut = true;
        for slot in 0..self.table.len() as u32 {
            if let Phase::Head(_) = self.table[slot].phase {
                self.table[slot].phase = Phase::Ended;
                self.release(self.id(slot));
            }
        }
    }
}
