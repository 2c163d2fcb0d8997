//! The same bytes for us and for tungstenite, in both roles and however they are cut: the same messages, controls and closes
//! up to the same end, or both fail for the same reason.
//!
//! Where the two differ on purpose:
//! - A length that is not in the fewest bytes (RFC 6455 §5.2) passes there and fails here. What comes before it is compared,
//!   and it must fail.
//! - A frame that is wrong already fails here at once, and there when the rest of it has come: it gets the rest.
//! - Close code 1014, which IANA registered later, is received here and refused there.
//! - A close frame with a code that may not be sent becomes "Protocol violation" there, in place of what the peer wrote.
//! - What is wrong in two ways shows one of them first: see `same_fault`.
//! - There is no limit of fragments there, so ours is out of reach.
//!
//! The low three bits of the first byte say how many bytes follow that are the lengths of the pieces, in turn; none: all comes at
//! once. The rest is the stream.
//!
//! `cargo +nightly fuzz run against_tungstenite fuzz/corpus/against_tungstenite fuzz/seeds/against_tungstenite`

#![no_main]

use std::io::{self, Read, Write};

use libfuzzer_sys::fuzz_target;
use tungstenite::protocol::{Role as PeerRole, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket, error::ProtocolError as PeerError};
use wavecast_websocket::frame::HEADER_BYTES_MAX;
use wavecast_websocket::{Connection, Event, Input, Limits, Part, ProtocolError, Role};

// Small, so that the fuzzer reaches them.
const LIMITS: Limits =
    Limits { frame_bytes_max: 400, message_bytes_max: 600, fragments_max: u32::MAX, ..Limits::DEFAULT };

#[derive(Clone, Debug, PartialEq)]
enum Got {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

/// How a stream of bytes ended.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End<F> {
    Closed,
    /// The other implementation did not take the close code, and does not say which it was.
    CodeRefused,
    Failed(F),
    NeedsMore,
}

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let Some((cuts, stream)) = rest.split_at_checked(usize::from(choice & 7)) else { return };
    for role in [Role::Server, Role::Client] {
        let end = length_not_minimal(stream).unwrap_or(stream.len());
        let (got, ended) = compare(role, cuts, &stream[..end]);
        if end < stream.len() && ended == End::NeedsMore {
            let (all, ended) = ours(role, cuts, stream);
            assert_eq!(all, got);
            assert!(matches!(ended, End::Failed(_)), "{role:?}: {ended:?}");
        }
    }
});

/// Where the first frame begins whose length could have been written shorter.
fn length_not_minimal(stream: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let frame = stream.get(at..)?;
        let masked = if frame.get(1)? & 0x80 == 0 { 0 } else { 4 };
        let (len, header_len, least) = match frame[1] & 0x7f {
            126 => (u64::from(u16::from_be_bytes(*frame.get(2..)?.first_chunk()?)), 4 + masked, 126),
            127 => (u64::from_be_bytes(*frame.get(2..)?.first_chunk()?), 10 + masked, 0x1_0000),
            short => (u64::from(short), 2 + masked, 0),
        };
        if len < least {
            return Some(at);
        }
        at = at.checked_add(header_len)?.checked_add(usize::try_from(len).ok()?)?;
    }
}

fn compare(role: Role, cuts: &[u8], stream: &[u8]) -> (Vec<Got>, End<ProtocolError>) {
    let (got, end) = ours(role, cuts, stream);
    let (expected, their_end) = theirs(role, cuts, stream);
    match (end, &their_end) {
        (End::Closed, End::Closed) | (End::NeedsMore, End::NeedsMore) => assert_eq!(got, expected),
        (End::Closed, End::CodeRefused) => {
            let (close, before) = got.split_last().expect("a close was received");
            let is_theirs = |reason: &str| reason == "Protocol violation";
            assert!(
                matches!(close, Got::Close(Some(1014), _))
                    || matches!(close, Got::Close(Some(1002), reason) if is_theirs(reason)),
                "{close:?}"
            );
            assert_eq!(before, expected);
        }
        (End::Failed(ProtocolError::InvalidCloseCode(_)), End::CodeRefused) => assert_eq!(got, expected),
        (End::Failed(error), End::Failed(theirs)) => {
            same_fault(error, theirs);
            assert_eq!(got, expected);
        }
        (End::Failed(error), End::NeedsMore) => {
            assert_eq!(got, expected);
            fails_in_the_end(role, cuts, stream, error, &expected);
        }
        (end, their_end) => {
            panic!("{role:?}: {end:?} with {got:?}, and there {their_end:?} with {expected:?}")
        }
    }
    (got, end)
}

/// The frame that we did not take to its end is refused when it has one, whatever that is.
fn fails_in_the_end(role: Role, cuts: &[u8], stream: &[u8], error: ProtocolError, before: &[Got]) {
    // Lengths that are cut become long, so that they are not written too long.
    let mut longer = stream.to_vec();
    longer.resize(stream.len() + HEADER_BYTES_MAX + LIMITS.frame_bytes_max as usize, 0xff);
    let (got, end) = theirs(role, cuts, &longer);
    let End::Failed(theirs) = end else { panic!("{role:?}: {error:?}, and there {end:?}") };
    same_fault(error, &theirs);
    assert_eq!(got, before);
}

/// It counts the bytes of a frame before anything else; we look at the length last. It reads the reason of a close frame before
/// the code.
fn same_fault(ours: ProtocolError, theirs: &Error) {
    let is_same = match (theirs, u16::from(ours.close_code())) {
        (Error::Protocol(_), code) => code == 1002,
        (Error::Capacity(_), code) => code == 1009 || code == 1002,
        (Error::Utf8(_), code) => code == 1007 || matches!(ours, ProtocolError::InvalidCloseCode(_)),
        _ => false,
    };
    assert!(is_same, "{ours:?}, and there {theirs:?}");
}

