//! TLS on shards, over real sockets and with other people's TLS: ws and wss beside each other, ends that are none, peers
//! that are slow or mean no good.

#![cfg(all(feature = "tls", feature = "client"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod certificates;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustls::version::{TLS12, TLS13};
use rustls::{ClientConnection, HandshakeKind, StreamOwned};
use wavecast_net::client::{ConnectOptions, Message, Tls};
use wavecast_net::driver::Stream;
use wavecast_net::listener::Listener;
use wavecast_net::shard::{
    Close, ConnectionError, ConnectionId, Connections, Detached, Handler, Opening, Remote, Request, Threads,
    Verdict, mailbox, start,
};
use wavecast_net::tls::{ClientAuth, Pem, ServerTls, ServerTlsOptions};
use wavecast_net::{CloseCode, MessageRef, Options};

use self::certificates::{Authority, Certified};

const HANDSHAKE: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
/// What becomes of who leaves by the side door.
type SideDoor = Arc<Mutex<Option<Box<dyn Fn(Detached) + Send>>>>;

const PATIENCE: Duration = Duration::from_secs(20);

/// Sends back what it gets; a text that is a number provokes as many bytes. What ends is told.
struct Echo {
    told: Sender<String>,
    side_door: SideDoor,
}

impl Handler for Echo {
    type Event = ();

    fn request(&mut self, request: &Request<'_>) -> Verdict {
        Verdict::from(request.head)
    }

    fn open(&mut self, _: &mut Connections, _: ConnectionId, _: &Opening<'_>) {}

    fn message(&mut self, connections: &mut Connections, id: ConnectionId, message: MessageRef<'_>) {
        match message {
            MessageRef::Text(text) if text.parse::<usize>().is_ok() => {
                let bytes: Vec<u8> = pattern(text.parse().unwrap());
                connections.send(id, MessageRef::Binary(&bytes)).unwrap();
            }
            MessageRef::Text("close") => connections.close(id, CloseCode::NORMAL, "asked to"),
            message => connections.send(id, message).unwrap(),
        }
    }

    fn error(&mut self, _: &mut Connections, _: ConnectionId, error: &ConnectionError) {
        self.told.send(format!("error: {error}")).ok();
    }

    fn close(&mut self, _: &mut Connections, _: ConnectionId, close: &Close<'_>) {
        self.told.send(format!("close: {}", close.code)).ok();
    }

    fn event(&mut self, _: &mut Connections, (): ()) {}

    fn side_door(&mut self, detached: Detached) {
        self.side_door.lock().unwrap().as_ref().unwrap()(detached);
    }
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| ((at * 31) >> 3) as u8).collect()
}

struct Served {
    authority: Authority,
    tls: ServerTls,
    plain: SocketAddr,
    secure: SocketAddr,
    told: Receiver<String>,
    side_door: SideDoor,
    remote: Remote<()>,
    threads: Threads,
}

/// One shard with two listeners, one of which speaks TLS.
fn serve(change: impl FnOnce(&Authority, &mut ServerTlsOptions, &mut Options)) -> Served {
    let authority = Authority::new("connections");
    let Certified { chain, key } = authority.server("localhost");
    let mut tls = ServerTlsOptions::new(Pem::text(&chain), Pem::text(&key));
    let mut options = Options { linger_timeout: Duration::from_millis(50), ..Options::default() };
    change(&authority, &mut tls, &mut options);
    let tls = ServerTls::new(tls).unwrap();
    let any = || Listener::tcp("127.0.0.1:0".parse().unwrap());
    let bound = [any(), any().tls(tls.clone())].map(|listener| listener.bind(1).unwrap());
    let [plain, secure] = [&bound[0], &bound[1]].map(|bound| bound.address().unwrap());
    let (remote, mailbox) = mailbox(&options);
    let (told, hears) = channel();
    let side_door = Arc::default();
    let shared = Arc::clone(&side_door);
    let make = move |_| Echo { told: told.clone(), side_door: Arc::clone(&shared) };
    let threads = start(bound.into(), vec![mailbox], &options, make).unwrap();
    Served { authority, tls, plain, secure, told: hears, side_door, remote, threads }
}

