//! The push server with `http_server.tls`: the API, the pages and WebSocket on one TLS connection, in turn.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use wavecast_server::config::{Overrides, load_from};
use wavecast_server::{DrainHandle, PushServer};

const HANDSHAKE: &str = "GET /connection/websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

struct Served {
    port: u16,
    certificate: String,
    drain: DrainHandle,
    joining: thread::JoinHandle<()>,
}

fn serve() -> Served {
    serve_with(&[])
}

fn serve_with(more: &[(&str, &str)]) -> Served {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (certified.cert.pem(), certified.signing_key.serialize_pem());
    let values = [
        ("http_server.address", "127.0.0.1"),
        ("http_server.port", "0"),
        ("http_server.tls.enabled", "true"),
        ("http_server.tls.cert_pem", &certificate),
        ("http_server.tls.key_pem", &key),
        ("http_api.key", "s3cret"),
        ("client.insecure", "true"),
        ("shard.count", "1"),
    ]
    .iter()
    .chain(more)
    .map(|&(key, value)| (key.to_owned(), value.to_owned()))
    .collect();
    let loaded = load_from(None, [], &Overrides { values, insecure: false }).unwrap();
    let server = PushServer::start(loaded).unwrap();
    assert!(server.is_secure());
    let (port, drain) = (server.address().port(), server.drain_handle());
    Served { port, certificate, drain, joining: thread::spawn(move || server.join().unwrap()) }
}

type Client = StreamOwned<ClientConnection, TcpStream>;

impl Served {
    fn client(&self) -> Client {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()).unwrap();
        let config =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
        let socket = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        StreamOwned::new(
            ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap(),
            socket,
        )
    }

    fn end(self) {
        self.drain.drain();
        self.joining.join().unwrap();
    }
}

/// An answer's head and body.
fn answer(client: &mut Client) -> (String, Vec<u8>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        head.extend_from_slice(&byte);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    client.read_exact(&mut body).unwrap();
    (head, body)
}

