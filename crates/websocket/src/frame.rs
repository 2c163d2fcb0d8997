//! Frames: the header codec and whole frames (RFC 6455 §5.2).
//!
//! This room knows what a header may say on its own. Whether a frame fits the role, the open message and the limits is
//! for [`Connection`](crate::Connection) to decide.

use crate::mask::{self, Key};
use crate::protocol_error::ProtocolError;
use std::ops::Deref;

/// Most bytes a header can have: two, eight of length, four of key.
pub const HEADER_BYTES_MAX: usize = 14;

/// Most payload bytes of a control frame (§5.5).
pub const CONTROL_BYTES_MAX: usize = 125;

/// Most payload bytes whose number stands in a header's second byte.
const SHORT_LEN_MAX: usize = 125;

/// What a frame is (§5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// A further fragment of the open message.
    Continuation = 0x0,
    /// A text message or its first fragment.
    Text = 0x1,
    /// A binary message or its first fragment.
    Binary = 0x2,
    /// The closing handshake.
    Close = 0x8,
    /// A question whether the peer is alive.
    Ping = 0x9,
    /// The answer to a ping, or a sign of life.
    Pong = 0xa,
}

impl Opcode {
    /// The opcode with this number; `None` if it is reserved.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        Some(match number {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            _ => return None,
        })
    }

    /// Close, ping and pong: at most 125 bytes, never fragmented, allowed between the fragments of a message.
    #[must_use]
    pub const fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }
}

/// The reserved bits of a header, RSV1 to RSV3, or a set of them that an extension gave a meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reserved(u8);

impl Reserved {
    /// No bit: all there may be without an extension.
    pub const NONE: Self = Self(0);
    /// RSV1.
    pub const RSV1: Self = Self(0x40);
    /// RSV2.
    pub const RSV2: Self = Self(0x20);
    /// RSV3.
    pub const RSV3: Self = Self(0x10);

    /// Both sets of bits.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every bit of `other` is in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }
}

/// A frame header, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Last fragment of its message, or a whole one.
    pub fin: bool,
    /// The reserved bits that are set.
    pub reserved: Reserved,
    /// What the frame is.
    pub opcode: Opcode,
    /// Payload bytes, below 2⁶³.
    pub len: u64,
    /// The masking key, if the payload is masked.
    pub key: Option<Key>,
}

impl Header {
    /// Reads a header from the front of `bytes` and tells its length; `Ok(None)` while it is incomplete.
    ///
    /// # Errors
    /// What no header may say, whoever sent it: a reserved opcode, a fragmented or oversized control frame, a length
    /// that is not minimal or not below 2⁶³. The first two bytes are judged as soon as they are there.
    #[inline]
    pub fn decode(bytes: &[u8]) -> Result<Option<(Self, usize)>, ProtocolError> {
        let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
        let Some(opcode) = Opcode::new(first & 0x0f) else {
            return Err(ProtocolError::ReservedOpcode(first & 0x0f));
        };
        let fin = first & 0x80 != 0;
        let short = second & 0x7f;
        if opcode.is_control() {
            if !fin {
                return Err(ProtocolError::FragmentedControl);
            }
            if usize::from(short) > CONTROL_BYTES_MAX {
                return Err(ProtocolError::ControlTooLong);
            }
        }
        let Some((len, rest)) = decode_len(short, rest)? else { return Ok(None) };
        let mut header_len = bytes.len() - rest.len();
        let mut key = None;
        if second & 0x80 != 0 {
            let Some(masked_with) = rest.first_chunk::<4>() else { return Ok(None) };
            key = Some(*masked_with);
            header_len += 4;
        }
        Ok(Some((Self { fin, reserved: Reserved(first & 0x70), opcode, len, key }, header_len)))
    }

    /// The header in the fewest bytes.
    #[must_use]
    pub fn encode(&self) -> HeaderBytes {
        encode_header(self.fin, self.reserved, self.opcode, self.len, self.key)
    }
}

