//! The examples of RFC 6455 §5.7, byte for byte.

use crate::wire::{Got, KEY, receive, receive_bytewise};
use wavecast_websocket::frame::{Header, Reserved, encode, encode_header};
use wavecast_websocket::{Opcode, Role};

#[test]
fn are_received() {
    let hello = || "Hello".to_owned();
    let cases: [(Role, &[u8], Got); 5] = [
        (Role::Client, &[0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f], Got::Text(hello())),
        (
            Role::Server,
            &[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58],
            Got::Text(hello()),
        ),
        (Role::Client, &[0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f], Got::Text(hello())),
        (Role::Client, &[0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f], Got::Ping(hello().into())),
        (
            Role::Server,
            &[0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58],
            Got::Pong(hello().into()),
        ),
    ];
    for (role, bytes, expected) in cases {
        let expected = [expected];
        assert_eq!(receive(role, bytes), expected);
        assert_eq!(receive_bytewise(role, bytes), expected);
    }
}

#[test]
fn with_long_lengths_are_received() {
    for (header, len) in [
        (&[0x82, 0x7e, 0x01, 0x00][..], 256),
        (&[0x82, 0x7f, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00], 65_536),
    ] {
        let payload: Vec<u8> = (0..len).map(|n| n as u8).collect();
        let bytes = [header, &payload].concat();
        assert_eq!(receive(Role::Client, &bytes), [Got::Binary(payload.clone())]);
        assert_eq!(receive_bytewise(Role::Client, &bytes), [Got::Binary(payload)]);
    }
}

#[test]
fn are_sent() {
    let mut out = Vec::new();
    encode(Opcode::Text, b"Hello", None, &mut out);
    assert_eq!(out, [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
    out.clear();
    encode(Opcode::Text, b"Hello", Some(KEY), &mut out);
    assert_eq!(out, [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    assert_eq!(*encode_header(true, Reserved::NONE, Opcode::Binary, 256, None), [0x82, 0x7e, 0x01, 0x00]);
    assert_eq!(
        *encode_header(true, Reserved::NONE, Opcode::Binary, 65_536, None),
        [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]
    );
}

#[test]
fn the_length_changes_its_form_where_the_table_says() {
    for (len, header_len) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10), ((1 << 63) - 1, 10)] {
        for key in [None, Some(KEY)] {
            let header = Header { fin: false, reserved: Reserved::RSV1, opcode: Opcode::Binary, len, key };
            let bytes = header.encode();
            assert_eq!(bytes.len(), header_len + if key.is_some() { 4 } else { 0 });
            assert_eq!(Header::decode(&bytes), Ok(Some((header, bytes.len()))));
            for cut in 0..bytes.len() {
                assert_eq!(Header::decode(&bytes[..cut]), Ok(None));
            }
        }
    }
}
