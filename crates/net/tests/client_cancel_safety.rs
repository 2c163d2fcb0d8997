//! Futures of the async client may be dropped at any point: nothing is lost, doubled or torn.
//!
//! The transport below hands over a few bytes at a time and stalls in between, from a seed; every
//! future that is not ready at its first poll is dropped and made anew.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wavecast_net::client::{CloseCode, ConnectOptions, Limits, Message, Received, Side, Url, WebSocket};
use wavecast_net::websocket::handshake::{accept, parse_request};
use wavecast_net::websocket::{CloseFrame, Connection, Event, Input, Opcode, Role, frame};

/// A peer that answers the handshake, then sends `script` and takes note of what it gets.
struct Stutter {
    random: u64,
    head: Vec<u8>,
    upgraded: bool,
    incoming: VecDeque<u8>,
    script: Vec<u8>,
    taken: Vec<u8>,
    /// The peer ends the connection when it has got that many bytes and everything was read.
    ends_after: usize,
}

impl Stutter {
    fn new(seed: u64, script: Vec<u8>) -> Self {
        let incoming = VecDeque::new();
        Self {
            random: seed,
            head: vec![],
            upgraded: false,
            incoming,
            script,
            taken: vec![],
            ends_after: usize::MAX,
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) as usize % bound
    }

    fn stalls(&mut self) -> bool {
        self.below(3) == 0
    }

    fn upgrade(&mut self) {
        let Some((head, len)) = parse_request(&self.head, &Limits::DEFAULT).unwrap() else { return };
        assert_eq!(len, self.head.len());
        let mut response = Vec::new();
        accept(&head, &[]).unwrap().write(&[], &mut response).unwrap();
        self.incoming.extend(response);
        self.incoming.extend(std::mem::take(&mut self.script));
        self.upgraded = true;
    }
}

