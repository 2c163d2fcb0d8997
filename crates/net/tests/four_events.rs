//! The server's four events on real sockets, against another implementation's client.

#![allow(clippy::unwrap_used, reason = "events of tests, too, may fail loudly")]

use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocket};
use tokio_tungstenite::tungstenite::{self, Message as Tung};
use wavecast_net::MessageRef;
use wavecast_net::server::{Connection, Events, Peer, Running, Server};
use wavecast_net::shard::{Close, ConnectionError, Opening, Side};
use wavecast_net::{CloseCode, Options};

#[derive(Debug)]
enum Seen {
    Open(Peer),
    Text(String),
    Close(u16, String, Side),
    Error(String),
}

struct Recorder(mpsc::SyncSender<Seen>);

impl Events for Recorder {
    fn open(&self, connection: &mut Connection<'_>, _: &Opening<'_>) {
        self.0.send(Seen::Open(connection.peer())).unwrap();
    }

    fn message(&self, connection: &mut Connection<'_>, message: MessageRef<'_>) {
        if let MessageRef::Text(text) = message {
            self.0.send(Seen::Text(text.to_owned())).unwrap();
        }
        connection.send(message).unwrap();
    }

    fn close(&self, _: &mut Connection<'_>, close: &Close<'_>) {
        self.0.send(Seen::Close(close.code, close.reason.to_owned(), close.by)).unwrap();
    }

    fn error(&self, _: &mut Connection<'_>, error: &ConnectionError) {
        self.0.send(Seen::Error(error.to_string())).unwrap();
    }
}

fn start(options: Options) -> (Running, mpsc::Receiver<Seen>) {
    let (to, seen) = mpsc::sync_channel(1000);
    let server = Server::bind_with("127.0.0.1:0", 2).unwrap().options(options);
    (server.start(Recorder(to)).unwrap(), seen)
}

fn connect(address: SocketAddr) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    tungstenite::client(format!("ws://{address}/"), stream).unwrap().0
}

fn next(seen: &mpsc::Receiver<Seen>) -> Seen {
    seen.recv_timeout(Duration::from_secs(10)).expect("an event within ten seconds")
}

fn opened(seen: &mpsc::Receiver<Seen>) -> Peer {
    match next(seen) {
        Seen::Open(peer) => peer,
        other => panic!("expected open, saw {other:?}"),
    }
}

#[test]
fn messages_go_both_ways_and_the_peer_closes() {
    let (server, seen) = start(Options::default());
    let mut client = connect(server.address());
    opened(&seen);
    client.send(Tung::text("grüß dich")).unwrap();
    assert!(matches!(next(&seen), Seen::Text(text) if text == "grüß dich"));
    assert_eq!(client.read().unwrap(), Tung::text("grüß dich"));
    let long = vec![7; 300_000];
    client.send(Tung::binary(long.clone())).unwrap();
    assert_eq!(client.read().unwrap(), Tung::binary(long));
    client.close(Some(CloseFrame { code: 4001.into(), reason: "enough".into() })).unwrap();
    let Ok(Tung::Close(Some(echo))) = client.read() else { panic!("the close frame is answered") };
    assert_eq!((u16::from(echo.code), echo.reason.as_str()), (4001, "enough"));
    assert!(matches!(next(&seen), Seen::Close(4001, reason, Side::Peer) if reason == "enough"));
}

#[test]
fn a_handle_sends_and_closes_from_another_thread() {
    let (server, seen) = start(Options::default());
    let mut client = connect(server.address());
    let peer = opened(&seen);
    std::thread::spawn(move || {
        peer.send("one").unwrap();
        peer.send("two").unwrap();
        peer.close(CloseCode::new(4002).unwrap(), "done").unwrap();
        peer.send("never").unwrap();
    })
    .join()
    .unwrap();
    assert_eq!(client.read().unwrap(), Tung::text("one"));
    assert_eq!(client.read().unwrap(), Tung::text("two"));
    assert!(matches!(client.read().unwrap(), Tung::Close(Some(f)) if u16::from(f.code) == 4002));
    assert!(client.read().is_err(), "the server ends the connection");
    assert!(matches!(next(&seen), Seen::Close(4002, reason, Side::Local) if reason == "done"));
}

#[test]
fn an_abrupt_end_is_an_error_and_then_a_close() {
    let (server, seen) = start(Options::default());
    let client = connect(server.address());
    opened(&seen);
    drop(client);
    assert!(matches!(next(&seen), Seen::Error(_)));
    assert!(matches!(next(&seen), Seen::Close(1006, _, Side::Failure)));
}

