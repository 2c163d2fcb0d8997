//! However a connection ends, its program hears of it once: with a code, a reason, and who began.

#![allow(clippy::unwrap_used, reason = "events of tests, too, may fail loudly")]

mod dialogue;

use std::io::Write as _;
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use dialogue::{Client, Log, closed, connect, text};
use tokio_tungstenite::tungstenite::Message as Tung;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use wavecast_net::server::{
    Close, Connection, ConnectionError, Events, Opening, Peer, Running, Server, Side,
};
use wavecast_net::websocket::keepalive::Intervals;
use wavecast_net::{CloseCode, Lifetime, MessageRef, Options};

#[derive(Debug, PartialEq)]
enum Seen {
    Open,
    Error(String),
    Close(u16, String, Side),
    Dropped,
}

/// Does as the message says, and tells all that comes to pass.
struct Obedient(mpsc::SyncSender<Seen>, mpsc::SyncSender<Peer>);

/// Says when the state of a connection goes.
#[derive(Default)]
struct Held(Option<mpsc::SyncSender<Seen>>);

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(log) = &self.0 {
            log.send(Seen::Dropped).unwrap();
        }
    }
}

impl Events<Held> for Obedient {
    fn open(&self, connection: &mut Connection<'_, Held>, opening: &Opening<'_>) {
        self.0.send(Seen::Open).unwrap();
        self.1.send(connection.peer()).ok();
        connection.state_mut().0 = Some(self.0.clone());
        match opening.head.path() {
            Some("/close-in-open") => connection.close(CloseCode::new(4001).unwrap(), "not today"),
            Some("/panic-in-open") => panic!("on purpose"),
            _ => {}
        }
    }

    fn message(&self, connection: &mut Connection<'_, Held>, message: MessageRef<'_>) {
        match message.as_text() {
            Some("close") => {
                connection.send("before").unwrap();
                connection.close(CloseCode::new(4002).unwrap(), "as you wish");
                connection.close(CloseCode::new(4003).unwrap(), "too late");
                assert!(connection.send("after").is_err());
            }
            Some("terminate") => connection.terminate(),
            Some("panic") => panic!("on purpose"),
            Some("fill") => while connection.send(&[0; 60_000]).is_ok() {},
            _ => connection.send(message).unwrap(),
        }
    }

    fn error(&self, _: &mut Connection<'_, Held>, error: &ConnectionError) {
        self.0.send(Seen::Error(format!("{error:?}"))).unwrap();
    }

    fn close(&self, connection: &mut Connection<'_, Held>, close: &Close<'_>) {
        self.0.send(Seen::Close(close.code, close.reason.to_owned(), close.by)).unwrap();
        // None of this may bring another event.
        connection.close(CloseCode::NORMAL, "");
        connection.terminate();
        assert!(connection.send("to nobody").is_err() && !connection.is_open());
        if close.reason == "panic in close" {
            panic!("on purpose");
        }
    }
}

fn start(options: Options) -> (Running, Log<Seen>, Log<Peer>) {
    let (to, seen) = Log::new();
    let (to_peers, peers) = Log::new();
    let server = Server::bind_with("127.0.0.1:0", 2).unwrap().options(options);
    (server.start(Obedient(to, to_peers)).unwrap(), seen, peers)
}

/// A server and a client that has opened.
fn opened(options: Options) -> (Running, Log<Seen>, Peer, Client) {
    let (server, seen, peers) = start(options);
    let client = connect(server.address());
    assert_eq!(seen.next(), Seen::Open);
    let peer = peers.next();
    (server, seen, peer, client)
}

/// The last that is seen: one close, and then the state goes.
#[track_caller]
fn ends(seen: &Log<Seen>, code: u16, reason: &str, by: Side) {
    assert_eq!(seen.next(), Seen::Close(code, reason.to_owned(), by));
    assert_eq!(seen.next(), Seen::Dropped);
    assert!(seen.is_quiet(), "one close event");
}

#[track_caller]
fn fails(seen: &Log<Seen>, error: &str) {
    let Seen::Error(told) = seen.next() else { panic!("an error comes first") };
    assert!(told.starts_with(error), "{told}");
}

