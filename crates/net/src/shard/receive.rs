//! Bytes become messages: what an open connection receives.

use std::mem;

use tracing::info;
use wavecast_websocket::{self as websocket, CloseCode, CloseFrame, Event, Input, Part, ProtocolError};

use super::connection::Phase;
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
    let Some(connection) = connections.get_mut(id) else { return };
    let in_pieces = connection.flags.in_pieces;
    // The protocol's state is lent out of the table, so that the handler can have the table meanwhile.
    let Some(mut protocol) = connection.take_protocol() else { return };
    connections.cork(id);
    let mut input = Input::new(bytes);
    let end = if in_pieces {
        deliver_pieces(handler, connections, id, &mut protocol, &mut input)
    } else {
        deliver(handler, connections, id, &mut protocol, &mut input)
    };
    let Some(connection) = connections.get_mut(id) else { return };
    if let Phase::Open(place) = &mut connection.phase {
        *place = protocol;
    }
    connections.hold_back(id);
    match end {
        End::OfInput => {}
        End::Failed(error) => fail(handler, connections, id, error),
        End::Close(code, reason) => ending::close_received(handler, connections, id, code, &reason),
    }
}

/// Why nothing more is delivered of what was read.
enum End {
    OfInput,
    Close(Option<CloseCode>, String),
    Failed(ProtocolError),
}

impl From<CloseFrame<'_>> for End {
    fn from(frame: CloseFrame<'_>) -> Self {
        Self::Close(frame.code, frame.reason.to_owned())
    }
}

fn deliver<H: Handler>(
    handler: &mut H,
    connections: &mut Connections,
    id: ConnectionId,
    protocol: &mut websocket::Connection,
    input: &mut Input<'_>,
) -> End {
    let limits = connections.options.websocket;
    let mut inflater = mem::take(&mut connections.inflater);
    let end = loop {
        match protocol.receive_with(input, &limits, &mut inflater) {
            Ok(None) => break End::OfInput,
            Ok(Some(Event::Close(frame))) => break frame.into(),
            // A close was asked for: nothing more is delivered.
            Ok(Some(_)) if !connections.is_open(id) => {}
            Ok(Some(Event::Text(text))) => handler.message(connections, id, MessageRef::Text(text)),
            Ok(Some(Event::Binary(bytes))) => handler.message(connections, id, MessageRef::Binary(bytes)),
            Ok(Some(Event::Ping(payload))) => pinged(handler, connections, id, payload),
            Ok(Some(Event::Pong(payload))) => handler.pong(connections, id, payload),
            Err(error) => break End::Failed(error),
        }
    };
    connections.inflater = inflater;
    end
}

/// As [`deliver`], of a connection that receives in pieces.
fn deliver_pieces<H: Handler>(
    handler: &mut H,
    connections: &mut Connections,
    id: ConnectionId,
    protocol: &mut websocket::Connection,
    input: &mut Input<'_>,
) -> End {
    let (whole, in_pieces) = (connections.options.websocket, connections.options.websocket_in_pieces);
    loop {
        // A message that had begun before is still collected, within the limits of those that are.
        let limits = if protocol.is_collecting() { &whole } else { &in_pieces };
        match protocol.receive_part(input, limits) {
            Ok(None) => return End::OfInput,
            Ok(Some(Part::Control(Event::Close(frame)))) => return frame.into(),
            Ok(Some(_)) if !connections.is_open(id) => {}
            Ok(Some(Part::Piece(piece))) => handler.piece(connections, id, piece.into()),
            Ok(Some(Part::Control(Event::Ping(payload)))) => pinged(handler, connections, id, payload),
            Ok(Some(Part::Control(Event::Pong(payload)))) => handler.pong(connections, id, payload),
            // Whole messages are pieces.
            Ok(Some(Part::Control(Event::Text(_) | Event::Binary(_)))) => {}
            Err(error) => return End::Failed(error),
        }
    }
}

fn pinged<H: Handler>(handler: &mut H, connections: &mut Connections, id: ConnectionId, payload: &[u8]) {
    connections.answer_ping(id, payload);
    handler.ping(connections, id, payload);
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
