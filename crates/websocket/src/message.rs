//! A data message whose bytes have not all arrived.

use crate::event::Event;
use crate::frame::Opcode;
use crate::limits::Limits;
use crate::protocol_error::ProtocolError;
use crate::utf8::Text;

/// The fragments of a message, joined.
#[derive(Debug)]
pub(crate) struct Message {
    body: Body,
    fragments: u32,
}

#[derive(Debug)]
enum Body {
    Text(Text),
    Binary(Vec<u8>),
    /// Not yet inflated: what it says is known when it is whole.
    Deflated(Opcode, Vec<u8>),
}

impl Message {
    pub(crate) const fn text() -> Self {
        Self { body: Body::Text(Text::new()), fragments: 0 }
    }

    pub(crate) const fn binary() -> Self {
        Self { body: Body::Binary(Vec::new()), fragments: 0 }
    }

    pub(crate) const fn deflated(opcode: Opcode) -> Self {
        Self { body: Body::Deflated(opcode, Vec::new()), fragments: 0 }
    }

    pub(crate) const fn is_deflated(&self) -> bool {
        matches!(self.body, Body::Deflated(..))
    }

    /// Bytes that have arrived; of a compressed message, compressed.
    pub(crate) fn len(&self) -> usize {
        match &self.body {
            Body::Text(text) => text.len(),
            Body::Binary(bytes) | Body::Deflated(_, bytes) => bytes.len(),
        }
    }

    pub(crate) const fn fragments(&self) -> u32 {
        self.fragments
    }

    /// A frame that belongs to the message begins.
    pub(crate) const fn count_fragment(&mut self) {
        self.fragments += 1;
    }

    /// Appends unmasked payload; text is checked at once, so that what cannot be UTF-8 fails within its frame.
    pub(crate) fn push(&mut self, piece: &[u8], limits: &Limits) -> Result<(), ProtocolError> {
        match &mut self.body {
            Body::Text(text) => {
                let additional = room(text.len(), text.capacity(), piece.len(), limits);
                text.reserve_exact(additional);
                text.push(piece).map_err(|_| ProtocolError::InvalidUtf8)
            }
            Body::Binary(bytes) | Body::Deflated(_, bytes) => {
                let additional = room(bytes.len(), bytes.capacity(), piece.len(), limits);
                bytes.reserve_exact(additional);
                bytes.extend_from_slice(piece);
                Ok(())
            }
        }
    }

    /// The last frame has ended: a text must not end within a character.
    pub(crate) fn check_end(&self) -> Result<(), ProtocolError> {
        match &self.body {
            Body::Text(text) => text.finish().map(drop).map_err(|_| ProtocolError::InvalidUtf8),
            Body::Binary(_) | Body::Deflated(..) => Ok(()),
        }
    }

    /// Its event, if it is not compressed.
    pub(crate) fn event(&self) -> Option<Event<'_>> {
        match &self.body {
            Body::Text(text) => Some(Event::Text(text.as_str())),
            Body::Binary(bytes) => Some(Event::Binary(bytes)),
            Body::Deflated(..) => None,
        }
    }

    /// Its payload, if it is compressed.
    pub(crate) fn take_deflated(&mut self) -> Option<(Opcode, Vec<u8>)> {
        match &mut self.body {
            Body::Deflated(opcode, payload) => Some((*opcode, std::mem::take(payload))),
            Body::Text(_) | Body::Binary(_) => None,
        }
    }
}

/// How much to reserve for `arrived` more bytes: doubling, so that copying stays linear, but never past the longest
/// message allowed, and nothing for bytes that were only announced.
fn room(len: usize, capacity: usize, arrived: usize, limits: &Limits) -> usize {
    let needed = len + arrived;
    if needed <= capacity {
        return 0;
    }
    needed.max(capacity.saturating_mul(2).min(limits.message_bytes_max)) - len
}
