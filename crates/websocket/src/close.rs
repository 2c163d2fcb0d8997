//! The close frame: a code and a reason, or nothing (RFC 6455 §5.5.1).

use crate::close_code::CloseCode;
use crate::frame::{self, CONTROL_BYTES_MAX, Opcode};
use crate::mask::Key;
use crate::protocol_error::ProtocolError;

/// Most bytes of a reason: a control frame's 125 less the two of the code.
pub const REASON_BYTES_MAX: usize = CONTROL_BYTES_MAX - 2;

/// What a close frame said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseFrame<'a> {
    /// Why the peer closes; `None` if it did not say (to be reported as [`CloseCode::NO_STATUS`]).
    pub code: Option<CloseCode>,
    /// For people who read logs; empty if there is no code. At most 123 bytes.
    pub reason: &'a str,
}

impl<'a> CloseFrame<'a> {
    /// Reads the unmasked payload of a close frame.
    ///
    /// # Errors
    /// A single byte, a code that may not be sent, a reason that is not UTF-8.
    pub fn decode(payload: &'a [u8]) -> Result<Self, ProtocolError> {
        let Some((code, reason)) = payload.split_first_chunk::<2>() else {
            return match payload {
                [] => Ok(Self { code: None, reason: "" }),
                _ => Err(ProtocolError::TruncatedCloseCode),
            };
        };
        let number = u16::from_be_bytes(*code);
        let Some(code) = CloseCode::new(number) else {
            return Err(ProtocolError::InvalidCloseCode(number));
        };
        match simdutf8::basic::from_utf8(reason) {
            Ok(reason) => Ok(Self { code: Some(code), reason }),
            Err(_) => Err(ProtocolError::InvalidCloseReason),
        }
    }

    /// Appends the frame to `out`. A reason longer than 123 bytes is cut between two characters; without a code that
    /// may be sent the frame has no payload, so [`CloseCode::NO_STATUS`] does what it says.
    pub fn encode(&self, key: Option<Key>, out: &mut Vec<u8>) {
        let Some(code) = self.code.filter(|code| code.is_sendable()) else {
            return frame::encode(Opcode::Close, &[], key, out);
        };
        let reason = cut_to_fit(self.reason);
        let mut payload = [0; CONTROL_BYTES_MAX];
        let len = 2 + reason.len();
        payload[..2].copy_from_slice(&code.get().to_be_bytes());
        payload[2..len].copy_from_slice(reason.as_bytes());
        frame::encode(Opcode::Close, &payload[..len], key, out);
    }
}

/// As much of the reason as a close frame can carry, in whole characters.
fn cut_to_fit(reason: &str) -> &str {
    let mut end = reason.len().min(REASON_BYTES_MAX);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    &reason[..end]
}
