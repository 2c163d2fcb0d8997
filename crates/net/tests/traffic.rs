//! What a server counts, seen from another thread while it runs.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use wavecast_net::listener::Listener;
use wavecast_net::shard::{self, Close, ConnectionId, Connections, Handler, Opening, Traffic};
use wavecast_net::{CloseCode, MessageRef, Options};

/// Sends back what it is sent.
struct Echo;

impl Handler for Echo {
    type Event = ();

    fn open(&mut self, _: &mut Connections, _: ConnectionId, _: &Opening<'_>) {}

    fn message(&mut self, connections: &mut Connections, id: ConnectionId, message: MessageRef<'_>) {
        connections.send(id, message).unwrap();
    }

    fn close(&mut self, _: &mut Connections, _: ConnectionId, _: &Close<'_>) {}

    fn event(&mut self, _: &mut Connections, (): ()) {}
}

const HANDSHAKE: &str = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/// "Hello" with a mask of zeros.
const HELLO: &[u8] = b"\x81\x85\0\0\0\0Hello";

#[test]
fn what_passes_is_counted_once() {
    let options = Options { head_timeout: Duration::from_secs(2), ..Options::default() };
    let (remote, mailbox) = shard::mailbox(&options);
    let bound = Listener::tcp("127.0.0.1:0".parse().unwrap()).bind(1).unwrap();
    let address = bound.address().unwrap();
    let threads = shard::start(vec![bound], vec![mailbox], &options, |_| Echo).unwrap();
    let until = |is_so: &dyn Fn(&Traffic) -> bool| {
        let given_up = Instant::now() + Duration::from_secs(10);
        loop {
            let traffic = remote.traffic();
            if is_so(&traffic) {
                return traffic;
            }
            assert!(Instant::now() < given_up, "{traffic:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    };

    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(HANDSHAKE.as_bytes()).unwrap();
    let mut answer = vec![0; 1024];
    let length = client.read(&mut answer).unwrap();
    client.write_all(HELLO).unwrap();
    client.read_exact(&mut answer[..7]).unwrap();
    let traffic = until(&|traffic| traffic.open == 1 && traffic.bytes_out == length as u64 + 7);
    assert_eq!((traffic.accepted, traffic.connections, traffic.sends), (1, 1, 2));
    assert_eq!(traffic.bytes_in, (HANDSHAKE.len() + HELLO.len()) as u64);
    assert!(traffic.turns > 0 && traffic.busy_ns > 0 && traffic.turns_within.iter().sum::<u64>() > 0);

    // No head, another protocol, and a handshake that lacks its key.
    let _silent = TcpStream::connect(address).unwrap();
    let mut wrong = TcpStream::connect(address).unwrap();
    wrong.write_all(b"\x16\x03\x01 is no HTTP\r\n\r\n").unwrap();
    let mut keyless = TcpStream::connect(address).unwrap();
    keyless.write_all(HANDSHAKE.replace("Sec-WebSocket-Key", "Key").as_bytes()).unwrap();
    let refused = |t: &Traffic| (t.refused_late, t.refused_head, t.refused_handshake);
    let traffic = until(&|traffic| refused(traffic) == (1, 1, 1));
    assert_eq!((traffic.accepted, traffic.open, traffic.refused_full), (4, 1, 0));

    drop(client);
    until(&|traffic| traffic.open == 0);
    assert_eq!(remote.waiting(), 0);
    remote.drain(CloseCode::GOING_AWAY, "", Duration::from_secs(5));
    threads.join().unwrap();
}
