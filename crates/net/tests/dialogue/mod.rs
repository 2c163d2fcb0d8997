//! What the tests of the server on real sockets share: clients of another implementation, and a log of what a server saw.

#![allow(dead_code, unreachable_pub, reason = "each test takes what it needs")]
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use tokio_tungstenite::tungstenite::protocol::WebSocket;
use tokio_tungstenite::tungstenite::{self, Message as Tung};

/// Longest wait of a test for what has to come.
pub const PATIENCE: Duration = Duration::from_secs(10);

pub type Client = WebSocket<TcpStream>;

/// A client at `/`.
pub fn connect(address: SocketAddr) -> Client {
    connect_to(address, "/")
}

/// A client at a path.
pub fn connect_to(address: SocketAddr, path: &str) -> Client {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    tungstenite::client(format!("ws://{address}{path}"), stream).unwrap().0
}

/// The next message, which has to be text.
pub fn text(client: &mut Client) -> String {
    loop {
        match client.read().unwrap() {
            Tung::Text(text) => return text.as_str().to_owned(),
            Tung::Ping(_) | Tung::Pong(_) => {}
            other => panic!("expected text, came {other:?}"),
        }
    }
}

/// The code and reason of the close frame that comes next.
pub fn closed(client: &mut Client) -> (u16, String) {
    loop {
        match client.read().unwrap() {
            Tung::Close(Some(frame)) => return (frame.code.into(), frame.reason.as_str().to_owned()),
            Tung::Close(None) => return (1005, String::new()),
            Tung::Ping(_) | Tung::Pong(_) => {}
            other => panic!("expected a close frame, came {other:?}"),
        }
    }
}

/// Asks for a path with fields of its own, and gives the whole head of the answer.
pub fn ask(address: SocketAddr, path: &str, fields: &str) -> (String, TcpStream) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(handshake(path, fields).as_bytes()).unwrap();
    (read_head(&mut stream), stream)
}

pub fn handshake(path: &str, fields: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{fields}\r\n"
    )
}

pub fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap() == 0 {
            break;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// What a server saw, in order.
pub struct Log<T>(mpsc::Receiver<T>);

impl<T> Log<T> {
    pub fn new() -> (mpsc::SyncSender<T>, Self) {
        let (to, log) = mpsc::sync_channel(10_000);
        (to, Self(log))
    }

    #[track_caller]
    pub fn next(&self) -> T {
        self.0.recv_timeout(PATIENCE).expect("an event within ten seconds")
    }

    /// Whether nothing more comes for a moment.
    pub fn is_quiet(&self) -> bool {
        self.0.recv_timeout(Duration::from_millis(100)).is_err()
    }
}

/// For an event that holds its shard up, as none should.
pub struct Hold {
    begun: mpsc::SyncSender<()>,
    end: Mutex<mpsc::Receiver<()>>,
}

/// Who has this knows when the shard is held up, and lets it go by dropping it.
pub struct Holder {
    begun: mpsc::Receiver<()>,
    _end: mpsc::SyncSender<()>,
}

impl Hold {
    pub fn new() -> (Self, Holder) {
        let (to, begun) = mpsc::sync_channel(1);
        let (to_end, end) = mpsc::sync_channel(1);
        (Self { begun: to, end: Mutex::new(end) }, Holder { begun, _end: to_end })
    }

    /// Blocks the event.
    pub fn wait(&self) {
        self.begun.send(()).unwrap();
        self.end.lock().unwrap().recv_timeout(PATIENCE).unwrap_err();
    }
}

impl Holder {
    /// Waits until the event blocks.
    #[track_caller]
    pub fn begun(&self) {
        self.begun.recv_timeout(PATIENCE).expect("the event within ten seconds");
    }
}
