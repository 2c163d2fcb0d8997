//! A server that has run out of descriptors: it waits, costs nothing meanwhile, and goes on by itself. In a process of its
//! own, because the limit is the process's.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use socket2::{Domain, Socket, Type};
use wavecast_net::MessageRef;
use wavecast_net::server::{Connection, Events, Server};
use wavecast_net::shard::Opening;

const HEAD: &str = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

struct Opened(mpsc::Sender<()>);

impl Events for Opened {
    fn open(&self, _: &mut Connection<'_>, _: &Opening<'_>) {
        self.0.send(()).unwrap();
    }

    fn message(&self, _: &mut Connection<'_>, _: MessageRef<'_>) {}
}

/// Leaves the process `left` descriptors, and nothing below them.
fn leave(left: usize) -> Rlimit {
    let before = getrlimit(Resource::Nofile);
    let mut fillers: Vec<File> = (0..64).map(|_| File::open("/dev/null").unwrap()).collect();
    let highest = std::os::fd::AsRawFd::as_raw_fd(fillers.last().unwrap()) as u64;
    setrlimit(Resource::Nofile, Rlimit { current: Some(highest + 1), maximum: before.maximum }).unwrap();
    while let Ok(file) = File::open("/dev/null") {
        fillers.push(file);
    }
    fillers.truncate(fillers.len() - left);
    fillers.into_iter().for_each(std::mem::forget);
    before
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec as u32)
}

#[test]
fn accepting_rests_without_spinning_and_goes_on_when_a_descriptor_is_free() {
    let (to, opened) = mpsc::channel();
    let server = Server::bind_with("127.0.0.1:0", 1).unwrap().start(Opened(to)).unwrap();
    let sockets: Vec<Socket> =
        (0..13).map(|_| Socket::new(Domain::IPV4, Type::STREAM, None).unwrap()).collect();
    let before = leave(3);
    let mut clients: Vec<TcpStream> = sockets
        .into_iter()
        .map(|socket| {
            // The kernel answers for the server: the connection waits to be accepted.
            socket.connect(&server.address().into()).unwrap();
            let mut stream = TcpStream::from(socket);
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            stream.write_all(HEAD.as_bytes()).unwrap();
            stream
        })
        .collect();
    for _ in 0..3 {
        opened.recv_timeout(Duration::from_secs(10)).unwrap();
    }
    assert!(opened.recv_timeout(Duration::from_millis(300)).is_err(), "no descriptor is left for a fourth");

    // It waits, and it waits quietly.
    let (began, spent) = (Instant::now(), processor_time());
    std::thread::sleep(Duration::from_millis(1500));
    let share = (processor_time() - spent).as_secs_f64() / began.elapsed().as_secs_f64();
    assert!(share < 0.05, "{share:.3} of a processor while accepting rests");

    // Who is there is served meanwhile, and who goes makes room at once, not after the pause.
    let mut waited = Vec::new();
    for client in &mut clients[..6] {
        client.write_all(b"\x88\x80\0\0\0\0").unwrap();
        let asked = Instant::now();
        opened.recv_timeout(Duration::from_secs(10)).unwrap();
        waited.push(asked.elapsed());
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).unwrap();
        assert!(rest.ends_with(b"\x88\0"), "the closing handshake is done");
    }
    // Most of them: by chance the end of a pause may be near, and a machine may be held up by others.
    waited.sort_unstable();
    assert!(waited[3] < Duration::from_millis(50), "{waited:?}");

    // Descriptors that are freed elsewhere are found within the pause.
    setrlimit(Resource::Nofile, before).unwrap();
    for _ in 0..4 {
        opened.recv_timeout(Duration::from_secs(2)).unwrap();
    }
}
