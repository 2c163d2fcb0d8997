//! The async client against another implementation's server, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode as PeerCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message as PeerMessage, accept_with_config};
use wavecast_net::client::{
    self, CloseCode, CloseError, Closed, ConnectOptions, Limits, Message, ProtocolError, RecvError,
    SendError, Side, TrySendError,
};

type Peer = tungstenite::WebSocket<TcpStream>;

const MIB: usize = 1_024 * 1_024;

/// Serves one connection on a thread of its own and returns the URL.
fn serve(talk: impl FnOnce(Peer) + Send + 'static) -> (String, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        talk(accept_with_config(stream, Some(config)).unwrap());
    });
    (url, server)
}

/// Echoes until the closing handshake is complete.
fn echo(mut peer: Peer) {
    loop {
        match peer.read() {
            Ok(message @ (PeerMessage::Text(_) | PeerMessage::Binary(_))) => peer.send(message).unwrap(),
            Ok(_) => {}
            Err(tungstenite::Error::ConnectionClosed) => return,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn text_and_binary_of_every_length_class_come_back() {
    let (url, server) = serve(echo);
    let mut socket = client::connect(&url).await.unwrap();
    // Around the borders of the three length encodings (RFC 6455 §5.2), and of the read buffer.
    for len in [0, 1, 125, 126, 127, 4_096, 16_383, 16_384, 65_535, 65_536, 200_000] {
        let text = "é".repeat(len / 2);
        socket.send(&text).await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some(Message::Text(text)));
        let bytes: Vec<u8> = (0..len).map(|i| i as u8).collect();
        socket.send(&bytes).await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some(Message::Binary(bytes)));
    }
    let closed = socket.close(CloseCode::NORMAL, "done").await.unwrap();
    assert_eq!(closed, Closed { code: CloseCode::NORMAL, reason: "done".into(), by: Side::Local });
    server.join().unwrap();
}

#[tokio::test]
async fn a_large_message_goes_out_while_its_echo_comes_in() {
    let (url, server) = serve(echo);
    let mut socket = client::connect(&url).await.unwrap();
    let bytes = vec![0xa5; 12 * MIB];
    socket.send(&bytes).await.unwrap();
    // What the kernel did not take goes out while we receive.
    assert_eq!(socket.recv().await.unwrap(), Some(Message::Binary(bytes)));
    socket.close(CloseCode::NORMAL, "").await.unwrap();
    server.join().unwrap();
}

#[tokio::test]
async fn many_messages_in_one_read_keep_their_order() {
    let (url, server) = serve(|mut peer| {
        for i in 0..10_000 {
            peer.write(PeerMessage::text(i.to_string())).unwrap();
        }
        peer.close(None).unwrap();
        while peer.read().is_ok() {}
    });
    let mut socket = client::connect(&url).await.unwrap();
    for i in 0..10_000 {
        let read = |message: client::MessageRef<'_>| match message {
            client::MessageRef::Text(text) => text.parse::<u32>().unwrap(),
            client::MessageRef::Binary(_) => panic!("text was sent"),
        };
        assert_eq!(socket.recv_with(read).await.unwrap(), Some(i));
    }
    assert_eq!(socket.recv().await.unwrap(), None);
    server.join().unwrap();
}

#[tokio::test]
async fn fragments_become_one_message_and_pings_between_them_are_answered() {
    let (url, server) = serve(|mut peer| {
        let fragment = |text: &str, first: bool, last: bool| {
            let opcode = OpCode::Data(if first { Data::Text } else { Data::Continue });
            PeerMessage::Frame(Frame::message(text.to_owned(), opcode, last))
        };
        peer.send(fragment("one, ", true, false)).unwrap();
        peer.send(PeerMessage::Ping("are you there?".into())).unwrap();
        peer.send(fragment("two, ", false, false)).unwrap();
        assert_eq!(peer.read().unwrap(), PeerMessage::Pong("are you there?".into()));
        peer.send(fragment("three", false, true)).unwrap();
        while peer.read().is_ok() {}
    });
    let mut socket = client::connect(&url).await.unwrap();
    assert_eq!(socket.recv().await.unwrap(), Some(Message::Text("one, two, three".into())));
    socket.close(CloseCode::NORMAL, "").await.unwrap();
    server.join().unwrap();
}

#[tokio::test]
async fn a_ping_of_ours_reaches_the_server_and_its_pong_is_not_a_message() {
    let (url, server) = serve(|mut peer| {
        assert_eq!(peer.read().unwrap(), PeerMessage::Ping("hello".into()));
        peer.send(PeerMessage::text("after the pong")).unwrap();
        while peer.read().is_ok() {}
    });
    let mut socket = client::connect(&url).await.unwrap();
    assert!(matches!(socket.ping(&[0; 126]).await, Err(SendError::ControlTooLong)));
    socket.ping(b"hello").await.unwrap();
    assert_eq!(socket.recv().await.unwrap(), Some(Message::Text("after the pong".into())));
    socket.close(CloseCode::NORMAL, "").await.unwrap();
    server.join().unwrap();
}

