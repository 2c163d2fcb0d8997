//! A stranger's frames: no panic, the same events however the input is cut, and what was received can be sent on.
//!
//! The first byte chooses the role, the second the size of the pieces; the rest is the stream.
//!
//! `cargo +nightly fuzz run frames fuzz/corpus/frames fuzz/seeds/frames`

#![no_main]

use libfuzzer_sys::fuzz_target;
use wavecast_websocket::{CloseCode, Connection, Event, Input, Limits, Opcode, ProtocolError, Role, frame};

// Small, so that the fuzzer reaches them.
const LIMITS: Limits =
    Limits { frame_bytes_max: 400, message_bytes_max: 600, fragments_max: 8, ..Limits::DEFAULT };

const KEY: [u8; 4] = [0xa5, 0x00, 0xff, 0x3c];

#[derive(Debug, PartialEq)]
enum Got {
    Frame(Opcode, Vec<u8>),
    Close(Option<CloseCode>, String),
    Error(ProtocolError),
}

impl From<Event<'_>> for Got {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Text(text) => Self::Frame(Opcode::Text, text.into()),
            Event::Binary(bytes) => Self::Frame(Opcode::Binary, bytes.into()),
            Event::Ping(payload) => Self::Frame(Opcode::Ping, payload.into()),
            Event::Pong(payload) => Self::Frame(Opcode::Pong, payload.into()),
            Event::Close(close) => Self::Close(close.code, close.reason.into()),
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let [role, piece_len, stream @ ..] = bytes else { return };
    let role = if role & 1 == 0 { Role::Server } else { Role::Client };
    let whole = receive(role, stream, usize::MAX);
    assert_eq!(receive(role, stream, usize::from(*piece_len).max(1)), whole);
    assert_eq!(receive(role, stream, 1), whole);
    send_on(whole);
});

fn receive(role: Role, stream: &[u8], piece_len: usize) -> Vec<Got> {
    let mut connection = Connection::new(role);
    let mut got = Vec::new();
    for piece in stream.chunks(piece_len) {
        let mut piece = piece.to_vec();
        let mut input = Input::new(&mut piece);
        loop {
            match connection.receive(&mut input, &LIMITS) {
                Ok(Some(event)) => got.push(event.into()),
                Ok(None) => break,
                Err(error) => got.push(Got::Error(error)),
            }
        }
        assert_eq!(input.remaining(), 0);
    }
    assert_eq!(connection.has_failed(), matches!(got.last(), Some(Got::Error(_))));
    assert_eq!(connection.close_received(), matches!(got.last(), Some(Got::Close(..))));
    let ends = got.iter().filter(|got| !matches!(got, Got::Frame(..))).count();
    assert!(ends <= 1, "nothing follows an end");
    got
}

/// Encodes everything for the next connection, which must receive the same.
fn send_on(got: Vec<Got>) {
    let mut connection = Connection::new(Role::Client);
    let mut out = Vec::new();
    let mut expected = Vec::new();
    for event in got {
        match &event {
            Got::Frame(opcode, payload) => frame::encode(*opcode, payload, Some(KEY), &mut out),
            Got::Close(code, reason) => assert!(connection.send_close(*code, reason, Some(KEY), &mut out)),
            Got::Error(error) => {
                let (code, reason) = (error.close_code(), error.to_string());
                assert!(connection.send_close(Some(code), &reason, Some(KEY), &mut out));
                expected.push(Got::Close(Some(code), reason));
                continue;
            }
        }
        expected.push(event);
    }
    // Messages of several frames were joined: as one frame they may be longer than the limit of a frame.
    let limits = Limits { frame_bytes_max: LIMITS.message_bytes_max as u64, ..LIMITS };
    let mut connection = Connection::new(Role::Server);
    let mut input = Input::new(&mut out);
    for expected in expected {
        let event = connection.receive(&mut input, &limits).expect("we receive what we send");
        assert_eq!(event.map(Got::from), Some(expected));
    }
}