type Client = StreamOwned<ClientConnection, TcpStream>;

impl Served {
    fn end(self) {
        self.remote.drain(CloseCode::GOING_AWAY, "", Duration::from_millis(300));
        self.threads.join().unwrap();
    }

    fn tcp(&self) -> TcpStream {
        let stream = TcpStream::connect(self.secure).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn client(&self) -> Client {
        self.client_of(&Arc::new(self.authority.trusting(None, &[&TLS13])))
    }

    fn client_of(&self, config: &Arc<rustls::ClientConfig>) -> Client {
        let client = ClientConnection::new(Arc::clone(config), "localhost".try_into().unwrap()).unwrap();
        StreamOwned::new(client, self.tcp())
    }
}

fn open(stream: &mut (impl Read + Write)) {
    stream.write_all(HANDSHAKE).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend_from_slice(&byte);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
}

/// A text frame whose mask changes nothing.
fn text(text: &str) -> Vec<u8> {
    [&[0x81, 0x80 | text.len() as u8, 0, 0, 0, 0], text.as_bytes()].concat()
}

fn converse(stream: &mut (impl Read + Write)) {
    stream.write_all(&text("hi")).unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [0x81, 2, b'h', b'i']);
}

#[tokio::test(flavor = "multi_thread")]
async fn ws_and_wss_are_served_by_one_shard_to_our_own_client() {
    let served = serve(|_, _, _| {});
    let trust = Tls::trusting_pem(served.authority.pem().as_bytes()).unwrap();
    let urls = [
        format!("ws://localhost:{}/", served.plain.port()),
        format!("wss://localhost:{}/", served.secure.port()),
    ];
    for url in &urls {
        let mut socket = ConnectOptions::new().tls(trust.clone()).connect(url).await.unwrap();
        for length in [0, 1, 125, 126, 16_383, 16_384, 16_385, 65_536, 300_000] {
            let message = Message::Binary(pattern(length));
            socket.send(&message).await.unwrap();
            assert_eq!(socket.recv().await.unwrap().unwrap(), message, "{url} {length}");
        }
        socket.close(CloseCode::NORMAL, "").await.unwrap();
        assert_eq!(served.told.recv_timeout(PATIENCE).unwrap(), "close: 1000");
    }
    served.end();
}

#[test]
fn both_versions_are_spoken_and_sessions_resumed() {
    let served = serve(|_, _, _| {});
    for version in [&TLS12, &TLS13] {
        let config = Arc::new(served.authority.trusting(None, &[version]));
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut client = served.client_of(&config);
            open(&mut client);
            converse(&mut client);
            assert_eq!(client.conn.handshake_kind(), Some(expected));
        }
    }
    served.end();
}

#[test]
fn a_slow_reader_gets_every_byte_and_holds_up_nobody() {
    let served = serve(|_, _, options| options.outbox_bytes_max = 64 << 20);
    let mut slow = served.client();
    open(&mut slow);
    slow.write_all(&text("20000000")).unwrap();
    let mut other = served.client();
    open(&mut other);
    converse(&mut other);
    // It pings meanwhile, so that there is something to send that is not of the message.
    slow.conn.refresh_traffic_keys().unwrap();
    slow.flush().unwrap();
    converse(&mut other);
    let mut head = [0; 10];
    slow.read_exact(&mut head).unwrap();
    assert_eq!(head[..2], [0x82, 127]);
    let mut message = vec![0; 20_000_000];
    slow.read_exact(&mut message).unwrap();
    assert!(message == pattern(20_000_000));
    converse(&mut slow);
    served.end();
}

