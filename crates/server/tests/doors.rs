//! What a server listens on, and whom it believes there: the internal port, the Unix socket, the PROXY protocol, and headers
//! that name a client's address.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use socket2::{Domain, Socket, Type};
use wavecast_server::config::{Overrides, load_from};
use wavecast_server::{PushServer, StartError};

const SOON: Duration = Duration::from_secs(20);
const HANDSHAKE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

fn start(more: &[(&str, &str)]) -> PushServer {
    let server = try_start(more);
    server.unwrap_or_else(|error| panic!("{error}"))
}

fn try_start(more: &[(&str, &str)]) -> Result<PushServer, StartError> {
    let values = [
        ("http_server.port", "0"),
        ("http_server.address", "127.0.0.1"),
        ("http_api.key", "s3cret"),
        ("client.insecure", "true"),
        ("pages.enabled", "true"),
        ("shard.count", "2"),
    ];
    let values = values.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let overrides = Overrides { values: values.collect(), insecure: false };
    PushServer::start(load_from(None, [], &overrides).unwrap())
}

/// Connects from one of this machine's many addresses.
fn from(source: [u8; 4], server: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
    socket.connect(&server.into()).unwrap();
    socket.into()
}

fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")
}

/// Sends a request, and reads the answer's status and its body, or what of it fits one read. 0: closed without an answer.
fn ask(stream: &mut (impl Read + Write), request: &str) -> (u16, String) {
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        let length = stream.read(&mut piece).unwrap_or(0);
        if length == 0 {
            return (0, String::from_utf8(answer).unwrap());
        }
        answer.extend_from_slice(&piece[..length]);
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    (answer[9..12].parse().unwrap(), answer)
}

fn status(server: SocketAddr, request: &str) -> u16 {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    ask(&mut stream, request).0
}

#[test]
fn the_operators_endpoints_move_to_the_internal_port_and_nothing_else_does() {
    let server = start(&[
        ("http_server.internal_port", "0"),
        ("sse.enabled", "true"),
        ("http_stream.enabled", "true"),
        ("poll.enabled", "true"),
    ]);
    let (public, internal) = (server.address(), server.internal_address().unwrap());
    assert_eq!(internal.ip(), public.ip(), "the address is that of the other port");
    let call = "POST /api/info HTTP/1.1\r\nHost: a\r\nX-API-Key: s3cret\r\nContent-Length: 2\r\n\r\n{}";
    for (request, outside, inside) in [
        (get("/health", ""), 404, 200),
        (call.to_owned(), 404, 200),
        (get("/api/openapi.json", "X-API-Key: s3cret\r\n"), 404, 200),
        (get("/", ""), 200, 404),
        (get("/connection/websocket", ""), 426, 404),
        (get("/connection/websocket", HANDSHAKE), 101, 404),
        (get("/connection/sse", ""), 400, 404),
        (get("/connection/http_stream", ""), 405, 404),
        (get("/emulation", ""), 405, 404),
        (get("/connection/poll", ""), 400, 404),
        (get("/health/live", ""), 404, 200),
        (get("/metrics", ""), 404, 200),
    ] {
        assert_eq!((status(public, &request), status(internal, &request)), (outside, inside), "{request}");
    }
    // One connection, several requests; and what is there is said.
    let mut kept = TcpStream::connect(internal).unwrap();
    for _ in 0..3 {
        assert_eq!(ask(&mut kept, &get("/health", "")).0, 200);
    }
    let (_, nothing) = ask(&mut kept, &get("/nothing", ""));
    assert!(nothing.contains("/health") && !nothing.contains("WebSocket clients"), "{nothing}");
    server.drain_handle().drain();
    assert_eq!(status(internal, &get("/health", "")), 503, "the operator sees that it drains");
    server.join().unwrap();
}

#[test]
fn the_api_may_stay_outside() {
    let server = start(&[("http_server.internal_port", "0"), ("http_api.external", "true")]);
    let request = get("/api/openapi.json", "X-API-Key: s3cret\r\n");
    assert_eq!(status(server.address(), &request), 200);
    assert_eq!(status(server.internal_address().unwrap(), &request), 404);
}

