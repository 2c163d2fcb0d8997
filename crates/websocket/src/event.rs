//! What a connection hands to its user.

use crate::close::CloseFrame;
use crate::frame::Opcode;
use crate::protocol_error::ProtocolError;

/// Something whole that the peer sent. It borrows from the input, from the connection or from the inflater that was lent,
/// and lives until the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A text message, all its fragments together.
    Text(&'a str),
    /// A binary message, all its fragments together.
    Binary(&'a [u8]),
    /// A ping, to be answered with a pong of the same payload (at most 125 bytes, RFC 6455 §5.5.3):
    /// see [`Pongs`](crate::Pongs).
    Ping(&'a [u8]),
    /// A pong, whether asked for or not.
    Pong(&'a [u8]),
    /// The peer begins or confirms the closing handshake; nothing follows it. Answer with
    /// [`send_close`](crate::Connection::send_close), which does nothing if a close frame has already been sent.
    Close(CloseFrame<'a>),
}

impl<'a> Event<'a> {
    /// The event of a frame that is whole. (A continuation never is: it reaches the user as part of its message.)
    #[inline]
    pub(crate) fn decode(opcode: Opcode, payload: &'a [u8]) -> Result<Self, ProtocolError> {
        match opcode {
            Opcode::Text => match simdutf8::basic::from_utf8(payload) {
                Ok(text) => Ok(Self::Text(text)),
                Err(_) => Err(ProtocolError::InvalidUtf8),
            },
            Opcode::Binary | Opcode::Continuation => Ok(Self::Binary(payload)),
            Opcode::Ping => Ok(Self::Ping(payload)),
            Opcode::Pong => Ok(Self::Pong(payload)),
            Opcode::Close => CloseFrame::decode(payload).map(Self::Close),
        }
    }
}