#[test]
fn an_end_is_clean_only_with_close_notify() {
    let served = serve(|_, _, _| {});
    // Ours: the close frame, then close_notify, then the socket's end.
    let mut client = served.client();
    open(&mut client);
    client.write_all(&text("close")).unwrap();
    let mut farewell = [0; 4];
    client.read_exact(&mut farewell).unwrap();
    assert_eq!(farewell, [0x88, 10, 3, 0xe8]);
    client.read_exact(&mut [0; 8]).unwrap();
    client.write_all(&[0x88, 0x82, 0, 0, 0, 0, 3, 0xe8]).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 0, "rustls calls an end without close_notify an error");
    assert_eq!(served.told.recv_timeout(PATIENCE).unwrap(), "close: 1000");
    // Theirs, with and without.
    for clean in [true, false] {
        let mut client = served.client();
        open(&mut client);
        converse(&mut client);
        if clean {
            client.conn.send_close_notify();
            client.conn.write_tls(&mut client.sock).unwrap();
        }
        client.sock.shutdown(Shutdown::Write).unwrap();
        let told = served.told.recv_timeout(PATIENCE).unwrap();
        let expected = if clean { "without a close frame" } else { "did not end with close_notify" };
        assert!(told.contains(expected), "{told}");
        assert_eq!(served.told.recv_timeout(PATIENCE).unwrap(), "close: 1006");
    }
    served.end();
}

#[test]
fn who_ends_instead_of_answering_our_close_frame_is_no_error_with_tls_as_without() {
    fn end(mut stream: impl Read + Write, told: &Receiver<String>, cut: impl FnOnce()) {
        open(&mut stream);
        stream.write_all(&text("close")).unwrap();
        let mut farewell = [0; 12];
        stream.read_exact(&mut farewell).unwrap();
        assert_eq!(farewell[..4], [0x88, 10, 3, 0xe8]);
        cut();
        assert_eq!(told.recv_timeout(PATIENCE).unwrap(), "close: 1000");
        assert!(told.try_recv().is_err());
    }
    let served = serve(|_, _, _| {});
    let plain = TcpStream::connect(served.plain).unwrap();
    let socket = plain.try_clone().unwrap();
    end(plain, &served.told, || socket.shutdown(Shutdown::Write).unwrap());
    let secure = served.client();
    let socket = secure.sock.try_clone().unwrap();
    // Without close_notify.
    end(secure, &served.told, || socket.shutdown(Shutdown::Write).unwrap());
    served.end();
}

#[test]
fn who_does_not_finish_a_handshake_is_let_go() {
    let served = serve(|_, _, options| options.head_timeout = Duration::from_secs(3));
    let began = Instant::now();
    let mut silent = served.tcp();
    let mut half = served.tcp();
    half.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 0xfc]).unwrap();
    let mut drip = served.tcp();
    let dripping = drip.try_clone().unwrap();
    thread::spawn(move || {
        // A record that never becomes whole, a byte at a time.
        let mut bytes = [22, 3, 1, 64, 0].into_iter().chain(std::iter::repeat(1));
        while (&dripping).write_all(&[bytes.next().unwrap()]).is_ok() {
            thread::sleep(Duration::from_millis(10));
        }
    });
    // Shaken hands, and then no request.
    let mut idle = served.client();
    while idle.conn.is_handshaking() {
        idle.conn.complete_io(&mut idle.sock).unwrap();
    }
    let mut rest = Vec::new();
    silent.read_to_end(&mut rest).unwrap();
    half.read_to_end(&mut rest).unwrap();
    // Its last bytes may find nobody any more.
    drop(drip.read_to_end(&mut rest));
    assert_eq!(rest, b"", "without keys there is nothing to say");
    idle.read_to_end(&mut rest).unwrap();
    assert!(String::from_utf8(rest).unwrap().starts_with("HTTP/1.1 408 "));
    assert!(began.elapsed() < PATIENCE);
    served.end();
}

