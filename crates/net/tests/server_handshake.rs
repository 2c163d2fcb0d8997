//! What a server may say at its door: refusals, headers, sub-protocols, verdicts that come later.

#![allow(clippy::unwrap_used, reason = "events of tests, too, may fail loudly")]

mod dialogue;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use dialogue::{Hold, Holder, Log, PATIENCE, ask, handshake, read_head, text};
use wavecast_net::server::{Connection, Decision, Events, Origins, Request, Running, Server, Verdict};
use wavecast_net::shard::{Opening, Protocols};
use wavecast_net::{MessageRef, Options};

/// Decides by the path, and sends the name that it found out to whoever opens.
struct Door {
    waiting: Mutex<mpsc::SyncSender<Decision<Name>>>,
    dropped: mpsc::SyncSender<String>,
    hold: Hold,
}

#[derive(Default)]
struct Name(String, Option<mpsc::SyncSender<String>>);

impl Drop for Name {
    fn drop(&mut self) {
        if let Some(dropped) = &self.1 {
            dropped.send(self.0.clone()).ok();
        }
        assert!(self.0 != "explosive", "on purpose");
    }
}

impl Events<Name> for Door {
    fn request(&self, request: &mut Request<'_, Name>) -> Verdict {
        let name = request.query("name").map(std::borrow::Cow::into_owned);
        let name = name.or_else(|| request.cookie("name").map(str::to_owned)).unwrap_or_default();
        let dropped = self.dropped.clone();
        *request.state_mut() = Name(name, Some(dropped));
        match request.head.path().unwrap_or_default() {
            "/401" => Verdict::refuse(401, "who are you?")
                .with_header("WWW-Authenticate", "Bearer")
                .with_header("Retry-After", "5"),
            "/307" => Verdict::refuse(307, "moved").with_header("Location", "https://example.com/"),
            "/injection" => Verdict::refuse(401, "no").with_header("X", "a\r\nSet-Cookie: b=c"),
            "/fixed" => Verdict::with_protocols(&["v2", "v1"]).with_header("X-Node", "7"),
            "/echoed" => {
                let chosen: Vec<String> = request.head.offered_protocols().map(str::to_owned).collect();
                Verdict::with_protocols(chosen)
            }
            "/last" => match request.head.offered_protocols().last() {
                Some(last) => Verdict::with_protocols(Protocols::from(last)),
                None => Verdict::Upgrade,
            },
            "/origin" => Origins::new(["https://example.com"]).unwrap().check(request.head),
            "/panic" => panic!("on purpose"),
            "/later" => {
                self.waiting.lock().unwrap().send(request.later()).unwrap();
                Verdict::Later
            }
            _ => Verdict::Upgrade,
        }
    }

    fn open(&self, connection: &mut Connection<'_, Name>, _: &Opening<'_>) {
        let name = format!("hello {}", connection.state().0);
        connection.send(&name).unwrap();
    }

    fn message(&self, connection: &mut Connection<'_, Name>, message: MessageRef<'_>) {
        if message.as_text() == Some("hold") {
            self.hold.wait();
        }
        connection.send(message).unwrap();
    }
}

struct Started {
    holder: Holder,
    server: Running,
    decisions: Log<Decision<Name>>,
    dropped: Log<String>,
}

fn start(options: Options) -> Started {
    let (to, decisions) = Log::new();
    let (to_dropped, dropped) = Log::new();
    let (hold, holder) = Hold::new();
    let door = Door { waiting: Mutex::new(to), dropped: to_dropped, hold };
    let server = Server::bind_with("127.0.0.1:0", 1).unwrap().options(options).start(door).unwrap();
    Started { holder, server, decisions, dropped }
}

impl Started {
    fn address(&self) -> SocketAddr {
        self.server.address()
    }
}

/// The text of a short frame that comes next.
fn frame(stream: &mut TcpStream) -> String {
    let mut header = [0; 2];
    stream.read_exact(&mut header).unwrap();
    assert_eq!(header[0], 0x81, "a whole text message");
    let mut payload = vec![0; header[1].into()];
    stream.read_exact(&mut payload).unwrap();
    String::from_utf8(payload).unwrap()
}

