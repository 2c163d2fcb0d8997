//! Finds frames and time stamps in received bytes as cheaply as possible.
//!
//! The load must cost less than the server it measures, so nothing is parsed here that the figures do not need: a frame
//! is its header and its length (RFC 6455 §5.2), and a delivery is known by the marker at the place where it stood the last time.
//! Payloads are neither decoded as JSON nor checked as UTF-8.

use std::fmt;
use std::ops::Range;

use memchr::{memchr, memmem};
use wavecast_websocket::ProtocolError;
use wavecast_websocket::frame::{Header, Opcode, Reserved};

use super::stamp::{self, MARKER, Stamp};

/// One frame that lies whole in the buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) opcode: Opcode,
    /// Where its payload lies in the buffer.
    pub(super) payload: Range<usize>,
    /// RSV1: the payload is compressed (RFC 7692 §6).
    pub(super) deflated: bool,
}

/// What a server sent that cannot be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScanError {
    /// Not RFC 6455.
    Protocol(ProtocolError),
    /// A message in several frames: time stamps could lie across them.
    Fragmented,
    /// RFC 6455 §5.1: a server does not mask.
    Masked,
    /// An extension that was not asked for.
    ReservedBits,
    /// Longer than the receive buffer.
    TooLong(u64),
}

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(error) => write!(f, "the server broke RFC 6455: {error}"),
            Self::Fragmented => {
                f.write_str("the server sent a message in fragments, which cannot be measured")
            }
            Self::Masked => f.write_str("the server sent a masked frame"),
            Self::ReservedBits => f.write_str("the server sent a frame with reserved bits set"),
            Self::TooLong(bytes) => {
                write!(f, "the server sent a frame of {bytes} bytes, more than the receive buffer")
            }
        }
    }
}

/// The frame that begins at `at`, or `None` while it is incomplete.
///
/// `frame_bytes_max` bounds header and payload together; `agreed` are the reserved bits that an extension gave a meaning.
#[inline]
pub(super) fn frame(
    bytes: &[u8],
    at: usize,
    frame_bytes_max: usize,
    agreed: Reserved,
) -> Result<Option<Frame>, ScanError> {
    let Some((header, header_bytes)) = Header::decode(&bytes[at..]).map_err(ScanError::Protocol)? else {
        return Ok(None);
    };
    if !agreed.contains(header.reserved) {
        return Err(ScanError::ReservedBits);
    }
    if !header.fin || header.opcode == Opcode::Continuation {
        return Err(ScanError::Fragmented);
    }
    if header.key.is_some() {
        return Err(ScanError::Masked);
    }
    let length = match usize::try_from(header.len) {
        Ok(length) if length <= frame_bytes_max.saturating_sub(header_bytes) => length,
        _ => return Err(ScanError::TooLong(header.len)),
    };
    let payload = at + header_bytes..at + header_bytes + length;
    let whole = payload.end <= bytes.len();
    let deflated = header.reserved != Reserved::NONE;
    Ok(whole.then_some(Frame { opcode: header.opcode, payload, deflated }))
}

/// One line of a message: servers may put several, separated by a newline, into one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Delivery(Stamp),
    /// No marker in it: a reply, or a ping (`{}`).
    Other(&'a [u8]),
}

/// Where the marker stands in a delivery, learnt from the first one: all are alike but for the digits of the stamp.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Layout {
    line_bytes: usize,
    marker_at: usize,
}