/// Whole, cut, and in the pieces in which it comes: always the same.
fn ours(role: Role, cuts: &[u8], stream: &[u8]) -> (Vec<Got>, End<ProtocolError>) {
    let whole = ours_whole(role, &[stream]);
    let pieces = pieces(cuts, stream);
    assert_eq!(ours_whole(role, &pieces), whole);
    assert_eq!(ours_in_parts(role, &[stream]), whole);
    assert_eq!(ours_in_parts(role, &pieces), whole);
    whole
}

fn ours_whole(role: Role, pieces: &[&[u8]]) -> (Vec<Got>, End<ProtocolError>) {
    let mut connection = Connection::new(role);
    let (mut got, mut end) = (Vec::new(), End::NeedsMore);
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = Input::new(&mut piece);
        loop {
            match connection.receive(&mut input, &LIMITS) {
                Ok(None) => break,
                Ok(Some(event)) => take(event, &mut got, &mut end),
                Err(error) => fail(error, &mut end),
            }
        }
        assert_eq!(input.remaining(), 0);
    }
    (got, end)
}

fn ours_in_parts(role: Role, pieces: &[&[u8]]) -> (Vec<Got>, End<ProtocolError>) {
    let mut connection = Connection::new(role);
    let (mut got, mut end, mut message) = (Vec::new(), End::NeedsMore, Vec::new());
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = Input::new(&mut piece);
        loop {
            match connection.receive_part(&mut input, &LIMITS) {
                Ok(None) => break,
                Ok(Some(Part::Control(event))) => take(event, &mut got, &mut end),
                Ok(Some(Part::Piece(piece))) => {
                    assert_eq!(end, End::NeedsMore, "nothing follows an end");
                    assert_eq!(piece.is_first, message.is_empty(), "only a last piece is empty");
                    message.extend_from_slice(piece.bytes);
                    assert!(message.len() <= LIMITS.message_bytes_max);
                    if piece.is_last {
                        let message = std::mem::take(&mut message);
                        got.push(if piece.is_text { Got::Text(message) } else { Got::Binary(message) });
                    }
                }
                Err(error) => fail(error, &mut end),
            }
        }
        assert_eq!(input.remaining(), 0);
    }
    (got, end)
}

fn take(event: Event<'_>, got: &mut Vec<Got>, end: &mut End<ProtocolError>) {
    assert_eq!(*end, End::NeedsMore, "nothing follows an end");
    got.push(match event {
        Event::Text(text) => Got::Text(text.into()),
        Event::Binary(bytes) => Got::Binary(bytes.into()),
        Event::Ping(payload) => Got::Ping(payload.into()),
        Event::Pong(payload) => Got::Pong(payload.into()),
        Event::Close(close) => {
            *end = End::Closed;
            Got::Close(close.code.map(u16::from), close.reason.into())
        }
    });
}

fn fail(error: ProtocolError, end: &mut End<ProtocolError>) {
    assert_eq!(*end, End::NeedsMore, "nothing follows an end");
    *end = End::Failed(error);
}

fn theirs(role: Role, cuts: &[u8], stream: &[u8]) -> (Vec<Got>, End<Error>) {
    let role = if role == Role::Server { PeerRole::Server } else { PeerRole::Client };
    let config = WebSocketConfig::default()
        .read_buffer_size(1024)
        .max_frame_size(Some(LIMITS.frame_bytes_max as usize))
        .max_message_size(Some(LIMITS.message_bytes_max));
    let mut pieces = pieces(cuts, stream);
    pieces.reverse();
    let mut socket = WebSocket::from_raw_socket(Wire { pieces, waits: false }, role, Some(config));
    let mut got = Vec::new();
    loop {
        got.push(match socket.read() {
            Ok(Message::Text(text)) => Got::Text(text.as_bytes().into()),
            Ok(Message::Binary(bytes)) => Got::Binary(bytes.into()),
            Ok(Message::Ping(payload)) => Got::Ping(payload.into()),
            Ok(Message::Pong(payload)) => Got::Pong(payload.into()),
            Ok(Message::Close(Some(close)))
                if u16::from(close.code) == 1002 && close.reason.as_str() == "Protocol violation" =>
            {
                return (got, End::CodeRefused);
            }
            Ok(Message::Close(close)) => {
                got.push(close.map_or(Got::Close(None, String::new()), |close| {
                    Got::Close(Some(close.code.into()), close.reason.as_str().into())
                }));
                return (got, End::Closed);
            }
            Ok(Message::Frame(_)) => unreachable!("never read"),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(Error::Protocol(PeerError::ResetWithoutClosingHandshake)) => return (got, End::NeedsMore),
            Err(error) => return (got, End::Failed(error)),
        });
    }
}

fn pieces<'s>(cuts: &[u8], mut stream: &'s [u8]) -> Vec<&'s [u8]> {
    let mut lengths = cuts.iter().map(|len| usize::from(*len).max(1)).cycle();
    let mut pieces = Vec::new();
    while !stream.is_empty() {
        let (piece, rest) = stream.split_at(lengths.next().unwrap_or(usize::MAX).min(stream.len()));
        pieces.push(piece);
        stream = rest;
    }
    pieces
}

/// The pieces, the first one last, with a wait after each. What is written to it is of no interest.
struct Wire<'s> {
    pieces: Vec<&'s [u8]>,
    waits: bool,
}

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if std::mem::take(&mut self.waits) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let Some(piece) = self.pieces.last_mut() else { return Ok(0) };
        let len = piece.read(buffer)?;
        if piece.is_empty() {
            self.pieces.pop();
            self.waits = true;
        }
        Ok(len)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