#[test]
fn clients_who_take_all_places_do_not_keep_the_operator_out() {
    let server = start(&[
        ("http_server.internal_port", "0"),
        ("http_server.connection_limit", "1"),
        ("http_server.internal_connection_limit", "2"),
    ]);
    let (public, internal) = (server.address(), server.internal_address().unwrap());
    let mut taken = TcpStream::connect(public).unwrap();
    assert_eq!(ask(&mut taken, &get("/", "")).0, 200);
    assert_eq!(status(public, &get("/", "")), 503);
    let mut first = TcpStream::connect(internal).unwrap();
    assert_eq!(ask(&mut first, &get("/health", "")).0, 200);
    // One that says nothing has a place as well.
    let _silent = TcpStream::connect(internal).unwrap();
    let until = |wanted: u16, why: &str| {
        let end = std::time::Instant::now() + SOON;
        while status(internal, &get("/health", "")) != wanted {
            assert!(std::time::Instant::now() < end, "{why}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    until(503, "both places are taken");
    drop(first);
    until(200, "a place that is free again is given out");
}

/// TLS there as at the other port, of its own, or none.
#[test]
fn the_internal_port_speaks_tls_as_it_is_told() {
    let certified = |name: &str| {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    };
    let ((chain, key), (own_chain, own_key)) = (certified("localhost"), certified("inside.test"));
    let public = [
        ("http_server.internal_port", "0"),
        ("http_server.tls.enabled", "true"),
        ("http_server.tls.cert_pem", &chain),
        ("http_server.tls.key_pem", &key),
    ];
    let own = [
        ("http_server.internal_tls.enabled", "true"),
        ("http_server.internal_tls.cert_pem", &own_chain),
        ("http_server.internal_tls.key_pem", &own_key),
    ];
    for (more, name, certificate) in [
        (&[][..], "localhost", Some(&chain)),
        (&own[..], "inside.test", Some(&own_chain)),
        (&[("http_server.tls_external", "true")][..], "", None),
    ] {
        let server = start(&[&public[..], more].concat());
        let internal = server.internal_address().unwrap();
        let Some(certificate) = certificate else {
            assert_eq!(status(internal, &get("/health", "")), 200);
            continue;
        };
        assert_eq!(status(internal, &get("/health", "")), 400, "plain HTTP is told that this is TLS");
        let mut client = secured(internal, name, certificate);
        for _ in 0..2 {
            assert_eq!(ask(&mut client, &get("/health", "")).0, 200, "{name}");
        }
    }
}

fn secured(address: SocketAddr, name: &str, certificate: &str) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    let connection = ClientConnection::new(config, name.to_owned().try_into().unwrap()).unwrap();
    StreamOwned::new(connection, socket)
}

struct SocketPath(PathBuf);

impl SocketPath {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("wavecast-doors-{}-{name}.sock", std::process::id())))
    }

    fn text(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(&self.0).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream
    }
}

#[test]
fn a_unix_socket_serves_what_the_port_serves_and_goes_with_the_server() {
    let path = SocketPath::new("serves");
    // Left behind by a server that was killed.
    drop(std::os::unix::net::UnixListener::bind(&path.0).unwrap());
    let settings = [("http_server.unix_socket", path.text()), ("http_server.unix_socket_mode", "0600")];
    let server = start(&settings);
    let mode = std::fs::metadata(&path.0).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut stream = path.connect();
    assert_eq!(ask(&mut stream, &get("/health", "")).0, 200);
    assert_eq!(ask(&mut stream, &get("/connection/websocket", HANDSHAKE)).0, 101, "and back to a shard");
    assert_eq!(status(server.address(), &get("/health", "")), 200, "the port is there as well");
    let second = try_start(&settings).err().unwrap().to_string();
    assert!(second.contains("http_server.unix_socket") && second.contains("somebody listens"), "{second}");
    server.drain_handle().drain();
    server.join().unwrap();
    assert!(!path.0.exists());
}

/// Whether a second client of an address is refused shows which address a client is counted under.
const ONE_EACH: (&str, &str) = ("client.address_connection_limit", "1");

