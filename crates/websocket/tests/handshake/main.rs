//! The opening handshake, behaviour by behaviour.

#![allow(clippy::unwrap_used)] // what a test expects and does not get fails it

mod accept;
mod client;
mod extensions;
mod heads;
mod injection;
mod negotiation;
mod refusal;

use wavecast_websocket::{Limits, handshake};

/// The request of RFC 6455 §1.2, line by line, without the sub-protocols.
const REQUEST: [&str; 7] = [
    "GET /chat HTTP/1.1",
    "Host: server.example.com",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Origin: http://example.com",
    "Sec-WebSocket-Version: 13",
];

/// The bytes of a head.
fn head(lines: &[&str]) -> Vec<u8> {
    format!("{}\r\n\r\n", lines.join("\r\n")).into_bytes()
}

/// `lines` with the one that starts with `name` replaced by others.
fn with<'a>(lines: &[&'a str], name: &str, others: &[&'a str]) -> Vec<&'a str> {
    assert!(lines.iter().any(|line| line.starts_with(name)), "{name} is not there to be replaced");
    lines.iter().flat_map(|line| if line.starts_with(name) { others.to_vec() } else { vec![*line] }).collect()
}

/// `lines` and more.
fn and<'a>(lines: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [lines, more].concat()
}

/// 101 or the status of the refusal.
fn status_of(lines: &[&str], protocols: &[&str]) -> u16 {
    let bytes = head(lines);
    match handshake::parse_request(&bytes, &Limits::DEFAULT) {
        Ok(Some((request, len))) => {
            assert_eq!(len, bytes.len());
            handshake::accept(&request, protocols).map_or_else(|refusal| refusal.status, |_| 101)
        }
        Ok(None) => panic!("incomplete: {lines:?}"),
        Err(error) => error.status(),
    }
}
