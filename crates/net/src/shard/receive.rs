//! Bytes become messages: what an open connection receives.

use std::mem;

use tracing::info;
use wavecast_websocket::{Event, Input, ProtocolError};

use super::connection::{Connection, Phase};
use super::connections::Connections;
use super::ending;
use super::event::{ConnectionError, ConnectionId, Side};
use super::handler::Handler;
use crate::message::MessageRef;

/// Delivers what stands in `bytes` to the handler.
pub(super) fn messages<H: Handler>(
    handler: &mut H,
    connections: &mut Connections,
    id: ConnectionId,
    bytes: &mut [u8],
) {
    // The protocol's state is lent out of the table, so that the handler can have the table meanwhile.
    let Some(mut protocol) = connections.get_mut(id).and_then(Connection::take_protocol) else {
        return;
    };
    let limits = connections.options.websocket;
    let mut inflater = mem::take(&mut connections.inflater);
    connections.cork(id);
    let mut input = Input::new(bytes);
    let mut peer_close = None;
    let mut failure = None;
    loop {
        match protocol.receive_with(&mut input, &limits, &mut inflater) {
            Ok(None) => break,
            Ok(Some(Event::Close(frame))) => {
                peer_close = Some((frame.code, frame.reason.to_owned()));
                break;
            }
            // A close was asked for: nothing more is delivered.
            Ok(Some(_)) if !connections.is_open(id) => {}
            Ok(Some(Event::Text(text))) => handler.message(connections, id, MessageRef::Text(text)),
            Ok(Some(Event::Binary(bytes))) => handler.message(connections, id, MessageRef::Binary(bytes)),
            Ok(Some(Event::Ping(payload))) => {
                connections.answer_ping(id, payload);
                handler.ping(connections, id, payload);
            }
            Ok(Some(Event::Pong(payload))) => handler.pong(connections, id, payload),
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
    }
    connections.inflater = inflater;
    connections.uncork(id);
    let Some(connection) = connections.get_mut(id) else { return };
    if let Phase::Open(place) = &mut connection.phase {
        *place = protocol;
    }
    connections.hold_back(id);
    if let Some(error) = failure {
        fail(handler, connections, id, error);
    }
    if let Some((code, reason)) = peer_close {
        ending::close_received(handler, connections, id, code, &reason);
    }
}

/// The peer broke the protocol: it is told how (RFC 6455 §7.1.7).
fn fail<H: Handler>(handler: &mut H, connections: &mut Connections, id: ConnectionId, error: ProtocolError) {
    if !connections.is_open(id) {
        return;
    }
    let code = error.close_code();
    let error = ConnectionError::Protocol(error);
    info!(slot = id.slot, code = code.get(), %error, "closed: the peer broke the protocol or passed a limit");
    handler.error(connections, id, &error);
    connections.say_farewell(id, code.get(), &short(&error.to_string()), Side::Failure);
}

/// Cuts a reason to what a close frame holds (RFC 6455 §5.5: 125 bytes with the code).
fn short(reason: &str) -> String {
    let mut end = reason.len().min(123);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason[..end].to_owned()
}

impl Connections {
    /// Who sends faster than it reads is received no faster than it reads: TCP holds it back before what its messages
    /// provoke fills its outbox. What may be dropped does not count: it waits for a peer that need not have sent anything.
    fn hold_back(&mut self, id: ConnectionId) {
        if self.firm_bytes(id) > self.options.outbox_bytes_max / 2 && self.is_open(id) {
            self.listen(id, |flags| flags.held = true);
        }
    }

    /// Answers a ping; when many answers wait already, only the newest further one is kept (RFC 6455 §5.5.3).
    fn answer_ping(&mut self, id: ConnectionId, payload: &[u8]) {
        let mut pong = Vec::new();
        let Self { table, options, .. } = self;
        if table[id.slot].pongs.answer(payload, &options.websocket, None, &mut pong) {
            self.push_control(id, &pong);
        }
    }

    /// The outbox is empty: answers the ping that had to wait.
    pub(super) fn answer_late_ping(&mut self, id: ConnectionId) {
        let mut pong = Vec::new();
        if let Some(connection) = self.get_mut(id)
            && connection.pongs.flushed(None, &mut pong)
            && !connection.flags.closing
        {
            self.push_control(id, &pong);
        }
    }
}
