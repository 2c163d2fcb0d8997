//! The door: from accept to open, or out by the side door.
//!
//! A request head is read under a time-out and a limit. A WebSocket handshake is answered here, on the shard that accepted the
//! connection; anything else leaves with the bytes it has sent, untouched.

use std::net::SocketAddr;
use std::time::Duration;

use tracing::{debug, info, warn};
use wavecast_websocket as websocket;
use wavecast_websocket::handshake::{self, Refusal};
use wavecast_websocket::{Limits, Role};

use super::connection::{Head, Order, Phase, link_timer};
use super::connections::Connections;
use super::ending::{GOING_AWAY, peer_ended, refuse, write_answer, write_refusal};
use super::event::{ConnectionId, Detached, Opening};
use super::handler::Handler;
use super::receive;
use super::verdict::{Request, Upgrade, Verdict};
use crate::driver::Stream;
use crate::listener::Settings;
use crate::params::Params;
use crate::proxy_protocol;

/// So far into a head every byte is looked at as it comes: who speaks another protocol need not be waited for.
const EARLY_BYTES: usize = 64;

/// The first line of a connection of HTTP/2 (RFC 9113 §3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

impl Connections {
    /// A connection has come in.
    pub(super) fn admit(&mut self, slot: u32, peer: SocketAddr, listener: &Settings) {
        if self.has_place(slot, peer) {
            let proxied = listener.proxy_protocol.include(peer);
            self.table[slot].phase = Phase::Head(Box::new(Head { peer, bytes: Vec::new(), proxied }));
            self.set_link_timer(slot, self.options.head_timeout);
        }
    }

    /// Takes who has come in into the table, or refuses it.
    fn has_place(&mut self, slot: u32, peer: SocketAddr) -> bool {
        self.table.reach(slot);
        self.present += 1;
        self.tally.accepted.add(1);
        debug_assert!(matches!(self.table[slot].phase, Phase::Vacant));
        let is_full = self.present > self.options.connections_max || self.shut;
        if is_full {
            if self.shut {
                debug!(%peer, "refused: the shard drains");
            } else {
                self.warn_of_refusal(peer);
            }
            self.table[slot].phase = Phase::Ended;
            self.release(self.id(slot));
        }
        !is_full
    }

    /// Once a second at most: whoever is refused may come again at once, and the log is not for them to fill.
    fn warn_of_refusal(&mut self, peer: SocketAddr) {
        self.refused += 1;
        self.tally.refused_full.add(1);
        if self.refusal_told.is_none_or(|told| self.now - told >= Duration::from_secs(1)) {
            let limit = self.options.connections_max;
            warn!(%peer, limit, refused = self.refused, "refused: the shard is full");
            self.refused = 0;
            self.refusal_told = Some(self.now);
        }
    }
}

/// A connection comes in that has been answered elsewhere: it is open.
pub(super) fn enter<H: Handler>(
    handler: &mut H,
    connections: &mut Connections,
    slot: u32,
    peer: SocketAddr,
    kind: u8,
    about: H::Event,
) {
    if !connections.has_place(slot, peer) {
        return;
    }
    connections.table[slot].phase = Phase::Stream(kind);
    connections.open += 1;
    connections.start_watch(slot);
    debug!(%peer, slot, "open, as a stream");
    handler.open_stream(connections, connections.id(slot), about);
}

