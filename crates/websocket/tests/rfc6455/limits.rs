//! Limits hold at their exact value, and are checked when a length is announced, not when it has arrived.

use crate::wire::{Got, masked, receive_pieces};
use wavecast_websocket::{CloseCode, Limits, Opcode, ProtocolError, Role};

fn receive_within(limits: &Limits, bytes: &[u8]) -> Vec<Got> {
    let whole = receive_pieces(Role::Server, limits, [bytes]);
    assert_eq!(receive_pieces(Role::Server, limits, bytes.chunks(1)), whole);
    whole
}

#[test]
fn a_frame_may_be_as_long_as_the_limit() {
    let limits = Limits { frame_bytes_max: 200, ..Limits::DEFAULT };
    let fits = masked(true, Opcode::Binary, &[7; 200]);
    assert_eq!(receive_within(&limits, &fits), [Got::Binary(vec![7; 200])]);
    let error = ProtocolError::FrameTooBig { bytes_max: 200 };
    // The header is enough.
    assert_eq!(receive_within(&limits, &masked(true, Opcode::Binary, &[7; 201])[..8]), [Got::Error(error)]);
    assert_eq!(error.close_code(), CloseCode::MESSAGE_TOO_BIG);
    assert!(error.is_limit());
}

#[test]
fn a_message_may_be_as_long_as_the_limit_in_any_number_of_frames() {
    let limits = Limits { message_bytes_max: 10, ..Limits::DEFAULT };
    let two = |second: &[u8]| {
        [masked(false, Opcode::Text, b"12345"), masked(true, Opcode::Continuation, second)].concat()
    };
    assert_eq!(receive_within(&limits, &two(b"67890")), [Got::Text("1234567890".into())]);
    let error = [Got::Error(ProtocolError::MessageTooBig { bytes_max: 10 })];
    assert_eq!(receive_within(&limits, &two(b"678901")[..11 + 6]), error);
    assert_eq!(receive_within(&limits, &masked(true, Opcode::Text, b"12345678901")[..6]), error);
}

#[test]
fn the_longest_length_there_is_neither_overflows_nor_allocates() {
    let limits = Limits { frame_bytes_max: u64::MAX, ..Limits::DEFAULT };
    let mut bytes = masked(false, Opcode::Binary, b"x");
    bytes.extend([0x80, 0xff]);
    bytes.extend(((1u64 << 63) - 1).to_be_bytes());
    bytes.extend([0; 4]);
    let error = ProtocolError::MessageTooBig { bytes_max: limits.message_bytes_max };
    assert_eq!(receive_within(&limits, &bytes), [Got::Error(error)]);
    // With every limit off the bytes are simply waited for.
    let unlimited = Limits { message_bytes_max: usize::MAX, ..limits };
    bytes.extend([0; 100]);
    assert_eq!(receive_within(&unlimited, &bytes), []);
}

#[test]
fn fragments_are_counted_even_if_empty() {
    let limits = Limits { fragments_max: 3, ..Limits::DEFAULT };
    let mut bytes = masked(false, Opcode::Text, b"");
    bytes.extend(masked(false, Opcode::Continuation, b""));
    let mut fits = bytes.clone();
    fits.extend(masked(true, Opcode::Continuation, b"x"));
    assert_eq!(receive_within(&limits, &fits), [Got::Text("x".into())]);
    bytes.extend(masked(false, Opcode::Continuation, b""));
    bytes.extend(masked(true, Opcode::Continuation, b""));
    let error = ProtocolError::TooManyFragments { fragments_max: 3 };
    assert_eq!(receive_within(&limits, &bytes), [Got::Error(error)]);
    assert_eq!(error.close_code(), CloseCode::POLICY_VIOLATION);
}

#[test]
fn control_frames_are_free_of_the_limits_of_data() {
    let limits = Limits { frame_bytes_max: 1, message_bytes_max: 1, fragments_max: 1, ..Limits::DEFAULT };
    let bytes = [masked(true, Opcode::Ping, &[1; 125]), masked(true, Opcode::Binary, b"x")].concat();
    assert_eq!(receive_within(&limits, &bytes), [Got::Ping(vec![1; 125]), Got::Binary(b"x".into())]);
}