impl Layout {
    /// Hands each line of a text message to `take`, in order.
    pub(super) fn lines<'a>(&mut self, message: &'a [u8], mut take: impl FnMut(Line<'a>)) {
        let mut at = 0;
        while at < message.len() {
            let known_end = at + self.line_bytes;
            let ends_there = known_end == message.len() || message.get(known_end) == Some(&b'\n');
            if ends_there && let Some(stamp) = stamp::read(message, at + self.marker_at) {
                take(Line::Delivery(stamp));
                at = known_end + 1;
                continue;
            }
            let end = memchr(b'\n', &message[at..]).map_or(message.len(), |length| at + length);
            let line = &message[at..end];
            match memmem::find(line, &MARKER).and_then(|found| Some((found, stamp::read(line, found)?))) {
                Some((found, stamp)) => {
                    *self = Self { line_bytes: line.len(), marker_at: found };
                    take(Line::Delivery(stamp));
                }
                None if line.is_empty() => {}
                None => take(Line::Other(line)),
            }
            at = end + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME_BYTES_MAX: usize = 1 << 20;

    fn delivery(sequence: u32, payload_bytes: usize) -> Vec<u8> {
        let mut line = br#"{"push":{"channel":"bench","pub":{"data":"#.to_vec();
        stamp::write_payload(
            Stamp { sent_ns: 1000 + u64::from(sequence), sequence },
            payload_bytes,
            &mut line,
        );
        line.extend_from_slice(b"}}}");
        line
    }

    fn framed(payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        wavecast_websocket::frame::encode(Opcode::Text, payload, None, &mut out);
        out
    }

    /// All sequence numbers (and 0 for each other line) of a stream of frames that arrives in the given pieces.
    fn scan_in_pieces<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<u32> {
        let (mut layout, mut buffer, mut seen) = (Layout::default(), Vec::new(), Vec::new());
        for piece in pieces {
            buffer.extend_from_slice(piece);
            let mut at = 0;
            while let Some(found) = frame(&buffer, at, FRAME_BYTES_MAX, Reserved::NONE).unwrap() {
                layout.lines(&buffer[found.payload.clone()], |line| {
                    seen.push(match line {
                        Line::Delivery(stamp) => stamp.sequence,
                        Line::Other(_) => 0,
                    });
                });
                at = found.payload.end;
            }
            buffer.drain(..at);
        }
        assert!(buffer.is_empty());
        seen
    }

    #[test]
    fn split_at_any_byte_gives_the_same_deliveries() {
        let mut bytes = framed(b"{}");
        bytes.extend(framed(&delivery(1, 64)));
        bytes.extend(framed(&[delivery(2, 64), b"{}".to_vec(), delivery(3, 200)].join(&b'\n')));
        bytes.extend(framed(&delivery(4, 70_000)));
        bytes.extend(framed(&delivery(5, 64)));
        let whole = scan_in_pieces([&bytes[..]].into_iter());
        assert_eq!(whole, [0, 1, 2, 0, 3, 4, 5]);
        // Every split around the short frames, and a few inside the long one.
        let splits = (0..700).chain([5_000, 70_500]).chain(bytes.len() - 200..bytes.len());
        for split in splits {
            let (head, tail) = bytes.split_at(split);
            assert_eq!(scan_in_pieces([head, tail].into_iter()), whole, "split at {split}");
        }
    }

    #[test]
    fn byte_by_byte_gives_the_same_deliveries() {
        let bytes = [framed(&delivery(1, 64)), framed(b"{}"), framed(&delivery(2, 300))].concat();
        assert_eq!(scan_in_pieces(bytes.chunks(1)), [1, 0, 2]);
    }

    #[test]
    fn layout_relearns_when_deliveries_change_shape() {
        let mut layout = Layout::default();
        for bytes in [64, 64, 65, 64, 4000] {
            let message = delivery(9, bytes);
            let mut stamps = Vec::new();
            layout.lines(&message, |line| stamps.push(line));
            assert_eq!(stamps, [Line::Delivery(Stamp { sent_ns: 1009, sequence: 9 })]);
        }
    }

    #[test]
    fn other_lines_are_handed_out_and_empty_ones_are_not() {
        let mut seen = Vec::new();
        Layout::default().lines(b"{\"id\":1}\n\n{}\n", |line| seen.push(line));
        assert_eq!(seen, [Line::Other(b"{\"id\":1}"), Line::Other(b"{}")]);
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        let refused = |bytes: &[u8]| frame(bytes, 0, 1000, Reserved::NONE).unwrap_err();
        assert_eq!(refused(&[0x01, 0x00]), ScanError::Fragmented);
        assert_eq!(refused(&[0x80, 0x00]), ScanError::Fragmented);
        assert!(matches!(refused(&[0x83, 0x00]), ScanError::Protocol(_)));
        assert_eq!(refused(&[0x81, 0x80, 1, 2, 3, 4]), ScanError::Masked);
        assert_eq!(refused(&[0xc1, 0x00]), ScanError::ReservedBits);
        assert_eq!(refused(&[0x81, 126, 0x03, 0xe8]), ScanError::TooLong(1000));
        assert_eq!(refused(&[0x81, 127, 127, 0, 0, 0, 0, 0, 0, 0]), ScanError::TooLong(127 << 56));
        assert_eq!(frame(&[0x81, 126, 0x03], 0, 1000, Reserved::NONE), Ok(None));
        let compressed = frame(&[0xc1, 0x00], 0, 1000, Reserved::RSV1).unwrap().unwrap();
        assert!(compressed.deflated && compressed.payload.is_empty());
    }
}
