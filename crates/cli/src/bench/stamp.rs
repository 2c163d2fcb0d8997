//! The payload that measures itself: a time stamp and a sequence number at a fixed place.
//!
//! A payload is valid JSON, so that any push server carries it, and everything in it has a fixed width, so that the
//! receiver can read it without a parser:
//!
//! ```text
//! {"wcb":"0000004a5b6c7d8e0000002axxxxxxxx…"}
//! ^marker ^nanoseconds    ^sequence
//! ```
//!
//! An echo comes back as it went, so it needs no marker, and may be as short as its digits:
//!
//! ```text
//! 5b6c7d8e0000002axxxxxxxx…
//! ^nanoseconds, the low 32 bits
//!         ^sequence
//! ```

use rustix::time::{ClockId, clock_gettime};

/// What a payload begins with, and what receivers look for.
pub(super) const MARKER: [u8; 8] = *b"{\"wcb\":\"";

/// From the start of the marker to the end of the sequence number.
pub(super) const STAMP_BYTES: usize = MARKER.len() + 16 + 8;

/// Marker, stamp and the closing `"}`.
pub(super) const PAYLOAD_BYTES_MIN: usize = STAMP_BYTES + 2;

/// What an echoed message begins with; the shortest has nothing else.
pub(super) const ECHO_STAMP_BYTES: usize = 16;

/// A publication must fit many times into a load's receive buffer.
const PAYLOAD_BYTES_MAX: usize = 1 << 20;

/// Reads `--payload`.
pub(super) fn parse_payload_bytes(text: &str) -> Result<usize, String> {
    parse_bytes(text, PAYLOAD_BYTES_MIN)
}

/// Reads `--payload` of an echo.
pub(super) fn parse_echo_bytes(text: &str) -> Result<usize, String> {
    parse_bytes(text, ECHO_STAMP_BYTES)
}

fn parse_bytes(text: &str, least: usize) -> Result<usize, String> {
    match text.parse() {
        Ok(bytes) if (least..=PAYLOAD_BYTES_MAX).contains(&bytes) => Ok(bytes),
        _ => Err(format!("expected {least} to {PAYLOAD_BYTES_MAX} bytes")),
    }
}

/// What a payload says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// `CLOCK_MONOTONIC` when it was sent: comparable between processes of one machine.
    pub(super) sent_ns: u64,
    /// Counts publications (or a connection's echoes), from 1.
    pub(super) sequence: u32,
}

/// Nanoseconds on the clock that all processes of this machine share.
pub(super) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// Appends a payload of `bytes` bytes (at least [`PAYLOAD_BYTES_MIN`]).
pub(super) fn write_payload(stamp: Stamp, bytes: usize, out: &mut Vec<u8>) {
    let end = out.len() + bytes.max(PAYLOAD_BYTES_MIN);
    write_stamp(stamp, out);
    out.resize(end - 2, b'x');
    out.extend_from_slice(b"\"}");
}

/// Appends what every payload begins with: marker and digits, within a string that is still open.
pub(super) fn write_stamp(stamp: Stamp, out: &mut Vec<u8>) {
    out.extend_from_slice(&MARKER);
    out.extend_from_slice(&to_hex((stamp.sent_ns >> 32) as u32));
    out.extend_from_slice(&to_hex(stamp.sent_ns as u32));
    out.extend_from_slice(&to_hex(stamp.sequence));
}

/// Reads the stamp of a payload that begins at `at`; `None` when no marker stands there.
pub(super) fn read(bytes: &[u8], at: usize) -> Option<Stamp> {
    let stamp: &[u8; STAMP_BYTES] = bytes.get(at..)?.first_chunk()?;
    let (marker, digits) = stamp.split_first_chunk::<8>()?;
    if *marker != MARKER {
        return None;
    }
    let (high, rest) = digits.split_first_chunk::<8>()?;
    let (low, rest) = rest.split_first_chunk::<8>()?;
    let sent_ns = u64::from(from_hex(*high)) << 32 | u64::from(from_hex(*low));
    Some(Stamp { sent_ns, sequence: from_hex(*rest.first_chunk()?) })
}