#[test]
fn a_refusal_has_its_status_its_text_and_its_headers() {
    let started = start(Options::default());
    let (head, mut stream) = ask(started.address(), "/401?name=ada", "");
    assert!(head.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{head}");
    assert!(head.contains("\r\nWWW-Authenticate: Bearer\r\n") && head.contains("\r\nRetry-After: 5\r\n"));
    let mut body = String::new();
    stream.read_to_string(&mut body).unwrap();
    assert_eq!(body, "who are you?\n");
    assert_eq!(started.dropped.next(), "ada", "the state of who is refused is gone");
    let (head, _) = ask(started.address(), "/307", "");
    assert!(head.starts_with("HTTP/1.1 307 ") && head.contains("\r\nLocation: https://example.com/\r\n"));
}

#[test]
fn a_header_cannot_smuggle_another_and_a_panic_is_500() {
    let started = start(Options::default());
    for path in ["/injection", "/panic"] {
        let (head, _) = ask(started.address(), path, "");
        assert!(head.starts_with("HTTP/1.1 500 ") && !head.contains("Set-Cookie"), "{head}");
        started.dropped.next();
    }
    let (head, _) = ask(started.address(), "/", "");
    assert!(head.starts_with("HTTP/1.1 101 "), "the shard lives on");
}

#[test]
fn sub_protocols_are_fixed_or_of_the_moment() {
    let started = start(Options::default());
    let offer = "Sec-WebSocket-Protocol: v1, v2\r\nSec-WebSocket-Protocol: other\r\n";
    for (path, offer, chosen) in [
        ("/fixed", offer, Some("v2")),
        ("/fixed", "Sec-WebSocket-Protocol: v3\r\n", None),
        ("/fixed", "", None),
        ("/echoed", offer, Some("v1")),
        ("/last", offer, Some("other")),
        ("/", offer, None),
    ] {
        let (head, _) = ask(started.address(), path, offer);
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        let line = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Protocol: "));
        assert_eq!(line, chosen, "{path} {offer}");
        assert_eq!(head.contains("\r\nX-Node: 7\r\n"), path == "/fixed");
    }
}

#[test]
fn pages_of_other_origins_are_refused() {
    let started = start(Options::default());
    for (origin, status) in [("https://example.com", "101"), ("https://evil.test", "403")] {
        let (head, _) = ask(started.address(), "/origin", &format!("Origin: {origin}\r\n"));
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{origin}: {head}");
    }
}

#[test]
fn what_the_request_found_out_is_there_when_it_opens() {
    let started = start(Options::default());
    for (path, fields) in [("/?name=ada+l", ""), ("/", "Cookie: x=1; name=ada l\r\n")] {
        let (head, mut stream) = ask(started.address(), path, fields);
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert_eq!(frame(&mut stream), "hello ada l");
    }
}

#[test]
fn the_state_of_a_wrong_handshake_is_dropped() {
    let started = start(Options::default());
    let (head, _) = ask(started.address(), "/?name=bob", "Sec-WebSocket-Version: 12\r\n");
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    assert_eq!(started.dropped.next(), "bob");
}

/// Asks for `/later`, and a message right behind the head, as an eager client may.
fn ask_later(started: &Started) -> (Decision<Name>, TcpStream) {
    ask_later_as(started, "nobody")
}

fn ask_later_as(started: &Started, name: &str) -> (Decision<Name>, TcpStream) {
    let mut stream = TcpStream::connect(started.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut request = handshake(&format!("/later?name={name}"), "").into_bytes();
    request.extend_from_slice(b"\x81\x82\0\0\0\0hi");
    stream.write_all(&request).unwrap();
    (started.decisions.next(), stream)
}

#[test]
fn a_verdict_may_come_later_from_another_thread() {
    let started = start(Options::default());
    let (decision, mut stream) = ask_later(&started);
    // Meanwhile the shard serves others.
    let mut other = dialogue::connect_to(started.address(), "/?name=quick");
    assert_eq!(text(&mut other), "hello quick");
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        let dropped = None;
        decision.answer_with(Name("eve".to_owned(), dropped), Verdict::Upgrade.with_header("X-Was", "late"))
    });
    let head = read_head(&mut stream);
    assert!(head.starts_with("HTTP/1.1 101 ") && head.contains("X-Was: late"), "{head}");
    assert_eq!((frame(&mut stream), frame(&mut stream)), ("hello eve".to_owned(), "hi".to_owned()));
    assert_eq!(started.dropped.next(), "nobody", "the state before is gone");
}

