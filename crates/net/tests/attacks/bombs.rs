//! Compressed messages that are bombs, or no compressed messages at all (RFC 7692).

use wavecast_net::Options;
use wavecast_net::client::{ConnectOptions, RecvError};
use wavecast_net::websocket::Limits;
use wavecast_net::websocket::deflate::Compression;

use crate::besieged::{self, Besieged, alone, resident_bytes};
use crate::lured;
use crate::raw::{BINARY, FIN, From, HEAD, PING, Raw, TEXT, Told, frame};

/// RSV1: the message is compressed.
const COMPRESSED: u8 = 0x40;
const INVALID_PAYLOAD: u16 = 1007;
const MESSAGE_TOO_BIG: u16 = 1009;
/// What a bomb may cost beside the longest message that is allowed.
const GROWTH_MAX: u64 = 24 << 20;

/// Bits, from the lowest of a byte to its highest (RFC 1951 §3.1.1).
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn push(&mut self, bit: bool) {
        if self.used.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if bit && let Some(last) = self.bytes.last_mut() {
            *last |= 1 << (self.used % 8);
        }
        self.used += 1;
    }

    /// A Huffman code: its highest bit first.
    fn code(&mut self, code: u32, length: u32) {
        (0..length).rev().for_each(|at| self.push(code >> at & 1 == 1));
    }
}

/// A compressed message of so many zeroes, times 258 and one: 13 bits for each 258, by hand, so that no compressor thinks better.
fn zeroes(times: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    // Not the last block; fixed codes: 01, its lower bit first.
    [false, true, false].into_iter().for_each(|bit| bits.push(bit));
    // A zero, then "258 bytes from one before", again and again, then the end of the block.
    bits.code(0b0011_0000, 8);
    for _ in 0..times {
        bits.code(0b1100_0101, 8);
        bits.code(0, 5);
    }
    bits.code(0, 7);
    // An empty stored block, of which the last four bytes are left out (RFC 7692 §7.2.1).
    bits.code(0, 3);
    bits.bytes
}

fn options(limits: Limits, takeover: bool) -> Options {
    let compression =
        Compression { send_takeover: takeover, receive_takeover: takeover, ..Compression::DEFAULT };
    Options { websocket: limits, compression: Some(compression), ..Options::default() }
}

fn attacker(server: &Besieged) -> Raw {
    let mut attacker = Raw::connect(server.address());
    let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    attacker.send(format!("{}{offer}", HEAD.strip_suffix("\r\n").unwrap()).as_bytes());
    let head = attacker.head();
    assert!(head.to_lowercase().contains("permessage-deflate"), "{head}");
    attacker
}

fn told(server: &Besieged, what: &str, bytes: &[u8], code: u16) {
    let mut polite = server.polite();
    let mut attacker = attacker(server);
    attacker.send(bytes);
    polite.is_served();
    assert_eq!(attacker.told(), Told::Close(code), "{what}");
    assert_eq!(server.end(), code, "{what}");
    server.expect_open(1);
    drop(polite);
    server.end();
}

/// A gigabyte in 7 MB: given up where the longest message is passed, not when all of it is inflated.
#[test]
fn a_gigabyte_to_a_server() {
    let _alone = alone();
    for takeover in [false, true] {
        let server =
            Besieged::start(options(Limits { message_bytes_max: 1 << 20, ..Limits::DEFAULT }, takeover));
        let before = resident_bytes();
        let bomb = zeroes((1 << 30) / 258);
        told(
            &server,
            "in one frame",
            &frame(From::Client, FIN | COMPRESSED | BINARY, &bomb),
            MESSAGE_TOO_BIG,
        );
        let grown = resident_bytes().saturating_sub(before);
        assert!(grown < GROWTH_MAX, "{grown} bytes more");
    }
}

/// The same in fragments, each of which is small.
#[test]
fn a_gigabyte_in_fragments_to_a_server() {
    let _alone = alone();
    let server = Besieged::start(options(Limits { message_bytes_max: 1 << 20, ..Limits::DEFAULT }, false));
    let bomb = zeroes((1 << 30) / 258);
    let mut bytes = frame(From::Client, COMPRESSED | BINARY, &bomb[..1_000]);
    bomb[1_000..].chunks(1_000).for_each(|part| bytes.extend(frame(From::Client, 0, part)));
    told(&server, "in fragments", &bytes, MESSAGE_TOO_BIG);
}

