//! The frame of an echoed message, made once: of one message to the next only the stamp differs.

use wavecast_websocket::{frame, mask};

use super::conversation::MASKING_KEY;
use super::stamp::{self, ECHO_STAMP_BYTES, Stamp};

/// A masked text frame whose payload begins with a stamp.
#[derive(Debug)]
pub(super) struct Pattern {
    frame: Vec<u8>,
    stamp_at: usize,
}

impl Pattern {
    /// `payload_bytes` are at least [`ECHO_STAMP_BYTES`].
    pub(super) fn new(payload_bytes: usize) -> Self {
        let payload = vec![b'x'; payload_bytes.max(ECHO_STAMP_BYTES)];
        let mut frame = Vec::new();
        frame::encode(frame::Opcode::Text, &payload, Some(MASKING_KEY), &mut frame);
        Self { stamp_at: frame.len() - payload.len(), frame }
    }

    /// The frame with this stamp.
    pub(super) fn stamped(&mut self, stamp: Stamp) -> &[u8] {
        let digits = &mut self.frame[self.stamp_at..self.stamp_at + ECHO_STAMP_BYTES];
        digits.copy_from_slice(&stamp::echo_digits(stamp));
        mask::apply(MASKING_KEY, digits);
        &self.frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_the_one_that_encoding_the_message_would_make() {
        for bytes in [16, 17, 200, 70_000] {
            let mut pattern = Pattern::new(bytes);
            for sequence in [1, 2] {
                let stamp = Stamp { sent_ns: 77, sequence };
                let mut message = stamp::echo_digits(stamp).to_vec();
                message.resize(bytes, b'x');
                let mut expected = Vec::new();
                frame::encode(frame::Opcode::Text, &message, Some(MASKING_KEY), &mut expected);
                assert_eq!(pattern.stamped(stamp), expected);
            }
        }
    }
}
