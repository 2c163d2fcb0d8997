//! A stranger's request and a stranger's answer: no panic, no way out of the head, and the same verdict on every
//! prefix.
//!
//! `cargo +nightly fuzz run handshake fuzz/corpus/handshake fuzz/seeds/handshake`

#![no_main]

use libfuzzer_sys::fuzz_target;
use wavecast_websocket::Limits;
use wavecast_websocket::handshake::{self, ClientRequest, Refusal};

const LIMITS: Limits = Limits { head_bytes_max: 4_096, head_fields_max: 20, ..Limits::DEFAULT };

fuzz_target!(|bytes: &[u8]| {
    read_request(bytes);
    read_answer(bytes);
    write_request(bytes);
});

fn read_request(bytes: &[u8]) {
    let mut out = Vec::new();
    match handshake::parse_request(bytes, &LIMITS) {
        Ok(None) => return,
        Err(error) => Refusal::from(error).write(&mut out),
        Ok(Some((head, len))) => {
            assert!(len <= bytes.len() && len <= LIMITS.head_bytes_max);
            assert!(bytes[..len].ends_with(b"\r\n\r\n"));
            for end in [0, 1, len / 2, len - 1] {
                let prefix = handshake::parse_request(&bytes[..end], &LIMITS);
                assert!(matches!(prefix, Ok(None)), "complete or refused at {end} of {len}");
            }
            match handshake::accept(&head, &["chat", "superchat"]) {
                Ok(acceptance) => {
                    assert!(head.is_websocket_upgrade());
                    acceptance.write(&[], &mut out).expect("nothing was added");
                }
                Err(refusal) => refusal.write(&mut out),
            }
        }
    }
    let (answer, len) = handshake::parse_response(&out, &Limits::DEFAULT)
        .expect("we read what we write")
        .expect("it is complete");
    assert_eq!(answer.status() == 101, len == out.len(), "only a refusal has a body");
}

fn read_answer(bytes: &[u8]) {
    let request = ClientRequest::new("example.com", "/", *b"the sample nonce").protocols(&["chat"]);
    if let Ok(Some((established, len))) = request.verify(bytes, &LIMITS) {
        assert!(len <= bytes.len() && len <= LIMITS.head_bytes_max);
        assert!(matches!(established.protocol, None | Some("chat")));
        assert!(matches!(request.verify(&bytes[..len - 1], &LIMITS), Ok(None)));
    }
}

/// What the fuzzer puts into a request stays where it was put.
fn write_request(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut parts = text.split('|');
    let mut part = || parts.next().unwrap_or("x");
    let (host, target, name, value, protocol) = (part(), part(), part(), part(), part());
    let (headers, protocols) = ([(name, value)], [protocol]);
    let request = ClientRequest::new(host, target, [0; 16]).headers(&headers).protocols(&protocols);
    let mut out = Vec::new();
    if request.write(&mut out).is_err() {
        assert!(out.is_empty());
        return;
    }
    let limits = Limits { head_bytes_max: usize::MAX, ..Limits::DEFAULT };
    let (head, len) =
        handshake::parse_request(&out, &limits).expect("we read what we write").expect("it is complete");
    assert_eq!(len, out.len());
    assert_eq!((head.target(), head.header("host")), (target, Some(host)));
    assert_eq!(head.headers().iter().count(), 7);
    assert_eq!(head.header(name), Some(value.trim_matches([' ', '\t'])));
    let acceptance = handshake::accept(&head, &[protocol]).expect("we accept what we write");
    assert_eq!(acceptance.protocol, Some(protocol));
}
