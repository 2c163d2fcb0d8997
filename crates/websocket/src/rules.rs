//! Whether a frame that is well formed may come now: from this peer, after what came before, within the limits.

use crate::frame::{Header, Opcode, Reserved};
use crate::limits::Limits;
use crate::message::Message;
use crate::protocol_error::ProtocolError;

/// Which end of the connection we are: it decides who masks (§5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// We opened the connection: we mask, the peer must not.
    Client,
    /// We accepted the connection: we do not mask, the peer must.
    Server,
}

/// What the opening handshake settled about the frames that come in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) role: Role,
    /// The bits that negotiated extensions gave a meaning.
    pub(crate) reserved: Reserved,
}

impl Rules {
    /// `open` is the message whose last fragment has not come.
    #[inline]
    pub(crate) fn check(
        self,
        header: &Header,
        open: Option<&Message>,
        limits: &Limits,
    ) -> Result<(), ProtocolError> {
        if !self.reserved.contains(header.reserved) {
            return Err(ProtocolError::ReservedBits);
        }
        // RFC 7692 §6: the bit stands on the first frame of a message and on no other.
        if header.reserved != Reserved::NONE && !matches!(header.opcode, Opcode::Text | Opcode::Binary) {
            return Err(ProtocolError::ReservedBits);
        }
        match (self.role, header.key) {
            (Role::Server, None) => return Err(ProtocolError::MissingMask),
            (Role::Client, Some(_)) => return Err(ProtocolError::UnexpectedMask),
            _ => {}
        }
        match (header.opcode, open) {
            (Opcode::Close | Opcode::Ping | Opcode::Pong, _) => return Ok(()),
            (Opcode::Continuation, None) => return Err(ProtocolError::UnexpectedContinuation),
            (Opcode::Text | Opcode::Binary, Some(_)) => return Err(ProtocolError::InterruptedMessage),
            _ => {}
        }
        check_size(header, open, limits)
    }
}

#[inline]
fn check_size(header: &Header, open: Option<&Message>, limits: &Limits) -> Result<(), ProtocolError> {
    if header.len > limits.frame_bytes_max {
        return Err(ProtocolError::FrameTooBig { bytes_max: limits.frame_bytes_max });
    }
    let (len, fragments) = open.map_or((0, 0), |message| (message.len(), message.fragments()));
    let is_deflated = open.map_or(header.reserved != Reserved::NONE, Message::is_deflated);
    if header.len > longest(is_deflated, limits).saturating_sub(len) {
        return Err(ProtocolError::MessageTooBig { bytes_max: limits.message_bytes_max });
    }
    if fragments >= limits.fragments_max {
        return Err(ProtocolError::TooManyFragments { fragments_max: limits.fragments_max });
    }
    Ok(())
}

/// The most bytes of payload that a message may need. Compressed they are more than the message where nothing can be
/// compressed and the peer does it all the same: at worst nine bits for each byte, and the headers of blocks.
#[inline]
fn longest(is_deflated: bool, limits: &Limits) -> u64 {
    let message = limits.message_bytes_max as u64;
    if is_deflated { message.saturating_add(message / 8).saturating_add(64) } else { message }
}
