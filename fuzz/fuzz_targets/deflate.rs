//! A stranger's compressed messages: no panic, never more than the limit, the same whole and in pieces and however the
//! input is cut; and what we compress is what the other end receives.
//!
//! The first byte chooses takeover, window and level, the second the size of the pieces; the rest is payload.
//!
//! `cargo +nightly fuzz run deflate fuzz/corpus/deflate fuzz/seeds/deflate`

#![no_main]

use std::cell::RefCell;
use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use wavecast_websocket::deflate::{Compression, Deflater, Inflater, Window};
use wavecast_websocket::frame::{self, Reserved};
use wavecast_websocket::{Connection, Event, Input, Limits, Opcode, Part, ProtocolError, Role};

// Small, so that the fuzzer reaches it.
const LIMITS: Limits = Limits { message_bytes_max: 40_000, ..Limits::DEFAULT };

#[derive(Debug, PartialEq)]
enum Got {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Error(ProtocolError),
}

fuzz_target!(|bytes: &[u8]| {
    let [choice, piece_len, payload @ ..] = bytes else { return };
    let window = Window::new(8 + (choice & 7), choice & 8 != 0);
    is_received_the_same(window, usize::from(*piece_len).max(1), payload);
    comes_back(window, 1 + choice % 9, payload);
});

/// The payload as two messages, the first in fragments.
fn is_received_the_same(window: Window, piece_len: usize, payload: &[u8]) {
    let (first, second) = payload.split_at(payload.len() / 2);
    let (start, end) = first.split_at(first.len() / 2);
    let mut stream = Vec::new();
    for (fin, reserved, opcode, payload) in [
        (false, Reserved::RSV1, Opcode::Text, start),
        (true, Reserved::NONE, Opcode::Continuation, end),
        (true, Reserved::RSV1, Opcode::Binary, second),
    ] {
        stream.extend_from_slice(&frame::encode_header(fin, reserved, opcode, payload.len() as u64, None));
        stream.extend_from_slice(payload);
    }
    let whole = whole(window, &stream, usize::MAX);
    assert_eq!(self::whole(window, &stream, piece_len), whole);
    for piece_len in [piece_len, usize::MAX] {
        match (pieces(window, &stream, piece_len).as_slice(), whole.as_slice()) {
            // What is wrong in two ways shows one of them first.
            ([got @ .., Got::Error(_)], [expected @ .., Got::Error(_)]) => assert_eq!(got, expected),
            (got, expected) => assert_eq!(got, expected),
        }
    }
}

fn whole(window: Window, stream: &[u8], piece_len: usize) -> Vec<Got> {
    let mut connection = Connection::new(Role::Client).with_deflate(window);
    let mut inflater = Inflater::new();
    let mut got = Vec::new();
    for piece in stream.chunks(piece_len) {
        let mut piece = piece.to_vec();
        let mut input = Input::new(&mut piece);
        loop {
            match connection.receive_with(&mut input, &LIMITS, &mut inflater) {
                Ok(None) => break,
                Ok(Some(Event::Text(text))) => got.push(Got::Text(text.into())),
                Ok(Some(Event::Binary(bytes))) => got.push(Got::Binary(bytes.into())),
                Ok(Some(event)) => panic!("{event:?}"),
                Err(error) => got.push(Got::Error(error)),
            }
            if let Some(Got::Text(bytes) | Got::Binary(bytes)) = got.last() {
                assert!(bytes.len() <= LIMITS.message_bytes_max);
            }
        }
    }
    got
}

fn pieces(window: Window, stream: &[u8], piece_len: usize) -> Vec<Got> {
    let mut connection = Connection::new(Role::Client).with_deflate(window);
    let (mut got, mut message) = (Vec::new(), Vec::new());
    for piece in stream.chunks(piece_len) {
        let mut piece = piece.to_vec();
        let mut input = Input::new(&mut piece);
        loop {
            match connection.receive_part(&mut input, &LIMITS) {
                Ok(None) => break,
                Ok(Some(Part::Piece(piece))) => {
                    assert_eq!(piece.is_first, message.is_empty(), "only a last piece is empty");
                    message.extend_from_slice(piece.bytes);
                    assert!(message.len() <= LIMITS.message_bytes_max);
                    if piece.is_last {
                        let message = std::mem::take(&mut message);
                        got.push(if piece.is_text { Got::Text(message) } else { Got::Binary(message) });
                    }
                }
                Ok(Some(part)) => panic!("{part:?}"),
                Err(error) => got.push(Got::Error(error)),
            }
        }
    }
    got
}

/// Sent twice, the second time with what the first left behind.
fn comes_back(window: Window, level: u8, message: &[u8]) {
    // A compressor of its own is a third of a megabyte: one is kept for each level, as a server does.
    thread_local!(static DEFLATERS: RefCell<BTreeMap<u8, Deflater>> = RefCell::default());
    let mut stream = Vec::new();
    DEFLATERS.with_borrow_mut(|deflaters| {
        let options = Compression { level, memory_level: 1, bytes_min: 0, ..Compression::DEFAULT };
        let deflater = deflaters.entry(level).or_insert_with(|| Deflater::new(&options));
        let mut context = None;
        for _ in 0..2 {
            deflater.encode(Opcode::Binary, message, window, &mut context, None, &mut stream);
        }
    });
    let mut connection = Connection::new(Role::Client).with_deflate(window);
    let mut input = Input::new(&mut stream);
    for _ in 0..2 {
        let event = connection.receive(&mut input, &Limits::DEFAULT).expect("we receive what we send");
        assert_eq!(event, Some(Event::Binary(message)));
    }
}
