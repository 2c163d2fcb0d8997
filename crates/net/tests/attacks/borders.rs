//! Payloads that lie across the borders of the receive buffer: unmasking and UTF-8 go on where they stopped.

use wavecast_net::Options;
use wavecast_net::client::{ConnectOptions, Message};

use crate::besieged::Besieged;
use crate::lured;
use crate::raw::{BINARY, FIN, From, Raw, TEXT, frame, header};

/// What a shard reads at once; the client's buffer is a part of it.
const BUFFER: usize = 64 * 1024;
/// Longer than the longest header, and than a masking key twice.
const AROUND: usize = 24;

fn bytes(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 31 + seed * 17 + n / 251) as u8).collect()
}

/// Two frames with this length in all, which fill the buffer up to where the next begins; and their payloads.
fn filler(from: From, whole: usize) -> (Vec<u8>, [Vec<u8>; 2]) {
    let one = bytes(600, 1);
    let mut sent = frame(from, FIN | BINARY, &one);
    // A length of two bytes, whatever the place.
    let overhead = header(from, FIN | BINARY, 60_000).len();
    let other = bytes(whole - sent.len() - overhead, 2);
    sent.extend(frame(from, FIN | BINARY, &other));
    assert_eq!(sent.len(), whole);
    (sent, [one, other])
}

/// Frames in one write, the third beginning at every place around the end of the buffer.
fn across(from: From) -> impl Iterator<Item = (Vec<u8>, Vec<(u8, Vec<u8>)>)> {
    (BUFFER - AROUND..=BUFFER + 4).flat_map(move |start| {
        [5, 40, 200, 70_000].into_iter().map(move |length| {
            let (first, [one, other]) = filler(from, start);
            let second = bytes(length, start);
            let text = "\u{1f44b}\u{e9}".repeat(length / 6 + 1).into_bytes();
            let sent = [first, frame(from, FIN | BINARY, &second), frame(from, FIN | TEXT, &text)].concat();
            (sent, vec![(BINARY, one), (BINARY, other), (BINARY, second), (TEXT, text)])
        })
    })
}

#[test]
fn payloads_across_the_end_of_a_shards_buffer() {
    let server = Besieged::start(Options::default());
    let mut attacker = server.attacker();
    for (sent, expected) in across(From::Client) {
        let mut writer = Raw::new(attacker.stream.try_clone().unwrap());
        let writing = std::thread::spawn(move || assert!(writer.send(&sent)));
        for echo in expected {
            assert!(attacker.frame().unwrap() == echo, "an echo of {} bytes", echo.1.len());
        }
        writing.join().unwrap();
    }
}

#[tokio::test]
async fn payloads_across_the_end_of_a_clients_buffer() {
    let (url, server) = lured::upgrade(|mut raw| {
        for (sent, _) in across(From::Server) {
            assert!(raw.send(&sent));
        }
        raw.told()
    });
    let mut socket = ConnectOptions::new().connect(&url).await.unwrap();
    for (_, expected) in across(From::Server) {
        for (opcode, payload) in expected {
            let expected = match opcode {
                TEXT => Message::Text(String::from_utf8(payload).unwrap()),
                _ => Message::Binary(payload),
            };
            assert!(socket.recv().await.unwrap() == Some(expected));
        }
    }
    drop(socket);
    server.join().unwrap();
}

/// A character that is cut by the end of the buffer, and never finished: bad text, wherever it is noticed.
#[test]
fn half_a_character_at_the_end_of_the_buffer_is_bad_text() {
    let server = Besieged::start(Options::default());
    for start in BUFFER - 12..=BUFFER {
        let (mut bytes, _) = filler(From::Client, start - 6);
        bytes.extend(frame(From::Client, FIN | TEXT, b"ab\xf0\x9f\x91"));
        let mut attacker = server.attacker();
        attacker.send(&bytes);
        assert_eq!(attacker.told(), crate::raw::Told::Close(1007), "{start}");
        assert_eq!(server.end(), 1007);
    }
}

/// The handshake and what follows it in one write, which is longer than the buffer.
#[test]
fn frames_right_behind_the_handshake_are_heard() {
    let server = Besieged::start(Options::default());
    for length in [0, 1, BUFFER - crate::raw::HEAD.len() - 14, BUFFER, 3 * BUFFER] {
        let payload = bytes(length, 3);
        let sent = [crate::raw::HEAD.as_bytes(), &frame(From::Client, FIN | BINARY, &payload)].concat();
        let mut attacker = Raw::connect(server.address());
        attacker.send(&sent);
        assert!(attacker.head().starts_with("HTTP/1.1 101 "));
        assert!(attacker.frame().unwrap() == (BINARY, payload), "{length} bytes");
    }
}
