//! Nothing that a caller adds can leave its place in the head.

use crate::{REQUEST, head};
use wavecast_websocket::Limits;
use wavecast_websocket::handshake::{self, ClientRequest, InvalidField, RequestError};

const NONCE: [u8; 16] = *b"the sample nonce";

fn request_error(request: &ClientRequest<'_>) -> Option<RequestError> {
    let mut out = Vec::new();
    let error = request.write(&mut out).err();
    assert_eq!(out.is_empty(), error.is_some(), "nothing is written on error");
    error
}

#[test]
fn through_the_host() {
    for host in ["", "a b", "a\r\nX: y", "a\n", "a/b", "a?b", "a#b", "user@a", "a\\b", "\0", "ä.example"] {
        assert_eq!(
            request_error(&ClientRequest::new(host, "/", NONCE)),
            Some(RequestError::Host),
            "{host:?}"
        );
    }
    for host in ["a", "a:8000", "127.0.0.1", "[::1]:8000", "xn--4ca.example"] {
        assert_eq!(request_error(&ClientRequest::new(host, "/", NONCE)), None, "{host:?}");
    }
}

#[test]
fn through_the_target() {
    for target in ["", "a", "*", "http://a/", "/a b", "/ HTTP/1.1\r\nX: y", "/\n", "/#f", "/ä", "/\0", "/\t"]
    {
        assert_eq!(
            request_error(&ClientRequest::new("a", target, NONCE)),
            Some(RequestError::Target),
            "{target:?}"
        );
    }
    assert_eq!(request_error(&ClientRequest::new("a", "/p/%20?q=[1]&x=/?", NONCE)), None);
}

#[test]
fn through_the_protocols() {
    for protocols in [&[""][..], &["a b"], &["a\r\nX: y"], &["a", "b", "a"], &["a,b"], &["ä"]] {
        let request = ClientRequest::new("a", "/", NONCE).protocols(protocols);
        assert_eq!(request_error(&request), Some(RequestError::Protocol), "{protocols:?}");
    }
}

const INVALID_NAMES: [&str; 7] = ["", " X", "X ", "X:", "X\r\nY", "X\0", "Ä"];
const INVALID_VALUES: [&str; 5] = ["a\r\nb", "a\nb", "a\rb", "a\0", "a\x7f"];
const RESERVED: [&str; 11] = [
    "Host",
    "upgrade",
    "CONNECTION",
    "Content-Length",
    "transfer-encoding",
    "Trailer",
    "Sec-WebSocket-Key",
    "sec-websocket-version",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Accept",
];

#[test]
fn through_the_fields_of_a_request_or_an_answer() {
    let bytes = head(&REQUEST);
    let (request, _) = handshake::parse_request(&bytes, &Limits::DEFAULT).unwrap().unwrap();
    let acceptance = handshake::accept(&request, &[]).unwrap();
    let cases = INVALID_NAMES
        .map(|name| (name, "x", InvalidField::Name(name.into())))
        .into_iter()
        .chain(INVALID_VALUES.map(|value| ("X-Y", value, InvalidField::Value("X-Y".into()))))
        .chain(RESERVED.map(|name| (name, "x", InvalidField::Reserved(name.into()))));
    for (name, value, error) in cases {
        let headers = [("X-Fine", "x"), (name, value)];
        let mut out = Vec::new();
        assert_eq!(acceptance.write(&headers, &mut out), Err(error.clone()), "{name:?}: {value:?}");
        assert!(out.is_empty());
        let request = ClientRequest::new("a", "/", NONCE).headers(&headers);
        assert_eq!(request_error(&request), Some(RequestError::Field(error)), "{name:?}: {value:?}");
    }
}

#[test]
fn what_is_allowed_arrives_unchanged() {
    let headers = [("Origin", "https://a.example"), ("Cookie", "a=\"b c\"; d=é\tf"), ("X-Empty", "")];
    let mut out = Vec::new();
    ClientRequest::new("a:1", "/p?q", NONCE)
        .protocols(&["x", "y"])
        .headers(&headers)
        .write(&mut out)
        .unwrap();
    let (request, len) = handshake::parse_request(&out, &Limits::DEFAULT).unwrap().unwrap();
    assert_eq!(len, out.len());
    assert_eq!((request.header("host"), request.target()), (Some("a:1"), "/p?q"));
    assert_eq!(request.header("sec-websocket-protocol"), Some("x, y"));
    for (name, value) in headers {
        assert_eq!(request.header(name), Some(value));
    }
    assert_eq!(handshake::accept(&request, &["y"]).unwrap().protocol, Some("y"));
}
