//! The peer's side of a test: frames as bytes, and what became of them.

use wavecast_websocket::deflate::{Inflater, Window};
use wavecast_websocket::frame::{self, Reserved};
use wavecast_websocket::{Connection, Event, Input, Limits, Opcode, ProtocolError, Role, mask};

pub(crate) const KEY: mask::Key = [0x37, 0xfa, 0x21, 0x3d];

/// An event or error that owns what it tells.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Got {
    Text(String),
    Binary(Vec<u8>),
    Control(Vec<u8>),
    Close,
    Error(ProtocolError),
}

impl From<Event<'_>> for Got {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Text(text) => Self::Text(text.into()),
            Event::Binary(bytes) => Self::Binary(bytes.into()),
            Event::Ping(payload) | Event::Pong(payload) => Self::Control(payload.into()),
            Event::Close(_) => Self::Close,
        }
    }
}

/// A masked frame with or without RSV1.
pub(crate) fn masked(fin: bool, rsv1: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let reserved = if rsv1 { Reserved::RSV1 } else { Reserved::NONE };
    let mut out = frame::encode_header(fin, reserved, opcode, payload.len() as u64, Some(KEY)).to_vec();
    let start = out.len();
    out.extend_from_slice(payload);
    mask::apply(KEY, &mut out[start..]);
    out
}

/// A whole compressed text message, masked.
pub(crate) fn text(payload: &[u8]) -> Vec<u8> {
    masked(true, true, Opcode::Text, payload)
}

/// A server's connection, with or without context takeover.
pub(crate) fn server(takeover: bool) -> Connection {
    Connection::new(Role::Server).with_deflate(Window::new(15, takeover))
}

/// What a connection makes of these pieces, with an inflater lent.
pub(crate) fn receive_pieces<'p>(
    mut connection: Connection,
    limits: &Limits,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> Vec<Got> {
    let mut inflater = Inflater::new();
    let mut got = Vec::new();
    for piece in pieces {
        let mut bytes = piece.to_vec();
        let mut input = Input::new(&mut bytes);
        loop {
            match connection.receive_with(&mut input, limits, &mut inflater) {
                Ok(Some(event)) => got.push(event.into()),
                Ok(None) => break,
                Err(error) => got.push(Got::Error(error)),
            }
        }
        assert_eq!(input.remaining(), 0, "Ok(None) means that all input is consumed");
    }
    got
}

/// What it makes of bytes that come all at once; the same as of bytes that come one by one, and without an inflater lent.
#[track_caller]
pub(crate) fn receive(takeover: bool, bytes: &[u8]) -> Vec<Got> {
    let got = receive_pieces(server(takeover), &Limits::DEFAULT, [bytes]);
    let bytewise = receive_pieces(server(takeover), &Limits::DEFAULT, bytes.chunks(1));
    assert_eq!(got, bytewise, "cutting the input changed the outcome");
    assert_eq!(got, receive_alone(takeover, bytes), "a lent inflater changed the outcome");
    got
}

fn receive_alone(takeover: bool, bytes: &[u8]) -> Vec<Got> {
    let mut connection = server(takeover);
    let mut bytes = bytes.to_vec();
    let mut input = Input::new(&mut bytes);
    let mut got = Vec::new();
    loop {
        match connection.receive(&mut input, &Limits::DEFAULT) {
            Ok(Some(event)) => got.push(event.into()),
            Ok(None) => return got,
            Err(error) => got.push(Got::Error(error)),
        }
    }
}