#[test]
fn what_is_sent_ahead_of_a_verdict_is_kept_within_the_limit_of_a_head() {
    let mut options = Options::default();
    options.websocket.head_bytes_max = 2_000;
    let started = start(options);
    let ahead = |bytes: usize| {
        let mut stream = TcpStream::connect(started.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut request = handshake("/later?name=eager", "").into_bytes();
        for _ in 0..bytes / 106 {
            request.extend_from_slice(&[0x81, 0x80 | 100, 0, 0, 0, 0]);
            request.extend_from_slice(&[b'x'; 100]);
        }
        stream.write_all(&request).unwrap();
        (started.decisions.next(), stream)
    };
    let (decision, mut stream) = ahead(1_000);
    decision.answer(Verdict::Upgrade).unwrap();
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));
    assert_eq!(frame(&mut stream), "hello eager");
    (0..1_000 / 106).for_each(|_| assert_eq!(frame(&mut stream), "x".repeat(100)));
    let (decision, mut stream) = ahead(50_000);
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 400 "));
    assert_eq!(started.dropped.next(), "eager");
    decision.answer(Verdict::Upgrade).unwrap();
    // Once it waits it is not read from: what follows is TCP's to hold back, and comes when it is open.
    let (decision, mut stream) = ahead(0);
    std::thread::sleep(Duration::from_millis(50));
    let flood = [&[0x81, 0x80 | 100, 0, 0, 0, 0][..], &[b'y'; 100]].concat();
    (0..300).for_each(|_| stream.write_all(&flood).unwrap());
    decision.answer(Verdict::Upgrade).unwrap();
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));
    assert_eq!(frame(&mut stream), "hello eager");
    (0..300).for_each(|_| assert_eq!(frame(&mut stream), "y".repeat(100)));
}

#[test]
fn a_verdict_that_comes_later_may_refuse_or_never_come() {
    let started = start(Options { head_timeout: Duration::from_secs(3), ..Options::default() });
    let (decision, mut stream) = ask_later(&started);
    decision.answer(Verdict::refuse(403, "not you")).unwrap();
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 403 "));
    assert_eq!(started.dropped.next(), "nobody");
    let (decision, mut stream) = ask_later(&started);
    drop(decision);
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 500 "), "a decision that is dropped refuses");
    assert_eq!(started.dropped.next(), "nobody");
    let began = Instant::now();
    let (decision, mut stream) = ask_later(&started);
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 503 "), "its time is over");
    assert!(began.elapsed() >= Duration::from_millis(2_900), "{:?}", began.elapsed());
    assert_eq!(started.dropped.next(), "nobody");
    assert_eq!(decision.answer(Verdict::Upgrade), Ok(()), "too late is no error");
}

#[test]
fn who_leaves_before_the_verdict_hears_none() {
    let started = start(Options::default());
    let (decision, stream) = ask_later(&started);
    stream.shutdown(Shutdown::Both).unwrap();
    drop(stream);
    // In the same slot, perhaps: nothing of the first reaches the second.
    let mut other = dialogue::connect_to(started.address(), "/?name=other");
    assert_eq!(text(&mut other), "hello other");
    decision.answer_with(Name::default(), Verdict::Upgrade).unwrap();
    assert_eq!(started.dropped.next(), "nobody");
    other.send("still".into()).unwrap();
    assert_eq!(text(&mut other), "still");
}

#[test]
fn a_drain_refuses_who_waits_for_a_verdict() {
    let started = start(Options::default());
    let (_decision, mut stream) = ask_later(&started);
    started.server.drain(PATIENCE);
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 503 "));
    assert_eq!(started.dropped.next(), "nobody");
    drop(stream);
    started.server.join().unwrap();
}

#[test]
fn a_verdict_of_the_turn_in_which_the_drain_begins_opens_nothing() {
    let started = start(Options::default());
    let (decision, mut stream) = ask_later(&started);
    let mut other = dialogue::connect_to(started.address(), "/?name=other");
    assert_eq!(text(&mut other), "hello other");
    // Both come while the shard is busy, and are taken in one turn.
    other.send("hold".into()).unwrap();
    started.holder.begun();
    decision.answer(Verdict::Upgrade).unwrap();
    started.server.drain(PATIENCE);
    drop(started.holder);
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 503 "));
    drop((stream, other));
    let began = Instant::now();
    started.server.join().unwrap();
    assert!(began.elapsed() < PATIENCE / 2, "{:?}", began.elapsed());
}

#[test]
fn a_state_that_panics_as_it_is_replaced_costs_nobody_else_anything() {
    let started = start(Options { head_timeout: Duration::from_secs(2), ..Options::default() });
    let (decision, mut stream) = ask_later_as(&started, "explosive");
    decision.answer_with(Name("eve".to_owned(), None), Verdict::Upgrade).unwrap();
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));
    assert_eq!(frame(&mut stream), "hello eve");
    // One that comes too late, too, is dropped on the shard.
    let (decision, mut gone) = ask_later(&started);
    assert_eq!(started.dropped.next(), "explosive");
    assert!(read_head(&mut gone).starts_with("HTTP/1.1 503 "));
    assert_eq!(started.dropped.next(), "nobody");
    decision.answer_with(Name("explosive".to_owned(), None), Verdict::Upgrade).unwrap();
    let mut other = dialogue::connect_to(started.address(), "/?name=other");
    assert_eq!(text(&mut other), "hello other", "the shard lives on");
}
