//! Peers that are slow, quick, rude or half gone, on real sockets: what the kernel has a say in.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use wavecast_net::MessageRef;
use wavecast_net::driver::Stream;
use wavecast_net::shard::{
    Close, ConnectionId, Connections, Detached, Handler, Opening, Remote, Request, Threads, Verdict, mailbox,
    start,
};
use wavecast_net::websocket::{Opcode, frame};
use wavecast_net::{CloseCode, Options, listener};

const HEAD: &str = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// Echoes; "burst" is answered with many messages; plain requests leave by the side door.
struct Echo {
    ends: mpsc::Sender<u16>,
    leaves: mpsc::Sender<Detached>,
}

const BURST: usize = 3000;

fn burst_message(n: usize) -> Vec<u8> {
    vec![n as u8; if n.is_multiple_of(100) { 200_000 } else { n % 700 }]
}

impl Handler for Echo {
    type Event = ();

    fn request(&mut self, &Request { head, .. }: &Request<'_>) -> Verdict {
        if head.path() == Some("/refuse") {
            return Verdict::Refuse { status: 403, reason: "x".repeat(100) };
        }
        Verdict::from(head)
    }

    fn open(&mut self, _: &mut Connections, _: ConnectionId, _: &Opening<'_>) {}

    fn message(&mut self, connections: &mut Connections, id: ConnectionId, message: MessageRef<'_>) {
        if message == MessageRef::Text("burst") {
            for n in 0..BURST {
                connections.send(id, MessageRef::Binary(&burst_message(n))).unwrap();
            }
        } else {
            connections.send(id, message).ok();
        }
    }

    fn close(&mut self, _: &mut Connections, _: ConnectionId, close: &Close<'_>) {
        self.ends.send(close.code).ok();
    }

    fn event(&mut self, _: &mut Connections, (): ()) {}

    fn side_door(&mut self, detached: Detached) {
        self.leaves.send(detached).unwrap();
    }
}

struct Running {
    address: SocketAddr,
    remote: Remote<()>,
    ends: mpsc::Receiver<u16>,
    leaves: mpsc::Receiver<Detached>,
    threads: Threads,
}

/// One shard, so that whoever is starved is starved by the others of the test.
fn serve(options: &Options) -> Running {
    let bound = listener::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let address = bound.address().unwrap();
    let (remote, mailbox) = mailbox(options);
    let ((ends_to, ends), (leaves_to, leaves)) = (mpsc::channel(), mpsc::channel());
    let make = move |_| Echo { ends: ends_to.clone(), leaves: leaves_to.clone() };
    let threads = start(vec![bound], vec![mailbox], options, make).unwrap();
    Running { address, remote, ends, leaves, threads }
}

fn connect(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.write_all(HEAD.as_bytes()).unwrap();
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));
    stream
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn masked(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::encode(opcode, payload, Some([9, 8, 7, 6]), &mut bytes);
    bytes
}

/// Reads one frame of a server: opcode and payload.
fn read_frame(stream: &mut impl Read) -> std::io::Result<(u8, Vec<u8>)> {
    let mut header = [0; 2];
    stream.read_exact(&mut header)?;
    let length = match header[1] {
        126 => {
            let mut length = [0; 2];
            stream.read_exact(&mut length)?;
            u16::from_be_bytes(length).into()
        }
        127 => {
            let mut length = [0; 8];
            stream.read_exact(&mut length)?;
            u64::from_be_bytes(length) as usize
        }
        length => length.into(),
    };
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload)?;
    Ok((header[0] & 15, payload))
}

#[test]
fn who_sends_faster_than_it_reads_is_held_back_and_not_cut_off() {
    let server = serve(&Options::default());
    let mut stream = connect(server.address);
    const MESSAGES: usize = 400_000;
    let one = masked(Opcode::Binary, b"12");
    let mut writer = stream.try_clone().unwrap();
    let writing = std::thread::spawn(move || {
        let many = one.repeat(10_000);
        for _ in 0..MESSAGES / 10_000 {
            writer.write_all(&many).unwrap();
        }
    });
    // The kernel's buffers are full of unread messages before the first echo is read.
    std::thread::sleep(Duration::from_millis(300));
    let mut echoes = std::io::BufReader::with_capacity(1 << 20, &mut stream);
    for n in 0..MESSAGES {
        let frame = read_frame(&mut echoes).unwrap();
        assert_eq!(frame, (2, b"12".to_vec()), "echo {n}");
    }
    writing.join().unwrap();
}

#[test]
fn who_sends_without_pause_does_not_starve_the_others() {
    let server = serve(&Options::default());
    let mut rude = connect(server.address);
    rude.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
    let (stop, stopped) = mpsc::channel::<()>();
    let writing = std::thread::spawn(move || {
        // Unfinished messages: much to read, nothing to answer.
        let mut part = masked(Opcode::Binary, &[0; 60_000]);
        part[0] &= 0x7f;
        rude.write_all(&part).unwrap();
        part[0] = 0;
        let mut sent = 0u64;
        while stopped.try_recv().is_err() && sent < 250 {
            rude.write_all(&part).unwrap();
            sent += 1;
        }
        rude
    });
    let mut polite = connect(server.address);
    let began = Instant::now();
    for n in 0..50 {
        let text = format!("{n}");
        polite.write_all(&masked(Opcode::Text, text.as_bytes())).unwrap();
        assert_eq!(read_frame(&mut polite).unwrap(), (1, text.into_bytes()));
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    stop.send(()).ok();
    drop(writing.join().unwrap());
}

#[test]
fn last_words_arrive_although_much_was_left_unread() {
    let server = serve(&Options::default());
    let mut stream = connect(server.address);
    let mut bytes = b"\x81\x02hi".to_vec();
    bytes.resize(3_000_000, 0);
    stream.write_all(&bytes).unwrap();
    let (opcode, payload) = read_frame(&mut stream).unwrap();
    assert_eq!((opcode, &payload[..2]), (8, &1002u16.to_be_bytes()[..]));
    assert_eq!(server.ends.recv_timeout(Duration::from_secs(5)), Ok(1002));
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "and then an orderly end");
}