impl AsyncRead for Stutter {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.incoming.is_empty() && self.taken.len() >= self.ends_after {
            return Poll::Ready(Ok(()));
        }
        if self.incoming.is_empty() || self.stalls() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let most = self.incoming.len().min(into.remaining()).min(9);
        let len = 1 + self.below(most);
        for _ in 0..len {
            let byte = self.incoming.pop_front().unwrap();
            into.put_slice(&[byte]);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stutter {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.stalls() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let most = bytes.len().min(9);
        let len = 1 + self.below(most);
        if self.upgraded {
            self.taken.extend_from_slice(&bytes[..len]);
        } else {
            self.head.extend_from_slice(&bytes[..len]);
            self.upgrade();
        }
        Poll::Ready(Ok(len))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.stalls() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

async fn open(transport: Stutter) -> WebSocket<Stutter> {
    let url: Url = "ws://peer/".parse().unwrap();
    ConnectOptions::new().outbox_bytes_max(1).handshake(transport, &url).await.unwrap()
}

/// Polls a future once, and drops it whatever came of it.
fn once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// Texts, one of them in fragments, with pings in between, then a close frame.
fn script() -> (Vec<u8>, Vec<Message>, Vec<Vec<u8>>) {
    let (mut bytes, mut messages, mut pings) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..20_usize {
        let text = format!("message {i} ").repeat(i);
        let (half, rest) = text.split_at(text.len() / 2);
        let ping = format!("ping {i}").into_bytes();
        let first = frame::encode_header(false, frame::Reserved::NONE, Opcode::Text, half.len() as u64, None);
        bytes.extend_from_slice(&first);
        bytes.extend_from_slice(half.as_bytes());
        frame::encode(Opcode::Ping, &ping, None, &mut bytes);
        frame::encode(Opcode::Continuation, rest.as_bytes(), None, &mut bytes);
        frame::encode(Opcode::Binary, &[i as u8; 3], None, &mut bytes);
        messages.extend([Message::Text(text), Message::Binary(vec![i as u8; 3])]);
        pings.push(ping);
    }
    CloseFrame { code: Some(CloseCode::GOING_AWAY), reason: "that was all" }.encode(None, &mut bytes);
    (bytes, messages, pings)
}

/// What the peer got, in words.
fn decode(mut bytes: Vec<u8>) -> Vec<String> {
    let mut peer = Connection::new(Role::Server);
    let mut input = Input::new(&mut bytes);
    let mut events = Vec::new();
    while let Some(event) = peer.receive(&mut input, &Limits::DEFAULT).unwrap() {
        events.push(match event {
            Event::Text(text) => format!("text {text}"),
            Event::Pong(payload) => format!("pong {}", String::from_utf8_lossy(payload)),
            Event::Close(close) => format!("close {:?} {}", close.code, close.reason),
            Event::Ping(payload) => format!("ping {}", String::from_utf8_lossy(payload)),
            other => panic!("{other:?}"),
        });
    }
    assert!(!peer.is_mid_message(), "a torn message");
    events
}

#[tokio::test]
async fn a_receive_dropped_at_every_poll_loses_nothing() {
    for seed in 0..100 {
        let (bytes, messages, pings) = script();
        let mut socket = open(Stutter::new(seed, bytes)).await;
        let mut received = Vec::new();
        while received.len() < messages.len() {
            if let Some(message) = once(socket.recv()) {
                received.push(message.unwrap().unwrap());
            }
        }
        assert_eq!(received, messages, "seed {seed}");
        while socket.closed().is_none() {
            assert!(once(socket.recv()).is_none());
        }
        while once(socket.flush()).is_none() {}
        let closed = socket.closed().unwrap();
        assert_eq!(
            (closed.code, closed.reason.as_str(), closed.by),
            (CloseCode::GOING_AWAY, "that was all", Side::Peer)
        );
        let mut expected: Vec<_> =
            pings.iter().map(|ping| format!("pong {}", String::from_utf8_lossy(ping))).collect();
        expected.push("close Some(CloseCode(1001)) ".into());
        assert_eq!(decode(socket.stream().taken.clone()), expected, "seed {seed}");
    }
}

#[tokio::test]
async fn a_send_dropped_at_every_poll_sends_all_or_nothing() {
    for seed in 0..100 {
        let mut socket = open(Stutter::new(seed, Vec::new())).await;
        let mut queued = Vec::new();
        for i in 0..200_usize {
            let text = format!("{i} {}", "x".repeat(i % 40));
            if let Some(sent) = once(socket.send(&text)) {
                sent.unwrap();
                queued.push(format!("text {text}"));
            }
        }
        assert!(queued.len() > 10 && queued.len() < 190, "some must wait: {}", queued.len());
        while once(socket.flush()).is_none() {}
        assert_eq!(decode(socket.stream().taken.clone()), queued, "seed {seed}");
    }
}

#[tokio::test]
async fn sending_and_receiving_by_turns_tears_nothing() {
    for seed in 0..100 {
        let (bytes, messages, pings) = script();
        let mut socket = open(Stutter::new(seed, bytes)).await;
        let (mut received, mut queued) = (Vec::new(), Vec::new());
        while received.len() < messages.len() {
            if let Some(message) = once(socket.recv()) {
                received.push(message.unwrap().unwrap());
            }
            let text = format!("reply {}", received.len());
            if socket.try_send(&text).is_ok() {
                queued.push(format!("text {text}"));
            }
        }
        while once(socket.flush()).is_none() {}
        assert_eq!(received, messages, "seed {seed}");
        let (pongs, texts): (Vec<_>, Vec<_>) =
            decode(socket.stream().taken.clone()).into_iter().partition(|event| event.starts_with("pong"));
        let texts: Vec<_> = texts.into_iter().filter(|event| event.starts_with("text")).collect();
        assert_eq!((texts, pongs.len()), (queued, pings.len()), "seed {seed}");
    }
}

#[tokio::test]
async fn a_close_dropped_at_every_poll_sends_one_close_frame() {
    for seed in 0..100 {
        let mut script = Vec::new();
        frame::encode(Opcode::Text, b"still on its way", None, &mut script);
        CloseFrame { code: Some(CloseCode::NORMAL), reason: "" }.encode(None, &mut script);
        let mut transport = Stutter::new(seed, script);
        // Header, masking key, code and reason.
        transport.ends_after = 2 + 4 + 2 + "bye".len();
        let mut socket = open(transport).await;
        let closed = loop {
            if let Some(closed) = once(socket.close(CloseCode::NORMAL, "bye")) {
                break closed.unwrap();
            }
        };
        assert_eq!((closed.reason.as_str(), closed.by), ("bye", Side::Local));
        assert_eq!(decode(socket.stream().taken.clone()), ["close Some(CloseCode(1000)) bye"], "seed {seed}");
    }
}

#[tokio::test]
async fn pieces_and_pongs_dropped_at_every_poll_lose_nothing() {
    for seed in 0..50 {
        let (mut bytes, messages, _) = script();
        frame::encode(Opcode::Pong, b"nobody asked", None, &mut bytes);
        let mut socket = open(Stutter::new(seed, bytes)).await;
        let (mut received, mut unfinished) = (Vec::new(), Vec::new());
        while received.len() < messages.len() {
            let piece = once(socket.recv_piece(|piece| (piece.is_text, piece.is_last, piece.bytes.to_vec())));
            let Some(piece) = piece else { continue };
            let (is_text, is_last, bytes) = piece.unwrap().unwrap();
            unfinished.extend(bytes);
            if is_last {
                let whole = std::mem::take(&mut unfinished);
                received.push(match is_text {
                    true => Message::Text(String::from_utf8(whole).unwrap()),
                    false => Message::Binary(whole),
                });
            }
        }
        assert_eq!(received, messages, "seed {seed}");

        let mut script = Vec::new();
        for i in 0..20_u8 {
            frame::encode(Opcode::Pong, &[i; 9], None, &mut script);
        }
        let mut socket = open(Stutter::new(seed, script)).await;
        for i in 0..20_u8 {
            let received = loop {
                if let Some(received) = once(socket.recv_or_pong()) {
                    break received.unwrap().unwrap();
                }
            };
            assert_eq!(received, Received::Pong(vec![i; 9]), "seed {seed}");
        }
    }
}

#[tokio::test]
async fn a_piece_or_a_wait_dropped_at_every_poll_sends_all_or_nothing() {
    for seed in 0..50 {
        let mut socket = open(Stutter::new(seed, Vec::new())).await;
        let mut sent = String::new();
        for i in 0..200_usize {
            let piece = format!("{i} {}", "x".repeat(i % 40));
            if once(socket.ready()).is_some() && once(socket.ping(b"between")).is_none() {
                while once(socket.flush()).is_none() {}
            }
            if let Some(queued) = once(socket.send_piece(&piece, false)) {
                queued.unwrap();
                sent.push_str(&piece);
            }
        }
        while once(socket.send_piece("", true)).is_none() {}
        while once(socket.flush()).is_none() {}
        let texts = decode(socket.stream().taken.clone());
        let texts: Vec<_> = texts.into_iter().filter(|event| event.starts_with("text")).collect();
        assert_eq!(texts, [format!("text {sent}")], "seed {seed}");
    }
}

/// The halves over the same transport: their task goes on whatever becomes of the futures.
#[tokio::test(start_paused = true)]
async fn halves_whose_futures_are_dropped_at_every_poll_lose_nothing() {
    for seed in 0..20 {
        let (bytes, messages, _) = script();
        let (sender, mut receiver) = open(Stutter::new(seed, bytes)).await.split();
        let (mut received, mut queued) = (Vec::new(), 0);
        while received.len() < messages.len() {
            if let Some(message) = once(receiver.recv()) {
                received.push(message.unwrap().unwrap());
            }
            if let Some(sent) = once(sender.send("x")) {
                queued += usize::from(sent.is_ok());
            }
            tokio::task::yield_now().await;
        }
        assert_eq!(received, messages, "seed {seed}");
        assert!(queued > 0, "seed {seed}");
        assert!(once(receiver.recv()).is_none_or(|end| end.unwrap().is_none()));
    }
}
