//! Sessions of the push server inside streams of HTTP/2 (RFC 8441): Node's HTTP/2 directly, a browser through haproxy.

use std::collections::VecDeque;
use std::net::SocketAddr;

use serde_json::{Value, json};
use wavecast_tests::api;
use wavecast_tests::program::Program;
use wavecast_tests::proxy::Proxy;

use crate::chromium::Chromium;
use crate::end::{Ask, Deflate, End, Heard, Kind, Library as _, Opened, Say};
use crate::libraries::node;
use crate::program::Process;
use crate::reverse_proxy::{Inside, Kind as Which, Outside, ReverseProxy};

fn push_server() -> Program {
    Program::start(&json!({
        "log": { "level": "info" },
        "client": { "insecure": true },
        "http_api": { "insecure": true },
        "pages": { "enabled": true },
    }))
}

fn ask(scheme: &str, address: SocketAddr) -> Ask {
    let url = format!("{scheme}://{address}/connection/websocket");
    Ask { url, protocols: &[], who: "", deflate: Deflate::Off }
}

/// A client of the push server, above whoever speaks WebSocket for it.
struct Session<'e> {
    end: &'e mut dyn End,
    /// Of a message that held several, what comes after the first.
    waiting: VecDeque<Value>,
}

impl<'e> Session<'e> {
    fn new(end: &'e mut dyn End) -> Self {
        Self { end, waiting: VecDeque::new() }
    }

    fn say(&mut self, command: &Value) {
        self.end.say(Say::Text(&command.to_string()));
    }

    /// The next reply or push.
    fn hear(&mut self) -> Value {
        while self.waiting.is_empty() {
            match self.end.hear() {
                Heard::Text(text) => self.waiting.extend(text.lines().map(read)),
                other => panic!("{other:?} is no message"),
            }
        }
        self.waiting.pop_front().expect("one has come")
    }
}

fn read(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"))
}

/// Connects, subscribes, is told of what somebody else publishes and of what it publishes itself, and closes.
fn whole_session(end: &mut dyn End, server: SocketAddr, close: &Heard) {
    let mut session = Session::new(end);
    session.say(&json!({"id": 1, "connect": {}}));
    assert!(session.hear()["connect"]["client"].is_string());
    session.say(&json!({"id": 2, "subscribe": {"channel": "news"}}));
    assert!(session.hear()["subscribe"].is_object());
    // From a frame to many of HTTP/2, and over the window that a stream begins with.
    for length in [1, 16_384, 65_535, 200_000] {
        let data = "x".repeat(length);
        api::call(server, "publish", &json!({"channel": "news", "data": data}));
        assert_eq!(session.hear()["push"]["pub"]["data"], data);
    }
    let data = "y".repeat(40_000);
    session.say(&json!({"id": 3, "publish": {"channel": "news", "data": data}}));
    let both = [session.hear(), session.hear()];
    assert!(both.iter().any(|message| message["push"]["pub"]["data"] == data), "the publication");
    assert!(both.iter().any(|message| message["id"] == 3 && message["publish"].is_object()), "the reply");
    end.say(Say::Close(4001, "enough"));
    assert_eq!(end.hear(), *close);
}

fn node_http2() -> Process {
    Process::start(&mut node("http2.js"))
}

fn opened(end: &mut dyn End) -> Opened {
    match end.hear() {
        Heard::Open(opened) => opened,
        other => panic!("not open: {other:?}"),
    }
}

#[test]
fn node_to_the_push_server() {
    let server = push_server();
    let counter = Proxy::start(server.address());
    let mut client = node_http2();
    // One session after the other on the same connection.
    for stream in ["1", "3", "5"] {
        client.connect(&ask("ws", counter.address()));
        assert_eq!(opened(&mut client).header, stream, "the stream's number");
        let close = Heard::Close(4001, "enough".to_owned(), Some(true));
        whole_session(&mut client, server.address(), &close);
    }
    assert_eq!(counter.links(), 1);
}

#[test]
fn control_frames_and_fragments_of_node() {
    let server = push_server();
    let mut client = node_http2();
    client.connect(&ask("ws", server.address()));
    opened(&mut client);
    client.say(Say::Fragments(Kind::Text, &[br#"{"id":1,"#, b"", br#""connect":{}}"#]));
    assert!(Session::new(&mut client).hear()["connect"].is_object());
    client.say(Say::Ping(b"are you there"));
    assert_eq!(client.hear(), Heard::Pong(b"are you there".to_vec()));
    // The server's end of it: text that is none is the first thing it does not forgive.
    client.say(Say::Text("nonsense"));
    assert!(matches!(client.hear(), Heard::Close(3501, _, Some(false))));
}

#[test]
fn node_is_refused_where_there_is_nothing() {
    let server = push_server();
    let mut client = node_http2();
    let url = format!("ws://{}/elsewhere", server.address());
    client.connect(&Ask { url, ..ask("ws", server.address()) });
    assert_eq!(client.hear(), Heard::Refused(404));
    // Another stream of the same connection is not the worse for it.
    client.connect(&ask("ws", server.address()));
    assert_eq!(opened(&mut client).header, "3");
}

/// HTTP/2 all the way: in TLS to haproxy, and from there to us.
#[test]
fn chromium_through_haproxy() {
    let server = push_server();
    let counter = Proxy::start(server.address());
    let proxy = ReverseProxy::start(Which::Haproxy, Outside::Tls, Inside::Http2, counter.address());
    let close = Heard::Close(4001, "enough".to_owned(), None);
    for _ in 0..3 {
        let mut client = Chromium::Buffers.connect(&ask("wss", proxy.address()));
        opened(&mut *client);
        whole_session(&mut *client, server.address(), &close);
    }
    assert_eq!(counter.links(), 1, "haproxy has one connection with the server");
}