/// Bombs that are just within the limit, one after the other: each is a message, and the others are served in between.
#[test]
fn bombs_within_the_limit() {
    let _alone = alone();
    let limits = Limits { message_bytes_max: 1 << 20, ..Limits::DEFAULT };
    let server = Besieged::start(options(limits, false));
    let before = resident_bytes();
    let one = frame(From::Client, FIN | COMPRESSED | BINARY, &zeroes((1 << 20) / 258 - 1));
    let mut polite = server.polite();
    let mut attacker = attacker(&server);
    let mut reader = Raw::new(attacker.stream.try_clone().unwrap());
    let sending = std::thread::spawn(move || (0..50).all(|_| attacker.send(&one)));
    for _ in 0..50 {
        let (opcode, echo) = reader.frame().unwrap();
        assert_eq!(opcode, BINARY);
        // The echo is compressed, too: as much as was sent, or less.
        assert!(echo.len() < 20_000, "{}", echo.len());
        polite.is_served();
    }
    assert!(sending.join().unwrap());
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < GROWTH_MAX, "{grown} bytes more");
}

/// What no compressor makes, and what compression is not for.
fn malformed(from: From) -> Vec<(&'static str, Vec<u8>, u16)> {
    let message = |payload: &[u8]| frame(from, FIN | COMPRESSED | TEXT, payload);
    let protocol_error = 1002;
    vec![
        ("a block of no kind", message(&[0b0000_0111; 10]), INVALID_PAYLOAD),
        ("a stored block with two lengths", message(&[0, 5, 0, 5, 0, 1, 2]), INVALID_PAYLOAD),
        ("a distance before the beginning", message(&[0b0010_1010, 0xff, 0xff, 0xff]), INVALID_PAYLOAD),
        ("random bytes", message(b"this was never compressed by anybody"), INVALID_PAYLOAD),
        ("text that is none", message(&[0x00, 2, 0, 0xfd, 0xff, 0xff, 0xfe, 0]), INVALID_PAYLOAD),
        ("a compressed ping", frame(from, FIN | COMPRESSED | PING, b""), protocol_error),
        (
            "a continuation that says it is compressed",
            [frame(from, COMPRESSED | TEXT, b""), frame(from, FIN | COMPRESSED, b"")].concat(),
            protocol_error,
        ),
        ("another reserved bit", frame(from, FIN | 0x20 | TEXT, b""), protocol_error),
    ]
}

#[test]
fn what_is_not_compressed_to_a_server() {
    let server = Besieged::start(options(Limits::DEFAULT, true));
    for (what, bytes, code) in malformed(From::Client) {
        told(&server, what, &bytes, code);
    }
}

/// Of a server that takes no compression the bit is against the protocol.
#[test]
fn compression_that_was_not_agreed_on() {
    let server = Besieged::start(Options::default());
    let bytes = frame(From::Client, FIN | COMPRESSED | TEXT, &zeroes(1));
    besieged::attack(&server, "not agreed on", &bytes, &Told::Close(1002));
}

/// A server that agrees on compression and then sends this.
async fn lure(bytes: Vec<u8>) -> (Told, RecvError) {
    let (url, server) = lured::listen(move |mut raw| {
        let answer = String::from_utf8(lured::right_answer(&raw.head())).unwrap();
        let agreed = "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
        raw.send(format!("{}{agreed}", answer.strip_suffix("\r\n\r\n").unwrap()).as_bytes());
        raw.send(&bytes);
        raw.told()
    });
    let limits = Limits { message_bytes_max: 1 << 20, ..Limits::DEFAULT };
    let options = ConnectOptions::new()
        .compression(Compression { receive_takeover: true, ..Compression::DEFAULT })
        .limits(limits);
    let mut socket = options.connect(&url).await.unwrap();
    let error = lured::receive(&mut socket).await;
    assert!(socket.recv().await.unwrap().is_none());
    (server.join().unwrap(), error)
}

#[tokio::test]
async fn a_gigabyte_to_a_client() {
    let _alone = alone();
    let before = resident_bytes();
    let bomb = zeroes((1 << 30) / 258);
    let (told, error) = lure(frame(From::Server, FIN | COMPRESSED | BINARY, &bomb)).await;
    assert_eq!(told, Told::Close(MESSAGE_TOO_BIG));
    assert!(matches!(error, RecvError::Limit(_)), "{error}");
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < GROWTH_MAX, "{grown} bytes more");
}

#[tokio::test]
async fn what_is_not_compressed_to_a_client() {
    for (what, bytes, code) in malformed(From::Server) {
        let (told, error) = lure(bytes).await;
        assert_eq!(told, Told::Close(code), "{what}");
        assert!(matches!(error, RecvError::Protocol(_)), "{what}: {error}");
    }
}
