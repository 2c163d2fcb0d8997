//! Too much of something: pings, fragments, messages, connections.

use std::ops::Range;
use std::time::{Duration, Instant};

use wavecast_net::client::{ConnectOptions, Limits, RecvError};
use wavecast_net::{CloseCode, Options};

use crate::besieged::{Besieged, alone, resident_bytes};
use crate::lured;
use crate::raw::{BINARY, CLOSE, FIN, From, PING, PONG, Raw, TEXT, Told, frame};

/// What an attack of dozens of megabytes may cost; small tests run beside it.
const GROWTH_MAX: u64 = 24 << 20;

fn assert_little_more(before: u64) {
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < GROWTH_MAX, "{grown} bytes more");
}

fn pings(from: From, numbers: Range<u32>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for n in numbers {
        let mut payload = [b'p'; 125];
        payload[..4].copy_from_slice(&n.to_be_bytes());
        bytes.extend(frame(from, FIN | PING, &payload));
    }
    bytes
}

/// The last pongs of a flood arrive once the attacker reads: how many there were, and the payload of the last.
fn count_pongs(attacker: &mut Raw, last: u32) -> u32 {
    let mut count = 0;
    loop {
        let (opcode, payload) = attacker.frame().unwrap();
        assert_eq!((opcode, payload.len()), (PONG, 125));
        count += 1;
        if payload[..4] == last.to_be_bytes() {
            return count;
        }
    }
}

#[test]
fn pings_to_a_server_from_who_does_not_read() {
    let _alone = alone();
    let server = Besieged::start(Options::default());
    let mut polite = server.polite();
    let mut attacker = server.attacker();
    let floods: Vec<_> =
        (0..10).map(|round| pings(From::Client, round * 20_000..(round + 1) * 20_000)).collect();
    let before = resident_bytes();
    for flood in floods {
        assert!(attacker.send(&flood), "a server that answers the latest goes on reading");
        polite.is_served();
    }
    assert_little_more(before);
    let pongs = count_pongs(&mut attacker, 199_999);
    assert!(pongs < 200_000, "most were answered by one for the latest: {pongs}");
    assert!(attacker.send(&frame(From::Client, FIN | TEXT, b"that was all")));
    assert_eq!(attacker.frame().unwrap(), (TEXT, b"that was all".to_vec()));
    drop(attacker);
    assert_eq!(server.end(), 1006);
    server.expect_open(1);
}

#[tokio::test]
async fn pings_to_a_client_from_who_does_not_read() {
    let _alone = alone();
    let before = resident_bytes();
    let (url, server) = lured::upgrade(|mut raw| {
        assert!(raw.send(&pings(From::Server, 0..200_000)));
        assert!(raw.send(&frame(From::Server, FIN | TEXT, b"done")));
        let pongs = count_pongs(&mut raw, 199_999);
        raw.send(&frame(From::Server, FIN | CLOSE, &1000u16.to_be_bytes()));
        (pongs, raw.told())
    });
    let mut socket = ConnectOptions::new().connect(&url).await.unwrap();
    assert_eq!(socket.recv().await.unwrap().unwrap().as_text(), Some("done"));
    assert_little_more(before);
    assert!(socket.recv().await.unwrap().is_none());
    let (pongs, told) = server.join().unwrap();
    assert!(pongs < 200_000, "{pongs}");
    assert_eq!(told, Told::Close(1000));
}

/// Pongs that nobody asked for are taken, and cost nothing (RFC 6455 §5.5.3).
#[test]
fn pongs_that_nobody_asked_for() {
    let _alone = alone();
    let server = Besieged::start(Options::default());
    let mut attacker = server.attacker();
    let before = resident_bytes();
    let flood = frame(From::Client, FIN | PONG, &[b'p'; 125]).repeat(20_000);
    for _ in 0..10 {
        assert!(attacker.send(&flood));
    }
    assert_little_more(before);
    attacker.send(&frame(From::Client, FIN | TEXT, b"and a message"));
    assert_eq!(attacker.frame().unwrap(), (TEXT, b"and a message".to_vec()));
}

fn empty_fragments(from: From) -> Vec<u8> {
    [frame(from, TEXT, b""), frame(from, 0, b"").repeat(200_000)].concat()
}

#[test]
fn empty_fragments_to_a_server() {
    let _alone = alone();
    let server = Besieged::start(Options::default());
    let before = resident_bytes();
    crate::besieged::attack(&server, "empty fragments", &empty_fragments(From::Client), &Told::Close(1008));
    assert_little_more(before);
}

#[tokio::test]
async fn empty_fragments_to_a_client() {
    let _alone = alone();
    let before = resident_bytes();
    let (told, error) = lured::attack(empty_fragments(From::Server)).await;
    assert_eq!(told, Told::Close(1008));
    assert!(matches!(error, RecvError::Limit(_)), "{error}");
    assert_little_more(before);
}

