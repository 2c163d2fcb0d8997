//! What no header may say (RFC 6455 §5.2, §5.5), and how soon it is noticed.

use crate::wire::{Got, error_of, masked, receive};
use wavecast_websocket::{CloseCode, Opcode, ProtocolError, Role};

/// A masked header with these first bytes, followed by a key and some payload.
fn masked_frame(first: &[u8]) -> Vec<u8> {
    let mut bytes = first.to_vec();
    bytes[1] |= 0x80;
    bytes.extend_from_slice(&[0; 200]);
    bytes
}

#[test]
fn reserved_bits_must_be_zero() {
    for bits in [0x40, 0x20, 0x10, 0x70, 0x60] {
        for opcode in [0x1, 0x2, 0x8, 0x9, 0xa] {
            let error = error_of(Role::Server, &masked_frame(&[0x80 | bits | opcode, 3]));
            assert_eq!(error, ProtocolError::ReservedBits);
            assert_eq!(error.close_code(), CloseCode::PROTOCOL_ERROR);
        }
    }
    // In a continuation, too.
    let bytes = [masked(false, Opcode::Text, b"a"), masked_frame(&[0xc0, 1])].concat();
    assert_eq!(error_of(Role::Server, &bytes), ProtocolError::ReservedBits);
}

#[test]
fn reserved_opcodes_fail() {
    for opcode in [0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf] {
        for fin in [0x80, 0] {
            let error = error_of(Role::Server, &masked_frame(&[fin | opcode, 0]));
            assert_eq!(error, ProtocolError::ReservedOpcode(opcode));
        }
    }
}

#[test]
fn lengths_must_be_minimal() {
    let long = |len: u64| [&[0x82, 0x7f][..], &len.to_be_bytes()].concat();
    for (header, allowed) in [
        (vec![0x82, 126, 0, 125], false),
        (vec![0x82, 126, 0, 0], false),
        (vec![0x82, 126, 0, 126], true),
        (long(0), false),
        (long(125), false),
        (long(65_535), false),
        (long(65_536), true),
    ] {
        let got = receive(Role::Server, &masked_frame(&header));
        if allowed {
            assert!(!matches!(got[..], [Got::Error(_), ..]), "{header:?}: {got:?}");
        } else {
            assert_eq!(error_of(Role::Server, &masked_frame(&header)), ProtocolError::LengthNotMinimal);
        }
    }
}

#[test]
fn the_highest_bit_of_a_length_must_be_zero() {
    for len in [1 << 63, u64::MAX, (1 << 63) | 5] {
        let header = [&[0x82, 0x7f][..], &u64::to_be_bytes(len)].concat();
        assert_eq!(error_of(Role::Server, &masked_frame(&header)), ProtocolError::LengthReservedBit);
    }
}

#[test]
fn control_frames_carry_at_most_125_bytes() {
    for opcode in [Opcode::Close, Opcode::Ping, Opcode::Pong] {
        for len in [126, 127] {
            let header = [0x80 | opcode as u8, len, 0, 0, 0, 0, 0, 0, 0, 126];
            assert_eq!(error_of(Role::Server, &masked_frame(&header)), ProtocolError::ControlTooLong);
        }
    }
}

#[test]
fn control_frames_are_not_fragmented() {
    for opcode in [Opcode::Close, Opcode::Ping, Opcode::Pong] {
        let bytes = masked(true, opcode, b"");
        let header = [bytes[0] & 0x7f, 0];
        assert_eq!(error_of(Role::Server, &masked_frame(&header)), ProtocolError::FragmentedControl);
    }
}

#[test]
fn two_bytes_are_enough_to_refuse_what_they_say() {
    assert_eq!(receive(Role::Server, &[0x83, 0x80]), [Got::Error(ProtocolError::ReservedOpcode(3))]);
    assert_eq!(receive(Role::Server, &[0x89, 0xfe]), [Got::Error(ProtocolError::ControlTooLong)]);
    assert_eq!(receive(Role::Server, &[0x81, 0x05]), [Got::Error(ProtocolError::MissingMask)]);
}

#[test]
fn plain_http_on_an_open_connection_fails() {
    // 'G' is 0x47: opcode 7.
    let error = error_of(Role::Server, b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n");
    assert_eq!(error, ProtocolError::ReservedOpcode(7));
}
