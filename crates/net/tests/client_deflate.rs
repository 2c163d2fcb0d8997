//! Compressed messages of the async client, and messages in pieces, against our own server.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read as _, Write as _};
use std::time::Duration;

use wavecast_net::client::{
    CloseCode, Compression, ConnectError, ConnectOptions, HandshakeError, Limits, Message,
};
use wavecast_net::server::{Connection, Events, Server};
use wavecast_net::{MessageRef, Options};

struct Echo;

impl Events for Echo {
    fn message(&self, connection: &mut Connection<'_>, message: MessageRef<'_>) {
        connection.send(message).unwrap();
    }
}

/// An echo server that compresses, or not; the URL.
fn server(compression: Option<Compression>) -> String {
    let big = Limits { message_bytes_max: 64 << 20, frame_bytes_max: 64 << 20, ..Limits::DEFAULT };
    let options = Options { compression, outbox_bytes_max: 64 << 20, websocket: big, ..Options::default() };
    let running = Server::bind_with("127.0.0.1:0", 1).unwrap().options(options).start(Echo).unwrap();
    let url = format!("ws://{}/", running.address());
    std::mem::forget(running);
    url
}

/// Text that is worth compressing, and differs from message to message.
fn text(n: usize) -> String {
    (0..n).map(|i| format!("line {i} of {n}, and so on; ")).collect()
}

#[tokio::test]
async fn messages_come_back_whatever_was_agreed_on() {
    let takeover = Compression { send_takeover: true, receive_takeover: true, ..Compression::DEFAULT };
    let small = Compression { send_window_bits: 9, receive_window_bits: 9, ..takeover };
    for (theirs, ours) in [
        (Compression::DEFAULT, Compression::DEFAULT),
        (takeover, takeover),
        (takeover, Compression::DEFAULT),
        (Compression::DEFAULT, takeover),
        (takeover, small),
        (small, takeover),
    ] {
        let url = server(Some(theirs));
        let mut socket = ConnectOptions::new().compression(ours).connect(&url).await.unwrap();
        assert!(socket.is_compressed(), "{theirs:?} {ours:?}");
        for n in [0, 1, 20, 400, 5_000, 3, 400] {
            socket.send(&text(n)).await.unwrap();
            assert_eq!(socket.recv().await.unwrap(), Some(Message::Text(text(n))), "{theirs:?} {ours:?} {n}");
        }
        socket.close(CloseCode::NORMAL, "").await.unwrap();
    }
}

#[tokio::test]
async fn a_server_may_decline_and_one_that_is_not_asked_does_not_offer() {
    let plain = server(None);
    let mut socket = ConnectOptions::new().compression(Compression::DEFAULT).connect(&plain).await.unwrap();
    assert!(!socket.is_compressed());
    socket.send(&text(100)).await.unwrap();
    assert_eq!(socket.recv().await.unwrap(), Some(Message::Text(text(100))));
    let socket = ConnectOptions::new().connect(&server(Some(Compression::DEFAULT))).await.unwrap();
    assert!(!socket.is_compressed());
}

#[tokio::test]
async fn an_answer_that_was_not_asked_for_fails_the_handshake() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 2_048];
        let len = stream.read(&mut request).unwrap();
        let (head, _) = wavecast_net::websocket::handshake::parse_request(&request[..len], &Limits::DEFAULT)
            .unwrap()
            .unwrap();
        let mut response = Vec::new();
        wavecast_net::websocket::handshake::accept(&head, &[]).unwrap().write(&[], &mut response).unwrap();
        response.truncate(response.len() - 2);
        response.extend_from_slice(
            b"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99\r\n\r\n",
        );
        stream.write_all(&response).unwrap();
        std::thread::sleep(Duration::from_millis(100));
    });
    let error = ConnectOptions::new().compression(Compression::DEFAULT).connect(&url).await.unwrap_err();
    assert!(matches!(error, ConnectError::Handshake(HandshakeError::Extension)), "{error:?}");
}

#[tokio::test]
async fn a_message_passes_in_pieces_and_those_behind_it_come_whole() {
    let big = Limits { message_bytes_max: 64 << 20, frame_bytes_max: 64 << 20, ..Limits::DEFAULT };
    for compression in [None, Some(Compression::DEFAULT)] {
        let url = server(compression);
        let mut options = ConnectOptions::new().limits(big);
        if let Some(compression) = compression {
            options = options.compression(compression);
        }
        let mut socket = options.connect(&url).await.unwrap();
        let sent = text(200_000);
        for (n, part) in sent.as_bytes().chunks(100_000).enumerate() {
            let part = std::str::from_utf8(part).unwrap();
            socket.send_piece(part, (n + 1) * 100_000 >= sent.len()).await.unwrap();
        }
        let (mut pieces, mut longest, mut received) = (0, 0, Vec::new());
        loop {
            let last = socket.recv_piece(|piece| {
                assert!(piece.is_text);
                assert_eq!(piece.is_first, pieces == 0);
                pieces += 1;
                longest = longest.max(piece.bytes.len());
                received.extend_from_slice(piece.bytes);
                piece.is_last
            });
            if last.await.unwrap().unwrap() {
                break;
            }
        }
        assert!(received == sent.as_bytes());
        assert!(pieces > 10 && longest <= 64 * 1_024, "{pieces} pieces, the longest {longest}");
        // The rest of a message that is not wanted is passed over.
        socket.send(&sent).await.unwrap();
        socket.send("behind it").await.unwrap();
        let first = socket.recv_piece(|piece| piece.is_first && !piece.is_last).await.unwrap();
        assert_eq!(first, Some(true));
        assert_eq!(socket.recv().await.unwrap(), Some(Message::Text("behind it".into())));
        socket.close(CloseCode::NORMAL, "").await.unwrap();
    }
}