/// Of empty fragments with pings in between, each ping is one more frame and no fragment.
#[test]
fn empty_fragments_with_pings_in_between() {
    let _alone = alone();
    let server = Besieged::start(Options::default());
    let mut polite = server.polite();
    let mut attacker = server.attacker();
    let pair = [frame(From::Client, 0, b""), frame(From::Client, FIN | PING, b"")].concat();
    attacker.send(&frame(From::Client, TEXT, b""));
    attacker.send(&pair.repeat(200_000));
    polite.is_served();
    assert_eq!(attacker.told(), Told::Close(1008));
    assert_eq!(server.end(), 1008);
    server.expect_open(1);
}

/// A message in fragments is counted as one: no more of it is kept than a message may have.
#[test]
fn fragments_without_an_end_to_a_server() {
    let _alone = alone();
    let limits = Limits { message_bytes_max: 1 << 20, ..Limits::DEFAULT };
    let server = Besieged::start(Options { websocket: limits, ..Options::default() });
    let before = resident_bytes();
    let part = vec![b'x'; 60_000];
    let mut bytes = frame(From::Client, BINARY, &part);
    for _ in 0..20 {
        bytes.extend(frame(From::Client, 0, &part));
    }
    for _ in 0..10 {
        crate::besieged::attack(&server, "fragments without an end", &bytes, &Told::Close(1009));
    }
    assert_little_more(before);
}

#[tokio::test]
async fn fragments_without_an_end_to_a_client() {
    let _alone = alone();
    let part = vec![b'x'; 1 << 20];
    let mut bytes = frame(From::Server, BINARY, &part);
    for _ in 0..20 {
        bytes.extend(frame(From::Server, 0, &part));
    }
    let (told, error) = lured::attack(bytes).await;
    assert_eq!(told, Told::Close(1009));
    assert!(matches!(error, RecvError::Limit(_)), "{error}");
}

/// An announced length costs nothing: memory is taken for what has come.
#[test]
fn announced_messages_that_do_not_come() {
    let _alone = alone();
    let server = Besieged::start(Options::default());
    let mut polite = server.polite();
    let before = resident_bytes();
    let announced = crate::raw::header(From::Client, FIN | BINARY, 16 << 20);
    let attackers: Vec<Raw> = (0..200)
        .map(|_| {
            let mut attacker = server.attacker();
            attacker.send(&announced);
            attacker.send(&[0; 100]);
            attacker
        })
        .collect();
    polite.is_served();
    server.expect_open(201);
    assert_little_more(before);
    drop(attackers);
    server.expect_open(1);
}

/// Small messages without a pause: the others are served in between.
#[test]
fn messages_without_a_pause() {
    let _alone = alone();
    let server = Besieged::start(Options::default());
    let mut polite = server.polite();
    let attacker = server.attacker();
    let mut writer = Raw::new(attacker.stream.try_clone().unwrap());
    let writing = std::thread::spawn(move || {
        // The server stops to read while its answers are not read.
        writer.stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
        let flood = frame(From::Client, FIN | BINARY, b"").repeat(50_000);
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(2) && writer.send(&flood) {}
    });
    let before = resident_bytes();
    for _ in 0..50 {
        polite.is_served();
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_little_more(before);
    writing.join().unwrap();
    drop(attacker);
    server.end();
    server.expect_open(1);
}

/// Connections that say nothing: further ones than are allowed are closed at once, the others after the time for a head.
#[test]
fn connections_that_say_nothing() {
    let options =
        Options { connections_max: 100, head_timeout: Duration::from_secs(3), ..Options::default() };
    let server = Besieged::start(options);
    let mut polite = server.polite();
    let mut silent: Vec<Raw> = (0..300).map(|_| Raw::connect(server.address())).collect();
    polite.is_served();
    let turned_away =
        silent.drain(150..).map(|mut raw| raw.answer()).filter(|told| *told == Told::End).count();
    assert_eq!(turned_away, 150, "closed without a word");
    let timed_out = silent.into_iter().map(|mut raw| raw.answer()).filter(|told| *told == Told::Status(408));
    assert_eq!(timed_out.count(), 99, "the polite one has the hundredth place");
    polite.is_served();
    // And there is room again.
    server.polite().is_served();
}

/// Handshakes without a pause, each given up at once: nothing is left of them.
#[test]
fn connections_that_come_and_go() {
    let _alone = alone();
    let server = Besieged::start(Options::default());
    let mut polite = server.polite();
    let before = resident_bytes();
    for round in 0..20 {
        let all: Vec<Raw> = (0..50).map(|_| server.attacker()).collect();
        if round % 2 == 0 {
            all.into_iter().for_each(Raw::reset);
        }
        polite.is_served();
    }
    server.expect_open(1);
    assert_little_more(before);
}

/// A closing handshake of a client that is answered by a flood ends nevertheless, in time.
#[tokio::test]
async fn messages_instead_of_an_answer_to_a_close() {
    let _alone = alone();
    let (url, server) = lured::upgrade(|mut raw| {
        raw.stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
        let flood = frame(From::Server, FIN | BINARY, &[0; 1_000]).repeat(1_000);
        while raw.send(&flood) {}
    });
    let options = ConnectOptions::new().close_timeout(Duration::from_secs(1));
    let mut socket = options.connect(&url).await.unwrap();
    let began = Instant::now();
    assert!(socket.close(CloseCode::NORMAL, "bye").await.is_err());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    drop(socket);
    server.join().unwrap();
}