/// Bytes of a request head have come in.
pub(super) fn received<H: Handler>(
    handler: &mut H,
    connections: &mut Connections,
    id: ConnectionId,
    bytes: &mut [u8],
) {
    let Some(Phase::Head(mut head)) = connections.get_mut(id).map(|c| std::mem::take(&mut c.phase)) else {
        return;
    };
    if head.proxied {
        return proxied(handler, connections, id, head, bytes);
    }
    let limits = connections.options.websocket;
    let peer = head.peer;
    if !may_say_more(&head.bytes, bytes, &limits) {
        head.bytes.extend_from_slice(bytes);
        connections.table[id.slot].phase = Phase::Head(head);
        return;
    }
    // A head mostly comes in one piece and is read where it stands.
    let whole: &mut [u8] = if head.bytes.is_empty() {
        bytes
    } else {
        head.bytes.extend_from_slice(bytes);
        &mut head.bytes
    };
    match handshake::parse_request(whole, &limits) {
        Ok(None) => {
            if head.bytes.is_empty() {
                head.bytes.extend_from_slice(bytes);
            }
            connections.table[id.slot].phase = Phase::Head(head);
        }
        Ok(Some((request, length))) => {
            let verdict = handler.request(&Request { id, head: &request, peer });
            let verdict = match turned_away(connections, &verdict) {
                Some(refusal) => {
                    handler.turned_away(id);
                    refusal
                }
                None => verdict,
            };
            match carry_out(handler, connections, id, &Request { id, head: &request, peer }, verdict) {
                Course::Open => receive::messages(handler, connections, id, &mut whole[length..]),
                Course::Over => {}
                Course::Waits if whole.len() > limits.head_bytes_max => {
                    refuse_eager(handler, connections, id, peer);
                }
                course @ (Course::Leaves | Course::Waits) => {
                    if head.bytes.is_empty() {
                        head.bytes.extend_from_slice(bytes);
                    }
                    put_aside(connections, id, head, course);
                }
            }
        }
        Err(_) if begins_http2(whole) && handler.takes_http2() => {
            let is_whole = whole.len() >= HTTP2_PREFACE.len();
            if head.bytes.is_empty() {
                head.bytes.extend_from_slice(bytes);
            }
            match is_whole {
                true => put_aside(connections, id, head, Course::Leaves),
                false => connections.table[id.slot].phase = Phase::Head(head),
            }
        }
        Err(error) => {
            info!(%peer, %error, status = error.status(), "refused: not a request head");
            connections.tally.refused_head.add(1);
            refuse(connections, id, error.status(), &error.to_string());
        }
    }
}

/// Bytes have come in before which a proxy says whom they are of. Without its header nothing is answered: whoever came some
/// other way is not to learn that somebody listens.
fn proxied<H: Handler>(
    handler: &mut H,
    connections: &mut Connections,
    id: ConnectionId,
    mut head: Box<Head>,
    bytes: &[u8],
) {
    head.bytes.extend_from_slice(bytes);
    match proxy_protocol::parse(&head.bytes) {
        Ok(None) => connections.table[id.slot].phase = Phase::Head(head),
        Ok(Some(header)) => {
            let mut rest = head.bytes.split_off(header.length);
            let peer = header.client.unwrap_or(head.peer);
            connections.table[id.slot].phase =
                Phase::Head(Box::new(Head { peer, bytes: Vec::new(), proxied: false }));
            if !rest.is_empty() {
                received(handler, connections, id, &mut rest);
            }
        }
        Err(error) => {
            info!(proxy = %head.peer, %error, "closed");
            connections.tally.refused_head.add(1);
            connections.table[id.slot].phase = Phase::Ended;
            connections.release(id);
        }
    }
}

/// What who may come in is told in a drain. The drain has told all others: who opened behind its back would be cut off at
/// the end of it.
fn turned_away(connections: &Connections, verdict: &Verdict) -> Option<Verdict> {
    let comes_in = matches!(verdict, Verdict::Upgrade | Verdict::UpgradeWith(_) | Verdict::Later);
    (comes_in && connections.draining).then(|| Verdict::refuse(503, GOING_AWAY))
}

/// Whether these may be, or begin, the first line of HTTP/2.
fn begins_http2(bytes: &[u8]) -> bool {
    let length = bytes.len().min(HTTP2_PREFACE.len());
    bytes[..length] == HTTP2_PREFACE[..length]
}

/// What a verdict leads to.
#[derive(Clone, Copy)]
enum Course {
    Open,
    /// Refused: the answer is on its way.
    Over,
    Leaves,
    Waits,
}