#[test]
fn the_peer_closes_with_a_code_or_without() {
    let (server, seen, _, mut client) = opened(Options::default());
    client.close(Some(CloseFrame { code: 4005.into(), reason: "bye".into() })).unwrap();
    assert_eq!(closed(&mut client), (4005, "bye".to_owned()));
    ends(&seen, 4005, "bye", Side::Peer);
    let mut client = connect(server.address());
    assert_eq!(seen.next(), Seen::Open);
    client.close(None).unwrap();
    assert_eq!(closed(&mut client).0, 1005);
    ends(&seen, 1005, "", Side::Peer);
}

#[test]
fn an_event_closes_and_only_the_first_close_counts() {
    let (_server, seen, _, mut client) = opened(Options::default());
    client.send(Tung::text("close")).unwrap();
    assert_eq!(text(&mut client), "before");
    assert_eq!(closed(&mut client), (4002, "as you wish".to_owned()));
    assert!(client.read().is_err());
    ends(&seen, 4002, "as you wish", Side::Local);
}

#[test]
fn another_thread_closes() {
    let (_server, seen, peer, mut client) = opened(Options::default());
    peer.close(CloseCode::new(4004).unwrap(), "from afar").unwrap();
    assert_eq!(closed(&mut client), (4004, "from afar".to_owned()));
    assert!(client.read().is_err());
    ends(&seen, 4004, "from afar", Side::Local);
}

#[test]
fn a_close_that_the_peer_never_answers_ends_by_time() {
    let options = Options { close_timeout: Duration::from_millis(200), ..Options::default() };
    let (_server, seen, peer, _client) = opened(options);
    peer.close(CloseCode::NORMAL, "will you?").unwrap();
    ends(&seen, 1000, "will you?", Side::Local);
}

#[test]
fn an_event_ends_the_connection_at_once() {
    let (_server, seen, _, mut client) = opened(Options::default());
    client.send(Tung::text("terminate")).unwrap();
    assert!(client.read().is_err());
    ends(&seen, 1006, "", Side::Local);
}

#[test]
fn a_close_while_opening() {
    let (server, seen, _) = start(Options::default());
    let mut client = dialogue::connect_to(server.address(), "/close-in-open");
    assert_eq!(closed(&mut client), (4001, "not today".to_owned()));
    assert!(client.read().is_err());
    assert_eq!(seen.next(), Seen::Open);
    ends(&seen, 4001, "not today", Side::Local);
}

#[test]
fn the_peer_breaks_the_protocol() {
    let (_server, seen, _, mut client) = opened(Options::default());
    client.get_mut().write_all(b"\x81\x02hi").unwrap();
    assert_eq!(closed(&mut client).0, 1002);
    fails(&seen, "Protocol");
    let Seen::Close(1002, reason, Side::Failure) = seen.next() else { panic!("a close with 1002") };
    assert!(reason.contains("mask"), "{reason}");
    assert_eq!(seen.next(), Seen::Dropped);
    assert!(seen.is_quiet());
}

#[test]
fn the_peer_ends_its_side_without_a_close_frame() {
    let (_server, seen, _, mut client) = opened(Options::default());
    client.get_mut().shutdown(Shutdown::Write).unwrap();
    fails(&seen, "Ended");
    ends(&seen, 1006, "", Side::Failure);
}

#[test]
fn the_peer_resets_the_connection() {
    let (_server, seen, _, mut client) = opened(Options::default());
    // What is unread when a socket is closed makes a reset of it.
    client.send(Tung::text("an answer that nobody reads")).unwrap();
    assert_eq!(client.get_ref().peek(&mut [0]).unwrap(), 1);
    drop(client);
    let Seen::Error(error) = seen.next() else { panic!("an error comes first") };
    assert!(error.starts_with("Io") && error.contains("ConnectionReset"), "{error}");
    ends(&seen, 1006, "", Side::Failure);
}

#[test]
fn a_silent_peer_is_given_up() {
    let keep_alive = Intervals { ping_interval_ms: 100, pong_timeout_ms: 100 };
    let (_server, seen, _, _client) = opened(Options { keep_alive, ..Options::default() });
    fails(&seen, "Idle");
    ends(&seen, 1006, "", Side::Failure);
}