/// The digits that an echoed message begins with.
pub(super) fn echo_digits(stamp: Stamp) -> [u8; ECHO_STAMP_BYTES] {
    let mut digits = [0; ECHO_STAMP_BYTES];
    let (time, sequence) = digits.split_at_mut(8);
    time.copy_from_slice(&to_hex(stamp.sent_ns as u32));
    sequence.copy_from_slice(&to_hex(stamp.sequence));
    digits
}

/// Reads the stamp of an echo that came back at `now_ns`: at most 4.2 s after it was sent, or the time is taken for a later
/// one.
pub(super) fn read_echo(message: &[u8], now_ns: u64) -> Option<Stamp> {
    let digits: &[u8; ECHO_STAMP_BYTES] = message.first_chunk()?;
    let (time, sequence) = digits.split_first_chunk::<8>()?;
    let elapsed_ns = (now_ns as u32).wrapping_sub(from_hex(*time));
    let sent_ns = now_ns.saturating_sub(u64::from(elapsed_ns));
    Some(Stamp { sent_ns, sequence: from_hex(*sequence.first_chunk()?) })
}

/// Eight hexadecimal digits.
fn to_hex(number: u32) -> [u8; 8] {
    let mut digits = [0; 8];
    for (place, digit) in digits.iter_mut().enumerate() {
        *digit = b"0123456789abcdef"[(number >> (28 - 4 * place)) as usize & 0xf];
    }
    digits
}

/// Eight hexadecimal digits at once. Three of these are read for each of millions of deliveries, so the digits are
/// turned into nibbles side by side in one word and then pushed together, instead of one after another.
fn from_hex(digits: [u8; 8]) -> u32 {
    let word = u64::from_be_bytes(digits);
    let letters = (word >> 6) & 0x0101_0101_0101_0101;
    let nibbles = (word & 0x0f0f_0f0f_0f0f_0f0f) + letters * 9;
    let bytes = (nibbles | nibbles >> 4) & 0x00ff_00ff_00ff_00ff;
    let pairs = (bytes | bytes >> 8) & 0x0000_ffff_0000_ffff;
    (pairs | pairs >> 16) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_has_the_length_asked_for_and_is_json() {
        for bytes in [PAYLOAD_BYTES_MIN, 35, 128, 4096] {
            let mut payload = Vec::new();
            write_payload(Stamp { sent_ns: 7, sequence: 9 }, bytes, &mut payload);
            assert_eq!(payload.len(), bytes);
            assert!(serde_json::from_slice::<serde_json::Value>(&payload).unwrap().is_object());
        }
    }

    #[test]
    fn stamp_survives_the_round() {
        for (sent_ns, sequence) in
            [(0, 0), (1, 1), (u64::MAX, u32::MAX), (0x0123_4567_89ab_cdef, 0xfedc_ba98)]
        {
            let mut bytes = b"prefix".to_vec();
            write_payload(Stamp { sent_ns, sequence }, 64, &mut bytes);
            assert_eq!(read(&bytes, 6), Some(Stamp { sent_ns, sequence }));
            assert_eq!(read(&bytes, 5), None);
            assert_eq!(read(&bytes[..6 + STAMP_BYTES - 1], 6), None);
        }
    }

    #[test]
    fn an_echo_tells_when_it_was_sent_also_across_a_turn_of_its_clock() {
        let sent_ns = 0x0000_0012_ffff_fff0;
        let message = echo_digits(Stamp { sent_ns, sequence: 0xabc_def0 });
        let expected = Some(Stamp { sent_ns, sequence: 0xabc_def0 });
        assert_eq!(read_echo(&message, sent_ns + 5), expected);
        assert_eq!(read_echo(&message, sent_ns + 4_000_000_000), expected);
        assert_eq!(read_echo(&message[1..], sent_ns), None);
    }

    #[test]
    fn clock_goes_forward() {
        let earlier = now_ns();
        assert!(now_ns() >= earlier);
    }
}
