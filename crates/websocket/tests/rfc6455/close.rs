//! The closing handshake (RFC 6455 §5.5.1, §7).

use crate::wire::{Got, KEY, error_of, feed, masked, plain, receive, receive_bytewise};
use wavecast_websocket::{CloseCode, CloseFrame, Connection, Limits, Opcode, ProtocolError, Role};

fn close_payload(code: u16, reason: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes()[..], reason].concat()
}

#[test]
fn codes_that_may_be_sent_are_received() {
    // Autobahn 7.7.*, and the ranges' ends.
    for code in
        [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
    {
        let bytes = masked(true, Opcode::Close, &close_payload(code, b"why"));
        assert_eq!(receive(Role::Server, &bytes), [Got::Close(Some(code), "why".into())]);
        assert_eq!(receive_bytewise(Role::Server, &bytes), [Got::Close(Some(code), "why".into())]);
        assert_eq!(CloseCode::new(code).map(CloseCode::get), Some(code));
    }
}

#[test]
fn codes_that_may_not_be_sent_fail() {
    // Autobahn 7.9.* and 7.13.*, and the ranges' ends.
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 9999, 65_535] {
        let bytes = masked(true, Opcode::Close, &close_payload(code, b""));
        let error = error_of(Role::Server, &bytes);
        assert_eq!(error, ProtocolError::InvalidCloseCode(code));
        assert_eq!(error.close_code(), CloseCode::PROTOCOL_ERROR);
        assert_eq!(CloseCode::new(code), None);
    }
}

#[test]
fn every_constant_but_three_may_be_sent() {
    let never = [CloseCode::NO_STATUS, CloseCode::ABNORMAL, CloseCode::TLS_HANDSHAKE];
    assert!(never.iter().all(|code| !code.is_sendable()));
    let sendable = [
        CloseCode::NORMAL,
        CloseCode::GOING_AWAY,
        CloseCode::PROTOCOL_ERROR,
        CloseCode::UNSUPPORTED,
        CloseCode::INVALID_PAYLOAD,
        CloseCode::POLICY_VIOLATION,
        CloseCode::MESSAGE_TOO_BIG,
        CloseCode::MANDATORY_EXTENSION,
        CloseCode::INTERNAL_ERROR,
        CloseCode::SERVICE_RESTART,
        CloseCode::TRY_AGAIN_LATER,
        CloseCode::BAD_GATEWAY,
    ];
    assert!(sendable.iter().all(|code| code.is_sendable()));
}

#[test]
fn an_empty_close_has_no_code() {
    assert_eq!(receive(Role::Server, &masked(true, Opcode::Close, b"")), [Got::Close(None, String::new())]);
}

#[test]
fn half_a_code_fails() {
    let error = error_of(Role::Server, &masked(true, Opcode::Close, b"\x03"));
    assert_eq!(error, ProtocolError::TruncatedCloseCode);
    assert_eq!(error.close_code(), CloseCode::PROTOCOL_ERROR);
}

