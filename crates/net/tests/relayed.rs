//! Connections whose bytes do not stand in a socket of the shard's: through a relay, and from it into a socket.

#![cfg(feature = "hyper")]
#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use wavecast_net::driver::Stream;
use wavecast_net::relay::{BYTES_MAX, Outside, hand_over, pump, relay};
use wavecast_net::shard::{
    Close, ConnectionId, Connections, Detached, Handler, Opening, Remote, Side, Threads, mailbox, start,
};
use wavecast_net::websocket::{Opcode, frame};
use wavecast_net::{CloseCode, MessageRef, Options};

const HANDSHAKE: &str = "GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const SOON: Duration = Duration::from_secs(20);

/// Greets, and echoes; says what has closed.
struct Echo {
    closed: mpsc::Sender<(u16, Side)>,
    greeting: usize,
}

impl Handler for Echo {
    type Event = ();

    fn open(&mut self, connections: &mut Connections, id: ConnectionId, opening: &Opening<'_>) {
        assert_eq!(opening.head.path(), Some("/chat"));
        if self.greeting > 0 {
            connections.send(id, MessageRef::Binary(&vec![b'g'; self.greeting])).unwrap();
        }
    }

    fn message(&mut self, connections: &mut Connections, id: ConnectionId, message: MessageRef<'_>) {
        if message == MessageRef::Text("close") {
            connections.close(id, CloseCode::NORMAL, "");
        }
        connections.send(id, message).ok();
    }

    fn close(&mut self, _: &mut Connections, _: ConnectionId, close: &Close<'_>) {
        self.closed.send((close.code, close.by)).unwrap();
    }

    fn event(&mut self, _: &mut Connections, (): ()) {}
}

struct Served {
    remote: Remote<()>,
    closed: mpsc::Receiver<(u16, Side)>,
    threads: Threads,
}

fn serve(greeting: usize) -> Served {
    let options = Options { close_timeout: Duration::from_millis(300), ..Options::default() };
    let (remote, mailbox) = mailbox(&options);
    let (sender, closed) = mpsc::channel();
    let make = move |_| Echo { closed: sender.clone(), greeting };
    let threads = start(Vec::new(), vec![mailbox], &options, make).unwrap();
    Served { remote, closed, threads }
}

impl Served {
    /// A connection at the shard's door, and its end outside.
    fn connect(&self) -> Outside {
        let (inside, outside) = relay();
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let detached = Detached { stream: Stream::Relay(inside), received: HANDSHAKE.into(), peer };
        self.remote.adopt(detached).unwrap();
        outside
    }

    /// One that is pumped to and from the end it gives.
    fn pumped(&self) -> DuplexStream {
        let (client, carrier) = duplex(4096);
        tokio::spawn(pump(carrier, self.connect()));
        client
    }

    fn end(self) {
        self.remote.drain(CloseCode::GOING_AWAY, "", Duration::from_secs(5));
        self.threads.join().unwrap();
    }
}

fn masked(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::encode(opcode, payload, Some([9, 8, 7, 6]), &mut bytes);
    bytes
}

fn plain(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::encode(opcode, payload, None, &mut bytes);
    bytes
}

async fn expect(stream: &mut (impl tokio::io::AsyncRead + Unpin), expected: &[u8]) {
    let mut bytes = vec![0; expected.len()];
    timeout(SOON, stream.read_exact(&mut bytes)).await.expect("in time").unwrap();
    assert!(bytes == expected, "{} bytes, and not those expected", bytes.len());
}

async fn head(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(timeout(SOON, stream.read_u8()).await.expect("in time").unwrap());
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_lives_on_a_shard_whatever_carries_it() {
    let server = serve(0);
    let mut client = server.pumped();
    assert!(head(&mut client).await.starts_with("HTTP/1.1 101 "));
    let long = vec![b'x'; 300_000];
    for payload in [&b"one"[..], b"two", &long] {
        client.write_all(&masked(Opcode::Binary, payload)).await.unwrap();
        expect(&mut client, &plain(Opcode::Binary, payload)).await;
    }
    client.write_all(&masked(Opcode::Close, &[0x03, 0xe8])).await.unwrap();
    expect(&mut client, &plain(Opcode::Close, &[0x03, 0xe8])).await;
    assert_eq!(timeout(SOON, client.read(&mut [0; 8])).await.unwrap().unwrap(), 0);
    assert_eq!(server.closed.recv_timeout(SOON).unwrap(), (1000, Side::Peer));
    server.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_carrier_that_breaks_and_one_that_ends_are_told_once() {
    let server = serve(0);
    let mut client = server.pumped();
    head(&mut client).await;
    drop(client);
    assert_eq!(server.closed.recv_timeout(SOON).unwrap(), (1006, Side::Failure));
    let mut outside = server.connect();
    head(&mut outside).await;
    drop(outside);
    assert_eq!(server.closed.recv_timeout(SOON).unwrap(), (1006, Side::Failure));
    assert!(server.closed.recv_timeout(Duration::from_millis(50)).is_err());
    server.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_holds_the_shard_back_and_loses_nothing() {
    let greeting = 5 * BYTES_MAX;
    let server = serve(greeting);
    let mut client = server.pumped();
    head(&mut client).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    expect(&mut client, &plain(Opcode::Binary, &vec![b'g'; greeting])).await;
    client.write_all(&masked(Opcode::Text, b"after")).await.unwrap();
    expect(&mut client, &plain(Opcode::Text, b"after")).await;
    server.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_answers_no_close_is_let_go_within_the_time_for_it() {
    let server = serve(0);
    let mut client = server.pumped();
    head(&mut client).await;
    client.write_all(&masked(Opcode::Text, b"close")).await.unwrap();
    expect(&mut client, &plain(Opcode::Close, &[0x03, 0xe8])).await;
    assert_eq!(
        timeout(SOON, client.read(&mut [0; 8])).await.unwrap().unwrap(),
        0,
        "after the close time-out"
    );
    assert_eq!(server.closed.recv_timeout(SOON).unwrap(), (1000, Side::Local));
    server.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_takes_the_place_of_its_relay_and_every_byte_arrives_once() {
    for greeting in [0, 10, 4 * BYTES_MAX] {
        let server = serve(greeting);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let socket = listener.accept().await.unwrap().0;
        let outside = server.connect();
        // What a library has read with the head comes along.
        let early = masked(Opcode::Text, b"early");
        timeout(SOON, hand_over(socket, &early, outside)).await.expect("it is handed over").unwrap();
        assert!(head(&mut client).await.starts_with("HTTP/1.1 101 "));
        if greeting > 0 {
            expect(&mut client, &plain(Opcode::Binary, &vec![b'g'; greeting])).await;
        }
        expect(&mut client, &plain(Opcode::Text, b"early")).await;
        for round in 0..20u8 {
            let payload = vec![round; 1000];
            client.write_all(&masked(Opcode::Binary, &payload)).await.unwrap();
            expect(&mut client, &plain(Opcode::Binary, &payload)).await;
        }
        drop(client);
        assert_eq!(server.closed.recv_timeout(SOON).unwrap(), (1006, Side::Failure));
        server.end();
    }
}