/// Opens a WebSocket under several values of a header, each kept open, and says how each was answered.
fn opened<S: Read + Write>(mut connect: impl FnMut() -> S, header: &str, values: &[&str]) -> Vec<u16> {
    let mut open = Vec::new();
    let answers = values.iter().map(|value| {
        let mut stream = connect();
        let (status, _) =
            ask(&mut stream, &get("/connection/websocket", &format!("{HANDSHAKE}{header}: {value}\r\n")));
        open.push(stream);
        status
    });
    answers.collect()
}

#[test]
fn a_header_names_the_client_where_a_trusted_proxy_sends_it() {
    let trusted = ("http_server.trusted_proxies", "127.0.0.2/32");
    let server = start(&[ONE_EACH, trusted]);
    let values = ["192.0.2.1", "192.0.2.2", "evil, 192.0.2.1", "198.51.100.9,192.0.2.2, 127.0.0.2"];
    let proxy = || from([127, 0, 0, 2], server.address());
    assert_eq!(opened(proxy, "X-Forwarded-For", &values), [101, 101, 429, 429]);
    // From anywhere else the same words are a client's own.
    let client = || from([127, 0, 0, 1], server.address());
    assert_eq!(opened(client, "X-Forwarded-For", &values), [101, 429, 429, 429]);
    let another = || from([127, 0, 0, 2], server.address());
    assert_eq!(
        opened(another, "X-Real-IP", &["192.0.2.7", "192.0.2.8"]),
        [101, 429],
        "that one is not asked for"
    );
}

#[test]
fn the_header_can_be_another() {
    let trusted = ("http_server.trusted_proxies", "127.0.0.1");
    for (header, values) in [
        ("x-real-ip", ["192.0.2.1", "192.0.2.2", "192.0.2.1"]),
        ("forwarded", ["for=192.0.2.1", "for=\"[2001:db8::1]:80\";proto=https", "for=192.0.2.1;by=10.0.0.1"]),
    ] {
        let server = start(&[ONE_EACH, trusted, ("http_server.client_address_header", header)]);
        let proxy = || TcpStream::connect(server.address()).unwrap();
        assert_eq!(opened(proxy, header, &values), [101, 101, 429], "{header}");
    }
}

#[test]
fn a_proxy_at_the_unix_socket_is_trusted_where_the_list_says_so() {
    for (trusted, second) in [("unix", 101), ("127.0.0.1", 429)] {
        let path = SocketPath::new("trusted");
        let settings =
            [("http_server.unix_socket", path.text()), ONE_EACH, ("http_server.trusted_proxies", trusted)];
        let _server = start(&settings);
        let answers = opened(|| path.connect(), "X-Forwarded-For", &["192.0.2.1", "192.0.2.2"]);
        assert_eq!(answers, [101, second], "{trusted}");
    }
}

#[test]
fn the_proxy_protocol_is_expected_of_trusted_proxies_and_of_nobody_else() {
    let server = start(&[
        ONE_EACH,
        ("http_server.trusted_proxies", "127.0.0.2 127.0.0.3"),
        ("http_server.proxy_protocol.enabled", "true"),
    ]);
    let open = |source: [u8; 4], header: &str, fields: &str| {
        let mut stream = from(source, server.address());
        stream.set_read_timeout(Some(SOON)).unwrap();
        let request = get("/connection/websocket", &format!("{HANDSHAKE}{fields}"));
        (ask(&mut stream, &format!("{header}{request}")).0, stream)
    };
    let header = |client: Ipv4Addr| format!("PROXY TCP4 {client} 127.0.0.1 4711 80\r\n");
    let (a, b) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2));
    let first = open([127, 0, 0, 2], &header(a), "");
    let second = open([127, 0, 0, 3], &header(b), "");
    assert_eq!((first.0, second.0), (101, 101));
    assert_eq!(open([127, 0, 0, 3], &header(a), "").0, 429, "counted under the client's address");
    // Behind the header the client speaks, and its own header says nothing.
    assert_eq!(open([127, 0, 0, 3], &header(a), "X-Forwarded-For: 192.0.2.99\r\n").0, 429);
    assert_eq!(open([127, 0, 0, 2], "", "").0, 0, "a proxy that does not say it gets no answer");
    let direct = open([127, 0, 0, 1], "", "");
    assert_eq!(direct.0, 101, "who comes directly is a client");
    assert_eq!(
        open([127, 0, 0, 4], &header(b), "").0,
        505,
        "a client that writes the header sends no request"
    );
}
