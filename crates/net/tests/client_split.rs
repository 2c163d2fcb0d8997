//! The halves of a connection, in two tasks: nothing is lost, nothing waits for the other half without need.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as PeerMessage;
use wavecast_net::client::{
    CloseCode, ConnectOptions, Message, Received, RecvError, SendError, Side, TrySendError, Url,
};

type Peer = WebSocketStream<TcpStream>;

/// Serves one connection; the handle ends when `talk` does.
async fn serve<F>(talk: impl FnOnce(Peer) -> F + Send + 'static) -> (String, JoinHandle<()>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        talk(tokio_tungstenite::accept_async(stream).await.unwrap()).await;
    });
    (url, server)
}

async fn echo(mut peer: Peer) {
    while let Some(Ok(message)) = peer.next().await {
        if message.is_text() || message.is_binary() {
            peer.send(message).await.unwrap();
        }
    }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), future).await.expect("it takes too long")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tasks_send_and_receive_at_once() {
    let (url, server) = serve(echo).await;
    let (sender, mut receiver) = ConnectOptions::new().connect(&url).await.unwrap().split();
    let sending = tokio::spawn(async move {
        for i in 0..3_000_u32 {
            // Some are longer than the queue.
            let text = format!("{i} {}", "x".repeat(if i % 500 == 0 { 100_000 } else { i as usize % 90 }));
            sender.send(&text).await.unwrap();
        }
        sender
    });
    for i in 0..3_000_u32 {
        let message = soon(receiver.recv()).await.unwrap().unwrap();
        assert_eq!(message.as_text().unwrap().split(' ').next(), Some(i.to_string().as_str()));
    }
    let sender = sending.await.unwrap();
    sender.close(CloseCode::NORMAL, "done");
    assert_eq!(soon(receiver.recv()).await.unwrap(), None);
    let closed = receiver.closed().unwrap();
    assert_eq!((closed.reason.as_str(), closed.by), ("done", Side::Local));
    assert_eq!(soon(sender.ended()).await, Some(closed));
    assert!(matches!(sender.send("too late").await, Err(SendError::Closed)));
    assert!(matches!(sender.try_send("too late"), Err(TrySendError::Closed)));
    soon(server).await.unwrap();
}

#[tokio::test]
async fn a_half_that_is_dropped_does_not_take_the_other_with_it() {
    // Without a receiver what comes is thrown away, and pings are still answered.
    let (url, server) = serve(async |mut peer: Peer| {
        for _ in 0..2_000 {
            peer.send(PeerMessage::text("nobody reads this ".repeat(10))).await.unwrap();
        }
        peer.send(PeerMessage::Ping("there?".into())).await.unwrap();
        assert_eq!(peer.next().await.unwrap().unwrap(), PeerMessage::Pong("there?".into()));
        assert_eq!(peer.next().await.unwrap().unwrap(), PeerMessage::text("still sent"));
        while peer.next().await.is_some() {}
    })
    .await;
    let (sender, receiver) = ConnectOptions::new().connect(&url).await.unwrap().split();
    drop(receiver);
    sleep(Duration::from_millis(200)).await;
    sender.send("still sent").await.unwrap();
    drop(sender);
    soon(server).await.unwrap();

    // Without a sender receiving goes on.
    let (url, server) = serve(async |mut peer: Peer| {
        sleep(Duration::from_millis(100)).await;
        peer.send(PeerMessage::text("still received")).await.unwrap();
        peer.close(None).await.unwrap();
        while peer.next().await.is_some() {}
    })
    .await;
    let (sender, mut receiver) = ConnectOptions::new().connect(&url).await.unwrap().split();
    drop(sender);
    assert_eq!(soon(receiver.recv()).await.unwrap(), Some(Message::Text("still received".into())));
    assert_eq!(soon(receiver.recv()).await.unwrap(), None);
    assert_eq!(receiver.closed().unwrap().code, CloseCode::NO_STATUS);
    soon(server).await.unwrap();
}

#[tokio::test]
async fn with_both_halves_dropped_what_was_sent_arrives_and_the_connection_closes() {
    let (url, server) = serve(async |mut peer: Peer| {
        assert_eq!(peer.next().await.unwrap().unwrap(), PeerMessage::text("last words"));
        match peer.next().await.unwrap().unwrap() {
            PeerMessage::Close(Some(frame)) => assert_eq!(u16::from(frame.code), 1000),
            other => panic!("{other:?}"),
        }
    })
    .await;
    let (sender, receiver) = ConnectOptions::new().connect(&url).await.unwrap().split();
    sender.send("last words").await.unwrap();
    drop((sender, receiver));
    soon(server).await.unwrap();
}