#[tokio::test]
async fn a_close_of_the_server_is_answered_and_told() {
    let (url, server) = serve(|mut peer| {
        peer.send(PeerMessage::text("last words")).unwrap();
        peer.close(Some(CloseFrame { code: PeerCode::Library(3001), reason: "shutdown".into() })).unwrap();
        match peer.read().unwrap() {
            PeerMessage::Close(Some(frame)) => assert_eq!(u16::from(frame.code), 3001),
            other => panic!("{other:?}"),
        }
        assert!(matches!(peer.read(), Err(tungstenite::Error::ConnectionClosed)));
    });
    let mut socket = client::connect(&url).await.unwrap();
    assert_eq!(socket.recv().await.unwrap(), Some(Message::Text("last words".into())));
    assert_eq!(socket.closed(), None);
    assert_eq!(socket.recv().await.unwrap(), None);
    let shutdown = CloseCode::new(3001).unwrap();
    let closed = Closed { code: shutdown, reason: "shutdown".into(), by: Side::Peer };
    assert_eq!(socket.closed(), Some(&closed));
    assert_eq!(socket.recv().await.unwrap(), None, "the end stays the end");
    assert!(matches!(socket.send("too late").await, Err(SendError::Closed)));
    assert!(matches!(socket.try_send("too late"), Err(TrySendError::Closed)));
    assert_eq!(socket.close(CloseCode::NORMAL, "").await.unwrap(), closed, "who closed first is remembered");
    server.join().unwrap();
}

#[tokio::test]
async fn messages_before_the_servers_close_frame_do_not_hold_up_our_close() {
    let (url, server) = serve(|mut peer| {
        for _ in 0..100 {
            peer.send(PeerMessage::text("noise")).unwrap();
        }
        while peer.read().is_ok() {}
    });
    let mut socket = client::connect(&url).await.unwrap();
    socket.close(CloseCode::GOING_AWAY, "bye").await.unwrap();
    server.join().unwrap();
}

#[tokio::test]
async fn an_end_without_a_close_frame_is_lost_and_told_once() {
    let (url, server) = serve(drop);
    let mut socket = client::connect(&url).await.unwrap();
    assert!(matches!(socket.recv().await, Err(RecvError::Lost)));
    assert_eq!(socket.closed().unwrap().code, CloseCode::ABNORMAL);
    assert_eq!(socket.recv().await.unwrap(), None);
    server.join().unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_answer_our_close_cannot_hold_it_up() {
    let (hold, held) = mpsc::channel::<()>();
    let (url, server) = serve(move |peer| {
        held.recv().unwrap_err();
        drop(peer);
    });
    let options = ConnectOptions::new().close_timeout(Duration::from_millis(100));
    let mut socket = options.connect(&url).await.unwrap();
    assert!(matches!(socket.close(CloseCode::NORMAL, "").await, Err(CloseError::TimedOut)));
    assert_eq!(socket.recv().await.unwrap(), None);
    drop(hold);
    server.join().unwrap();
}

#[tokio::test]
async fn a_server_that_closes_but_keeps_the_connection_cannot_hold_it_up() {
    let (hold, held) = mpsc::channel::<()>();
    let (url, server) = serve(move |mut peer| {
        peer.close(None).unwrap();
        held.recv().unwrap_err();
    });
    let options = ConnectOptions::new().close_timeout(Duration::from_millis(100));
    let mut socket = options.connect(&url).await.unwrap();
    let end = timeout(Duration::from_secs(20), socket.recv()).await.expect("the close time-out has passed");
    assert_eq!(end.unwrap(), None);
    assert_eq!(socket.closed().unwrap().code, CloseCode::NO_STATUS);
    drop(hold);
    server.join().unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_read_fills_the_outbox_and_no_more() {
    let (hold, held) = mpsc::channel::<()>();
    let (url, server) = serve(move |peer| {
        held.recv().unwrap_err();
        drop(peer);
    });
    let options = ConnectOptions::new().outbox_bytes_max(4 * 1_024).send_timeout(Duration::from_millis(100));
    let mut socket = options.connect(&url).await.unwrap();
    let chunk = vec![0; 256 * 1_024];
    let mut sent = 0;
    while socket.try_send(&chunk).is_ok() {
        sent += 1;
        assert!(sent < 200, "the kernel takes a few MiB, not this much");
    }
    assert!(matches!(socket.try_send("small"), Err(TrySendError::Full)));
    assert!(matches!(socket.send("small").await, Err(SendError::TimedOut)));
    assert!(matches!(socket.flush().await, Err(SendError::TimedOut)));
    drop(hold);
    server.join().unwrap();
}

#[tokio::test]
async fn a_message_beyond_the_limit_is_told_apart_from_broken_protocol() {
    let (url, server) = serve(|mut peer| {
        peer.send(PeerMessage::binary(vec![0; 2_000])).unwrap();
        match peer.read().unwrap() {
            PeerMessage::Close(Some(frame)) => assert_eq!(u16::from(frame.code), 1009),
            other => panic!("{other:?}"),
        }
        while peer.read().is_ok() {}
    });
    let limits = Limits { message_bytes_max: 1_000, ..Limits::DEFAULT };
    let mut socket = ConnectOptions::new().limits(limits).connect(&url).await.unwrap();
    assert!(matches!(socket.recv().await, Err(RecvError::Limit(ProtocolError::MessageTooBig { .. }))));
    assert_eq!(socket.recv().await.unwrap(), None, "waits for the server to end the connection");
    server.join().unwrap();
}
