//! The door: from accept to open, or out by the side door.
//!
//! A request head is read under a time-out and a limit. A WebSocket handshake is answered here, on the shard that accepted the
//! connection; anything else leaves with the bytes it has sent, untouched.

use std::net::TcpStream;

use tracing::{debug, info, warn};
use wavecast_websocket as websocket;
use wavecast_websocket::Role;
use wavecast_websocket::handshake;

use super::connections::{Connections, Head, Order, Phase};
use super::ending::{refuse, write_refusal};
use super::event::{ConnectionId, Detached, Opening, Upgrade, Verdict};
use super::handler::Handler;
use super::receive;

/// Bytes of a request head have come in.
pub(super) fn received<H: Handler>(
    handler: &mut H,
    connections: &mut Connections,
    id: ConnectionId,
    bytes: &mut [u8],
) {
    let Some(Phase::Head(head)) = connections.get_mut(id).map(|c| std::mem::take(&mut c.phase)) else {
        return;
    };
    let Head { peer, bytes: mut collected } = *head;
    // A head mostly comes in one piece and is read where it stands.
    let whole: &mut [u8] = if collected.is_empty() {
        bytes
    } else {
        collected.extend_from_slice(bytes);
        &mut collected
    };
    let limits = connections.options.websocket;
    match handshake::parse_request(whole, &limits) {
        Ok(None) => {
            let bytes = whole.to_vec();
            connections.table[id.slot].phase = Phase::Head(Box::new(Head { peer, bytes }));
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
                    let bytes = whole.to_vec();
                    connections.table[id.slot].phase = Phase::Leaving(Box::new(Head { peer, bytes }));
                    connections.orders.push(Order::Detach(id.slot));
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

/// Answers the opening handshake; `false` if it was refused.
fn open<H: Handler>(
    handler: &mut H,
    connections: &mut Connections,
    id: ConnectionId,
    opening: &Opening<'_>,
    upgrade: &Upgrade,
) -> bool {
    let acceptance = match handshake::accept(opening.head, upgrade.protocols) {
        Ok(acceptance) => acceptance,
        Err(refusal) => {
            info!(peer = %opening.peer, status = refusal.status, %refusal, "refused: not a right handshake");
            write_refusal(connections, id, &refusal);
            return false;
        }
    };
    let headers: Vec<(&str, &str)> = upgrade.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let mut answer = Vec::with_capacity(256);
    if let Err(error) = acceptance.write(&headers, &mut answer) {
        warn!(%error, "the handler's headers cannot be sent");
        refuse(connections, id, 500, "internal error");
        return false;
    }
    connections.push_control(id, &answer);
    connections.table[id.slot].phase = Phase::Open(websocket::Connection::new(Role::Server));
    connections.open += 1;
    connections.wheel.cancel(super::connections::link_timer(id.slot));
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
    socket: Option<TcpStream>,
) {
    let phase = std::mem::take(&mut connections.table[slot].phase);
    connections.vacate(slot);
    if let (Phase::Leaving(head), Some(stream)) = (phase, socket) {
        let Head { peer, bytes: received } = *head;
        handler.side_door(Detached { stream, received, peer });
    }
}
