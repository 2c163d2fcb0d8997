//! Every MUST of a server's answer that RFC 6455 §4.1 has a client check.

use crate::{and, head, with};
use wavecast_websocket::Limits;
use wavecast_websocket::handshake::{ClientRequest, HandshakeError, HeadError};

const ANSWER: [&str; 5] = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    "Sec-WebSocket-Protocol: chat",
];

fn request() -> ClientRequest<'static> {
    ClientRequest::new("server.example.com", "/chat", *b"the sample nonce").protocols(&["superchat", "chat"])
}

/// The chosen sub-protocol.
fn verify(lines: &[&str]) -> Result<Option<&'static str>, HandshakeError> {
    let bytes = head(lines);
    let (established, len) = request().verify(&bytes, &Limits::DEFAULT)?.expect("complete");
    assert_eq!(len, bytes.len());
    Ok(established.protocol)
}

#[test]
fn the_request_is_the_one_of_the_rfc() {
    let mut out = Vec::new();
    request().write(&mut out).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Protocol: superchat, chat\r\n\r\n"
    );
}

#[test]
fn the_answer_may_be_written_in_these_ways() {
    assert_eq!(verify(&ANSWER), Ok(Some("chat")));
    for (name, line) in [
        ("HTTP", "HTTP/1.1 101"),
        ("HTTP", "HTTP/1.1 101 Web Socket Protocol Handshake"),
        ("Upgrade", "UPGRADE:WebSocket"),
        ("Connection", "Connection: keep-alive, upgrade"),
        ("Sec-WebSocket-Accept", "sec-websocket-accept: \t s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \t"),
    ] {
        assert_eq!(verify(&with(&ANSWER, name, &[line])), Ok(Some("chat")), "{line}");
    }
    assert_eq!(verify(&with(&ANSWER, "Sec-WebSocket-Protocol", &[])), Ok(None));
    assert_eq!(verify(&and(&ANSWER, &["Set-Cookie: a=b", "Date: today"])), Ok(Some("chat")));
    assert_eq!(verify(&and(&ANSWER, &["Sec-WebSocket-Extensions:"])), Ok(Some("chat")));
}

#[test]
fn each_violation_has_its_error() {
    let accept = ANSWER[3];
    let cases: &[(&str, &[&str], HandshakeError)] = &[
        ("HTTP", &["HTTP/1.0 101 Switching Protocols"], HandshakeError::Version),
        ("Upgrade", &[], HandshakeError::Upgrade),
        ("Upgrade", &["Upgrade: h2c"], HandshakeError::Upgrade),
        ("Upgrade", &["Upgrade: websocket, h2c"], HandshakeError::Upgrade),
        ("Upgrade", &["Upgrade: websocket", "Upgrade: websocket"], HandshakeError::Upgrade),
        ("Connection", &[], HandshakeError::Connection),
        ("Connection", &["Connection: keep-alive"], HandshakeError::Connection),
        ("Sec-WebSocket-Accept", &[], HandshakeError::Accept),
        ("Sec-WebSocket-Accept", &["Sec-WebSocket-Accept:"], HandshakeError::Accept),
        (
            "Sec-WebSocket-Accept",
            &["Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOp="],
            HandshakeError::Accept,
        ),
        (
            "Sec-WebSocket-Accept",
            &["Sec-WebSocket-Accept: S3PPLMBITXAQ9KYGZZHZRBK+XOO="],
            HandshakeError::Accept,
        ),
        ("Sec-WebSocket-Accept", &["Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ=="], HandshakeError::Accept),
        ("Sec-WebSocket-Accept", &[accept, accept], HandshakeError::Accept),
        ("Sec-WebSocket-Protocol", &["Sec-WebSocket-Protocol: other"], HandshakeError::Protocol),
        ("Sec-WebSocket-Protocol", &["Sec-WebSocket-Protocol: Chat"], HandshakeError::Protocol),
        ("Sec-WebSocket-Protocol", &["Sec-WebSocket-Protocol:"], HandshakeError::Protocol),
        ("Sec-WebSocket-Protocol", &["Sec-WebSocket-Protocol: chat, superchat"], HandshakeError::Protocol),
        (
            "Sec-WebSocket-Protocol",
            &["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: chat"],
            HandshakeError::Protocol,
        ),
        (
            "Upgrade",
            &["Upgrade: websocket", "Sec-WebSocket-Extensions: permessage-deflate"],
            HandshakeError::Extension,
        ),
        ("Upgrade", &["Upgrade: websocket", "Sec-WebSocket-Extensions: ;"], HandshakeError::Extension),
        ("HTTP", &["HTTP/2 101"], HandshakeError::Head(HeadError::Version)),
        ("Upgrade", &["Upgrade : websocket"], HandshakeError::Head(HeadError::FieldName)),
        ("Upgrade", &["Upgrade:", " websocket"], HandshakeError::Head(HeadError::FieldName)),
    ];
    for (name, others, error) in cases {
        assert_eq!(verify(&with(&ANSWER, name, others)).as_ref(), Err(error), "{others:?} for {name}");
    }
}