/// A stream that counts how often it is read from.
struct Counted(TcpStream, Arc<AtomicUsize>);

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn with_both_halves_dropped_the_end_of_a_server_that_closes_is_waited_for_asleep() {
    let (url, server) = serve(async |mut peer: Peer| {
        peer.send(PeerMessage::Close(None)).await.unwrap();
        // It takes its time to end the connection.
        sleep(Duration::from_millis(300)).await;
    })
    .await;
    let url: Url = url.parse().unwrap();
    let reads = Arc::<AtomicUsize>::default();
    let stream = TcpStream::connect((url.host(), url.port())).await.unwrap();
    let stream = Counted(stream, Arc::clone(&reads));
    let (sender, receiver) = ConnectOptions::new().handshake(stream, &url).await.unwrap().split();
    sleep(Duration::from_millis(50)).await;
    drop((sender, receiver));
    soon(server).await.unwrap();
    assert!(reads.load(Ordering::Relaxed) < 50, "it spins: {reads:?}");
}

#[tokio::test]
async fn a_receiver_that_does_not_keep_up_holds_the_server_back_but_not_the_sender() {
    let (url, server) = serve(async |mut peer: Peer| {
        let mut sent = 0_u32;
        while let Ok(Ok(())) =
            timeout(Duration::from_millis(500), peer.send(PeerMessage::binary(vec![0; 100_000]))).await
        {
            sent += 1;
            assert!(sent < 1_000, "nothing holds it back");
        }
        // It stalls here; what the client sends still comes.
        peer.get_mut().readable().await.unwrap();
    })
    .await;
    let options = ConnectOptions::new().close_timeout(Duration::from_millis(200));
    let (sender, mut receiver) = options.connect(&url).await.unwrap().split();
    sleep(Duration::from_millis(700)).await;
    sender.send("past what is not received").await.unwrap();
    soon(server).await.unwrap();
    // Who closes does not have to receive first what has come before.
    sender.close(CloseCode::NORMAL, "");
    soon(sender.ended()).await.unwrap();
    while let Ok(Some(_)) = soon(receiver.recv()).await {}
    assert_eq!(receiver.recv().await.unwrap(), None);
}

