//! Messages in several frames, with control frames between them (RFC 6455 §5.4).

use crate::wire::{Got, error_of, feed, masked, receive, receive_bytewise};
use wavecast_websocket::{Connection, Limits, Opcode, ProtocolError, Role};

#[test]
fn fragments_are_joined() {
    let bytes = [
        masked(false, Opcode::Text, b"one "),
        masked(false, Opcode::Continuation, b""),
        masked(false, Opcode::Continuation, b"two "),
        masked(true, Opcode::Continuation, b"three"),
        masked(false, Opcode::Binary, b""),
        masked(true, Opcode::Continuation, b""),
    ]
    .concat();
    let expected = [Got::Text("one two three".into()), Got::Binary(vec![])];
    assert_eq!(receive(Role::Server, &bytes), expected);
    assert_eq!(receive_bytewise(Role::Server, &bytes), expected);
}

#[test]
fn control_frames_may_stand_between_fragments() {
    let bytes = [
        masked(false, Opcode::Text, b"a"),
        masked(true, Opcode::Ping, b"1"),
        masked(false, Opcode::Continuation, b"b"),
        masked(true, Opcode::Pong, b""),
        masked(true, Opcode::Ping, &[b'x'; 125]),
        masked(true, Opcode::Continuation, b"c"),
    ]
    .concat();
    let expected =
        [Got::Ping(b"1".into()), Got::Pong(vec![]), Got::Ping(vec![b'x'; 125]), Got::Text("abc".into())];
    assert_eq!(receive(Role::Server, &bytes), expected);
    assert_eq!(receive_bytewise(Role::Server, &bytes), expected);
}

#[test]
fn a_close_between_fragments_ends_the_connection() {
    let bytes = [
        masked(false, Opcode::Text, b"never finished"),
        masked(true, Opcode::Close, b"\x03\xe8"),
        masked(true, Opcode::Continuation, b"ignored"),
    ]
    .concat();
    assert_eq!(receive(Role::Server, &bytes), [Got::Close(Some(1000), String::new())]);
    assert_eq!(receive_bytewise(Role::Server, &bytes), [Got::Close(Some(1000), String::new())]);
}

#[test]
fn a_continuation_needs_an_open_message() {
    for fin in [true, false] {
        let lone = masked(fin, Opcode::Continuation, b"x");
        assert_eq!(error_of(Role::Server, &lone), ProtocolError::UnexpectedContinuation);
        let after = [masked(true, Opcode::Text, b"whole"), lone].concat();
        assert_eq!(error_of(Role::Server, &after), ProtocolError::UnexpectedContinuation);
    }
}

#[test]
fn messages_do_not_interleave() {
    for second in [Opcode::Text, Opcode::Binary] {
        for fin in [true, false] {
            let bytes = [masked(false, Opcode::Text, b"open"), masked(fin, second, b"x")].concat();
            assert_eq!(error_of(Role::Server, &bytes), ProtocolError::InterruptedMessage);
        }
    }
}

#[test]
fn the_default_limits_allow_65_536_fragments() {
    let mut bytes = masked(false, Opcode::Binary, b"x");
    for _ in 0..65_534 {
        bytes.extend(masked(false, Opcode::Continuation, b"x"));
    }
    bytes.extend(masked(true, Opcode::Continuation, b"x"));
    assert_eq!(receive(Role::Server, &bytes), [Got::Binary(vec![b'x'; 65_536])]);
}

#[test]
fn a_connection_knows_when_a_message_is_open() {
    let mut connection = Connection::new(Role::Server);
    let mut got = Vec::new();
    let mut feed =
        |connection: &mut Connection, bytes: &[u8]| feed(connection, bytes, &Limits::DEFAULT, &mut got);
    assert!(!connection.is_mid_message());
    feed(&mut connection, &masked(false, Opcode::Text, b"a"));
    assert!(connection.is_mid_message());
    feed(&mut connection, &masked(true, Opcode::Ping, b""));
    assert!(connection.is_mid_message());
    feed(&mut connection, &masked(true, Opcode::Continuation, b"b"));
    assert!(!connection.is_mid_message());
    // A frame that is not all there is a message that is not all there.
    let frame = masked(true, Opcode::Binary, b"abc");
    feed(&mut connection, &frame[..7]);
    assert!(connection.is_mid_message());
    feed(&mut connection, &frame[7..]);
    assert!(!connection.is_mid_message());
    // A control frame in two pieces is not.
    let frame = masked(true, Opcode::Ping, b"abc");
    feed(&mut connection, &frame[..7]);
    assert!(!connection.is_mid_message());
}
