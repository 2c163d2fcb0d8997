//! Listeners that are one descriptor for all shards: Unix sockets, and listeners that were there before the server.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use wavecast_net::listener::{self, Bound, Listener};
use wavecast_net::shard::{
    Close, ConnectionId, Connections, Handler, Opening, Remote, Threads, mailbox, start,
};
use wavecast_net::{CloseCode, MessageRef, Options};

const HANDSHAKE: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const SHARDS: usize = 3;

/// Connections by shard, and where they came from.
type Seen = Arc<Mutex<BTreeMap<usize, Vec<SocketAddr>>>>;

/// Sends back what it gets.
struct Echo {
    shard: usize,
    seen: Seen,
}

impl Handler for Echo {
    type Event = ();

    fn open(&mut self, _: &mut Connections, _: ConnectionId, opening: &Opening<'_>) {
        self.seen.lock().unwrap().entry(self.shard).or_default().push(opening.peer);
    }

    fn message(&mut self, connections: &mut Connections, id: ConnectionId, message: MessageRef<'_>) {
        connections.send(id, message).unwrap();
    }

    fn close(&mut self, _: &mut Connections, _: ConnectionId, _: &Close<'_>) {}

    fn event(&mut self, _: &mut Connections, (): ()) {}
}

struct Served {
    seen: Seen,
    remotes: Vec<Remote<()>>,
    threads: Threads,
}

fn serve(bound: Vec<Bound>) -> Served {
    let options = Options { linger_timeout: Duration::from_millis(50), ..Options::default() };
    let (remotes, mailboxes): (Vec<_>, Vec<_>) = (0..SHARDS).map(|_| mailbox(&options)).unzip();
    let seen = Seen::default();
    let shared = Arc::clone(&seen);
    let make = move |shard| Echo { shard, seen: Arc::clone(&shared) };
    Served { seen, remotes, threads: start(bound, mailboxes, &options, make).unwrap() }
}

impl Served {
    fn end(self) {
        for remote in &self.remotes {
            remote.drain(CloseCode::GOING_AWAY, "", Duration::from_millis(300));
        }
        self.threads.join().unwrap();
    }
}

/// Opens, says something and hears it.
fn converse(mut stream: impl Read + Write) {
    stream.write_all(HANDSHAKE).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend_from_slice(&byte);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    stream.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [0x81, 2, b'h', b'i']);
}

fn unix(path: &std::path::Path) -> UnixStream {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

fn tcp(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

#[test]
fn connections_of_a_unix_socket_go_to_every_shard_and_its_file_goes_with_the_server() {
    let path = std::env::temp_dir().join(format!("wavecast-listeners-{}.sock", std::process::id()));
    let bound = Listener::unix(&path).mode(0o600).bind(SHARDS).unwrap();
    assert_eq!(bound.address(), None);
    let server = serve(vec![bound]);
    for _ in 0..4 * SHARDS {
        converse(unix(&path));
    }
    let seen = server.seen.lock().unwrap().clone();
    assert_eq!(seen.len(), SHARDS);
    assert!(seen.values().all(|peers| peers == &vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)); 4]));
    // Another server does not get it meanwhile.
    assert!(Listener::unix(&path).bind(SHARDS).is_err());
    server.end();
    assert!(!path.exists());
}

#[test]
fn given_listeners_are_dealt_out_beside_one_that_every_shard_has() {
    let given = TcpListener::bind("127.0.0.1:0").unwrap();
    let given_address = given.local_addr().unwrap();
    let path = std::env::temp_dir().join(format!("wavecast-given-{}.sock", std::process::id()));
    let given_unix = UnixListener::bind(&path).unwrap();
    let own = listener::bind("127.0.0.1:0".parse().unwrap(), SHARDS).unwrap();
    let own_address = own.address().unwrap();
    let bound = vec![
        Listener::from(given).bind(SHARDS).unwrap(),
        own,
        Listener::from(given_unix).bind(SHARDS).unwrap(),
    ];
    assert_eq!(bound[0].address(), Some(given_address));
    let server = serve(bound);
    let mut peers = Vec::new();
    for _ in 0..2 * SHARDS {
        let stream = tcp(given_address);
        peers.push(stream.local_addr().unwrap());
        converse(stream);
        converse(unix(&path));
    }
    converse(tcp(own_address));
    let seen = server.seen.lock().unwrap().clone();
    assert!(seen.len() == SHARDS && seen.values().all(|peers| peers.len() >= 4), "{seen:?}");
    let all: Vec<_> = seen.into_values().flatten().collect();
    assert!(peers.iter().all(|peer| all.contains(peer)), "where a connection comes from stays with it");
    server.end();
    assert!(path.exists(), "a file that was given stays");
    std::fs::remove_file(path).unwrap();
}

/// The part of a process that was started with a listener in its hands. By itself it does nothing.
#[test]
fn activated_child() {
    if std::env::var_os("WAVECAST_ACTIVATED").is_none() {
        return;
    }
    let given = listener::activated().unwrap();
    let bound: Vec<_> = given.into_iter().map(|listener| listener.bind(SHARDS).unwrap()).collect();
    assert_eq!(bound.len(), 2);
    assert!(bound[0].address().is_some() && bound[1].address().is_none());
    assert!(listener::activated().unwrap().is_empty(), "they are handed over once");
    let server = serve(bound);
    let began = Instant::now();
    while server.seen.lock().unwrap().values().map(Vec::len).sum::<usize>() < 2 {
        assert!(began.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(5));
    }
    server.end();
}

#[test]
fn listeners_of_a_service_manager_are_taken_over() {
    let tcp_listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp_listener.local_addr().unwrap();
    let path = std::env::temp_dir().join(format!("wavecast-activated-{}.sock", std::process::id()));
    let unix_listener = UnixListener::bind(&path).unwrap();
    // As the service manager does: descriptors from 3 on, and whose they are.
    let script = "LISTEN_PID=$$ LISTEN_FDS=2 exec \"$0\" activated_child --exact --nocapture 3<&0 4<&1 1>&2";
    let mut child = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .env("WAVECAST_ACTIVATED", "1")
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(tcp_listener)))
        .stdout(Stdio::from(std::os::fd::OwnedFd::from(unix_listener)))
        .spawn()
        .unwrap();
    // Who connects before the program is there waits for it.
    converse(tcp(address));
    converse(unix(&path));
    assert!(child.wait().unwrap().success());
    std::fs::remove_file(path).unwrap();
}