#[tokio::test]
async fn a_server_that_does_not_read_fills_the_queue_and_no_more() {
    let (url, server) = serve(async |peer: Peer| {
        sleep(Duration::from_secs(1)).await;
        drop(peer);
    })
    .await;
    let options = ConnectOptions::new().outbox_bytes_max(4_096).send_timeout(Duration::from_millis(100));
    let (sender, mut receiver) = options.connect(&url).await.unwrap().split();
    let chunk = vec![0; 256 * 1_024];
    let mut sent = 0;
    let error = loop {
        match sender.send(&chunk).await {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
        assert!(sent < 200, "the kernel takes a few MiB, not this much");
    };
    assert!(matches!(error, SendError::TimedOut), "{error}");
    assert!(matches!(sender.try_send("small"), Err(TrySendError::Full)));
    assert!(matches!(sender.ping(b""), Err(TrySendError::Full)));
    soon(server).await.unwrap();
    assert!(matches!(soon(receiver.recv()).await, Err(RecvError::Lost | RecvError::Io(_))));
    assert_eq!(soon(receiver.recv()).await.unwrap(), None);
    assert!(matches!(sender.send("x").await, Err(SendError::Closed)), "who waits for room is told");
}

#[tokio::test]
async fn a_send_or_receive_that_is_dropped_loses_nothing() {
    let (url, server) = serve(echo).await;
    let options = ConnectOptions::new().outbox_bytes_max(200);
    let (sender, mut receiver) = options.connect(&url).await.unwrap().split();
    let (mut sent, mut received) = (0_u32, 0_u32);
    while received < 500 {
        let text = sent.to_string();
        if sent < 500
            && timeout(Duration::from_micros(20), sender.send(&text)).await.is_ok_and(|sent| sent.is_ok())
        {
            sent += 1;
        }
        if let Ok(message) = timeout(Duration::from_micros(20), receiver.recv()).await {
            assert_eq!(message.unwrap(), Some(Message::Text(received.to_string())));
            received += 1;
        }
    }
    assert_eq!(sent, 500, "one for one");
    drop(sender);
    drop(receiver);
    soon(server).await.unwrap();
}

#[tokio::test]
async fn a_message_in_pieces_is_one_message_and_nothing_comes_between() {
    let (url, server) = serve(async |mut peer: Peer| {
        assert_eq!(peer.next().await.unwrap().unwrap(), PeerMessage::Ping("between".into()));
        assert_eq!(peer.next().await.unwrap().unwrap(), PeerMessage::text("one, two, three"));
        assert_eq!(peer.next().await.unwrap().unwrap(), PeerMessage::binary(vec![1, 2]));
        assert_eq!(peer.next().await.unwrap().unwrap(), PeerMessage::text("left as it was"));
        while peer.next().await.is_some() {}
    })
    .await;
    let mut socket = ConnectOptions::new().connect(&url).await.unwrap();
    socket.send_piece("one, ", false).await.unwrap();
    assert!(matches!(socket.send("whole").await, Err(SendError::Unfinished)));
    assert!(matches!(socket.try_send("whole"), Err(TrySendError::Unfinished)));
    assert!(matches!(socket.send_piece(&[1], false).await, Err(SendError::Unfinished)));
    socket.ping(b"between").await.unwrap();
    socket.send_piece("two, ", false).await.unwrap();
    socket.send_piece("three", true).await.unwrap();
    socket.send_piece(&[1], false).await.unwrap();
    socket.send_piece(&[2], true).await.unwrap();
    socket.send_piece("left as it was", false).await.unwrap();
    let (sender, receiver) = socket.split();
    drop((sender, receiver));
    soon(server).await.unwrap();
}

#[tokio::test]
async fn pongs_are_told_to_those_who_ask() {
    let (url, server) = serve(echo).await;
    let mut socket = ConnectOptions::new().connect(&url).await.unwrap();
    socket.ping(b"one").await.unwrap();
    assert_eq!(soon(socket.recv_or_pong()).await.unwrap(), Some(Received::Pong(b"one".to_vec())));
    socket.send("text").await.unwrap();
    assert_eq!(
        soon(socket.recv_or_pong()).await.unwrap(),
        Some(Received::Message(Message::Text("text".into())))
    );
    socket.close(CloseCode::NORMAL, "").await.unwrap();
    soon(server).await.unwrap();
}

#[tokio::test]
async fn a_silent_server_is_pinged_and_then_given_up() {
    let (url, server) = serve(async |mut peer: Peer| {
        for _ in 0..3 {
            assert!(peer.next().await.unwrap().unwrap().is_ping());
        }
        // The third answer goes out; then nothing is read any more.
        peer.flush().await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let silence_max = Duration::from_secs(2);
    let options = ConnectOptions::new().keep_alive(Duration::from_millis(100), silence_max);
    let began = std::time::Instant::now();
    let mut socket = options.connect(&url).await.unwrap();
    let mut pongs = 0;
    let error = loop {
        match soon(socket.recv_or_pong()).await {
            Ok(Some(Received::Pong(payload))) => pongs += u32::from(payload.is_empty()),
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, RecvError::PeerDead), "{error}");
    assert_eq!(pongs, 3, "so many pings were answered");
    assert!(began.elapsed() > silence_max, "{:?}", began.elapsed());
    assert_eq!(socket.closed().unwrap().code, CloseCode::ABNORMAL);
    server.abort();
}

#[tokio::test]
async fn silence_that_nobody_listened_to_is_not_held_against_the_server() {
    let (url, server) = serve(echo).await;
    let options = ConnectOptions::new().keep_alive(Duration::from_millis(50), Duration::from_millis(100));
    let mut socket = options.connect(&url).await.unwrap();
    // One ping goes out, and then nobody receives for longer than the server is given.
    timeout(Duration::from_millis(70), socket.recv()).await.unwrap_err();
    sleep(Duration::from_millis(400)).await;
    socket.send("are you there?").await.unwrap();
    assert_eq!(soon(socket.recv()).await.unwrap(), Some(Message::Text("are you there?".into())));
    server.abort();
}

#[tokio::test]
async fn closed_in_the_middle_of_a_stream_is_an_end_for_both_halves() {
    let (url, server) = serve(async |mut peer: Peer| {
        peer.send(PeerMessage::text("first")).await.unwrap();
        drop(peer);
    })
    .await;
    let (sender, mut receiver) = ConnectOptions::new().connect(&url).await.unwrap().split();
    soon(server).await.unwrap();
    let mut seen = Vec::new();
    loop {
        match soon(receiver.recv()).await {
            Ok(Some(message)) => seen.push(message),
            Ok(None) => break,
            Err(error) => assert!(matches!(error, RecvError::Lost | RecvError::Io(_)), "{error}"),
        }
    }
    assert!(seen.len() <= 1);
    assert_eq!(soon(sender.ended()).await.unwrap().code, CloseCode::ABNORMAL);
}
