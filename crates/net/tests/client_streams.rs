//! Connections as streams and sinks, put together with the combinators of `futures_util`.

#![cfg(feature = "futures")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use futures_util::{SinkExt, StreamExt, TryStreamExt as _, stream};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;
use wavecast_net::client::{CloseCode, ConnectOptions, Message, SendError, Side, WebSocket};

async fn echo_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut peer = tokio_tungstenite::accept_async(stream).await.unwrap();
        while let Some(Ok(message)) = peer.next().await {
            if message.is_text() || message.is_binary() {
                peer.send(message).await.unwrap();
            }
        }
    });
    url
}

async fn open() -> WebSocket {
    let options = ConnectOptions::new().outbox_bytes_max(1_000);
    options.connect(&echo_server().await).await.unwrap()
}

fn texts() -> impl Iterator<Item = Message> {
    (0..2_000).map(|i| Message::Text(format!("{i} {}", "x".repeat(i % 70))))
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), future).await.expect("it takes too long")
}

#[tokio::test]
async fn a_socket_is_a_stream_and_a_sink() {
    let mut socket = open().await;
    socket.send_all(&mut stream::iter([Ok(Message::from("one")), Ok(Message::from("two"))])).await.unwrap();
    let two: Vec<Message> = (&mut socket).take(2).try_collect().await.unwrap();
    assert_eq!(two, [Message::from("one"), Message::from("two")]);
    soon(SinkExt::close(&mut socket)).await.unwrap();
    assert_eq!(socket.closed().unwrap().by, Side::Local);
    assert!(socket.next().await.is_none());
    assert!(matches!(SinkExt::<Message>::send(&mut socket, "late".into()).await, Err(SendError::Closed)));
}

#[tokio::test]
async fn the_split_of_futures_util_works_too() {
    let (mut sink, stream) = StreamExt::split(open().await);
    let sending = tokio::spawn(async move {
        sink.send_all(&mut stream::iter(texts().map(Ok))).await.unwrap();
        sink
    });
    let received: Vec<Message> = soon(stream.take(2_000).try_collect()).await.unwrap();
    assert!(received.into_iter().eq(texts()));
    drop(sending.await.unwrap());
}

#[tokio::test]
async fn the_halves_are_a_stream_and_a_sink() {
    let (sender, mut receiver) = WebSocket::split(open().await);
    let mut sink = sender.clone().into_sink();
    let sending = tokio::spawn(async move {
        sink.send_all(&mut stream::iter(texts().map(Ok))).await.unwrap();
        sink
    });
    let received: Vec<Message> = soon((&mut receiver).take(2_000).try_collect()).await.unwrap();
    assert!(received.into_iter().eq(texts()));
    soon(sending.await.unwrap().close()).await.unwrap();
    assert!(soon(receiver.next()).await.is_none());
    let closed = soon(sender.ended()).await.unwrap();
    assert_eq!((closed.code, closed.by), (CloseCode::NORMAL, Side::Local));
    let mut late = sender.into_sink();
    assert!(matches!(late.send("late".into()).await, Err(SendError::Closed)));
}

#[tokio::test]
async fn sinks_wait_for_as_long_as_they_are_polled() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let (read_on, may_read) = watch::channel(false);
    let server = async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut may_read = may_read.clone();
            tokio::spawn(async move {
                let mut peer = tokio_tungstenite::accept_async(stream).await.unwrap();
                may_read.wait_for(|may_read| *may_read).await.unwrap();
                while let Some(Ok(_)) = peer.next().await {}
            });
        }
    };
    tokio::spawn(server);
    // More than the buffers of the system take.
    let long = || stream::iter((0..400).map(|_| Ok(Message::Binary(vec![7; 100_000]))));
    let options = ConnectOptions::new().send_timeout(Duration::from_millis(100));
    let mut whole = options.connect(&url).await.unwrap();
    let (sender, _receiver) = WebSocket::split(options.connect(&url).await.unwrap());
    let mut half = sender.clone().into_sink();
    let (mut whole_sends, mut half_sends) = (long(), long());
    let (whole_sends, half_sends) = (whole.send_all(&mut whole_sends), half.send_all(&mut half_sends));
    let reading = async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert!(matches!(sender.send("x").await, Err(SendError::TimedOut)), "nobody has read");
        read_on.send(true).unwrap();
    };
    let (whole_sent, half_sent, ()) = soon(async { tokio::join!(whole_sends, half_sends, reading) }).await;
    assert!(whole_sent.is_ok() && half_sent.is_ok(), "{whole_sent:?} {half_sent:?}");
}

#[tokio::test]
async fn what_a_sink_was_ready_for_does_not_follow_a_close_frame() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut peer = tokio_tungstenite::accept_async(stream).await.unwrap();
        peer.close(None).await.unwrap();
        peer.collect::<Vec<_>>().await
    });
    let mut socket = ConnectOptions::new().connect(&url).await.unwrap();
    std::future::poll_fn(|cx| socket.poll_ready_unpin(cx)).await.unwrap();
    assert!(soon(socket.next()).await.is_none());
    assert!(matches!(socket.start_send_unpin(Message::from("late")), Err(SendError::Closed)));
    drop(socket);
    soon(server).await.unwrap();
}
