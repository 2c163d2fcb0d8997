//! Call-backs, and the client that connects again: it does so when it should, and stops when and where it is told to.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as PeerMessage;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use wavecast_net::MessageRef;
use wavecast_net::client::{
    Cause, CloseCode, Closed, ConnectError, ConnectOptions, Ended, Error, Events, Opened, Reconnect, Retry,
    SendError, Sender, Side, Verdict,
};

type Peer = WebSocketStream<TcpStream>;

/// Writes down each event in a line; closes in the event whose line begins like `closes_in`.
struct Diary {
    lines: mpsc::UnboundedSender<String>,
    closes_in: &'static str,
}

impl Diary {
    fn new(closes_in: &'static str) -> (Self, mpsc::UnboundedReceiver<String>) {
        let (lines, read) = mpsc::unbounded_channel();
        (Self { lines, closes_in }, read)
    }

    fn write(&self, sender: &Sender, line: String) {
        if !self.closes_in.is_empty() && line.starts_with(self.closes_in) {
            sender.close(CloseCode::NORMAL, "enough");
        }
        self.lines.send(line).ok();
    }
}

impl Events for Diary {
    fn open(&mut self, sender: &Sender, opened: &Opened<'_>) {
        self.write(sender, format!("open {}", opened.attempt));
    }

    fn message(&mut self, sender: &Sender, message: MessageRef<'_>) {
        self.write(sender, format!("message {}", message.as_text().unwrap_or("binary")));
    }

    fn pong(&mut self, sender: &Sender, payload: &[u8]) {
        self.write(sender, format!("pong {}", String::from_utf8_lossy(payload)));
    }

    fn close(&mut self, sender: &Sender, closed: &Closed) {
        self.write(sender, format!("close {} {:?}", closed.code, closed.by));
    }

    fn error(&mut self, sender: &Sender, error: &Error) {
        let kind = match error {
            Error::Connect(_) => "connect",
            _ => "receive",
        };
        self.write(sender, format!("error {kind}"));
    }

    fn retry(&mut self, sender: &Sender, retry: &Retry) {
        self.write(sender, format!("retry {}", retry.attempt));
    }
}

/// A server that does to its n-th connection what `talk` does.
async fn serve<F>(talk: impl Fn(u32, TcpStream) -> F + Send + 'static) -> (String, SocketAddr)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for n in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(talk(n, stream));
        }
    });
    (format!("ws://{address}/"), address)
}

async fn accept(stream: TcpStream) -> Peer {
    tokio_tungstenite::accept_async(stream).await.unwrap()
}

async fn close(peer: &mut Peer, code: u16) {
    peer.close(Some(CloseFrame { code: code.into(), reason: "".into() })).await.ok();
    while peer.next().await.is_some_and(|message| message.is_ok()) {}
}

async fn answer(mut stream: TcpStream, answer: &str) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
    stream.write_all(answer.as_bytes()).await.unwrap();
}

fn quick() -> Reconnect {
    let options = ConnectOptions::new().connect_timeout(Duration::from_secs(5));
    Reconnect::new(options).delays(Duration::from_millis(2), Duration::from_millis(20)).jitter_seed(7)
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), future).await.expect("it takes too long")
}

fn read(mut lines: mpsc::UnboundedReceiver<String>) -> Vec<String> {
    std::iter::from_fn(|| lines.try_recv().ok()).collect()
}

#[tokio::test]
async fn the_four_events_come_in_their_order_and_a_client_may_close_in_each() {
    for (closes_in, code, by) in
        [("message", CloseCode::NORMAL, Side::Local), ("", CloseCode::GOING_AWAY, Side::Peer)]
    {
        let (url, _) = serve(async |_, stream| {
            let mut peer = accept(stream).await;
            peer.send("hello".into()).await.unwrap();
            sleep(Duration::from_millis(100)).await;
            close(&mut peer, 1001).await;
        })
        .await;
        let (diary, lines) = Diary::new(closes_in);
        let ended = soon(ConnectOptions::new().run(&url, diary)).await;
        let Ended::Closed(closed) = ended else { panic!("{ended:?}") };
        assert_eq!((closed.code, closed.by), (code, by));
        assert_eq!(
            read(lines),
            ["open 0".to_owned(), "message hello".into(), format!("close {code} {by:?}")]
        );
    }
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (diary, lines) = Diary::new("");
    let ended = soon(ConnectOptions::new().run(&format!("ws://{gone}/"), diary)).await;
    assert!(matches!(ended, Ended::Refused(ConnectError::Connect(_))), "{ended:?}");
    assert_eq!(read(lines), ["error connect"]);
}

