//! Where the bit *compressed* may stand, and what may stand between the frames of a compressed message (RFC 7692 §6).

use crate::wire::{Got, masked, receive, receive_pieces, server, text};
use wavecast_websocket::{Connection, Limits, Opcode, ProtocolError, Role};

const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

#[test]
fn the_bit_stands_on_first_frames_only() {
    let begun = masked(false, true, Opcode::Text, &HELLO[..2]);
    for frame in [
        masked(true, true, Opcode::Ping, b""),
        masked(true, true, Opcode::Pong, b""),
        masked(true, true, Opcode::Close, b""),
        [begun, masked(true, true, Opcode::Continuation, &HELLO[2..])].concat(),
    ] {
        assert_eq!(receive(false, &frame), [Got::Error(ProtocolError::ReservedBits)]);
    }
}

#[test]
fn without_an_agreement_the_bit_is_an_error() {
    let got = receive_pieces(Connection::new(Role::Server), &Limits::DEFAULT, [&text(&HELLO)[..]]);
    assert_eq!(got, [Got::Error(ProtocolError::ReservedBits)]);
}

#[test]
fn other_reserved_bits_are_errors() {
    let mut frame = text(&HELLO);
    for bit in [0x20, 0x10] {
        frame[0] |= bit;
        assert_eq!(receive(false, &frame), [Got::Error(ProtocolError::ReservedBits)]);
    }
}

#[test]
fn control_frames_may_stand_between_fragments() {
    let bytes = [
        masked(false, true, Opcode::Binary, &HELLO[..3]),
        masked(true, false, Opcode::Ping, b"ping"),
        masked(false, false, Opcode::Continuation, b""),
        masked(true, false, Opcode::Continuation, &HELLO[3..]),
        masked(true, false, Opcode::Text, b"plain"),
        masked(true, false, Opcode::Close, b""),
    ]
    .concat();
    let expected =
        [Got::Control(b"ping".into()), Got::Binary(b"Hello".into()), Got::Text("plain".into()), Got::Close];
    for takeover in [false, true] {
        assert_eq!(receive(takeover, &bytes), expected);
    }
}

#[test]
fn a_plain_message_leaves_the_context_alone() {
    let again = [0xf2, 0x00, 0x11, 0x00, 0x00];
    let bytes = [text(&HELLO), masked(true, false, Opcode::Text, b"plain"), text(&again)].concat();
    let hello = Got::Text("Hello".into());
    assert_eq!(receive(true, &bytes), [hello.clone(), Got::Text("plain".into()), hello]);
}

#[test]
fn what_comes_out_must_be_utf8() {
    // "Hello" as a block without compression, its third byte changed.
    let payload = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0xff, 0x6c, 0x6f, 0x00];
    assert_eq!(receive(false, &text(&payload)), [Got::Error(ProtocolError::InvalidUtf8)]);
    let binary = masked(true, true, Opcode::Binary, &payload);
    assert_eq!(receive(false, &binary), [Got::Binary(vec![0x48, 0x65, 0xff, 0x6c, 0x6f])]);
}

#[test]
fn fragments_and_frames_have_their_limits_too() {
    let frames: Vec<u8> = HELLO
        .iter()
        .enumerate()
        .flat_map(|(at, byte)| {
            let opcode = if at == 0 { Opcode::Text } else { Opcode::Continuation };
            masked(at == 6, at == 0, opcode, &[*byte])
        })
        .collect();
    let few = Limits { fragments_max: 6, ..Limits::DEFAULT };
    assert_eq!(
        receive_pieces(server(false), &few, [&frames[..]]),
        [Got::Error(ProtocolError::TooManyFragments { fragments_max: 6 })]
    );
    let short = Limits { frame_bytes_max: 6, ..Limits::DEFAULT };
    assert_eq!(receive_pieces(server(false), &short, [&frames[..]]), [Got::Text("Hello".into())]);
    assert_eq!(
        receive_pieces(server(false), &short, [&text(&HELLO)[..]]),
        [Got::Error(ProtocolError::FrameTooBig { bytes_max: 6 })]
    );
}
