//! Messages compressed: for one connection, or once for many (RFC 7692).
//!
//! A shard has one compressor and one inflater for all its connections. Only those of a connection whose messages refer to
//! earlier ones (context takeover) are its own.

use wavecast_websocket::Opcode;
use wavecast_websocket::deflate::Window;

use super::connections::Connections;
use super::event::ConnectionId;
use super::fan_out::FanOut;
use super::sending::{SendError, encode};
use super::waves::WaveId;
use crate::frame::Frame;
use crate::message::MessageRef;

/// A message in the forms that connections take: plain, and compressed by itself where that makes it shorter. It is made
/// once for all of them, and each frame is shared.
#[derive(Clone, Debug)]
pub struct Forms {
    plain: Frame,
    deflated: Option<Frame>,
    /// The bits that a window needs so that everything the compressed form refers to is within it.
    bits: u8,
}

impl Forms {
    /// The form that every connection takes.
    #[must_use]
    pub fn plain(&self) -> &Frame {
        &self.plain
    }

    /// The compressed form, if there is one.
    #[must_use]
    pub fn deflated(&self) -> Option<&Frame> {
        self.deflated.as_ref()
    }

    /// The shorter of the forms that a connection takes which agreed on this window ([`Connections::window`]).
    ///
    /// One with context takeover is given the plain form: the compressor of its own would have to begin anew behind the
    /// compressed one.
    #[must_use]
    pub fn for_window(&self, window: Option<Window>) -> &Frame {
        let takes = window.is_some_and(|window| !window.takeover() && window.bits() >= self.bits);
        self.deflated.as_ref().filter(|_| takes).unwrap_or(&self.plain)
    }
}

impl Connections {
    /// How messages to a connection may be compressed; `None` if that was not agreed on.
    #[must_use]
    pub fn window(&self, id: ConnectionId) -> Option<Window> {
        self.get(id).and_then(|connection| connection.flags.window)
    }

    /// A message in all its forms, for [`Connections::fan_out_forms`]. It is compressed once, if it is long enough for that
    /// ([`Compression::bytes_min`](wavecast_websocket::deflate::Compression::bytes_min)) and compression is on.
    pub fn forms(&mut self, message: MessageRef<'_>) -> Forms {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        encode(message, &mut scratch);
        let plain = Frame::new(&scratch);
        scratch.clear();
        let (opcode, payload) = parts(message);
        let is_deflated = self.options.compression.is_some()
            && self.deflater.encode_fresh(opcode, payload, Window::BITS_MAX, None, &mut scratch);
        let deflated = is_deflated.then(|| Frame::new(&scratch));
        self.scratch = scratch;
        Forms { plain, deflated, bits: reach_bits(payload.len()) }
    }

    /// As [`Connections::fan_out`], of a message in the form that each connection takes.
    pub fn fan_out_forms(&mut self, targets: &[ConnectionId], forms: &Forms) -> Option<WaveId> {
        let mut fan_out = self.begin(targets.len());
        for &id in targets {
            self.add_form(&mut fan_out, id, forms).ok();
        }
        self.launch(fan_out)
    }

    /// As [`Connections::add`], of a message in the form that the connection takes.
    ///
    /// # Errors
    /// [`SendError`]; nothing is queued then.
    pub fn add_form(
        &mut self,
        fan_out: &mut FanOut,
        id: ConnectionId,
        forms: &Forms,
    ) -> Result<(), SendError> {
        let frame = forms.for_window(self.window(id));
        self.add(fan_out, id, frame)
    }

    /// Encodes a message as this connection is to get it.
    pub(super) fn encode_for(&mut self, id: ConnectionId, message: MessageRef<'_>, out: &mut Vec<u8>) {
        let Self { table, deflater, .. } = self;
        let connection = table.get_mut(id.slot).filter(|c| c.generation == id.generation);
        let Some((connection, window)) = connection.and_then(|c| c.flags.window.map(|window| (c, window)))
        else {
            return encode(message, out);
        };
        let (opcode, payload) = parts(message);
        deflater.encode(opcode, payload, window, &mut connection.context, None, out);
    }

    /// A message was encoded for the connection and does not go out.
    pub(super) fn passed_over(&mut self, id: ConnectionId) {
        if let Some(context) = self.get_mut(id).and_then(|connection| connection.context.as_mut()) {
            context.passed_over();
        }
    }
}

fn parts(message: MessageRef<'_>) -> (Opcode, &[u8]) {
    match message {
        MessageRef::Text(text) => (Opcode::Text, text.as_bytes()),
        MessageRef::Binary(bytes) => (Opcode::Binary, bytes),
    }
}

/// Nothing within a message refers back further than the message is long.
fn reach_bits(len: usize) -> u8 {
    (Window::BITS_MIN..Window::BITS_MAX).find(|bits| len <= 1 << bits).unwrap_or(Window::BITS_MAX)
}