#[test]
fn a_lifetime_is_over() {
    let lifetime = Lifetime {
        code: CloseCode::new(4010).unwrap(),
        reason: "sign in again".into(),
        ..Lifetime::new(Duration::from_millis(300))
    };
    for keep_alive in [Intervals { ping_interval_ms: 0, pong_timeout_ms: 0 }, Intervals::default()] {
        let began = std::time::Instant::now();
        let (_server, seen, _, mut client) =
            opened(Options { lifetime: Some(lifetime.clone()), keep_alive, ..Options::default() });
        assert_eq!(closed(&mut client), (4010, "sign in again".to_owned()));
        assert!(began.elapsed() >= Duration::from_millis(200), "not before its time");
        assert!(client.read().is_err());
        ends(&seen, 4010, "sign in again", Side::Local);
    }
}

#[test]
fn the_server_is_drained_with_a_code_and_a_reason() {
    let (server, seen, _, mut client) = opened(Options::default());
    server.handle().drain(CloseCode::new(4012).unwrap(), "back at noon", dialogue::PATIENCE);
    assert_eq!(closed(&mut client), (4012, "back at noon".to_owned()));
    assert!(client.read().is_err());
    ends(&seen, 4012, "back at noon", Side::Local);
    server.join().unwrap();
}

#[test]
fn who_does_not_answer_a_drain_is_cut_off_when_its_time_is_over() {
    let (server, seen, _, _client) = opened(Options::default());
    server.drain(Duration::from_millis(200));
    server.join().unwrap();
    ends(&seen, 1001, "server shutdown", Side::Local);
}

#[test]
fn a_peer_that_does_not_read_overflows_its_outbox() {
    let (_server, seen, _, mut client) = opened(Options { outbox_bytes_max: 200_000, ..Options::default() });
    client.send(Tung::text("fill")).unwrap();
    fails(&seen, "Overflow");
    while !matches!(client.read(), Ok(Tung::Close(Some(frame))) if u16::from(frame.code) == 1013) {}
    assert!(client.read().is_err());
    ends(&seen, 1013, "slow consumer", Side::Local);
}

#[test]
fn an_event_that_panics_costs_its_own_connection_only() {
    let (server, seen, peers) = start(Options::default());
    // With two shards and six connections, some share a shard with one that panics.
    let mut others: Vec<Client> = (0..6).map(|_| connect(server.address())).collect();
    for _ in 0..6 {
        assert_eq!(seen.next(), Seen::Open);
        peers.next();
    }
    for way in ["panic", "/panic-in-open"] {
        let mut client = if way == "panic" {
            let mut client = connect(server.address());
            client.send(Tung::text("panic")).unwrap();
            client
        } else {
            dialogue::connect_to(server.address(), way)
        };
        assert_eq!(closed(&mut client), (1011, "internal error".to_owned()));
        assert_eq!(seen.next(), Seen::Open);
        fails(&seen, "Panicked");
        ends(&seen, 1011, "internal error", Side::Failure);
    }
    for client in &mut others {
        client.send(Tung::text("still there?")).unwrap();
        assert_eq!(text(client), "still there?");
    }
    // A close event that panics has told nobody, and is not told again.
    let frame = CloseFrame { code: 4000.into(), reason: "panic in close".into() };
    others[0].close(Some(frame)).unwrap();
    assert_eq!(closed(&mut others[0]).0, 4000);
    ends(&seen, 4000, "panic in close", Side::Peer);
    server.drain(dialogue::PATIENCE);
    for client in &mut others[1..] {
        assert_eq!(closed(client).0, 1001);
        assert!(client.read().is_err());
    }
    server.join().unwrap();
}

#[test]
fn who_never_opened_has_no_close() {
    let (server, seen, _) = start(Options::default());
    drop(TcpStream::connect(server.address()).unwrap());
    let (head, _) = dialogue::ask(server.address(), "/", "Sec-WebSocket-Protocol: ,\r\n");
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    assert!(seen.is_quiet());
}