fn carry_out<H: Handler>(
    handler: &mut H,
    connections: &mut Connections,
    id: ConnectionId,
    request: &Request<'_>,
    verdict: Verdict,
) -> Course {
    let &Request { head, peer, .. } = request;
    let upgrade = match verdict {
        Verdict::Upgrade => Upgrade::default(),
        Verdict::UpgradeWith(upgrade) => upgrade,
        Verdict::Refuse { status, reason } => {
            info!(%peer, status, reason, "refused");
            refuse(connections, id, status, &reason);
            return Course::Over;
        }
        Verdict::RefuseWith { status, reason, headers } => {
            info!(%peer, status, reason, "refused");
            refuse_with(connections, id, &Refusal::new(status, reason), &headers);
            return Course::Over;
        }
        Verdict::Later => return Course::Waits,
        Verdict::SideDoor => return Course::Leaves,
    };
    let opening = Opening { head, protocol: None, peer, params: Params::default() };
    if open(handler, connections, id, &opening, &upgrade) {
        return Course::Open;
    }
    handler.turned_away(id);
    Course::Over
}

/// The connection waits with all that it has sent: for the side door, or for a verdict.
fn put_aside(connections: &mut Connections, id: ConnectionId, head: Box<Head>, course: Course) {
    let waits = matches!(course, Course::Waits);
    let connection = &mut connections.table[id.slot];
    if waits {
        connection.phase = Phase::Asked(head);
        connections.listen(id, |flags| flags.paused = true);
    } else {
        connection.phase = Phase::Leaving(head);
        connection.flags.released = true;
        connections.orders.push(Order::Detach(id));
    }
}

/// Bytes have come in from who waits for a verdict, before the driver has stopped to receive.
pub(super) fn sent_ahead<H: Handler>(
    handler: &mut H,
    connections: &mut Connections,
    id: ConnectionId,
    bytes: &[u8],
) {
    let bytes_max = connections.options.websocket.head_bytes_max;
    let Some(Phase::Asked(head)) = connections.get_mut(id).map(|connection| &mut connection.phase) else {
        return;
    };
    if head.bytes.len() + bytes.len() > bytes_max {
        let peer = head.peer;
        return refuse_eager(handler, connections, id, peer);
    }
    head.bytes.extend_from_slice(bytes);
}

/// A client has to wait for the answer to its handshake (RFC 6455 §4.1). What an eager one sends before is kept with the
/// head, and within the limit of a head: nothing else counts it.
fn refuse_eager<H: Handler>(
    handler: &mut H,
    connections: &mut Connections,
    id: ConnectionId,
    peer: SocketAddr,
) {
    info!(%peer, status = 400, "refused: it sends too much before its handshake is answered");
    connections.tally.refused_handshake.add(1);
    refuse(connections, id, 400, "too much was sent before the handshake was answered");
    handler.turned_away(id);
}

/// The verdict that was to come later has come.
pub(super) fn decided<H: Handler>(
    handler: &mut H,
    connections: &mut Connections,
    id: ConnectionId,
    verdict: Verdict,
) {
    let Some(connection) = connections.get_mut(id) else { return };
    if !matches!(connection.phase, Phase::Asked(_)) {
        return;
    }
    let Phase::Asked(mut head) = std::mem::take(&mut connection.phase) else { return };
    connections.listen(id, |flags| flags.paused = false);
    let (limits, peer) = (connections.options.websocket, head.peer);
    let Ok(Some((request, length))) = handshake::parse_request(&head.bytes, &limits) else {
        // It was whole when the handler was asked about it.
        handler.turned_away(id);
        return refuse(connections, id, 500, "internal error");
    };
    let verdict = turned_away(connections, &verdict).unwrap_or(verdict);
    let refuses = !matches!(verdict, Verdict::Upgrade | Verdict::UpgradeWith(_) | Verdict::Later);
    let course = carry_out(handler, connections, id, &Request { id, head: &request, peer }, verdict);
    if refuses {
        handler.turned_away(id);
    }
    match course {
        Course::Open => {
            receive::messages(handler, connections, id, &mut head.bytes[length..]);
            if connections.get(id).is_some_and(|connection| connection.flags.peer_ended) {
                peer_ended(handler, connections, id.slot);
            }
        }
        Course::Over => {}
        Course::Leaves | Course::Waits => put_aside(connections, id, head, course),
    }
}

