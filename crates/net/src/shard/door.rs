//! The door: from accept to open, or out by the side door.
//!
//! A request head is read under a time-out and a limit. A WebSocket handshake is answered here, on the shard that accepted the
//! connection; anything else leaves with the bytes it has sent, untouched.

use tracing::{debug, info, warn};
use wavecast_websocket as websocket;
use wavecast_websocket::handshake;
use wavecast_websocket::{Limits, Role};

use super::connection::{Head, Order, Phase, link_timer};
use super::connections::Connections;
use super::ending::{refuse, write_refusal};
use super::event::{ConnectionId, Detached, Opening, Upgrade, Verdict};
use super::handler::Handler;
use super::receive;
use super::stream::Stream;

/// So far into a head every byte is looked at as it comes: who speaks another protocol need not be waited for.
const EARLY_BYTES: usize = 64;

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
            let upgrade = match handler.request(&request, peer) {
                Verdict::Upgrade => Upgrade::default(),
                Verdict::UpgradeWith(upgrade) => upgrade,
                Verdict::Refuse { status, reason } => {
                    info!(%peer, status, reason, "refused");
                    refuse(connections, id, status, &reason);
                    return;
                }
                Verdict::SideDoor => {
                    if head.bytes.is_empty() {
                        head.bytes.extend_from_slice(bytes);
                    }
                    let connection = &mut connections.table[id.slot];
                    connection.phase = Phase::Leaving(head);
                    connection.flags.released = true;
                    connections.orders.push(Order::Detach(id));
                    return;
                }
            };
            if open(handler, connections, id, &Opening { head: &request, protocol: None, peer }, &upgrade) {
                receive::messages(handler, connections, id, &mut whole[length..]);
            }
        }
        Err(error) => {
            info!(%peer, %error, status = error.status(), "refused: not a request head");
            refuse(connections, id, error.status(), &error.to_string());
        }
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
    let mut acceptance = match handshake::accept(opening.head, upgrade.protocols) {
        Ok(acceptance) => acceptance,
        Err(refusal) => {
            info!(peer = %opening.peer, status = refusal.status, %refusal, "refused: not a right handshake");
            write_refusal(connections, id, &refusal);
            return false;
        }
    };
    let wanted = connections.options.compression.filter(|_| !upgrade.without_compression);
    let agreement = wanted.and_then(|compression| acceptance.compress(&compression));
    let headers: Vec<(&str, &str)> = upgrade.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
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
    connections.start_keep_alive(id.slot);
    debug!(peer = %opening.peer, slot = id.slot, "open");
    handler.open(connections, id, &Opening { protocol: acceptance.protocol, ..*opening });
    true
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
