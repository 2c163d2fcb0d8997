//! HTTP heads that are no heads, or too much of one: requests to the server, responses to the client.

use wavecast_net::Options;
use wavecast_net::client::{ConnectError, ConnectOptions};

use crate::besieged::{Besieged, alone, resident_bytes};
use crate::lured;
use crate::raw::{HEAD, Raw, SOON, Told};

/// What is done to a right head: its first line is the argument, its fields follow.
type Attack = (&'static str, fn(&str) -> Vec<u8>, u16);

const BAD: u16 = 400;
const TOO_LARGE: u16 = 431;

/// The status is a server's answer; a client fails in any case.
const ATTACKS: [Attack; 14] = [
    ("many fields", |line| with(line, &"X-Many: x\r\n".repeat(101)), TOO_LARGE),
    ("very many fields", |line| with(line, &"a:\r\n".repeat(5_000)), TOO_LARGE),
    ("a long field", |line| with(line, &format!("X-Long: {}\r\n", "x".repeat(17_000))), TOO_LARGE),
    ("a long name", |line| with(line, &format!("X-{}: x\r\n", "x".repeat(17_000))), TOO_LARGE),
    ("a field without an end", |line| without_end(line, &"x".repeat(1 << 20)), TOO_LARGE),
    ("fields without an end", |line| without_end(line, &"x: y\r\n".repeat(1 << 18)), TOO_LARGE),
    ("a NUL in a value", |line| with(line, "X-Nul: a\0b\r\n"), BAD),
    ("a NUL in a name", |line| with(line, "X-\0Nul: a\r\n"), BAD),
    ("a folded field", |line| with(line, "X-Folded: a\r\n b\r\n"), BAD),
    ("a space before the colon", |line| with(line, "X-Space : a\r\n"), BAD),
    ("a field without a colon", |line| with(line, "X-Nothing\r\n"), BAD),
    ("a lone carriage return", |line| with(line, "X-Return: a\rb\r\n"), BAD),
    ("a control character", |line| with(line, "X-Bell: a\x07b\r\n"), BAD),
    ("an empty name", |line| with(line, ": a\r\n"), BAD),
];

fn with(line: &str, more: &str) -> Vec<u8> {
    format!("{line}{more}\r\n").into_bytes()
}

fn without_end(line: &str, more: &str) -> Vec<u8> {
    format!("{line}X-Endless: {more}").into_bytes()
}

fn refused(server: &Besieged, what: &str, request: &[u8], statuses: &[u16]) {
    let mut attacker = Raw::connect(server.address());
    attacker.send(request);
    let answer = attacker.answer();
    assert!(statuses.iter().any(|status| answer == Told::Status(*status)), "{what}: {answer:?}");
    // The body, a line for people, and then the end.
    attacker.finish();
    while attacker.frame().is_ok() {}
}

#[test]
fn requests_are_refused_with_a_status() {
    let _alone = alone();
    let server = Besieged::start(Options::default());
    let mut polite = server.polite();
    let start = HEAD.strip_suffix("\r\n").unwrap();
    let before = resident_bytes();
    for (what, make, status) in ATTACKS {
        refused(&server, what, &make(start), &[status]);
        polite.is_served();
    }
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes more");
    server.expect_open(1);
}

#[test]
fn first_lines_are_refused_with_a_status() {
    let _alone = alone();
    let server = Besieged::start(Options::default());
    let rest = HEAD.split_once("\r\n").unwrap().1;
    let long = format!("GET /{} HTTP/1.1\r\n{rest}", "a".repeat(17_000));
    let endless = format!("GET /{}", "a".repeat(1 << 20));
    refused(&server, "a long line", long.as_bytes(), &[431, 414]);
    refused(&server, "a line without an end", endless.as_bytes(), &[431, 414]);
    for line in ["GET /\0 HTTP/1.1", "GET / HTTP/9.9", "GET  / HTTP/1.1", "\x16\x03\x01\x02", "GET /"] {
        refused(&server, line, format!("{line}\r\n{rest}").as_bytes(), &[400, 505]);
    }
    server.polite().is_served();
}

/// Handshakes that a parser takes and the RFC does not (§4.2.1).
#[test]
fn wrong_handshakes_are_refused_with_a_status() {
    let server = Besieged::start(Options::default());
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    let version = "Sec-WebSocket-Version: 13";
    for (what, from, to, status) in [
        ("another method", "GET ", "POST ", 405),
        ("an old version of HTTP", "HTTP/1.1", "HTTP/1.0", 505),
        ("another version", "Version: 13", "Version: 8", 426),
        ("no host", "Host: h\r\n", "", 400),
        ("two hosts", "Host: h\r\n", "Host: h\r\nHost: i\r\n", 400),
        ("no key", "Sec-WebSocket-Key", "X-Key", 400),
        ("a short key", key, "c2hvcnQ=", 400),
        ("a key that is no base64", key, "////////////////////////", 400),
        (
            "two keys",
            version,
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            400,
        ),
    ] {
        assert!(HEAD.contains(from), "{what}");
        let mut attacker = Raw::connect(server.address());
        attacker.send(HEAD.replace(from, to).as_bytes());
        let answer = attacker.answer();
        // A request that does not ask for WebSocket at all is told that it should.
        assert!([Told::Status(status), Told::Status(426)].contains(&answer), "{what}: {answer:?}");
    }
    server.polite().is_served();
}

async fn client_fails(what: &str, answer: Vec<u8>) {
    let (url, server) = lured::listen(move |mut raw| {
        raw.head();
        raw.send(&answer);
        raw.finish();
        raw.told()
    });
    let options = ConnectOptions::new().handshake_timeout(SOON);
    let error = options.connect(&url).await.err().unwrap_or_else(|| panic!("{what}: it connects"));
    assert!(matches!(error, ConnectError::Handshake(_)), "{what}: {error}");
    assert!(matches!(server.join().unwrap(), Told::End | Told::Reset), "{what}: the client goes");
}

#[tokio::test]
async fn responses_fail_the_handshake() {
    let _alone = alone();
    let before = resident_bytes();
    for (what, make, _) in ATTACKS {
        let line = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
        client_fails(what, make(line)).await;
    }
    for line in ["SSH-2.0-OpenSSH_9.2", "HTTP/9.9 101 Yes", "HTTP/1.1 1o1 Yes", "HTTP/1.1\0 101 Yes"] {
        client_fails(line, format!("{line}\r\n\r\n").into_bytes()).await;
    }
    client_fails("a line without an end", format!("HTTP/1.1 101 {}", "a".repeat(1 << 20)).into_bytes()).await;
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes more");
}

/// Answers that are whole, and not to our question (§4.2.2).
#[tokio::test]
async fn wrong_answers_fail_the_handshake() {
    for (what, from, to) in [
        ("another key's answer", "Sec-WebSocket-Accept: ", "Sec-WebSocket-Accept: AAAA"),
        ("no answer", "Sec-WebSocket-Accept", "X-Accept"),
        ("another status", "101 Switching Protocols", "200 OK"),
        ("another protocol", "websocket", "h2c"),
        ("a protocol nobody asked for", "\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat\r\n\r\n"),
        ("an extension nobody asked for", "\r\n\r\n", "\r\nSec-WebSocket-Extensions: x-mine\r\n\r\n"),
    ] {
        let (url, server) = lured::listen(move |mut raw| {
            let request = raw.head();
            let answer = String::from_utf8(lured::right_answer(&request)).unwrap();
            assert!(answer.contains(from), "{answer}");
            raw.send(answer.replace(from, to).as_bytes());
            raw.told()
        });
        let error = ConnectOptions::new().connect(&url).await.err().unwrap_or_else(|| panic!("{what}"));
        assert!(matches!(error, ConnectError::Handshake(_)), "{what}: {error}");
        server.join().unwrap();
    }
}