#[test]
fn a_reason_must_be_utf8() {
    for reason in
        [&b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"[..], b"\xff", b"cut \xe2\x82"]
    {
        let error = error_of(Role::Server, &masked(true, Opcode::Close, &close_payload(1000, reason)));
        assert_eq!(error, ProtocolError::InvalidCloseReason);
        assert_eq!(error.close_code(), CloseCode::INVALID_PAYLOAD);
    }
}

#[test]
fn the_longest_reason_has_123_bytes() {
    let reason = "x".repeat(123);
    let bytes = masked(true, Opcode::Close, &close_payload(1000, reason.as_bytes()));
    assert_eq!(receive(Role::Server, &bytes), [Got::Close(Some(1000), reason)]);
}

#[test]
fn what_follows_a_close_is_discarded() {
    let mut bytes = masked(true, Opcode::Close, b"");
    bytes.extend(masked(true, Opcode::Text, b"late"));
    bytes.extend([0xff; 100]);
    assert_eq!(receive(Role::Server, &bytes), [Got::Close(None, String::new())]);
    assert_eq!(receive_bytewise(Role::Server, &bytes), [Got::Close(None, String::new())]);
}

#[test]
fn what_follows_an_error_is_discarded() {
    let mut bytes = masked(true, Opcode::Text, b"\xff");
    bytes.extend(masked(true, Opcode::Text, b"late"));
    assert_eq!(receive(Role::Server, &bytes), [Got::Error(ProtocolError::InvalidUtf8)]);
    assert_eq!(receive_bytewise(Role::Server, &bytes), [Got::Error(ProtocolError::InvalidUtf8)]);
}

#[test]
fn the_handshake_is_complete_when_both_have_closed() {
    let mut connection = Connection::new(Role::Server);
    let (mut got, mut out) = (Vec::new(), Vec::new());
    assert!(connection.send_close(Some(CloseCode::GOING_AWAY), "restart", None, &mut out));
    assert!(connection.close_sent() && !connection.close_received());
    assert_eq!(receive(Role::Client, &out), [Got::Close(Some(1001), "restart".into())]);
    // The peer may still be sending: it has not read our close yet.
    feed(&mut connection, &masked(true, Opcode::Text, b"in flight"), &Limits::DEFAULT, &mut got);
    feed(&mut connection, &masked(true, Opcode::Close, b"\x03\xe9"), &Limits::DEFAULT, &mut got);
    assert_eq!(got, [Got::Text("in flight".into()), Got::Close(Some(1001), String::new())]);
    assert!(connection.close_sent() && connection.close_received() && !connection.has_failed());
}

#[test]
fn a_close_frame_is_sent_once() {
    let mut connection = Connection::new(Role::Client);
    let mut out = Vec::new();
    assert!(connection.send_close(None, "", Some(KEY), &mut out));
    assert_eq!(out, [0x88, 0x80, KEY[0], KEY[1], KEY[2], KEY[3]]);
    assert!(!connection.send_close(Some(CloseCode::NORMAL), "again", Some(KEY), &mut out));
    assert_eq!(out.len(), 6);
}

#[test]
fn codes_that_may_not_be_sent_are_not() {
    for code in [CloseCode::NO_STATUS, CloseCode::ABNORMAL, CloseCode::TLS_HANDSHAKE] {
        let mut out = Vec::new();
        Connection::new(Role::Server).send_close(Some(code), "reason", None, &mut out);
        assert_eq!(out, [0x88, 0x00]);
    }
}

#[test]
fn a_long_reason_is_cut_between_characters() {
    for (reason, kept) in [
        ("x".repeat(200), 123),
        ("é".repeat(100), 122), // two bytes each
        (format!("x{}", "é".repeat(100)), 123),
        ("😀".repeat(40), 120), // four bytes each
    ] {
        let mut out = Vec::new();
        CloseFrame { code: Some(CloseCode::NORMAL), reason: &reason }.encode(None, &mut out);
        assert_eq!(receive(Role::Client, &out), [Got::Close(Some(1000), reason[..kept].into())]);
    }
}

#[test]
fn a_client_takes_the_close_of_a_server() {
    let bytes = plain(true, Opcode::Close, &close_payload(4001, b"bye"));
    assert_eq!(receive(Role::Client, &bytes), [Got::Close(Some(4001), "bye".into())]);
}

#[test]
fn every_error_fits_in_a_close_reason() {
    for error in [
        ProtocolError::ReservedBits,
        ProtocolError::ReservedOpcode(0xf),
        ProtocolError::LengthNotMinimal,
        ProtocolError::InvalidCloseCode(65_535),
        ProtocolError::UnexpectedContinuation,
        ProtocolError::FrameTooBig { bytes_max: u64::MAX },
        ProtocolError::MessageTooBig { bytes_max: usize::MAX },
        ProtocolError::TooManyFragments { fragments_max: u32::MAX },
    ] {
        assert!(error.to_string().len() <= wavecast_websocket::REASON_BYTES_MAX, "{error}");
        assert!(error.close_code().is_sendable());
    }
    assert!(size_of::<ProtocolError>() <= 16);
}
