//! What a peer can do wrong once the connection is open, and the close code that answers it.

use crate::close_code::CloseCode;
use std::fmt;

/// The peer broke RFC 6455 or reached a limit. The connection has failed: send a close frame with
/// [`close_code`](Self::close_code) and end it (§7.1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A reserved bit is set that no negotiated extension gave a meaning (§5.2).
    ReservedBits,
    /// An opcode that is not defined (§5.2).
    ReservedOpcode(u8),
    /// A control frame without FIN (§5.5).
    FragmentedControl,
    /// A control frame with more than 125 bytes of payload (§5.5).
    ControlTooLong,
    /// A payload length that is not encoded in the fewest bytes (§5.2).
    LengthNotMinimal,
    /// A 64-bit payload length with its highest bit set (§5.2).
    LengthReservedBit,
    /// An unmasked frame from a client (§5.1).
    MissingMask,
    /// A masked frame from a server (§5.1).
    UnexpectedMask,
    /// A continuation frame while no message is open (§5.4).
    UnexpectedContinuation,
    /// A new message before the last fragment of the one that is open (§5.4).
    InterruptedMessage,
    /// A compressed message whose payload is not what RFC 7692 §7.2.1 makes of one.
    InvalidDeflate,
    /// Text that is not UTF-8 (§8.1).
    InvalidUtf8,
    /// A close frame with one byte of payload: half a code (§5.5.1).
    TruncatedCloseCode,
    /// A close code that may not be sent (§7.4).
    InvalidCloseCode(u16),
    /// A close reason that is not UTF-8 (§5.5.1).
    InvalidCloseReason,
    /// A frame longer than [`frame_bytes_max`](crate::Limits::frame_bytes_max).
    FrameTooBig {
        /// The limit in bytes.
        bytes_max: u64,
    },
    /// A message longer than [`message_bytes_max`](crate::Limits::message_bytes_max).
    MessageTooBig {
        /// The limit in bytes.
        bytes_max: usize,
    },
    /// A message in more fragments than [`fragments_max`](crate::Limits::fragments_max).
    TooManyFragments {
        /// The limit.
        fragments_max: u32,
    },
}

impl ProtocolError {
    /// The close code that tells the peer (§7.4.1).
    #[must_use]
    pub const fn close_code(&self) -> CloseCode {
        match self {
            Self::InvalidDeflate | Self::InvalidUtf8 | Self::InvalidCloseReason => CloseCode::INVALID_PAYLOAD,
            Self::FrameTooBig { .. } | Self::MessageTooBig { .. } => CloseCode::MESSAGE_TOO_BIG,
            Self::TooManyFragments { .. } => CloseCode::POLICY_VIOLATION,
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }

    /// Whether a limit of ours was reached, rather than the protocol broken.
    #[must_use]
    pub const fn is_limit(&self) -> bool {
        matches!(self, Self::FrameTooBig { .. } | Self::MessageTooBig { .. } | Self::TooManyFragments { .. })
    }
}

/// Short enough to be sent as a close reason (at most 123 bytes).
impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReservedBits => f.write_str("reserved bits must be 0 unless an extension was negotiated"),
            Self::ReservedOpcode(opcode) => {
                write!(f, "opcode {opcode:#x} is reserved; allowed are 0x0 to 0x2 and 0x8 to 0xa")
            }
            Self::FragmentedControl => f.write_str("a control frame must be one frame with FIN set"),
            Self::ControlTooLong => f.write_str("a control frame may carry at most 125 bytes"),
            Self::LengthNotMinimal => f.write_str("a payload length must be encoded in the fewest bytes"),
            Self::LengthReservedBit => f.write_str("a payload length must be below 2^63"),
            Self::MissingMask => f.write_str("a client must mask its frames"),
            Self::UnexpectedMask => f.write_str("a server must not mask its frames"),
            Self::UnexpectedContinuation => f.write_str("a continuation needs a message that it continues"),
            Self::InterruptedMessage => f.write_str("a message must end before the next one begins"),
            Self::InvalidDeflate => {
                f.write_str("a compressed message must be DEFLATE data that ends with an empty block")
            }
            Self::InvalidUtf8 => f.write_str("text must be UTF-8"),
            Self::TruncatedCloseCode => {
                f.write_str("a close frame carries no payload or a code of two bytes")
            }
            Self::InvalidCloseCode(code) => {
                write!(f, "close code {code} may not be sent; allowed are 1000-1003, 1007-1014 and 3000-4999")
            }
            Self::InvalidCloseReason => f.write_str("a close reason must be UTF-8"),
            Self::FrameTooBig { bytes_max } => write!(f, "a frame may carry at most {bytes_max} bytes"),
            Self::MessageTooBig { bytes_max } => write!(f, "a message may have at most {bytes_max} bytes"),
            Self::TooManyFragments { fragments_max } => {
                write!(f, "a message may have at most {fragments_max} fragments")
            }
        }
    }
}

impl std::error::Error for ProtocolError {}
