//! Messages compressed: for one connection, or once for many (RFC 7692).
//!
//! A shard has one compressor and one inflater for all its connections. Only those of a connection whose messages refer to
//! earlier ones (context takeover) are its own.

use wavecast_websocket::deflate::{Deflater, Window};
use wavecast_websocket::frame::{Header, Reserved};
use wavecast_websocket::{self as websocket, Opcode};

use super::connection::Connection;
use super::connections::Connections;
use super::event::ConnectionId;
use crate::frame::Frame;
use crate::message::MessageRef;

impl Connections {
    /// How messages to a connection may be compressed; `None` if that was not agreed on.
    #[must_use]
    pub fn window(&self, id: ConnectionId) -> Option<Window> {
        self.get(id).and_then(|connection| connection.flags.window)
    }

    /// Encodes a message as this connection is to get it.
    pub(super) fn encode_for(&mut self, id: ConnectionId, message: MessageRef<'_>, out: &mut Vec<u8>) {
        let Self { table, deflater, .. } = self;
        match table.get_mut(id.slot).filter(|c| c.generation == id.generation) {
            Some(connection) => encode_for(connection, deflater, message, out),
            // What is encoded for nobody is refused when it is queued.
            None => websocket::frame::encode(message.opcode(), message.as_bytes(), None, out),
        }
    }

    /// A message was encoded for the connection and does not go out.
    pub(super) fn passed_over(&mut self, id: ConnectionId) {
        if let Some(context) = self.get_mut(id).and_then(|connection| connection.context.as_mut()) {
            context.passed_over();
        }
    }

    /// A frame in the form that the connection takes: compressed, where that may be and makes it shorter.
    ///
    /// A connection with a compressor of its own (context takeover) gets shared frames plain: what that compressor wrote
    /// before may still go out behind them, and would refer across them.
    pub(super) fn form_for(&mut self, id: ConnectionId, frame: &Frame) -> Frame {
        // Nobody has agreed on compression then, and a delivery looks no further.
        if self.options.compression.is_none() {
            return frame.clone();
        }
        let Self { table, deflater, .. } = self;
        let window = table.get(id.slot).and_then(|connection| connection.flags.window);
        let window = window.filter(|window| !window.takeover());
        let deflated =
            window.and_then(|window| frame.deflated(window.bits(), |bytes| deflate(deflater, bytes)));
        deflated.unwrap_or(frame).clone()
    }
}

/// Encodes a message as the connection is to get it.
pub(super) fn encode_for(
    connection: &mut Connection,
    deflater: &mut Deflater,
    message: MessageRef<'_>,
    out: &mut Vec<u8>,
) {
    let (opcode, payload) = (message.opcode(), message.as_bytes());
    match connection.flags.window {
        Some(window) => {
            deflater.encode(opcode, payload, window, &mut connection.context, None, out);
        }
        None => websocket::frame::encode(opcode, payload, None, out),
    }
}

/// The frames of a server, each of which is a whole message, compressed where that makes them shorter, and the bits of the
/// window that the result needs. `None` if it makes none of them shorter.
fn deflate(deflater: &mut Deflater, mut frames: &[u8]) -> Option<(Vec<u8>, u8)> {
    let mut out = Vec::with_capacity(frames.len() / 2);
    let mut bits = None;
    while !frames.is_empty() {
        let (header, header_len) = Header::decode(frames).ok()??;
        let len = header_len.checked_add(usize::try_from(header.len).ok()?)?;
        let (frame, rest) = frames.split_at_checked(len)?;
        let payload = &frame[header_len..];
        let is_plain = header.fin && header.reserved == Reserved::NONE && header.key.is_none();
        if !is_plain || !matches!(header.opcode, Opcode::Text | Opcode::Binary) {
            out.extend_from_slice(frame);
        } else if deflater.encode_fresh(header.opcode, payload, Window::BITS_MAX, None, &mut out) {
            bits = bits.max(Some(reach_bits(payload.len())));
        }
        frames = rest;
    }
    bits.map(|bits| (out, bits))
}

/// Nothing within a message refers back further than the message is long.
fn reach_bits(len: usize) -> u8 {
    (Window::BITS_MIN..Window::BITS_MAX).find(|bits| len <= 1 << bits).unwrap_or(Window::BITS_MAX)
}
