//! A data message whose bytes have not all arrived.

use crate::event::Event;
use crate::frame::Opcode;
use crate::limits::Limits;
use crate::protocol_error::ProtocolError;
use crate::utf8::{Check, Text};

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
    /// Handed on piece by piece, and not kept.
    Streamed(Streamed),
}

/// What is known of a message that is handed on piece by piece.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Streamed {
    /// Of a text: whether it is one so far.
    pub(crate) text: Option<Check>,
    pub(crate) is_deflated: bool,
    /// A piece was handed on.
    pub(crate) has_begun: bool,
    /// Of a compressed one: the last piece left no room, so there may be more without more payload.
    pub(crate) has_more: bool,
    /// Payload that has arrived, in bytes.
    pub(crate) arrived: u64,
    /// What was handed on, in bytes.
    pub(crate) handed_on: u64,
}

impl Streamed {
    /// Checks what is handed on next.
    pub(crate) fn check(&mut self, piece: &[u8]) -> Result<(), ProtocolError> {
        self.handed_on += piece.len() as u64;
        self.text.as_mut().map_or(Ok(()), |text| text.push(piece)).map_err(|_| ProtocolError::InvalidUtf8)
    }

    pub(crate) fn check_end(&self) -> Result<(), ProtocolError> {
        self.text.map_or(Ok(()), |text| text.finish()).map_err(|_| ProtocolError::InvalidUtf8)
    }
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

    pub(crate) fn streamed(opcode: Opcode, is_deflated: bool) -> Self {
        let streamed = Streamed {
            text: (opcode == Opcode::Text).then(Check::new),
            is_deflated,
            has_begun: false,
            has_more: false,
            arrived: 0,
            handed_on: 0,
        };
        Self { body: Body::Streamed(streamed), fragments: 0 }
    }

    pub(crate) const fn is_deflated(&self) -> bool {
        matches!(self.body, Body::Deflated(..) | Body::Streamed(Streamed { is_deflated: true, .. }))
    }

    pub(crate) const fn is_streamed(&self) -> bool {
        matches!(self.body, Body::Streamed(_))
    }

    pub(crate) fn as_streamed(&mut self) -> Option<&mut Streamed> {
        match &mut self.body {
            Body::Streamed(streamed) => Some(streamed),
            Body::Text(_) | Body::Binary(_) | Body::Deflated(..) => None,
        }
    }

    /// Bytes that have arrived; of a compressed message, compressed.
    pub(crate) fn len(&self) -> u64 {
        match &self.body {
            Body::Text(text) => text.len() as u64,
            Body::Binary(bytes) | Body::Deflated(_, bytes) => bytes.len() as u64,
            Body::Streamed(streamed) => streamed.arrived,
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
            // Nobody asks for its pieces any more.
            Body::Streamed(streamed) => {
                streamed.arrived += piece.len() as u64;
                Ok(())
            }
        }
    }

    /// The last frame has ended: a text must not end within a character.
    pub(crate) fn check_end(&self) -> Result<(), ProtocolError> {
        match &self.body {
            Body::Text(text) => text.finish().map(drop).map_err(|_| ProtocolError::InvalidUtf8),
            Body::Binary(_) | Body::Deflated(..) | Body::Streamed(_) => Ok(()),
        }
    }

    /// Its event, if it is not compressed.
    pub(crate) fn event(&self) -> Option<Event<'_>> {
        match &self.body {
            Body::Text(text) => Some(Event::Text(text.as_str())),
            Body::Binary(bytes) => Some(Event::Binary(bytes)),
            Body::Deflated(..) | Body::Streamed(_) => None,
        }
    }

    /// Its payload, if it is compressed.
    pub(crate) fn take_deflated(&mut self) -> Option<(Opcode, Vec<u8>)> {
        match &mut self.body {
            Body::Deflated(opcode, payload) => Some((*opcode, std::mem::take(payload))),
            Body::Text(_) | Body::Binary(_) | Body::Streamed(_) => None,
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
