//! Connections that break at the worst moment.

use std::time::Duration;

use wavecast_net::Options;
use wavecast_net::client::{ConnectError, ConnectOptions, RecvError};

use crate::besieged::Besieged;
use crate::lured;
use crate::raw::{BINARY, FIN, From, HEAD, Raw, TEXT, frame, header};

/// Everywhere in the handshake: before the first byte, in the head, right behind it.
#[test]
fn in_the_middle_of_a_handshake() {
    let server = Besieged::start(Options::default());
    let mut polite = server.polite();
    for length in (0..=HEAD.len()).step_by(3).chain([HEAD.len()]) {
        let mut attacker = Raw::connect(server.address());
        attacker.send(&HEAD.as_bytes()[..length]);
        attacker.reset();
    }
    polite.is_served();
    server.expect_open(1);
}

/// In a frame, in a message, with answers on the way: one close event each, 1006.
#[test]
fn in_the_middle_of_a_message() {
    let server = Besieged::start(Options::default());
    let mut polite = server.polite();
    let half = [header(From::Client, FIN | BINARY, 100_000), vec![0; 50_000]].concat();
    let unanswered = frame(From::Client, FIN | TEXT, &[b'a'; 10_000]).repeat(50);
    let part = frame(From::Client, TEXT, b"a part");
    for bytes in [vec![], vec![FIN | TEXT], half, unanswered, part] {
        for _ in 0..20 {
            let mut attacker = server.attacker();
            attacker.send(&bytes);
            attacker.reset();
            assert_eq!(server.end(), 1006);
        }
        polite.is_served();
    }
    server.expect_open(1);
}

/// Of one that ends its side without a close frame, too, the server hears, and lets go.
#[test]
fn an_end_without_a_close_frame() {
    let server =
        Besieged::start(Options { linger_timeout: Duration::from_millis(300), ..Options::default() });
    let mut polite = server.polite();
    let silent: Vec<Raw> = (0..50).map(|_| server.attacker()).collect();
    for attacker in &silent {
        attacker.finish();
        assert_eq!(server.end(), 1006);
    }
    polite.is_served();
    server.expect_open(1);
}

#[tokio::test]
async fn of_a_server_in_its_answer() {
    let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n";
    for length in [0, 1, 20, answer.len()] {
        let (url, server) = lured::listen(move |mut raw| {
            raw.head();
            raw.send(&answer.as_bytes()[..length]);
            raw.reset();
        });
        let error = ConnectOptions::new().connect(&url).await.unwrap_err();
        assert!(matches!(error, ConnectError::Io(_)), "{error}");
        server.join().unwrap();
    }
}

#[tokio::test]
async fn of_a_server_in_a_message() {
    let half = [header(From::Server, FIN | BINARY, 100_000), vec![0; 50_000]].concat();
    for bytes in [vec![], vec![FIN | TEXT], half, frame(From::Server, TEXT, b"a part")] {
        let (url, server) = lured::upgrade(move |mut raw| {
            raw.send(&bytes);
            raw.reset();
        });
        let mut socket = ConnectOptions::new().connect(&url).await.unwrap();
        let error = lured::receive(&mut socket).await;
        assert!(matches!(error, RecvError::Io(_) | RecvError::Lost), "{error}");
        assert!(socket.recv().await.unwrap().is_none());
        server.join().unwrap();
    }
}