#[tokio::test]
async fn what_an_event_sends_goes_out_and_pongs_are_told() {
    struct Talkative(mpsc::UnboundedSender<String>);
    impl Events for Talkative {
        fn open(&mut self, sender: &Sender, _: &Opened<'_>) {
            for i in 0..100 {
                sender.try_send(&i.to_string()).unwrap();
            }
            sender.ping(b"are you there?").unwrap();
        }

        fn message(&mut self, sender: &Sender, message: MessageRef<'_>) {
            if message.as_text() == Some("99") {
                sender.close(CloseCode::NORMAL, "");
            }
        }

        fn pong(&mut self, _: &Sender, payload: &[u8]) {
            self.0.send(String::from_utf8_lossy(payload).into_owned()).unwrap();
        }
    }
    let (url, _) = serve(async |_, stream| {
        let mut peer = accept(stream).await;
        for i in 0..100 {
            assert_eq!(peer.next().await.unwrap().unwrap(), PeerMessage::text(i.to_string()));
        }
        assert!(peer.next().await.unwrap().unwrap().is_ping());
        peer.flush().await.unwrap();
        peer.send("99".into()).await.unwrap();
        while peer.next().await.is_some() {}
    })
    .await;
    let (told, pongs) = mpsc::unbounded_channel();
    soon(ConnectOptions::new().run(&url, Talkative(told))).await;
    assert_eq!(read(pongs), ["are you there?"]);
}

#[tokio::test]
async fn it_connects_again_until_the_server_says_that_this_makes_no_sense() {
    let (url, _) = serve(async |n, stream| match n {
        0 => drop(stream),
        1 => answer(stream, "HTTP/1.1 503 Service Unavailable\r\n\r\n").await,
        2 => drop(accept(stream).await),
        3 => close(&mut accept(stream).await, 1012).await,
        _ => close(&mut accept(stream).await, 1008).await,
    })
    .await;
    let (diary, lines) = Diary::new("");
    let ended = soon(quick().run(&url, diary)).await;
    let Ended::Closed(closed) = ended else { panic!("{ended:?}") };
    assert_eq!(closed.code, CloseCode::POLICY_VIOLATION);
    let expected = [
        "error connect",
        "retry 1",
        "error connect",
        "retry 2",
        "open 2",
        "error receive",
        "close 1006 Peer",
        "retry 3",
        "open 3",
        "close 1012 Peer",
        "retry 4",
        "open 4",
        "close 1008 Peer",
    ];
    assert_eq!(read(lines), expected);

    let (url, _) = serve(async |_, stream| answer(stream, "HTTP/1.1 401 Unauthorized\r\n\r\n").await).await;
    let (diary, lines) = Diary::new("");
    let ended = soon(quick().run(&url, diary)).await;
    assert!(matches!(ended, Ended::Refused(ConnectError::Handshake(_))), "{ended:?}");
    assert_eq!(read(lines), ["error connect"]);
}