#[test]
fn a_refusal_arrives_although_a_body_was_left_unread() {
    let server = serve(&Options::default());
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(HEAD.replace("GET / ", "GET /refuse ").as_bytes()).unwrap();
    stream.write_all(&vec![b'b'; 1_000_000]).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.ends_with("xxx\n"), "{answer}");
}

#[test]
fn a_slow_reader_gets_every_byte_of_a_burst() {
    let server = serve(&Options { outbox_bytes_max: 64 << 20, ..Options::default() });
    let mut stream = connect(server.address);
    stream.write_all(&masked(Opcode::Text, b"burst")).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    for n in 0..BURST {
        assert_eq!(read_frame(&mut stream).unwrap(), (2, burst_message(n)), "message {n}");
        if n % 300 == 0 {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    stream.write_all(&masked(Opcode::Close, &[3, 232])).unwrap();
    assert_eq!(read_frame(&mut stream).unwrap().0, 8);
    assert_eq!(server.ends.recv_timeout(Duration::from_secs(5)), Ok(1000));
}

#[test]
fn a_close_with_its_end_behind_it_is_answered() {
    let server = serve(&Options::default());
    for _ in 0..50 {
        let mut stream = connect(server.address);
        let mut bytes = masked(Opcode::Text, b"last");
        bytes.extend(masked(Opcode::Close, &[0x0f, 0xa1]));
        stream.write_all(&bytes).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_frame(&mut stream).unwrap(), (1, b"last".to_vec()));
        assert_eq!(read_frame(&mut stream).unwrap(), (8, vec![0x0f, 0xa1]));
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
        assert_eq!(server.ends.recv_timeout(Duration::from_secs(5)), Ok(4001));
    }
}

#[test]
fn a_socket_takes_every_byte_through_the_side_door_and_back() {
    let server = serve(&Options::default());
    for round in 0..20 {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut request = b"POST /api HTTP/1.1\r\nHost: h\r\n\r\n".to_vec();
        request.extend((0..100_000u32).map(|n| (n % 251) as u8));
        let mut writer = stream.try_clone().unwrap();
        let sent = request.clone();
        let writing = std::thread::spawn(move || {
            for piece in sent.chunks(1 + round * 997) {
                writer.write_all(piece).unwrap();
            }
        });
        let Detached { stream: Stream::Tcp(mut socket), mut received, peer } =
            server.leaves.recv_timeout(Duration::from_secs(10)).unwrap()
        else {
            panic!("a socket came in")
        };
        socket.set_nonblocking(false).unwrap();
        let mut buffer = [0; 10_000];
        while received.len() < request.len() {
            let count = socket.read(&mut buffer).unwrap();
            assert!(count > 0);
            received.extend_from_slice(&buffer[..count]);
        }
        writing.join().unwrap();
        assert!(received == request, "round {round}");
        // And back: with a handshake and the first message already read.
        let mut received = HEAD.as_bytes().to_vec();
        received.extend(masked(Opcode::Text, b"one"));
        server.remote.adopt(Detached { stream: socket.into(), received, peer }).unwrap();
        stream.write_all(&masked(Opcode::Text, b"two")).unwrap();
        assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));
        assert_eq!(read_frame(&mut stream).unwrap(), (1, b"one".to_vec()));
        assert_eq!(read_frame(&mut stream).unwrap(), (1, b"two".to_vec()));
    }
}

#[test]
fn a_drain_ends_in_time_whatever_the_peers_do() {
    let server = serve(&Options::default());
    let mut silent = connect(server.address);
    let mut polite = connect(server.address);
    let _half = TcpStream::connect(server.address).unwrap().write_all(b"GET /");
    let mut deaf = connect(server.address);
    deaf.write_all(&masked(Opcode::Binary, &vec![0; 900_000])).unwrap();
    // Resets in the midst of it all.
    drop(connect(server.address));
    assert!(server.remote.drain(CloseCode::GOING_AWAY, "bye", Duration::from_secs(2)));
    assert_eq!(read_frame(&mut polite).unwrap().0, 8);
    polite.write_all(&masked(Opcode::Close, &[3, 233])).unwrap();
    let began = Instant::now();
    server.threads.join().unwrap();
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    let mut ends: Vec<u16> = server.ends.iter().collect();
    ends.sort_unstable();
    assert_eq!(&ends[..3], [1001; 3], "{ends:?}");
    assert_eq!(read_frame(&mut silent).unwrap().0, 8);
    assert!(matches!(silent.read(&mut [0]), Ok(0) | Err(_)));
    assert_eq!(TcpStream::connect(server.address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn a_server_that_cannot_start_wholly_does_not_listen_at_all() {
    let bound = listener::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let address = bound.address().unwrap();
    let options = Options::default();
    let ((ends, _), (leaves, _)) = (mpsc::channel(), mpsc::channel());
    let make = move |_| Echo { ends: ends.clone(), leaves: leaves.clone() };
    assert_eq!(start(vec![bound], vec![], &options, make).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(TcpStream::connect(address).is_err());
}
