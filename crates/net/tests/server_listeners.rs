//! What a server listens on, and what comes before a request: more addresses, Unix sockets, listeners that were given, the
//! PROXY protocol, the side door.

#![allow(clippy::unwrap_used, reason = "events of tests, too, may fail loudly")]

mod dialogue;

use std::io::{Read as _, Write as _};
#[cfg(target_os = "linux")]
use std::net::Ipv4Addr;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use dialogue::{Log, PATIENCE, ask, connect, handshake, read_head, text};
use tokio_tungstenite::tungstenite::Message as Tung;
use wavecast_net::driver::Stream;
use wavecast_net::listener::{Listener, Proxies};
use wavecast_net::server::{Connection, Events, Opening, Request, Server, Verdict};
use wavecast_net::shard::Detached;
use wavecast_net::{MessageRef, Options};

/// Says whom it sees: at the request, and at the opening.
struct Whoami;

impl Events<Option<SocketAddr>> for Whoami {
    fn request(&self, request: &mut Request<'_, Option<SocketAddr>>) -> Verdict {
        *request.state_mut() = Some(request.peer);
        if request.head.path() == Some("/side") { Verdict::SideDoor } else { Verdict::Upgrade }
    }

    fn open(&self, connection: &mut Connection<'_, Option<SocketAddr>>, opening: &Opening<'_>) {
        assert_eq!(*connection.state(), Some(opening.peer));
    }

    fn message(&self, connection: &mut Connection<'_, Option<SocketAddr>>, _: MessageRef<'_>) {
        let peer = connection.state().unwrap().to_string();
        connection.send(&peer).unwrap();
    }
}

fn proxied(options: Options) -> SocketAddr {
    let listener = Listener::tcp("127.0.0.1:0".parse().unwrap()).proxy_protocol(true);
    let server = Server::unbound(1).listen(listener).unwrap().options(options);
    server.start(Whoami).unwrap().address()
}

fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    header.extend([command, family, 0, body.len() as u8]);
    header.extend_from_slice(body);
    header
}

/// Sends all of it in pieces of a length, then asks whom the server sees.
fn seen_as(address: SocketAddr, header: &[u8], piece: usize) -> (String, SocketAddr) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut bytes = header.to_vec();
    bytes.extend(handshake("/", "").bytes());
    bytes.extend(b"\x81\x80\0\0\0\0");
    for piece in bytes.chunks(piece) {
        stream.write_all(piece).unwrap();
        if bytes.len() / piece.len() < 1000 && piece.len() < 20 {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));
    let mut frame = [0; 2];
    stream.read_exact(&mut frame).unwrap();
    let mut peer = vec![0; frame[1].into()];
    stream.read_exact(&mut peer).unwrap();
    (String::from_utf8(peer).unwrap(), stream.local_addr().unwrap())
}

/// The header is believed where it is expected and nowhere else: who writes one itself is refused, not served as somebody else.
#[test]
#[cfg(target_os = "linux")]
fn a_header_counts_from_the_proxies_address_alone() {
    let proxies = Proxies::at(|address| address.ip() == Ipv4Addr::new(127, 0, 0, 2));
    let listener = Listener::tcp("127.0.0.1:0".parse().unwrap()).proxy_protocol_from(proxies);
    let address = Server::unbound(1).listen(listener).unwrap().start(Whoami).unwrap().address();
    let from = |source: [u8; 4], header: &str| {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
        socket.connect(&address.into()).unwrap();
        let mut stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(header.as_bytes()).unwrap();
        stream.write_all(handshake("/", "").bytes().collect::<Vec<_>>().as_slice()).unwrap();
        // What is closed without an answer has an empty head.
        let mut first = [0; 12];
        let length = stream.read(&mut first).unwrap_or(0);
        String::from_utf8_lossy(&first[..length]).into_owned()
    };
    let header = "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n";
    assert_eq!(from([127, 0, 0, 2], header), "HTTP/1.1 101");
    assert_eq!(from([127, 0, 0, 2], ""), "", "the proxy has to say whom it serves");
    assert_eq!(from([127, 0, 0, 1], ""), "HTTP/1.1 101");
    assert_eq!(from([127, 0, 0, 1], header), "HTTP/1.1 505", "a request line that is none");
}

