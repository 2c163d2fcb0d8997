//! Another implementation gets the same bytes: it must see the same messages up to the same failure.

use crate::wire::{Got, masked, receive};
use proptest::prelude::*;
use proptest::sample::Index;
use std::io::{self, Read, Write};
use tungstenite::error::ProtocolError as PeerError;
use tungstenite::{Error, Message, WebSocket};
use wavecast_websocket::{Opcode, ProtocolError, Role};

/// Bytes to read; what is written to it is of no interest.
struct Recorded<'b>(&'b [u8]);

impl Read for Recorded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Recorded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How a stream of bytes ended.
#[derive(Debug, PartialEq)]
enum End {
    Closed,
    Failed(Option<ProtocolError>),
    NeedsMore,
}

fn ours(bytes: &[u8]) -> (Vec<Got>, End) {
    let mut got = receive(Role::Server, bytes);
    let end = match got.last() {
        Some(Got::Error(error)) => End::Failed(Some(*error)),
        Some(Got::Close(..)) => End::Closed,
        _ => End::NeedsMore,
    };
    if matches!(end, End::Failed(_)) {
        got.pop();
    }
    (got, end)
}

fn theirs(bytes: &[u8]) -> (Vec<Got>, End) {
    let mut socket = WebSocket::from_raw_socket(Recorded(bytes), tungstenite::protocol::Role::Server, None);
    let mut got = Vec::new();
    let end = loop {
        match socket.read() {
            Ok(Message::Text(text)) => got.push(Got::Text(text.as_str().into())),
            Ok(Message::Binary(bytes)) => got.push(Got::Binary(bytes.to_vec())),
            Ok(Message::Ping(payload)) => got.push(Got::Ping(payload.to_vec())),
            Ok(Message::Pong(payload)) => got.push(Got::Pong(payload.to_vec())),
            // That is how it reports a code that may not be sent.
            Ok(Message::Close(Some(close))) if close.reason.as_str() == "Protocol violation" => {
                break End::Failed(None);
            }
            Ok(Message::Close(close)) => {
                got.push(close.map_or(Got::Close(None, String::new()), |close| {
                    Got::Close(Some(close.code.into()), close.reason.as_str().into())
                }));
                break End::Closed;
            }
            Ok(Message::Frame(_)) => unreachable!("never read"),
            Err(Error::Protocol(PeerError::ResetWithoutClosingHandshake)) => break End::NeedsMore,
            Err(_) => break End::Failed(None),
        }
    };
    (got, end)
}

/// The same messages and the same end; or we failed first, on purpose.
fn compare(bytes: &[u8]) -> Result<(), TestCaseError> {
    let ((got, end), (expected, expected_end)) = (ours(bytes), theirs(bytes));
    match (&end, &expected_end) {
        // It takes lengths that are not minimal, and does not know the code that IANA registered last.
        (End::Failed(Some(ProtocolError::LengthNotMinimal)), _) => {
            prop_assert!(expected.starts_with(&got));
            return Ok(());
        }
        (End::Closed, End::Failed(_)) => {
            prop_assert!(matches!(got[..], [.., Got::Close(Some(1014), _)]), "{:?}", got);
            return Ok(());
        }
        // We do not wait for the rest of a frame that is wrong already.
        (End::Failed(_), End::Failed(_) | End::NeedsMore) => {}
        _ => prop_assert_eq!(end, expected_end),
    }
    prop_assert_eq!(got, expected);
    Ok(())
}

fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let opcode = proptest::sample::select(vec![
        Opcode::Continuation,
        Opcode::Continuation,
        Opcode::Text,
        Opcode::Binary,
        Opcode::Ping,
        Opcode::Pong,
        Opcode::Close,
    ]);
    let payload = prop_oneof![
        4 => ".{0,30}".prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..125),
        1 => Just(vec![]),
    ];
    (any::<bool>(), opcode, payload, 1000u16..1016).prop_map(|(fin, opcode, mut payload, code)| {
        if opcode == Opcode::Close && payload.len() >= 2 {
            payload.splice(..2, code.to_be_bytes());
        }
        masked(fin || opcode.is_control(), opcode, &payload)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn frames_in_any_order(frames in proptest::collection::vec(any_frame(), 0..10)) {
        let bytes = frames.concat();
        compare(&bytes)?;
    }

    #[test]
    fn frames_with_a_changed_byte(
        frames in proptest::collection::vec(any_frame(), 1..6),
        at in any::<Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = frames.concat();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        compare(&bytes)?;
    }
}
