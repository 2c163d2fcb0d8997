//! Frames that the RFC forbids, sent to the server and to the client.

use wavecast_net::Options;
use wavecast_net::client::RecvError;

use crate::besieged::{self, Besieged};
use crate::lured;
use crate::raw::{BINARY, CLOSE, FIN, From, PING, PONG, TEXT, Told, frame, header};

const PROTOCOL_ERROR: u16 = 1002;
const INVALID_PAYLOAD: u16 = 1007;
const MESSAGE_TOO_BIG: u16 = 1009;

/// One attack: the bytes, and the code that answers them.
type Attack = (String, Vec<u8>, u16);

fn try_on_the_server(attacks: &[Attack]) {
    let server = Besieged::start(Options::default());
    for (what, bytes, code) in attacks {
        besieged::attack(&server, what, bytes, &Told::Close(*code));
    }
}

async fn try_on_the_client(attacks: Vec<Attack>) {
    for (what, bytes, code) in attacks {
        let (told, error) = lured::attack(bytes).await;
        assert_eq!(told, Told::Close(code), "{what}");
        let (RecvError::Protocol(fault) | RecvError::Limit(fault)) = error else { panic!("{what}: {error}") };
        assert_eq!(fault.close_code().get(), code, "{what}: {fault}");
    }
}

fn attack(what: impl Into<String>, bytes: Vec<u8>, code: u16) -> Attack {
    (what.into(), bytes, code)
}

/// RSV1 to RSV3 without an extension that gives them a meaning (§5.2), in every kind of frame.
fn reserved_bits(from: From) -> Vec<Attack> {
    let bits = [0x40, 0x20, 0x10, 0x70];
    let all = bits.iter().flat_map(|bit| [TEXT, BINARY, CLOSE, PING].map(|opcode| (*bit, opcode)));
    all.map(|(bit, opcode)| {
        let what = format!("reserved bits {bit:#x} with opcode {opcode}");
        attack(what, frame(from, FIN | bit | opcode, b""), PROTOCOL_ERROR)
    })
    .collect()
}

/// Opcodes that mean nothing (§5.2).
fn reserved_opcodes(from: From) -> Vec<Attack> {
    let opcodes = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15];
    opcodes
        .map(|opcode| attack(format!("opcode {opcode}"), frame(from, FIN | opcode, b"x"), PROTOCOL_ERROR))
        .into()
}

/// Control frames that are too long or come in parts (§5.5).
fn control_frames(from: From) -> Vec<Attack> {
    let mut attacks = Vec::new();
    for opcode in [CLOSE, PING, PONG] {
        for length in [126, 127, 65_535, 65_536] {
            let what = format!("opcode {opcode} with {length} bytes");
            attacks.push(attack(what, frame(from, FIN | opcode, &vec![3; length]), PROTOCOL_ERROR));
        }
        attacks.push(attack(format!("opcode {opcode} in parts"), frame(from, opcode, b"xx"), PROTOCOL_ERROR));
    }
    attacks
}

/// Lengths that no message has: the highest bit set, more than there is memory, and more bytes than the length needs (§5.2).
fn lengths(from: From) -> Vec<Attack> {
    let padded = |first: &[u8], length: &[u8]| {
        let mask = if from == From::Client { 0x80 } else { 0 };
        [&[first[0], first[1] | mask][..], length, &[0; 300]].concat()
    };
    vec![
        attack("2^63", header(from, FIN | BINARY, 1 << 63), PROTOCOL_ERROR),
        attack("2^64 - 1", header(from, FIN | BINARY, u64::MAX), PROTOCOL_ERROR),
        attack("2^62", header(from, FIN | BINARY, 1 << 62), MESSAGE_TOO_BIG),
        attack("2^32", header(from, FIN | TEXT, 1 << 32), MESSAGE_TOO_BIG),
        attack("one more than is allowed", header(from, FIN | TEXT, (16 << 20) + 1), MESSAGE_TOO_BIG),
        attack("5 in two bytes", padded(&[FIN | BINARY, 126], &5u16.to_be_bytes()), PROTOCOL_ERROR),
        attack("5 in eight bytes", padded(&[FIN | BINARY, 127], &5u64.to_be_bytes()), PROTOCOL_ERROR),
        attack(
            "65,535 in eight bytes",
            padded(&[FIN | BINARY, 127], &65_535u64.to_be_bytes()),
            PROTOCOL_ERROR,
        ),
    ]
}

