//! Messages piece by piece: the pieces of a message together are what it is when it is received whole, wherever the input
//! is cut, and nothing of it is kept.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

use proptest::prelude::*;
use wavecast_websocket::deflate::{Compression, Deflater, Window};
use wavecast_websocket::frame::{self, Reserved};
use wavecast_websocket::{Connection, Event, Input, Limits, Opcode, Part, Piece, ProtocolError, Role, mask};

const KEY: mask::Key = [0x37, 0xfa, 0x21, 0x3d];

/// What a connection received.
#[derive(Clone, Debug, PartialEq)]
enum Got {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Control(Vec<u8>),
    Close,
    Error(ProtocolError),
}

fn control(event: Event<'_>) -> Got {
    match event {
        Event::Ping(payload) | Event::Pong(payload) => Got::Control(payload.into()),
        Event::Close(_) => Got::Close,
        Event::Text(_) | Event::Binary(_) => panic!("a message is no control frame"),
    }
}

fn masked(fin: bool, rsv1: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let reserved = if rsv1 { Reserved::RSV1 } else { Reserved::NONE };
    let mut out = frame::encode_header(fin, reserved, opcode, payload.len() as u64, Some(KEY)).to_vec();
    let start = out.len();
    out.extend_from_slice(payload);
    mask::apply(KEY, &mut out[start..]);
    out
}

fn server(takeover: bool) -> Connection {
    Connection::new(Role::Server).with_deflate(Window::new(15, takeover))
}

/// Receives whole messages.
fn whole(takeover: bool, limits: &Limits, bytes: &[u8]) -> Vec<Got> {
    let mut connection = server(takeover);
    let mut bytes = bytes.to_vec();
    let mut input = Input::new(&mut bytes);
    let mut got = Vec::new();
    loop {
        got.push(match connection.receive(&mut input, limits) {
            Ok(None) => return got,
            Ok(Some(Event::Text(text))) => Got::Text(text.into()),
            Ok(Some(Event::Binary(bytes))) => Got::Binary(bytes.into()),
            Ok(Some(event)) => control(event),
            Err(error) => Got::Error(error),
        });
    }
}

/// Receives pieces, puts them together, and holds each to what it says of itself.
fn pieces(takeover: bool, limits: &Limits, bytes: &[u8], cut: usize) -> Vec<Got> {
    let mut connection = server(takeover);
    let mut got = Vec::new();
    let mut open: Option<(bool, Vec<u8>)> = None;
    for chunk in bytes.chunks(cut) {
        let mut chunk = chunk.to_vec();
        let mut input = Input::new(&mut chunk);
        loop {
            match connection.receive_part(&mut input, limits) {
                Ok(None) => break,
                Ok(Some(Part::Piece(Piece { is_text, bytes, is_first, is_last }))) => {
                    assert_eq!(is_first, open.is_none());
                    assert!(is_last || !bytes.is_empty());
                    assert!(bytes.len() <= cut.max(16 * 1024), "more than there can be at once");
                    let (was_text, message) = open.get_or_insert((is_text, Vec::new()));
                    assert_eq!(*was_text, is_text);
                    message.extend_from_slice(bytes);
                    if is_last {
                        let (is_text, message) = open.take().unwrap();
                        got.push(if is_text { Got::Text(message) } else { Got::Binary(message) });
                    }
                }
                Ok(Some(Part::Control(event))) => got.push(control(event)),
                Err(error) => got.push(Got::Error(error)),
            }
        }
        assert_eq!(input.remaining(), 0, "Ok(None) means that all input is consumed");
    }
    got
}

#[test]
fn each_piece_is_handed_on_as_it_comes() {
    let bytes = [
        masked(false, false, Opcode::Text, "κόσ".as_bytes()),
        masked(true, false, Opcode::Ping, b"p"),
        masked(false, false, Opcode::Continuation, b""),
        masked(true, false, Opcode::Continuation, "με".as_bytes()),
    ]
    .concat();
    let mut connection = Connection::new(Role::Server);
    let mut got = Vec::new();
    // The first piece ends within the second character.
    let (head, tail) = bytes.split_at(6 + 3);
    for part in [head, tail] {
        let mut part = part.to_vec();
        let mut input = Input::new(&mut part);
        while let Some(part) = connection.receive_part(&mut input, &Limits::DEFAULT).unwrap() {
            got.push(match part {
                Part::Piece(piece) => (piece.bytes.to_vec(), piece.is_first, piece.is_last),
                Part::Control(_) => (b"ping".to_vec(), false, false),
            });
        }
    }
    let text = "κόσμε".as_bytes();
    assert_eq!(
        got,
        [
            (text[..3].to_vec(), true, false),
            (text[3..6].to_vec(), false, false),
            (b"ping".to_vec(), false, false),
            (text[6..].to_vec(), false, true),
        ]
    );
}

#[test]
fn a_whole_message_is_one_piece() {
    let bytes = [
        masked(true, false, Opcode::Text, b"text"),
        masked(true, false, Opcode::Binary, b""),
        masked(true, false, Opcode::Close, b""),
    ]
    .concat();
    let expected = [Got::Text(b"text".into()), Got::Binary(vec![]), Got::Close];
    assert_eq!(pieces(false, &Limits::DEFAULT, &bytes, usize::MAX), expected);
}

