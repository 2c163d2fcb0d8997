//! Messages that are sent in fragments: longer than memory should hold, as fast as the peer reads.

#![allow(clippy::unwrap_used, reason = "events of tests, too, may fail loudly")]

mod dialogue;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use dialogue::{ask, closed, connect, text};
use tokio_tungstenite::tungstenite::Message as Tung;
use wavecast_net::server::{Connection, Events, FragmentError, Running, Server};
use wavecast_net::websocket::keepalive::Intervals;
use wavecast_net::{CloseCode, Kind, MessageRef, Options};

const PIECE: usize = 32 * 1024;

/// Sends as many bytes as it is asked for, in pieces, and counts what waits at most.
#[derive(Default)]
struct Download {
    waited: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Left(usize);

impl Download {
    fn go_on(&self, connection: &mut Connection<'_, Left>) {
        while connection.state().0 > 0 {
            let length = connection.state().0.min(PIECE);
            // The content says where it stands.
            let first = connection.state().0;
            let piece: Vec<u8> = (0..length).map(|n| ((first - n) % 251) as u8).collect();
            match connection.fragment(&piece) {
                Ok(()) => connection.state_mut().0 -= length,
                Err(FragmentError::Full) => {
                    self.waited.fetch_max(connection.outbox_bytes(), SeqCst);
                    return connection.tell_when_drained();
                }
                Err(error) => panic!("{error}"),
            }
        }
        connection.finish().unwrap();
    }
}

impl Events<Left> for Download {
    fn message(&self, connection: &mut Connection<'_, Left>, message: MessageRef<'_>) {
        let said = message.as_text().unwrap_or_default();
        if let Ok(bytes) = said.parse() {
            connection.state_mut().0 = bytes;
            connection.begin(Kind::Binary).unwrap();
            return self.go_on(connection);
        }
        match said {
            "rules" => rules(connection),
            "begin" => {
                connection.begin(Kind::Text).unwrap();
                connection.fragment("one ").unwrap();
                connection.send("whole, behind it").unwrap();
                connection.ping(b"between").unwrap();
            }
            "end" => {
                connection.fragment("two").unwrap();
                connection.finish().unwrap();
            }
            "close" => connection.close(CloseCode::NORMAL, "in the middle"),
            "all at once" => {
                connection.begin(Kind::Text).unwrap();
                connection.fragment("one ").unwrap();
                connection.send("whole, behind it").unwrap();
                connection.close(CloseCode::NORMAL, "in the middle");
            }
            "flood" => {
                connection.begin(Kind::Text).unwrap();
                connection.fragment(&"x".repeat(100_000)).unwrap();
            }
            _ => connection.send(message).unwrap(),
        }
    }

    fn drained(&self, connection: &mut Connection<'_, Left>) {
        self.go_on(connection);
    }
}

fn rules(connection: &mut Connection<'_, Left>) {
    assert_eq!(connection.fragment("x"), Err(FragmentError::Order));
    assert_eq!(connection.finish(), Err(FragmentError::Order));
    connection.begin(Kind::Text).unwrap();
    assert_eq!(connection.begin(Kind::Text), Err(FragmentError::Order));
    assert_eq!(connection.fragment(b"x"), Err(FragmentError::Kind));
    connection.finish().unwrap();
    connection.begin(Kind::Text).unwrap();
    connection.fragment("").unwrap();
    connection.fragment("kept ").unwrap();
    connection.fragment("in order").unwrap();
    connection.finish().unwrap();
    connection.send("and whole").unwrap();
}

fn start(options: Options) -> (Running, Arc<AtomicUsize>) {
    let download = Download::default();
    let waited = Arc::clone(&download.waited);
    let server = Server::bind_with("127.0.0.1:0", 1).unwrap().options(options).start(download).unwrap();
    (server, waited)
}

/// One frame: its first byte and its payload. The server does not mask.
fn frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut header = [0; 2];
    stream.read_exact(&mut header).unwrap();
    let length = match header[1] {
        126 => {
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            u16::from_be_bytes(length).into()
        }
        127 => {
            let mut length = [0; 8];
            stream.read_exact(&mut length).unwrap();
            u64::from_be_bytes(length) as usize
        }
        short => short.into(),
    };
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).unwrap();
    (header[0], payload)
}

