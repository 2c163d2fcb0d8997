//! Messages that are received in pieces: of any length, with bounded memory, as fast as the program takes them.

#![allow(clippy::unwrap_used, reason = "events of tests, too, may fail loudly")]

mod dialogue;

use std::io::{ErrorKind, Write as _};
use std::sync::mpsc;
use std::time::Duration;

use dialogue::{Log, ask, closed, connect_to, text};
use tokio_tungstenite::tungstenite::Message as Tung;
use wavecast_net::server::{Connection, Events, Opening, Peer, Routes, Running, Server};
use wavecast_net::websocket::Limits;
use wavecast_net::{Kind, MessageRef, Options, Piece};

/// Counts what it gets, and answers each message with its length and a sum over its bytes.
struct Upload {
    peers: mpsc::SyncSender<Peer>,
}

#[derive(Default)]
struct Count {
    bytes: u64,
    sum: u64,
    pieces: u32,
    is_under_way: bool,
}

impl Events<Count> for Upload {
    fn open(&self, connection: &mut Connection<'_, Count>, opening: &Opening<'_>) {
        connection.receive_in_pieces();
        if opening.head.query() == Some("paused") {
            connection.pause();
        }
        self.peers.send(connection.peer()).ok();
    }

    fn message(&self, _: &mut Connection<'_, Count>, _: MessageRef<'_>) {
        panic!("no whole message comes");
    }

    fn piece(&self, connection: &mut Connection<'_, Count>, piece: Piece<'_>) {
        let count = connection.state_mut();
        assert_eq!(piece.is_first, !count.is_under_way, "pieces of two messages do not mix");
        assert!(!piece.bytes.is_empty() || piece.is_last);
        assert!(piece.bytes.len() <= Options::default().receive_bytes);
        count.is_under_way = !piece.is_last;
        count.bytes += piece.bytes.len() as u64;
        count.sum += piece.bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
        count.pieces += 1;
        if piece.is_last {
            let Count { bytes, sum, pieces, .. } = std::mem::take(count);
            let kind = if piece.kind == Kind::Text { "text" } else { "binary" };
            let many = if pieces > 1 { "many" } else { "one" };
            connection.send(&format!("{kind} {bytes} {sum} {many}")).unwrap();
        }
    }
}

/// Receives in pieces from its first message on.
struct Late;

impl Events for Late {
    fn message(&self, connection: &mut Connection<'_>, _: MessageRef<'_>) {
        connection.receive_in_pieces();
    }

    fn piece(&self, connection: &mut Connection<'_>, piece: Piece<'_>) {
        let place = if piece.is_first && piece.is_last { "whole" } else { "part" };
        connection.send(&format!("{place} {}", piece.bytes.len())).unwrap();
    }
}

struct Echo;

impl Events for Echo {
    fn message(&self, connection: &mut Connection<'_>, message: MessageRef<'_>) {
        connection.send(message).unwrap();
    }
}

fn start(options: Options) -> (Running, Log<Peer>) {
    let (peers, log) = Log::new();
    let routes = Routes::new().at("/upload", Upload { peers }).at("/echo", Echo).at("/late", Late);
    (Server::bind_with("127.0.0.1:0", 1).unwrap().options(options).start(routes).unwrap(), log)
}

fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte)).sum()
}

#[test]
fn messages_of_any_length_pass_whatever_the_limit_of_whole_ones() {
    let websocket = Limits { message_bytes_max: 1000, frame_bytes_max: 1000, ..Limits::default() };
    let (server, _) = start(Options { websocket, ..Options::default() });
    let mut client = connect_to(server.address(), "/upload");
    for length in [0, 1, 125, 70_000, 40_000_000] {
        let bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
        let expected = format!("binary {length} {}", sum(&bytes));
        client.send(Tung::binary(bytes)).unwrap();
        let answer = text(&mut client);
        assert!(answer.starts_with(&expected), "{answer}");
        assert!(length < 70_000 || answer.ends_with("many"), "{answer}");
    }
    client.send(Tung::text("grüß dich")).unwrap();
    assert!(text(&mut client).starts_with("text 11 "));
    // Another route of the same server has whole messages, and their limits.
    let mut echo = connect_to(server.address(), "/echo");
    echo.send(Tung::text("whole")).unwrap();
    assert_eq!(text(&mut echo), "whole");
    echo.send(Tung::binary(vec![0; 1001])).unwrap();
    assert_eq!(closed(&mut echo).0, 1009);
}