/// Whether more can be said of a head after these bytes than was said before: that it is whole, or wrong. A head that
/// comes byte by byte is not read again for each of them.
fn may_say_more(before: &[u8], bytes: &[u8], limits: &Limits) -> bool {
    before.len() < EARLY_BYTES
        || bytes.contains(&b'\n')
        || before.len() + bytes.len() >= limits.head_bytes_max
}

/// Answers the opening handshake; `false` if it was refused.
fn open<H: Handler>(
    handler: &mut H,
    connections: &mut Connections,
    id: ConnectionId,
    opening: &Opening<'_>,
    upgrade: &Upgrade,
) -> bool {
    upgrade.protocols.lend(|protocols| open_with(handler, connections, id, opening, protocols, upgrade))
}

fn open_with<H: Handler>(
    handler: &mut H,
    connections: &mut Connections,
    id: ConnectionId,
    opening: &Opening<'_>,
    protocols: &[&str],
    upgrade: &Upgrade,
) -> bool {
    let mut acceptance = match handshake::accept(opening.head, protocols) {
        Ok(acceptance) => acceptance,
        Err(refusal) => {
            info!(peer = %opening.peer, status = refusal.status, %refusal, "refused: not a right handshake");
            connections.tally.refused_handshake.add(1);
            write_refusal(connections, id, &refusal);
            return false;
        }
    };
    let wanted = connections.options.compression.filter(|_| !upgrade.without_compression);
    let agreement = wanted.and_then(|compression| acceptance.compress(&compression));
    let headers = borrowed(&upgrade.headers);
    let mut answer = Vec::with_capacity(256);
    if let Err(error) = acceptance.write(&headers, &mut answer) {
        warn!(%error, "the handler's headers cannot be sent");
        refuse(connections, id, 500, "internal error");
        return false;
    }
    connections.push_control(id, &answer);
    let protocol = websocket::Connection::new(Role::Server);
    let connection = &mut connections.table[id.slot];
    connection.phase = Phase::Open(match agreement {
        Some(agreement) => protocol.with_deflate(agreement.receive),
        None => protocol,
    });
    connection.flags.window = agreement.map(|agreement| agreement.send);
    connections.open += 1;
    connections.wheel.cancel(link_timer(id.slot));
    connections.start_watch(id.slot);
    debug!(peer = %opening.peer, slot = id.slot, "open");
    handler.open(connections, id, &Opening { protocol: acceptance.protocol, ..*opening });
    true
}

fn refuse_with(
    connections: &mut Connections,
    id: ConnectionId,
    refusal: &Refusal,
    headers: &[(String, String)],
) {
    let mut answer = Vec::new();
    match refusal.write_with(&borrowed(headers), &mut answer) {
        Ok(()) => write_answer(connections, id, &answer),
        Err(error) => {
            warn!(%error, "the handler's headers cannot be sent");
            refuse(connections, id, 500, "internal error");
        }
    }
}

fn borrowed(headers: &[(String, String)]) -> Vec<(&str, &str)> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// The socket has left the driver: the handler gets it.
pub(super) fn leave<H: Handler>(
    handler: &mut H,
    connections: &mut Connections,
    slot: u32,
    stream: Option<Stream>,
) {
    let phase = std::mem::take(&mut connections.table[slot].phase);
    connections.vacate(slot);
    if let (Phase::Leaving(head), Some(stream)) = (phase, stream) {
        let Head { peer, bytes: received, .. } = *head;
        handler.side_door(Detached { stream, received, peer });
    }
}