fn post(body: &str) -> String {
    let length = body.len();
    format!(
        "POST /api/publish HTTP/1.1\r\nHost: localhost\r\nX-API-Key: s3cret\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

fn frame(text: &str) -> Vec<u8> {
    assert!(text.len() < 126);
    [&[0x81, 0x80 | text.len() as u8, 0, 0, 0, 0], text.as_bytes()].concat()
}

fn message(client: &mut Client) -> String {
    let mut head = [0; 2];
    client.read_exact(&mut head).unwrap();
    assert!(head[0] == 0x81 && head[1] < 126, "{head:?}");
    let mut text = vec![0; head[1].into()];
    client.read_exact(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn api_calls_and_a_session_share_one_connection() {
    let served = serve();
    let mut client = served.client();
    client.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert!(answer(&mut client).0.starts_with("HTTP/1.1 200 "));
    for length in [1, 20_000, 1_000_000] {
        client
            .write_all(post(&format!(r#"{{"channel":"a","data":"{}"}}"#, "x".repeat(length))).as_bytes())
            .unwrap();
        let (head, body) = answer(&mut client);
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert_eq!(body, br#"{"result":{}}"#);
    }
    // The description of the API is long: an answer of several records.
    client
        .write_all(b"GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\nX-API-Key: s3cret\r\n\r\n")
        .unwrap();
    let (head, body) = answer(&mut client);
    assert!(head.starts_with("HTTP/1.1 200 ") && body.len() > 17_000, "{head} {}", body.len());
    // Back to a shard, with the session of TLS.
    client.write_all(HANDSHAKE.as_bytes()).unwrap();
    assert!(answer(&mut client).0.starts_with("HTTP/1.1 101 "));
    client.write_all(&frame(r#"{"id":1,"connect":{}}"#)).unwrap();
    assert!(message(&mut client).starts_with(r#"{"id":1,"connect":{"client":"#));
    client.write_all(&frame(r#"{"id":2,"subscribe":{"channel":"a"}}"#)).unwrap();
    assert_eq!(message(&mut client), r#"{"id":2,"subscribe":{}}"#);
    let mut publisher = served.client();
    publisher.write_all(post(r#"{"channel":"a","data":"hello"}"#).as_bytes()).unwrap();
    assert!(answer(&mut publisher).0.starts_with("HTTP/1.1 200 "));
    assert!(message(&mut client).starts_with(r#"{"push":{"channel":"a","pub":{"data":"hello""#));
    served.end();
}

#[test]
fn a_port_of_tls_says_so_to_plain_http() {
    let served = serve();
    let mut plain = TcpStream::connect(("127.0.0.1", served.port)).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    plain.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("This port speaks TLS"), "{answer}");
    served.end();
}

#[test]
fn curl_is_served() {
    let served = serve();
    let path = std::env::temp_dir().join(format!("wavecast-curl-{}.pem", std::process::id()));
    std::fs::write(&path, &served.certificate).unwrap();
    let url = format!("https://localhost:{}/health", served.port);
    let resolve = format!("localhost:{}:127.0.0.1", served.port);
    // Twice on one connection, which is kept alive in between.
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "20", "--resolve", &resolve, "--cacert"])
        .arg(&path)
        .args([&url, &url, "-w", "%{http_code} %{num_connects}\n", "-o", "/dev/null", "-o", "/dev/null"])
        .output();
    std::fs::remove_file(&path).unwrap();
    let Ok(output) = output else { return };
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(text, "200 1\n200 0\n", "{errors}");
    served.end();
}

#[test]
fn what_is_missing_or_wrong_is_named_before_the_start() {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key, other_key) =
        (certified.cert.pem(), certified.signing_key.serialize_pem(), other.signing_key.serialize_pem());
    for (values, expected) in [
        (
            vec![("cert_pem", &certificate[..])],
            "http_server.tls.key_pem: is needed by http_server.tls.enabled",
        ),
        (vec![("key_pem", &key)], "http_server.tls.cert_pem: is needed by http_server.tls.enabled"),
        (
            vec![("cert_pem", &certificate), ("key_pem", &other_key)],
            "http_server.tls.key_pem: is not the key of the",
        ),
        (vec![("cert_pem", &key), ("key_pem", &key)], "http_server.tls.cert_pem: holds no certificate"),
        (
            vec![("cert_pem", "/no/such.crt"), ("key_pem", &key)],
            "http_server.tls.cert_pem: is neither PEM, nor",
        ),
        (
            vec![("cert_pem", &certificate), ("key_pem", &key), ("client_ca_pem", "nobody")],
            "http_server.tls.client_ca_pem: is neither PEM, nor",
        ),
    ] {
        let mut values: Vec<(String, String)> = values
            .into_iter()
            .map(|(name, value)| (format!("http_server.tls.{name}"), value.to_owned()))
            .collect();
        values.push(("http_server.tls.enabled".to_owned(), "true".to_owned()));
        let error = load_from(None, [], &Overrides { values, insecure: true }).unwrap_err().to_string();
        let (key, problem) = expected.split_once(": ").unwrap();
        let named = error.lines().any(|line| line.contains(key) && line.contains(problem));
        assert!(named, "{expected}\n{error}");
        assert!(!error.contains("PRIVATE KEY-----"), "{error}");
    }
}

/// Asked for both, curl takes HTTP/2 where it is offered.
#[test]
fn http2_is_offered_where_it_is_asked_for() {
    for (offered, spoken) in [("false", "1.1"), ("true", "2")] {
        let served = serve_with(&[("http_server.tls.http2", offered)]);
        let url = format!("https://localhost:{}/health", served.port);
        let wanted =
            ["-sSk", "--max-time", "20", "--http2", "-o", "/dev/null", "-w", "%{http_version} %{http_code}"];
        match Command::new("curl").args(wanted).arg(&url).output() {
            Ok(output) => assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{spoken} 200")),
            Err(error) => eprintln!("skipped: no curl ({error})"),
        }
        served.end();
    }
}