/// The payload length and what follows it.
#[inline]
fn decode_len(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, ProtocolError> {
    let (len, rest, least) = match short {
        126 => {
            let Some((bytes, rest)) = rest.split_first_chunk::<2>() else { return Ok(None) };
            (u64::from(u16::from_be_bytes(*bytes)), rest, 126)
        }
        127 => {
            let Some((bytes, rest)) = rest.split_first_chunk::<8>() else { return Ok(None) };
            (u64::from_be_bytes(*bytes), rest, 0x1_0000)
        }
        _ => return Ok(Some((u64::from(short), rest))),
    };
    if len >> 63 != 0 {
        return Err(ProtocolError::LengthReservedBit);
    }
    if len < least {
        return Err(ProtocolError::LengthNotMinimal);
    }
    Ok(Some((len, rest)))
}

/// An encoded header: dereferences to its bytes.
#[derive(Clone, Copy, Debug)]
pub struct HeaderBytes {
    bytes: [u8; HEADER_BYTES_MAX],
    len: u8,
}

impl HeaderBytes {
    fn push<const N: usize>(&mut self, part: [u8; N]) {
        let at = usize::from(self.len);
        self.bytes[at..at + N].copy_from_slice(&part);
        self.len += N as u8;
    }
}

impl Deref for HeaderBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// Encodes a header with its length in the fewest bytes: for fragments, and for payloads that are written apart.
/// A `key` announces a payload that the caller masks with [`mask::apply`].
///
/// # Panics
/// In debug builds, when RFC 6455 forbids the header: a control frame that is fragmented or longer than 125 bytes, a
/// length of 2⁶³ or more.
#[must_use]
pub fn encode_header(
    fin: bool,
    reserved: Reserved,
    opcode: Opcode,
    len: u64,
    key: Option<Key>,
) -> HeaderBytes {
    debug_assert!(!opcode.is_control() || (fin && len <= CONTROL_BYTES_MAX as u64), "not a control frame");
    debug_assert!(len >> 63 == 0, "a payload length must be below 2^63");
    let mut header = HeaderBytes { bytes: [0; HEADER_BYTES_MAX], len: 0 };
    let mask_bit = if key.is_some() { 0x80 } else { 0 };
    header.push([if fin { 0x80 } else { 0 } | reserved.0 | opcode as u8]);
    match len {
        0..=125 => header.push([mask_bit | len as u8]),
        126..=0xffff => {
            header.push([mask_bit | 126]);
            header.push((len as u16).to_be_bytes());
        }
        _ => {
            header.push([mask_bit | 127]);
            header.push(len.to_be_bytes());
        }
    }
    if let Some(key) = key {
        header.push(key);
    }
    header
}

/// Appends one whole frame to `out`; `key` masks it, as a client must and a server must not (§5.1).
///
/// ```
/// use wavecast_websocket::{Opcode, frame};
///
/// let mut out = Vec::new();
/// frame::encode(Opcode::Text, b"Hello", None, &mut out);
/// assert_eq!(out, [0x81, 0x05, b'H', b'e', b'l', b'l', b'o']);
/// ```
///
/// # Panics
/// As [`encode_header`].
pub fn encode(opcode: Opcode, payload: &[u8], key: Option<Key>, out: &mut Vec<u8>) {
    if key.is_none() && payload.len() <= SHORT_LEN_MAX {
        // Most of what a server sends, without the detour by a header that is put together first.
        out.reserve(2 + payload.len());
        out.extend_from_slice(&[0x80 | opcode as u8, payload.len() as u8]);
        out.extend_from_slice(payload);
        return;
    }
    let header = encode_header(true, Reserved::NONE, opcode, payload.len() as u64, key);
    out.reserve(header.len() + payload.len());
    out.extend_from_slice(&header);
    let start = out.len();
    out.extend_from_slice(payload);
    if let Some(key) = key {
        mask::apply(key, &mut out[start..]);
    }
}
