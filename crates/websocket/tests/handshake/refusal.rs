//! A refusal is a complete HTTP response that tells the client what to do.

use wavecast_websocket::Limits;
use wavecast_websocket::handshake::{HeadError, InvalidField, Refusal, ResponseHead, parse_response};

fn written(refusal: &Refusal) -> Vec<u8> {
    let mut out = Vec::new();
    refusal.write(&mut out);
    out
}

fn parsed(bytes: &[u8]) -> (ResponseHead<'_>, &[u8]) {
    let (head, len) = parse_response(bytes, &Limits::DEFAULT).unwrap().unwrap();
    (head, &bytes[len..])
}

#[test]
fn it_is_text_of_known_length_and_ends_the_connection() {
    let bytes = written(&Refusal::new(403, "this origin is not allowed: é"));
    let (head, body) = parsed(&bytes);
    assert_eq!(head.status(), 403);
    assert_eq!(head.header("connection"), Some("close"));
    assert_eq!(head.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(head.header("content-length"), Some(body.len().to_string().as_str()));
    assert_eq!(body, "this origin is not allowed: é\n".as_bytes());
}

#[test]
fn upgrade_required_names_protocol_and_version() {
    let bytes = written(&Refusal::new(426, "x"));
    let (head, _) = parsed(&bytes);
    assert_eq!(head.header("sec-websocket-version"), Some("13"));
    assert_eq!(head.header("upgrade"), Some("websocket"));
    assert!(
        head.headers().has_token("connection", "close") && head.headers().has_token("connection", "upgrade")
    );
}

#[test]
fn method_not_allowed_names_the_method_that_is() {
    let bytes = written(&Refusal::new(405, "x"));
    assert_eq!(parsed(&bytes).0.header("allow"), Some("GET"));
}

#[test]
fn a_head_that_cannot_be_read_has_its_refusal() {
    let refusal = Refusal::from(HeadError::TooLong { bytes_max: 16_384 });
    assert_eq!(refusal.status, 431);
    assert_eq!(refusal.to_string(), "an HTTP head may have at most 16384 bytes (431)");
}

#[test]
fn more_fields_may_be_added() {
    let refusal = Refusal::new(503, "draining");
    let mut out = Vec::new();
    refusal.write_with(&[("Retry-After", "5")], &mut out).unwrap();
    assert_eq!(parsed(&out).0.header("retry-after"), Some("5"));
    let mut out = Vec::new();
    let error = refusal.write_with(&[("Content-Length", "0")], &mut out);
    assert_eq!(error, Err(InvalidField::Reserved("Content-Length".into())));
    assert!(out.is_empty());
}

#[test]
fn a_status_without_words_and_one_that_cannot_refuse() {
    for (status, expected) in [(418, 418), (101, 300), (200, 300), (0, 300), (999, 599)] {
        assert_eq!(parsed(&written(&Refusal::new(status, "x"))).0.status(), expected);
    }
}

#[test]
fn a_reason_cannot_leave_the_body() {
    let bytes = written(&Refusal::new(400, "x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"));
    let (head, body) = parsed(&bytes);
    assert_eq!(head.header("content-length"), Some(body.len().to_string().as_str()));
}