#[test]
fn who_breaks_the_protocol_is_told_how() {
    let (server, seen) = start(Options::default());
    let mut client = connect(server.address());
    opened(&seen);
    let stream = client.get_mut();
    std::io::Write::write_all(stream, b"\x81\x02hi").unwrap();
    assert!(matches!(next(&seen), Seen::Error(error) if error.contains("mask")));
    assert!(matches!(next(&seen), Seen::Close(1002, _, Side::Failure)));
    assert!(matches!(client.read().unwrap(), Tung::Close(Some(f)) if u16::from(f.code) == 1002));
}

#[test]
fn a_drain_says_goodbye_to_everybody() {
    let (server, seen) = start(Options::default());
    let mut clients: Vec<_> = (0..20).map(|_| connect(server.address())).collect();
    (0..20).for_each(|_| drop(opened(&seen)));
    server.drain(Duration::from_secs(10));
    for client in &mut clients {
        assert!(matches!(client.read().unwrap(), Tung::Close(Some(f)) if u16::from(f.code) == 1001));
        assert!(client.read().is_err());
    }
    let address = server.address();
    server.join().unwrap();
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[test]
fn a_silent_peer_is_pinged_and_then_given_up() {
    let keep_alive =
        wavecast_net::websocket::keepalive::Intervals { ping_interval_ms: 100, pong_timeout_ms: 100 };
    let (server, seen) = start(Options { keep_alive, ..Options::default() });
    let mut client = connect(server.address());
    opened(&seen);
    // Who reads answers pings, and lives on.
    let answers_until = Instant::now() + Duration::from_millis(700);
    let mut pings = 0;
    while Instant::now() < answers_until {
        pings += usize::from(matches!(client.read().unwrap(), Tung::Ping(_)));
        client.flush().unwrap();
    }
    assert!(pings >= 3, "{pings} pings in 700 ms");
    assert!(seen.try_recv().is_err(), "an answering peer is not given up");
    // Who does not is given up.
    assert!(matches!(next(&seen), Seen::Error(_)));
    assert!(matches!(next(&seen), Seen::Close(1006, _, Side::Failure)));
}

#[test]
fn a_handle_outlives_its_connection_and_its_server_and_says_so() {
    let (server, seen) = start(Options::default());
    let mut client = connect(server.address());
    let peer = opened(&seen);
    client.close(None).unwrap();
    assert!(matches!(next(&seen), Seen::Close(1005, _, Side::Peer)));
    // In the same slot, perhaps: nothing of the first reaches the second.
    let mut second = connect(server.address());
    let other = opened(&seen);
    assert_eq!((peer.send("to nobody"), peer.close(CloseCode::NORMAL, "")), (Ok(()), Ok(())));
    other.send("to the second").unwrap();
    assert_eq!(second.read().unwrap(), Tung::text("to the second"));
    server.drain(Duration::from_secs(5));
    assert!(matches!(second.read().unwrap(), Tung::Close(_)));
    assert!(second.read().is_err());
    server.join().unwrap();
    assert!(other.send("too late").is_err());
}

#[test]
fn pings_and_pongs_bring_their_payload() {
    struct Pings(mpsc::SyncSender<Vec<u8>>);
    impl Events for Pings {
        fn open(&self, connection: &mut Connection<'_>, _: &Opening<'_>) {
            connection.ping(b"asked").unwrap();
        }
        fn message(&self, _: &mut Connection<'_>, _: MessageRef<'_>) {}
        fn ping(&self, _: &mut Connection<'_>, payload: &[u8]) {
            self.0.send([b"ping ", payload].concat()).unwrap();
        }
        fn pong(&self, _: &mut Connection<'_>, payload: &[u8]) {
            self.0.send([b"pong ", payload].concat()).unwrap();
        }
    }
    let (to, seen) = mpsc::sync_channel(10);
    let server = Server::bind_with("127.0.0.1:0", 1).unwrap().start(Pings(to)).unwrap();
    let mut client = connect(server.address());
    assert_eq!(client.read().unwrap(), Tung::Ping(b"asked".as_slice().into()));
    client.flush().unwrap();
    let next = || seen.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(next(), b"pong asked");
    client.send(Tung::Ping(b"you".as_slice().into())).unwrap();
    assert_eq!(client.read().unwrap(), Tung::Pong(b"you".as_slice().into()), "it is answered by itself");
    assert_eq!(next(), b"ping you");
}
