//! Peers that take their time.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use wavecast_net::Options;
use wavecast_net::client::{CloseCode, CloseError, ConnectError, ConnectOptions, ConnectStep, SendError};
use wavecast_net::websocket::keepalive::Intervals;

use crate::besieged::{Besieged, alone};
use crate::lured;
use crate::raw::{BINARY, CLOSE, FIN, From, HEAD, PING, PONG, Raw, TEXT, Told, frame, header};

const A_MOMENT: Duration = Duration::from_millis(2);

fn send_by_bytes(raw: &mut Raw, bytes: &[u8], pause: Duration) {
    for byte in bytes {
        if !raw.send(&[*byte]) {
            return;
        }
        thread::sleep(pause);
    }
}

/// A head may take its time and no longer, however steadily it comes.
#[test]
fn a_handshake_byte_by_byte_is_given_up() {
    let server = Besieged::start(Options { head_timeout: Duration::from_secs(3), ..Options::default() });
    let mut polite = server.polite();
    let began = Instant::now();
    let mut attackers: Vec<Raw> = (0..20).map(|_| Raw::connect(server.address())).collect();
    // Nothing is sent once the time is over: what arrives at a closed socket resets it, and the answer with it.
    for byte in HEAD.as_bytes().iter().take(60) {
        if began.elapsed() > Duration::from_millis(300) {
            break;
        }
        attackers.iter_mut().for_each(|attacker| assert!(attacker.send(&[*byte])));
        thread::sleep(Duration::from_millis(10));
        polite.is_served();
    }
    for mut attacker in attackers {
        assert_eq!(attacker.answer(), Told::Status(408));
    }
    assert!(began.elapsed() > Duration::from_secs(3));
    server.expect_open(1);
}

#[test]
fn a_handshake_byte_by_byte_in_time_is_taken() {
    let server = Besieged::start(Options::default());
    let mut attacker = Raw::connect(server.address());
    send_by_bytes(&mut attacker, HEAD.as_bytes(), A_MOMENT);
    assert_eq!(attacker.answer(), Told::Status(101));
}

/// Frames of every kind, byte by byte: nothing is lost and nobody waits for them.
#[test]
fn frames_byte_by_byte_arrive_whole() {
    let server = Besieged::start(Options::default());
    let mut polite = server.polite();
    let mut attacker = server.attacker();
    let bytes = [
        frame(From::Client, TEXT, "Gr\u{fc}".as_bytes()),
        frame(From::Client, FIN | PING, b"?"),
        frame(From::Client, FIN, "\u{df}e".as_bytes()),
        frame(From::Client, FIN | BINARY, &[7; 300]),
        frame(From::Client, FIN | CLOSE, &4000u16.to_be_bytes()),
    ]
    .concat();
    let sending = thread::spawn(move || {
        send_by_bytes(&mut attacker, &bytes, A_MOMENT);
        attacker
    });
    while !sending.is_finished() {
        polite.is_served();
    }
    let mut attacker = sending.join().unwrap();
    assert_eq!(attacker.frame().unwrap(), (PONG, b"?".to_vec()));
    assert_eq!(attacker.frame().unwrap(), (TEXT, "Gr\u{fc}\u{df}e".as_bytes().to_vec()));
    assert_eq!(attacker.frame().unwrap(), (BINARY, vec![7; 300]));
    assert_eq!(attacker.told(), Told::Close(4000));
    assert_eq!(server.end(), 4000);
}

/// Who stops in the middle of a frame is pinged, cannot answer, and counts as dead.
#[test]
fn a_frame_that_never_ends_ends_by_silence() {
    let keep_alive = Intervals { ping_interval_ms: 300, pong_timeout_ms: 300 };
    let server = Besieged::start(Options { keep_alive, ..Options::default() });
    let mut attacker = server.attacker();
    attacker.send(&header(From::Client, FIN | BINARY, 1_000));
    attacker.send(&[1; 10]);
    assert_eq!(attacker.frame().unwrap().0, PING);
    assert_eq!(server.end(), 1006);
    server.expect_open(0);
}

/// Who is closed and says nothing is let go.
#[test]
fn a_close_that_is_not_answered_ends_by_itself() {
    let limits = Options {
        close_timeout: Duration::from_millis(300),
        linger_timeout: Duration::from_millis(300),
        ..Options::default()
    };
    let server = Besieged::start(limits);
    let mut polite = server.polite();
    let mut attacker = server.attacker();
    attacker.send(&frame(From::Client, FIN | 3, b""));
    assert_eq!(server.end(), 1002);
    // It reads nothing and ends nothing.
    thread::sleep(Duration::from_secs(1));
    polite.is_served();
    server.expect_open(1);
    assert_eq!(attacker.told(), Told::Close(1002));
}

#[tokio::test]
async fn a_servers_answer_byte_by_byte_is_given_up() {
    let (url, server) = lured::listen(|mut raw| {
        let answer = lured::right_answer(&raw.head());
        send_by_bytes(&mut raw, &answer, Duration::from_millis(20));
    });
    let options = ConnectOptions::new().handshake_timeout(Duration::from_millis(300));
    let error = options.connect(&url).await.unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut(ConnectStep::Handshake)), "{error}");
    server.join().unwrap();
}

#[tokio::test]
async fn a_servers_frames_byte_by_byte_arrive_whole() {
    let (url, server) = lured::upgrade(|mut raw| {
        let bytes = [
            frame(From::Server, TEXT, "Gr\u{fc}".as_bytes()),
            frame(From::Server, FIN | PING, b"?"),
            frame(From::Server, FIN, "\u{df}e".as_bytes()),
            frame(From::Server, FIN | CLOSE, &4000u16.to_be_bytes()),
        ]
        .concat();
        send_by_bytes(&mut raw, &bytes, A_MOMENT);
        assert_eq!(raw.frame().unwrap(), (PONG, b"?".to_vec()));
        raw.told()
    });
    let mut socket = ConnectOptions::new().connect(&url).await.unwrap();
    assert_eq!(socket.recv().await.unwrap().unwrap().as_text(), Some("Gr\u{fc}\u{df}e"));
    assert!(socket.recv().await.unwrap().is_none());
    assert_eq!(server.join().unwrap(), Told::Close(4000));
}

/// A server that reads nothing: a send waits, and is told in the end; what is queued is whole messages.
#[tokio::test]
async fn a_server_that_does_not_read_holds_up_a_send_for_a_time() {
    let _alone = alone();
    let (hold, held) = mpsc::channel::<()>();
    let (url, server) = lured::upgrade(move |raw| {
        held.recv().unwrap_err();
        drop(raw);
    });
    let options = ConnectOptions::new().send_timeout(Duration::from_millis(500));
    let mut socket = options.connect(&url).await.unwrap();
    let megabyte = vec![0; 1 << 20];
    let began = Instant::now();
    let error = loop {
        match socket.send(&megabyte).await {
            Ok(()) => assert!(began.elapsed() < Duration::from_secs(20)),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, SendError::TimedOut), "{error}");
    drop(hold);
    server.join().unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_answer_a_close_is_left() {
    let (url, server) = lured::upgrade(|mut raw| {
        let told = raw.told();
        thread::sleep(Duration::from_secs(2));
        told
    });
    let options = ConnectOptions::new().close_timeout(Duration::from_millis(300));
    let mut socket = options.connect(&url).await.unwrap();
    let error = socket.close(CloseCode::NORMAL, "bye").await.unwrap_err();
    assert!(matches!(error, CloseError::TimedOut), "{error}");
    assert_eq!(server.join().unwrap(), Told::Close(1000));
}