#[tokio::test]
async fn attempts_have_a_bound_that_a_stable_connection_renews_and_a_rule_of_ones_own() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (diary, lines) = Diary::new("");
    let ended = soon(quick().attempts_max(2).run(&format!("ws://{gone}/"), diary)).await;
    assert!(matches!(ended, Ended::Refused(ConnectError::Connect(_))), "{ended:?}");
    assert_eq!(read(lines), ["error connect", "retry 1", "error connect", "retry 2", "error connect"]);

    let (url, _) = serve(async |_, stream| {
        let mut peer = accept(stream).await;
        sleep(Duration::from_secs(1)).await;
        close(&mut peer, 1001).await;
    })
    .await;
    let (diary, mut lines) = Diary::new("");
    let sender = quick().attempts_max(1).stable_after(Duration::from_millis(50)).start(&url, diary);
    for expected in ["open 0", "close 1001 Peer", "retry 1", "open 1", "close 1001 Peer", "retry 1", "open 1"]
    {
        assert_eq!(soon(lines.recv()).await.unwrap(), expected);
    }
    sender.close(CloseCode::NORMAL, "");
    soon(sender.ended()).await.unwrap();

    let (url, _) =
        serve(async |n, stream| close(&mut accept(stream).await, if n < 2 { 1008 } else { 1001 }).await)
            .await;
    let own = quick().decide(|cause| match cause {
        Cause::Closed(closed) if closed.code == CloseCode::POLICY_VIOLATION => Verdict::Retry,
        _ => Verdict::Stop,
    });
    let ended = soon(own.run(&url, Diary::new("").0)).await;
    assert!(matches!(&ended, Ended::Closed(closed) if closed.code == CloseCode::GOING_AWAY), "{ended:?}");
}

#[tokio::test]
async fn it_stops_in_whichever_event_it_is_told_to() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for closes_in in ["open", "message", "error receive", "close", "retry 1", "error connect", "retry 3"] {
        let mut url = format!("ws://{gone}/");
        if !matches!(closes_in, "error connect" | "retry 3") {
            url = serve(async |_, stream| {
                let mut peer = accept(stream).await;
                peer.send("hello".into()).await.unwrap();
                timeout(Duration::from_millis(50), async { while peer.next().await.is_some() {} }).await.ok();
            })
            .await
            .0;
        }
        let (diary, lines) = Diary::new(closes_in);
        let ended = soon(quick().run(&url, diary)).await;
        let lines = read(lines);
        let at = lines.iter().position(|line| line.starts_with(closes_in)).unwrap();
        let after: Vec<&str> = lines[at + 1..].iter().map(|line| &line[..5]).collect();
        let allowed: &[&str] = match closes_in {
            "open" => &["messa", "close"],
            "message" | "error receive" => &["close"],
            _ => &[],
        };
        assert!(after.iter().all(|line| allowed.contains(line)), "{closes_in}: {lines:?}");
        match closes_in {
            "retry 1" | "retry 3" => assert!(matches!(ended, Ended::Stopped), "{closes_in}: {ended:?}"),
            "error connect" => assert!(matches!(ended, Ended::Refused(_)), "{closes_in}: {ended:?}"),
            _ => assert!(matches!(ended, Ended::Closed(_)), "{closes_in}: {ended:?}"),
        }
    }
}