fn say(stream: &mut TcpStream, text: &str) {
    let mut frame = vec![0x81, 0x80 | text.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(text.as_bytes());
    stream.write_all(&frame).unwrap();
}

#[test]
fn a_message_larger_than_the_outbox_goes_out_as_fast_as_it_is_read() {
    let outbox_bytes_max = 256 * 1024;
    let (server, waited) = start(Options { outbox_bytes_max, ..Options::default() });
    let (_, mut stream) = ask(server.address(), "/", "");
    let bytes = 64 << 20;
    say(&mut stream, &bytes.to_string());
    // A peer that is slow to begin is not cut off for it.
    std::thread::sleep(Duration::from_millis(300));
    let (mut received, mut frames) = (0, 0);
    loop {
        let (first, payload) = frame(&mut stream);
        assert_eq!(first & 0x0f, if frames == 0 { 2 } else { 0 });
        for (n, byte) in payload.iter().enumerate() {
            assert_eq!(usize::from(*byte), (bytes - received - n) % 251);
        }
        received += payload.len();
        frames += 1;
        if first & 0x80 != 0 {
            break;
        }
    }
    assert_eq!((received, frames), (bytes, bytes / PIECE + 1));
    let waited = waited.load(SeqCst);
    assert!(waited > 0 && waited <= outbox_bytes_max / 2 + 100, "{waited} bytes waited");
    say(&mut stream, "and on it goes");
    assert_eq!(frame(&mut stream), (0x81, b"and on it goes".to_vec()));
}

#[test]
fn fragments_stand_in_order_and_make_one_message() {
    let (server, _) = start(Options::default());
    let mut client = connect(server.address());
    client.send(Tung::text("rules")).unwrap();
    assert_eq!(
        (text(&mut client), text(&mut client), text(&mut client)),
        (String::new(), "kept in order".to_owned(), "and whole".to_owned())
    );
}

#[test]
fn whole_messages_wait_behind_a_begun_one_and_control_frames_do_not() {
    let (server, _) = start(Options::default());
    let (_, mut stream) = ask(server.address(), "/", "");
    say(&mut stream, "begin");
    assert_eq!(frame(&mut stream), (0x01, b"one ".to_vec()));
    assert_eq!(frame(&mut stream), (0x89, b"between".to_vec()));
    // A ping of ours is answered between fragments.
    stream.write_all(b"\x89\x82\0\0\0\0hi").unwrap();
    assert_eq!(frame(&mut stream), (0x8a, b"hi".to_vec()));
    server.handle().broadcast("to all").unwrap();
    std::thread::sleep(Duration::from_millis(50));
    say(&mut stream, "end");
    assert_eq!(frame(&mut stream), (0x00, b"two".to_vec()));
    assert_eq!(frame(&mut stream), (0x80, Vec::new()));
    assert_eq!(frame(&mut stream), (0x81, b"whole, behind it".to_vec()));
    assert_eq!(frame(&mut stream), (0x81, b"to all".to_vec()));
}

#[test]
fn a_close_ends_a_begun_message_where_it_stands() {
    let (server, _) = start(Options::default());
    let mut client = connect(server.address());
    client.send(Tung::text("begin")).unwrap();
    client.send(Tung::text("close")).unwrap();
    assert_eq!(closed(&mut client), (1000, "in the middle".to_owned()));
    assert!(client.read().is_err(), "nothing that waited behind it, which would break the protocol");
}

#[test]
fn a_close_in_the_event_that_begun_a_message_lets_nothing_pass_behind_it() {
    let (server, _) = start(Options::default());
    let (_, mut stream) = ask(server.address(), "/", "");
    say(&mut stream, "all at once");
    assert_eq!(frame(&mut stream), (0x01, b"one ".to_vec()));
    assert_eq!(frame(&mut stream).0, 0x88, "a whole message within another would break the protocol");
}

#[test]
fn every_ping_is_answered_while_a_message_is_under_way() {
    let (server, _) = start(Options::default());
    let (_, mut stream) = ask(server.address(), "/", "");
    say(&mut stream, "begin");
    assert_eq!(frame(&mut stream), (0x01, b"one ".to_vec()));
    assert_eq!(frame(&mut stream), (0x89, b"between".to_vec()));
    // Far more than may wait at a time: none of them waits.
    for n in 0..100_u8 {
        stream.write_all(&[0x89, 0x81, 0, 0, 0, 0, n]).unwrap();
        assert_eq!(frame(&mut stream), (0x8a, vec![n]));
    }
}

#[test]
fn who_was_held_back_is_heard_again_once_all_fragments_have_gone() {
    let (server, _) = start(Options { outbox_bytes_max: 100_000, ..Options::default() });
    let (_, mut stream) = ask(server.address(), "/", "");
    say(&mut stream, "flood");
    assert_eq!(frame(&mut stream).1.len(), 100_000);
    say(&mut stream, "end");
    assert_eq!(frame(&mut stream), (0x00, b"two".to_vec()));
    assert_eq!(frame(&mut stream), (0x80, Vec::new()));
}

#[test]
fn whole_messages_that_wait_too_long_behind_a_begun_one_overflow() {
    let (server, _) = start(Options { outbox_bytes_max: 10_000, ..Options::default() });
    let mut client = connect(server.address());
    client.send(Tung::text("begin")).unwrap();
    for _ in 0..20 {
        server.handle().broadcast(&[0; 1000]).unwrap();
    }
    assert_eq!(closed(&mut client).0, 1013);
}

#[test]
fn who_waits_for_the_next_fragment_is_kept_alive() {
    let keep_alive = Intervals { ping_interval_ms: 50, pong_timeout_ms: 50 };
    let (server, _) = start(Options { keep_alive, ..Options::default() });
    let mut client = connect(server.address());
    client.send(Tung::text("begin")).unwrap();
    for _ in 0..5 {
        assert!(matches!(client.read().unwrap(), Tung::Ping(_)), "pings come between fragments");
    }
    client.send(Tung::text("end")).unwrap();
    assert_eq!(text(&mut client), "one two");
}
