//! The peer's side of a test: frames as bytes, and what became of them.

use wavecast_websocket::frame::{self, Reserved};
use wavecast_websocket::{Connection, Event, Input, Limits, Opcode, ProtocolError, Role, mask};

pub(crate) const KEY: mask::Key = [0x37, 0xfa, 0x21, 0x3d];

/// An event or error that owns what it tells.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Got {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
    Error(ProtocolError),
}

impl From<Event<'_>> for Got {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Text(text) => Self::Text(text.into()),
            Event::Binary(bytes) => Self::Binary(bytes.into()),
            Event::Ping(payload) => Self::Ping(payload.into()),
            Event::Pong(payload) => Self::Pong(payload.into()),
            Event::Close(close) => Self::Close(close.code.map(u16::from), close.reason.into()),
        }
    }
}

/// A frame as the peer of `to` sends it.
pub(crate) fn frame_to(to: Role, fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let key = (to == Role::Server).then_some(KEY);
    let mut out = frame::encode_header(fin, Reserved::NONE, opcode, payload.len() as u64, key).to_vec();
    let start = out.len();
    out.extend_from_slice(payload);
    if let Some(key) = key {
        mask::apply(key, &mut out[start..]);
    }
    out
}

/// A masked frame, as a client sends it.
pub(crate) fn masked(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    frame_to(Role::Server, fin, opcode, payload)
}

/// An unmasked frame, as a server sends it.
pub(crate) fn plain(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    frame_to(Role::Client, fin, opcode, payload)
}

/// Feeds one piece and appends what came of it.
pub(crate) fn feed(connection: &mut Connection, piece: &[u8], limits: &Limits, got: &mut Vec<Got>) {
    let mut bytes = piece.to_vec();
    let mut input = Input::new(&mut bytes);
    loop {
        match connection.receive(&mut input, limits) {
            Ok(Some(event)) => got.push(event.into()),
            Ok(None) => break,
            Err(error) => got.push(Got::Error(error)),
        }
    }
    assert_eq!(input.remaining(), 0, "Ok(None) means that all input is consumed");
}

/// What a new connection makes of these pieces.
pub(crate) fn receive_pieces<'p>(
    role: Role,
    limits: &Limits,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> Vec<Got> {
    let mut connection = Connection::new(role);
    let mut got = Vec::new();
    for piece in pieces {
        feed(&mut connection, piece, limits, &mut got);
    }
    got
}

/// What a new connection makes of bytes that come all at once.
pub(crate) fn receive(role: Role, bytes: &[u8]) -> Vec<Got> {
    receive_pieces(role, &Limits::DEFAULT, [bytes])
}

/// What it makes of the same bytes one by one.
pub(crate) fn receive_bytewise(role: Role, bytes: &[u8]) -> Vec<Got> {
    receive_pieces(role, &Limits::DEFAULT, bytes.chunks(1))
}

/// The error that these bytes end in, however they are cut.
#[track_caller]
pub(crate) fn error_of(role: Role, bytes: &[u8]) -> ProtocolError {
    let got = receive(role, bytes);
    assert_eq!(got, receive_bytewise(role, bytes), "cutting the input changed the outcome");
    match got.last() {
        Some(Got::Error(error)) => *error,
        other => panic!("expected an error, got {other:?}"),
    }
}