#[tokio::test]
async fn it_stops_at_once_while_it_waits_connects_or_shakes_hands() {
    // While it waits: a server that wants to be left alone for a minute.
    let (url, _) = serve(async |_, stream| {
        answer(stream, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 60\r\n\r\n").await;
    })
    .await;
    let (diary, mut lines) = Diary::new("");
    let sender = quick().start(&url, diary);
    assert_eq!(soon(lines.recv()).await.unwrap(), "error connect");
    assert_eq!(soon(lines.recv()).await.unwrap(), "retry 1");
    let began = Instant::now();
    let waiting = tokio::spawn({
        let sender = sender.clone();
        async move { sender.send(&"x".repeat(70_000)).await }
    });
    sleep(Duration::from_millis(20)).await;
    sender.close(CloseCode::NORMAL, "");
    sender.close(CloseCode::GOING_AWAY, "a second time does nothing");
    assert_eq!(soon(sender.ended()).await, None);
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(waiting.await.unwrap().is_ok() || sender.is_closed());
    assert!(matches!(sender.send("x").await, Err(SendError::Closed)));

    // While a resolver, or a server, says nothing.
    let silent = ConnectOptions::new().resolver(|_, _| std::future::pending());
    let sender = Reconnect::new(silent).start("ws://push.test/", Diary::new("").0);
    sleep(Duration::from_millis(20)).await;
    sender.close(CloseCode::NORMAL, "");
    assert_eq!(soon(sender.ended()).await, None);
    let (url, _) = serve(async |_, mut stream: TcpStream| {
        stream.read_to_end(&mut Vec::new()).await.ok();
    })
    .await;
    let sender = quick().start(&url, Diary::new("").0);
    sleep(Duration::from_millis(50)).await;
    sender.close(CloseCode::NORMAL, "");
    assert_eq!(soon(sender.ended()).await, None);
}

#[tokio::test]
async fn what_waits_goes_out_through_the_next_connection_in_its_order_and_once() {
    let (url, _) = serve(async |n, stream| {
        if n < 3 {
            return drop(stream);
        }
        let mut peer = accept(stream).await;
        for i in 0..50 {
            assert_eq!(peer.next().await.unwrap().unwrap(), PeerMessage::text(i.to_string()));
        }
        peer.send("all".into()).await.unwrap();
        while peer.next().await.is_some() {}
    })
    .await;
    let (diary, mut lines) = Diary::new("message all");
    let sender = quick().start(&url, diary);
    for i in 0..50 {
        sender.send(&i.to_string()).await.unwrap();
    }
    while soon(lines.recv()).await.unwrap() != "message all" {}
    assert_eq!(soon(sender.ended()).await.unwrap().by, Side::Local);
}

#[tokio::test]
async fn a_queue_without_a_connection_has_its_bound() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let options = ConnectOptions::new().outbox_bytes_max(1_000).send_timeout(Duration::from_millis(50));
    let sender = Reconnect::new(options).start(&format!("ws://{gone}/"), Diary::new("").0);
    let mut taken = 0;
    while sender.try_send("0123456789").is_ok() {
        taken += 1;
        assert!(taken < 100);
    }
    assert_eq!(taken, 1_000 / 42);
    assert!(matches!(sender.send("0123456789").await, Err(SendError::TimedOut)));
    sender.close(CloseCode::NORMAL, "");
    assert_eq!(soon(sender.ended()).await, None);
}

#[tokio::test]
async fn a_server_that_falls_silent_is_left_for_a_new_connection() {
    let (url, _) = serve(async |n, stream| {
        let mut peer = accept(stream).await;
        if n == 0 {
            sleep(Duration::from_secs(30)).await;
        }
        peer.send("alive".into()).await.unwrap();
        while peer.next().await.is_some() {}
    })
    .await;
    let options = ConnectOptions::new().keep_alive(Duration::from_millis(50), Duration::from_millis(100));
    let (diary, lines) = Diary::new("message alive");
    let client = Reconnect::new(options).delays(Duration::from_millis(1), Duration::from_millis(2));
    soon(client.run(&url, diary)).await;
    let expected = [
        "open 0",
        "error receive",
        "close 1006 Peer",
        "retry 1",
        "open 1",
        "message alive",
        "close 1000 Local",
    ];
    assert_eq!(read(lines), expected);
}

#[tokio::test]
async fn a_run_that_is_dropped_ends_its_connection_and_says_so_to_its_handles() {
    struct Keep(mpsc::UnboundedSender<Sender>);
    impl Events for Keep {
        fn open(&mut self, sender: &Sender, _: &Opened<'_>) {
            self.0.send(sender.clone()).unwrap();
        }

        fn message(&mut self, _: &Sender, _: MessageRef<'_>) {}
    }
    let (ends, mut ended) = mpsc::unbounded_channel();
    let (url, _) = serve(move |_, stream| {
        let ends = ends.clone();
        async move {
            let mut peer = accept(stream).await;
            while peer.next().await.is_some_and(|message| message.is_ok()) {}
            ends.send(()).unwrap();
        }
    })
    .await;
    let (kept, mut senders) = mpsc::unbounded_channel();
    let run = tokio::spawn(async move { quick().run(&url, Keep(kept)).await });
    let sender = soon(senders.recv()).await.unwrap();
    run.abort();
    assert!(soon(run).await.unwrap_err().is_cancelled());
    soon(ended.recv()).await.unwrap();
    assert!(matches!(sender.send("late").await, Err(SendError::Closed)));
    assert!(sender.is_closed());
    assert_eq!(soon(sender.ended()).await, None);
}