/// A message that is longer than the connection could keep, in one frame and compressed, comes in pieces of 16 KiB.
#[test]
fn a_long_compressed_message_comes_in_short_pieces() {
    let message: Vec<u8> = (0..3_000_000u32).map(|n| (n / 7 % 251) as u8).collect();
    for takeover in [false, true] {
        let mut deflater = Deflater::new(&Compression::DEFAULT);
        let (mut context, mut bytes) = (None, Vec::new());
        for _ in 0..2 {
            let window = Window::new(15, takeover);
            deflater.encode(Opcode::Binary, &message, window, &mut context, Some(KEY), &mut bytes);
        }
        let expected = [Got::Binary(message.clone()), Got::Binary(message.clone())];
        for cut in [usize::MAX, 10_000, 777] {
            assert!(pieces(takeover, &Limits::DEFAULT, &bytes, cut) == expected, "{takeover} {cut}");
        }
    }
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let limits = Limits { message_bytes_max: 40_000, ..Limits::DEFAULT };
    for (len, fits) in [(40_000, true), (40_001, false), (1 << 24, false)] {
        let mut bytes = Vec::new();
        let message = vec![0; len];
        Deflater::new(&Compression::DEFAULT).encode_fresh(
            Opcode::Binary,
            &message,
            15,
            Some(KEY),
            &mut bytes,
        );
        let expected = match fits {
            true => Got::Binary(message),
            false => Got::Error(ProtocolError::MessageTooBig { bytes_max: 40_000 }),
        };
        for cut in [1, 10, usize::MAX] {
            assert!(pieces(false, &limits, &bytes, cut) == std::slice::from_ref(&expected), "{len} {cut}");
        }
    }
}

#[test]
fn plain_messages_have_their_limit_too() {
    let limits = Limits { message_bytes_max: 10, ..Limits::DEFAULT };
    let bytes = [
        masked(false, false, Opcode::Binary, b"123456"),
        masked(true, false, Opcode::Continuation, b"78901"),
    ]
    .concat();
    let error = Got::Error(ProtocolError::MessageTooBig { bytes_max: 10 });
    assert_eq!(pieces(false, &limits, &bytes, 4), [error]);
}

#[test]
fn whoever_stops_to_ask_for_pieces_is_given_the_next_message() {
    let bytes = [
        masked(false, false, Opcode::Text, b"one"),
        masked(true, false, Opcode::Continuation, b"two"),
        masked(true, false, Opcode::Text, b"next"),
    ]
    .concat();
    let mut connection = Connection::new(Role::Server);
    let (mut head, mut tail) = (bytes[..8].to_vec(), bytes[8..].to_vec());
    let mut input = Input::new(&mut head);
    let part = connection.receive_part(&mut input, &Limits::DEFAULT);
    assert!(matches!(
        part,
        Ok(Some(Part::Piece(Piece { bytes: b"on", is_first: true, is_last: false, .. })))
    ));
    let mut input = Input::new(&mut tail);
    assert_eq!(connection.receive(&mut input, &Limits::DEFAULT), Ok(Some(Event::Text("next"))));
}

/// The other way round, what was collected comes as one piece.
#[test]
fn whoever_begins_to_ask_for_pieces_is_given_what_was_collected() {
    let bytes = masked(true, false, Opcode::Text, b"one two");
    let mut connection = Connection::new(Role::Server);
    let (mut head, mut tail) = (bytes[..8].to_vec(), bytes[8..].to_vec());
    assert_eq!(connection.receive(&mut Input::new(&mut head), &Limits::DEFAULT), Ok(None));
    let mut input = Input::new(&mut tail);
    let piece = Piece { is_text: true, bytes: b"one two", is_first: true, is_last: true };
    assert_eq!(connection.receive_part(&mut input, &Limits::DEFAULT), Ok(Some(Part::Piece(piece))));
}

/// Messages and control frames in any order, some wrong.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        3 => ".{0,30}".prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..50),
        2 => Just(vec![0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]),
        1 => Just(vec![0xf2, 0x00, 0x11, 0x00, 0x00]),
        1 => Just(vec![]),
    ];
    let opcode = proptest::sample::select(vec![
        Opcode::Continuation,
        Opcode::Continuation,
        Opcode::Text,
        Opcode::Binary,
        Opcode::Ping,
        Opcode::Close,
    ]);
    let frame = (any::<bool>(), any::<bool>(), opcode, payload).prop_map(|(fin, rsv1, opcode, payload)| {
        let rsv1 = rsv1 && matches!(opcode, Opcode::Text | Opcode::Binary);
        masked(fin || opcode.is_control(), rsv1, opcode, &payload)
    });
    proptest::collection::vec(frame, 0..10).prop_map(|frames| frames.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn the_pieces_are_the_message(bytes in stream(), cut in 1usize..40, takeover: bool) {
        let limits = Limits { message_bytes_max: 60, fragments_max: 6, ..Limits::DEFAULT };
        let expected = whole(takeover, &limits, &bytes);
        let got = pieces(takeover, &limits, &bytes, cut);
        let is_error = |got: Option<&Got>| matches!(got, Some(Got::Error(_)));
        prop_assert!(is_error(got.last()) || !is_error(expected.last()), "{:?} {:?}", got, expected);
        match got.last() {
            // Compressed data that is wrong shows before the message has ended, and what came in between goes missing.
            Some(Got::Error(_)) => prop_assert!(expected.starts_with(&got[..got.len() - 1])),
            _ => prop_assert_eq!(got, expected),
        }
    }
}
