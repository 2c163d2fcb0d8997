//! Every MUST of a client's handshake that RFC 6455 §4.2.1 has a server check.

use crate::{REQUEST, and, head, status_of, with};
use wavecast_websocket::{Limits, handshake};

#[test]
fn the_rfc_example_is_accepted() {
    let bytes = head(&and(&REQUEST, &["Sec-WebSocket-Protocol: chat, superchat"]));
    let (request, _) = handshake::parse_request(&bytes, &Limits::DEFAULT).unwrap().unwrap();
    assert!(request.is_websocket_upgrade());
    let mut out = Vec::new();
    handshake::accept(&request, &["chat"]).unwrap().write(&[], &mut out).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n"
    );
}

#[test]
fn each_line_may_be_written_in_these_ways() {
    for (name, line) in [
        ("GET", "GET /chat?token=a%20b&c HTTP/1.1"),
        ("GET", "GET http://server.example.com/chat HTTP/1.1"),
        ("GET", "GET ws://server.example.com?x HTTP/1.1"),
        ("Host", "host: [::1]:8000"),
        ("Host", "Host:"), // allowed to be empty (RFC 9110 §7.2)
        ("Upgrade", "UPGRADE: WebSocket"),
        ("Upgrade", "Upgrade: h2c, websocket"),
        ("Connection", "connection: keep-alive, Upgrade"),
        ("Connection", "Connection: keep-alive ,\tuPGRADE\t"),
        ("Sec-WebSocket-Key", "SEC-WEBSOCKET-KEY:   dGhlIHNhbXBsZSBub25jZQ==  "),
        ("Sec-WebSocket-Version", "sec-websocket-version:13"),
        ("Origin", "Origin: null"),
    ] {
        assert_eq!(status_of(&with(&REQUEST, name, &[line]), &[]), 101, "{line}");
    }
    assert_eq!(status_of(&with(&REQUEST, "Origin", &[]), &[]), 101, "Origin is optional");
    let two = with(&REQUEST, "Connection", &["Connection: keep-alive", "Connection: Upgrade"]);
    assert_eq!(status_of(&two, &[]), 101, "a list may be spread over several fields");
    assert_eq!(status_of(&and(&REQUEST, &["Content-Length: 0"]), &[]), 101);
}

#[test]
fn each_violation_has_its_status() {
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let cases: &[(&str, &[&str], u16)] = &[
        // 1. A GET, HTTP/1.1 or higher, with a resource name.
        ("GET", &["POST /chat HTTP/1.1"], 405),
        ("GET", &["HEAD /chat HTTP/1.1"], 405),
        ("GET", &["get /chat HTTP/1.1"], 405),
        ("GET", &["GET /chat HTTP/1.0"], 505),
        ("GET", &["GET /chat HTTP/2.0"], 505),
        ("GET", &["GET /chat HTTP/0.9"], 505),
        ("GET", &["GET /chat#fragment HTTP/1.1"], 400),
        ("GET", &["GET * HTTP/1.1"], 400),
        ("GET", &["GET chat HTTP/1.1"], 400),
        ("GET", &["GET /chät HTTP/1.1"], 400),
        // 2. Host, once.
        ("Host", &[], 400),
        ("Host", &["Host: a", "Host: b"], 400),
        ("Host", &["Host: a", "Host: a"], 400),
        // 3. Upgrade.
        ("Upgrade", &[], 426),
        ("Upgrade", &["Upgrade: h2c"], 426),
        ("Upgrade", &["Upgrade: websockets"], 426),
        ("Upgrade", &["Upgrade: web socket"], 426),
        // 4. Connection.
        ("Connection", &[], 400),
        ("Connection", &["Connection: keep-alive"], 400),
        ("Connection", &["Connection: Upgraded"], 400),
        // 5. The key: 16 bytes in base64, once (§11.3.1).
        ("Sec-WebSocket-Key", &[], 400),
        ("Sec-WebSocket-Key", &["Sec-WebSocket-Key:"], 400),
        ("Sec-WebSocket-Key", &["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j"], 400),
        ("Sec-WebSocket-Key", &["Sec-WebSocket-Key: not in base64, though 24"], 400),
        ("Sec-WebSocket-Key", &[key, key], 400),
        // 6. The version, once (§11.3.5).
        ("Sec-WebSocket-Version", &[], 426),
        ("Sec-WebSocket-Version", &["Sec-WebSocket-Version: 8"], 426),
        ("Sec-WebSocket-Version", &["Sec-WebSocket-Version: 14"], 426),
        ("Sec-WebSocket-Version", &["Sec-WebSocket-Version: 13, 8"], 426),
        ("Sec-WebSocket-Version", &["Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 13"], 400),
        // A body would be read as frames here and as a request elsewhere.
        ("Origin", &["Content-Length: 5"], 400),
        ("Origin", &["Transfer-Encoding: chunked"], 400),
        ("Origin", &["Content-Length: 0", "Content-Length: 5"], 400),
        // 8. Sub-protocols: tokens that differ.
        ("Origin", &["Sec-WebSocket-Protocol:"], 400),
        ("Origin", &["Sec-WebSocket-Protocol: ,"], 400),
        ("Origin", &["Sec-WebSocket-Protocol: a b"], 400),
        ("Origin", &["Sec-WebSocket-Protocol: a, a"], 400),
        ("Origin", &["Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: a"], 400),
        ("Origin", &["Sec-WebSocket-Protocol: \"quoted\""], 400),
        // 9. Extensions follow their grammar.
        ("Origin", &["Sec-WebSocket-Extensions:"], 400),
        ("Origin", &["Sec-WebSocket-Extensions: a; b=\"not a token\""], 400),
    ];
    for (name, others, status) in cases {
        assert_eq!(status_of(&with(&REQUEST, name, others), &["a"]), *status, "{others:?} for {name}");
    }
}

#[test]
fn a_plain_request_is_not_an_upgrade() {
    for (name, others) in [("Upgrade", &[][..]), ("Connection", &[]), ("Connection", &["Connection: close"])]
    {
        let bytes = head(&with(&REQUEST, name, others));
        let (request, _) = handshake::parse_request(&bytes, &Limits::DEFAULT).unwrap().unwrap();
        assert!(!request.is_websocket_upgrade());
    }
}