/// Fragments that belong to no message, or to two (§5.4).
fn fragments(from: From) -> Vec<Attack> {
    let two = |first, second| [frame(from, first, b"a"), frame(from, second, b"b")].concat();
    vec![
        attack("a continuation of nothing", frame(from, FIN, b"x"), PROTOCOL_ERROR),
        attack("a first part of nothing", frame(from, 0, b"x"), PROTOCOL_ERROR),
        attack("a message within a message", two(TEXT, FIN | TEXT), PROTOCOL_ERROR),
        attack("another kind in the middle", two(TEXT, BINARY), PROTOCOL_ERROR),
        attack("a continuation after the last part", two(FIN | TEXT, FIN), PROTOCOL_ERROR),
    ]
}

/// Close frames that say what may not be said (§5.5.1, §7.4).
fn close_frames(from: From) -> Vec<Attack> {
    let close = |payload: &[u8]| frame(from, FIN | CLOSE, payload);
    let mut attacks = vec![
        attack("one byte", close(&[3]), PROTOCOL_ERROR),
        attack("a reason of half a character", close(b"\x03\xe8\xc3"), INVALID_PAYLOAD),
        attack("a reason of bytes", close(b"\x03\xe8\xff\xfe"), INVALID_PAYLOAD),
    ];
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535_u16] {
        attacks.push(attack(format!("code {code}"), close(&code.to_be_bytes()), PROTOCOL_ERROR));
    }
    attacks
}

/// Text that is none (§8.1): also noticed where the rest of the message never comes.
fn not_utf8(from: From) -> Vec<Attack> {
    let bad: [&[u8]; 6] =
        [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"ok\xc3", b"\xf8\x88\x80\x80\x80"];
    let mut attacks: Vec<Attack> = bad
        .iter()
        .map(|text| attack(format!("{text:x?}"), frame(from, FIN | TEXT, text), INVALID_PAYLOAD))
        .collect();
    let never_whole = frame(from, TEXT, b"fine so far \xed\xa0\x80");
    attacks.push(attack("in the first of many parts", never_whole, INVALID_PAYLOAD));
    let mut half = header(from, FIN | TEXT, 1_000_000);
    // Zeroes after the key: for a client the payload is the key, over and over, and that has a byte 0xff.
    half.extend_from_slice(if from == From::Client { &[0; 2_000] } else { &[0xff; 2_000] });
    attacks.push(attack("long before its end", half, INVALID_PAYLOAD));
    attacks
}

/// Masks where none may be, and none where one must be (§5.1).
fn masks(from: From) -> Vec<Attack> {
    let other = if from == From::Client { From::Server } else { From::Client };
    let all = [FIN | TEXT, FIN | BINARY, TEXT, FIN | PING, FIN | CLOSE];
    all.map(|first| attack(format!("{first:#x}"), frame(other, first, b"\x03\xe8"), PROTOCOL_ERROR)).into()
}

/// A test for each table and each role.
macro_rules! on_both_roles {
    ($($table:ident),*) => {
        mod on_the_server {
            $(#[test]
            fn $table() {
                super::try_on_the_server(&super::$table(super::From::Client));
            })*
        }

        mod on_the_client {
            $(#[tokio::test]
            async fn $table() {
                super::try_on_the_client(super::$table(super::From::Server)).await;
            })*
        }
    };
}

on_both_roles!(
    reserved_bits,
    reserved_opcodes,
    control_frames,
    lengths,
    fragments,
    close_frames,
    not_utf8,
    masks
);

/// After its close frame a peer has nothing more to say (§5.5.1): no message comes of it, and no second close event.
#[test]
fn what_follows_a_close_frame_is_not_heard() {
    let server = Besieged::start(Options::default());
    let mut bytes = frame(From::Client, FIN | CLOSE, &1000u16.to_be_bytes());
    bytes.extend(frame(From::Client, FIN | TEXT, b"are you still there?").repeat(1_000));
    bytes.extend(frame(From::Client, FIN | CLOSE, &4000u16.to_be_bytes()));
    let mut attacker = server.attacker();
    attacker.send(&bytes);
    assert_eq!(attacker.frame().unwrap(), (CLOSE, 1000u16.to_be_bytes().to_vec()));
    assert_eq!(attacker.told(), Told::End);
    assert_eq!(server.end(), 1000);
    server.expect_open(0);
}