#[test]
fn control_frames_come_between_pieces_and_wrong_text_is_told() {
    let (server, _) = start(Options::default());
    let (head, mut stream) = ask(server.address(), "/upload", "");
    assert!(head.starts_with("HTTP/1.1 101 "));
    // A fragment, a ping, the last fragment; the masks are zero.
    stream.write_all(b"\x01\x83\0\0\0\0a\xc3\xbc\x89\x82\0\0\0\0hi\x80\x81\0\0\0\0b").unwrap();
    let mut answer = [0; 4];
    std::io::Read::read_exact(&mut stream, &mut answer).unwrap();
    assert_eq!(&answer, b"\x8a\x02hi");
    let (head, mut stream) = ask(server.address(), "/upload", "");
    assert!(head.starts_with("HTTP/1.1 101 "));
    stream.write_all(b"\x01\x82\0\0\0\0a\xc3\x80\x81\0\0\0\0b").unwrap();
    let mut answer = [0; 4];
    std::io::Read::read_exact(&mut stream, &mut answer).unwrap();
    assert_eq!((answer[0], u16::from_be_bytes([answer[2], answer[3]])), (0x88, 1007));
}

#[test]
fn who_is_paused_is_held_back_by_tcp_and_heard_again() {
    let (server, peers) = start(Options::default());
    let mut client = connect_to(server.address(), "/upload?paused");
    let peer = peers.next();
    let bytes = vec![1; 64 << 20];
    client.get_mut().set_nonblocking(true).unwrap();
    match client.send(Tung::binary(bytes.clone())) {
        Err(tokio_tungstenite::tungstenite::Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {}
        other => panic!("the system cannot hold 64 MiB: {other:?}"),
    }
    std::thread::sleep(Duration::from_millis(200));
    peer.resume().unwrap();
    client.get_mut().set_nonblocking(false).unwrap();
    client.flush().unwrap();
    assert_eq!(text(&mut client), format!("binary {} {} many", bytes.len(), bytes.len()));
}

#[test]
fn a_message_that_had_begun_is_collected_within_the_limit_of_whole_ones() {
    let websocket = Limits { message_bytes_max: 1000, ..Limits::default() };
    let (server, _) = start(Options { websocket, ..Options::default() });
    // A whole message and the beginning of the next in one read; then the rest of it, which passes the limit or does not.
    for (rest, passes) in [(200_u16, true), (1000, false)] {
        let (_, mut stream) = ask(server.address(), "/late", "");
        stream.write_all(b"\x81\x81\0\0\0\0a\x01\x82\0\0\0\0bc").unwrap();
        std::thread::sleep(Duration::from_millis(100));
        let mut frame = vec![0x80, 0xfe];
        frame.extend(rest.to_be_bytes());
        frame.extend([0; 4]);
        frame.resize(8 + usize::from(rest), b'd');
        stream.write_all(&frame).unwrap();
        let mut answer = [0; 10];
        std::io::Read::read_exact(&mut stream, &mut answer).unwrap();
        if passes {
            assert_eq!(&answer, b"\x81\x09whole 20");
        } else {
            assert_eq!((answer[0], u16::from_be_bytes([answer[2], answer[3]])), (0x88, 1009));
        }
    }
}

#[test]
fn a_limit_of_pieces_is_kept_over_all_of_a_message() {
    let websocket_in_pieces = Limits { message_bytes_max: 100_000, ..Options::default().websocket_in_pieces };
    let (server, _) = start(Options { websocket_in_pieces, ..Options::default() });
    let mut client = connect_to(server.address(), "/upload");
    client.send(Tung::binary(vec![0; 100_000])).unwrap();
    assert!(text(&mut client).starts_with("binary 100000 "));
    client.write(Tung::binary(vec![0; 100_001])).ok();
    client.flush().ok();
    assert_eq!(closed(&mut client).0, 1009);
}