#[test]
fn a_protocol_that_was_not_asked_for_is_refused() {
    let bytes = head(&ANSWER);
    let request = ClientRequest::new("server.example.com", "/chat", *b"the sample nonce");
    assert_eq!(request.verify(&bytes, &Limits::DEFAULT).err(), Some(HandshakeError::Protocol));
}

#[test]
fn another_nonce_wants_another_answer() {
    let bytes = head(&ANSWER[..4]);
    let request = ClientRequest::new("server.example.com", "/chat", *b"the sample nonc3");
    assert_eq!(request.verify(&bytes, &Limits::DEFAULT).err(), Some(HandshakeError::Accept));
}

#[test]
fn an_answer_is_incomplete_until_its_last_byte_and_frames_follow() {
    let mut bytes = head(&ANSWER);
    let len = bytes.len();
    for end in 0..len {
        assert!(matches!(request().verify(&bytes[..end], &Limits::DEFAULT), Ok(None)));
    }
    bytes.extend_from_slice(b"\x81\x02hi");
    assert_eq!(request().verify(&bytes, &Limits::DEFAULT).unwrap().unwrap().1, len);
}

#[test]
fn another_status_is_told_with_the_start_of_its_body() {
    let mut bytes = head(&["HTTP/1.1 503 Service Unavailable", "Retry-After: 7", "X: caf\u{e9}"]);
    bytes.extend_from_slice(&[b'x'; 5000]);
    let Err(HandshakeError::Status(rejected)) = request().verify(&bytes, &Limits::DEFAULT) else {
        panic!("must be rejected");
    };
    assert_eq!((rejected.status, rejected.header("retry-after")), (503, Some("7")));
    assert_eq!(rejected.body_start, [b'x'; 1024]);
    for line in ["HTTP/1.1 200 OK", "HTTP/1.0 401 Unauthorized", "HTTP/1.1 302 Found", "HTTP/1.1 999 ?"] {
        assert!(matches!(verify(&with(&ANSWER, "HTTP", &[line])), Err(HandshakeError::Status(_))), "{line}");
    }
    assert!(size_of::<HandshakeError>() <= 24);
}

#[test]
fn interim_answers_are_skipped_within_the_limit_of_one_head() {
    let hints = head(&["HTTP/1.1 103 Early Hints", "Link: </style.css>"]);
    let bytes = [&hints[..], b"HTTP/1.1 100 Continue\r\n\r\n", &head(&ANSWER)].concat();
    let (established, len) = request().verify(&bytes, &Limits::DEFAULT).unwrap().unwrap();
    assert_eq!((established.protocol, len), (Some("chat"), bytes.len()));
    let endless = hints.repeat(1000);
    let error = request().verify(&endless, &Limits::DEFAULT).err();
    assert!(matches!(error, Some(HandshakeError::Head(HeadError::TooLong { .. }))), "{error:?}");
}