#[test]
fn the_client_of_a_proxy_is_who_the_proxy_says() {
    let address = proxied(Options::default());
    let v4 = [192, 0, 2, 1, 192, 0, 2, 2, 0xdc, 0x04, 0x01, 0xbb];
    let with_tlv = [&v4[..], &[3, 0, 4, 1, 2, 3, 4]].concat();
    for (header, client) in [
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n".to_vec(), Some("192.0.2.1:56324")),
        (b"PROXY TCP6 2001:db8::1 ::1 7 443\r\n".to_vec(), Some("[2001:db8::1]:7")),
        (b"PROXY UNKNOWN\r\n".to_vec(), None),
        (v2(0x21, 0x11, &v4), Some("192.0.2.1:56324")),
        (v2(0x21, 0x11, &with_tlv), Some("192.0.2.1:56324")),
        (v2(0x20, 0, &[]), None),
        (v2(0x21, 0x31, &[0; 216]), None),
    ] {
        for piece in [usize::MAX, 7, 1] {
            let (seen, own) = seen_as(address, &header, piece);
            assert_eq!(seen, client.map_or(own.to_string(), str::to_owned), "{header:?} by {piece}");
        }
    }
}

#[test]
fn without_the_header_nothing_is_answered() {
    let address = proxied(Options { head_timeout: Duration::from_secs(4), ..Options::default() });
    for (bytes, waits) in [
        (handshake("/", "").into_bytes(), false),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\n".to_vec(), false),
        (v2(0x31, 0x11, &[0; 12]), false),
        (b"PROXY TCP4 192.0".to_vec(), true),
    ] {
        let began = Instant::now();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&bytes).unwrap();
        let mut answer = Vec::new();
        // A reset is an end, too.
        stream.read_to_end(&mut answer).ok();
        assert_eq!(answer, b"", "{bytes:?}");
        assert_eq!(began.elapsed() >= Duration::from_secs(3), waits, "{bytes:?}");
    }
}

#[test]
fn one_server_listens_in_several_places() {
    let given = TcpListener::bind("127.0.0.1:0").unwrap();
    let given_address = given.local_addr().unwrap();
    let server = Server::bind_with("127.0.0.1:0", 2)
        .unwrap()
        .listen(Listener::tcp("127.0.0.1:0".parse().unwrap()))
        .unwrap()
        .listen(given.into())
        .unwrap();
    let addresses: Vec<_> = server.addresses().collect();
    assert_eq!((addresses.len(), addresses[0], addresses[2]), (3, server.address(), given_address));
    let server = server.start(Whoami).unwrap();
    for address in &addresses {
        for _ in 0..4 {
            let mut client = connect(*address);
            client.send(Tung::text("who?")).unwrap();
            assert_eq!(text(&mut client), client.get_ref().local_addr().unwrap().to_string());
        }
    }
    server.drain(PATIENCE);
    server.join().unwrap();
    for address in addresses {
        assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
    }
}

#[cfg(unix)]
#[test]
fn a_unix_socket_serves_the_same_events() {
    use std::os::unix::net::UnixStream;
    let path = std::env::temp_dir().join(format!("wavecast-{}.sock", std::process::id()));
    let server = Server::unbound(2).listen(Listener::unix(&path).mode(0o600)).unwrap();
    assert_eq!((server.addresses().count(), server.address().port()), (0, 0));
    let server = server.start(Whoami).unwrap();
    for _ in 0..4 {
        let stream = UnixStream::connect(&path).unwrap();
        let mut client = tokio_tungstenite::tungstenite::client("ws://localhost/", stream).unwrap().0;
        client.send(Tung::text("who?")).unwrap();
        assert_eq!(client.read().unwrap(), Tung::text("0.0.0.0:0"), "who connects has no address");
    }
    server.drain(PATIENCE);
    server.join().unwrap();
    assert!(!path.exists(), "the file goes with the server");
}

#[test]
fn what_asks_for_no_websocket_leaves_by_the_side_door() {
    let (to, left): (mpsc::SyncSender<Detached>, _) = Log::new();
    let server =
        Server::bind_with("127.0.0.1:0", 1).unwrap().side_door(move |detached| to.send(detached).unwrap());
    let server = server.start(Whoami).unwrap();
    let plain = b"GET /index.html HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec();
    for request in [plain, handshake("/side", "").into_bytes()] {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.write_all(&request).unwrap();
        let Detached { stream: socket, received, peer, .. } = left.next();
        assert_eq!((received, peer), (request, stream.local_addr().unwrap()));
        let Stream::Tcp(mut socket) = socket else { panic!("it came in by TCP") };
        socket.write_all(b"bye").unwrap();
        drop(socket);
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "bye");
    }
    let (head, _) = ask(server.address(), "/", "");
    assert!(head.starts_with("HTTP/1.1 101 "));
    // Without a side door such a request is refused.
    let server = Server::bind_with("127.0.0.1:0", 1).unwrap().start(Whoami).unwrap();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 426 "));
}