#[test]
fn http_on_the_port_of_tls_is_told_so_and_garbage_is_not_waited_for() {
    let served = serve(|_, _, _| {});
    let mut http = served.tcp();
    http.write_all(b"GET /chat HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    http.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("https:// or wss://"), "{answer}");
    for garbage in [&[0u8; 5000][..], b"SSH-2.0-x\r\n", &[22, 3, 1, 0xff, 0xff, 0, 0]] {
        let mut stream = served.tcp();
        stream.write_all(garbage).unwrap();
        let mut answer = Vec::new();
        // A reset is an answer, too.
        drop(stream.read_to_end(&mut answer));
        assert!(answer.len() < 400, "an alert at most");
    }
    // A handshake that goes on and on.
    let mut long = served.tcp();
    let piece = [&[22, 3, 1, 0x40, 0][..], &[1; 0x4000]].concat();
    let refused = (0..1000).find_map(|_| long.write_all(&piece).err());
    let kind = refused.unwrap().kind();
    assert!(matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{kind}");
    let mut client = served.client();
    open(&mut client);
    converse(&mut client);
    served.end();
}

#[test]
fn clients_without_a_right_certificate_are_told_why() {
    let served =
        serve(|authority, tls, _| tls.client_auth = ClientAuth::Required(Pem::text(&authority.pem())));
    let other = Authority::new("somebody else");
    let (ann, eve, bob) =
        (served.authority.client("ann"), other.client("eve"), served.authority.expired_client("bob"));
    let mut client = served.client_of(&Arc::new(served.authority.trusting(Some(&ann), &[&TLS13])));
    open(&mut client);
    converse(&mut client);
    for (certified, alert) in
        [(None, "CertificateRequired"), (Some(&eve), "UnknownCA"), (Some(&bob), "CertificateExpired")]
    {
        let mut client = served.client_of(&Arc::new(served.authority.trusting(certified, &[&TLS13])));
        drop(client.write_all(HANDSHAKE));
        let error = client.read(&mut [0]).unwrap_err().to_string();
        assert!(error.contains(alert), "{error}");
    }
    served.end();
}

#[test]
fn a_connection_leaves_by_the_side_door_and_comes_back_with_its_session() {
    let served = serve(|_, _, _| {});
    let remote = served.remote.clone();
    *served.side_door.lock().unwrap() = Some(Box::new(move |mut detached: Detached| {
        // As a desk would: it answers the plain request, and takes what follows for a handshake.
        let remote = remote.clone();
        thread::spawn(move || {
            let Stream::Tls(stream) = &mut detached.stream else { panic!("not TLS: {:?}", detached.stream) };
            assert!(detached.received.starts_with(b"GET /plain "));
            let mut cipher = std::mem::take(&mut stream.unsent);
            stream.session.encrypt(b"HTTP/1.1 204 No Content\r\n\r\n", &mut cipher).unwrap();
            stream.socket.set_nonblocking(false).unwrap();
            stream.socket.write_all(&cipher).unwrap();
            let mut plain = Vec::new();
            while plain.len() < HANDSHAKE.len() / 2 {
                let (mut bytes, mut answer) = (vec![0; 4096], Vec::new());
                let length = stream.socket.read(&mut bytes).unwrap();
                stream.session.receive(&mut bytes[..length], &mut plain, &mut answer).unwrap();
            }
            detached.received = plain;
            remote.adopt(detached).unwrap();
        });
    }));
    let mut client = served.client();
    client.write_all(b"GET /plain HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    let mut answer = [0; 27];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 204 No Content\r\n\r\n");
    // In two records, so that the second is for the shard.
    let (first, second) = HANDSHAKE.split_at(HANDSHAKE.len() / 2);
    client.write_all(first).unwrap();
    client.flush().unwrap();
    client.write_all(&second[..3]).unwrap();
    client.flush().unwrap();
    thread::sleep(Duration::from_millis(20));
    client.write_all(&second[3..]).unwrap();
    client.flush().unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        head.extend_from_slice(&byte);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    converse(&mut client);
    served.end();
}

#[test]
fn what_changes_under_an_open_connection_is_not_for_it() {
    let served = serve(|_, _, _| {});
    let mut client = served.client();
    open(&mut client);
    served.tls.reload().unwrap();
    converse(&mut client);
    served.end();
}

/// OpenSSL, where it is installed, and its attempt to shake hands anew (TLS 1.2).
#[test]
fn openssl_speaks_and_may_not_renegotiate() {
    let served = serve(|_, _, _| {});
    for version in ["-tls1_2", "-tls1_3"] {
        let arguments =
            ["s_client", version, "-connect", &served.secure.to_string(), "-servername", "localhost"];
        let program = Command::new("openssl")
            .args(arguments)
            .args(["-crlf"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut program) = program else { return };
        let mut input = program.stdin.take().unwrap();
        // A line that is only `R` asks s_client for renegotiation.
        input.write_all(b"R\n").unwrap();
        thread::sleep(Duration::from_millis(300));
        drop(input.write_all(b"NONSENSE\n\n"));
        thread::sleep(Duration::from_millis(300));
        drop(input);
        let output = program.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("BEGIN CERTIFICATE"), "{text}");
    }
    let mut client = served.client();
    open(&mut client);
    converse(&mut client);
    served.end();
}

/// Replies that are long leave at once, record by record, until the socket takes no more; then the rest, and nothing twice.
#[test]
fn long_replies_to_a_peer_that_reads_late_come_once_and_whole() {
    let served = serve(|_, _, options| options.outbox_bytes_max = 64 << 20);
    let mut client = served.client();
    open(&mut client);
    for round in 0..30 {
        for length in [5000, 60_000, 127_000 + round] {
            client.write_all(&text(&length.to_string())).unwrap();
        }
    }
    client.flush().unwrap();
    thread::sleep(Duration::from_millis(100));
    for round in 0..30 {
        for length in [5000, 60_000, 127_000 + round] {
            let mut head = vec![0; if length > 65_535 { 10 } else { 4 }];
            client.read_exact(&mut head).unwrap();
            let mut message = vec![0; length];
            client.read_exact(&mut message).unwrap();
            assert!(message == pattern(length), "round {round}, {length}");
        }
    }
    served.end();
}

/// A proxy in front that passes TLS on says who the client is before it; at a listener of one shard and at a common one.
#[test]
fn a_header_of_the_proxy_protocol_stands_before_tls() {
    let authority = Authority::new("proxied");
    let Certified { chain, key } = authority.server("localhost");
    let tls = ServerTls::new(ServerTlsOptions::new(Pem::text(&chain), Pem::text(&key))).unwrap();
    let given = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for listener in [Listener::tcp("127.0.0.1:0".parse().unwrap()), given.into()] {
        let options = Options::default();
        // Two shards, of which one accepts for both where the listener was given.
        let (remotes, mailboxes): (Vec<_>, Vec<_>) = (0..2).map(|_| mailbox(&options)).unzip();
        let bound = listener.tls(tls.clone()).proxy_protocol(true).bind(2).unwrap();
        let address = bound.address().unwrap();
        let (told, _hears) = channel();
        let make = move |_| Echo { told: told.clone(), side_door: Arc::default() };
        let threads = start(vec![bound], mailboxes, &options, make).unwrap();
        for _ in 0..3 {
            let mut socket = TcpStream::connect(address).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket.write_all(b"PROXY TCP4 192.0.2.1 192.0.").unwrap();
            thread::sleep(Duration::from_millis(20));
            socket.write_all(b"2.2 1 2\r\n").unwrap();
            let config = Arc::new(authority.trusting(None, &[&TLS13]));
            let client = ClientConnection::new(config, "localhost".try_into().unwrap()).unwrap();
            let mut client = StreamOwned::new(client, socket);
            open(&mut client);
            converse(&mut client);
        }
        for remote in &remotes {
            remote.drain(CloseCode::GOING_AWAY, "", Duration::from_millis(300));
        }
        threads.join().unwrap();
    }
}
