//! A WebSocket handshake at a path that is no endpoint: answered once, by the shard, and not passed to and fro between the
//! shard and the front desk.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use wavecast_server::PushServer;
use wavecast_server::config::{Overrides, load_from};

const UPGRADE: &str = "Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

fn start(settings: &[(&str, &str)]) -> PushServer {
    let mut values = vec![("http_server.port".to_owned(), "0".to_owned())];
    values.extend(settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    PushServer::start(load_from(None, [], &Overrides { values, insecure: false }).unwrap()).unwrap()
}

fn ask(stream: &mut TcpStream, request: &str) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        let length = stream.read(&mut piece).unwrap();
        assert!(length > 0, "ended early: {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&piece[..length]);
    }
    String::from_utf8(answer).unwrap()
}

#[test]
fn a_handshake_at_another_path_is_answered_404() {
    let server = start(&[]);
    let mut first = TcpStream::connect(server.address()).unwrap();
    let answer = ask(&mut first, &format!("GET /elsewhere HTTP/1.1\r\n{UPGRADE}"));
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    // The same on a connection that the front desk has, and gives back.
    let mut kept = TcpStream::connect(server.address()).unwrap();
    let answer = ask(&mut kept, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let answer = ask(&mut kept, &format!("GET /elsewhere HTTP/1.1\r\n{UPGRADE}"));
    assert!(answer.contains("HTTP/1.1 404 "), "{answer}");
    // And the endpoint itself works there.
    let mut kept = TcpStream::connect(server.address()).unwrap();
    ask(&mut kept, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let answer = ask(&mut kept, &format!("GET /connection/websocket HTTP/1.1\r\n{UPGRADE}"));
    assert!(answer.contains("HTTP/1.1 101 "), "{answer}");
}

#[test]
fn a_handshake_where_there_is_no_endpoint_is_answered_404() {
    let server = start(&[("websocket.disabled", "true"), ("http_server.address", "127.0.0.1")]);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let answer = ask(&mut stream, &format!("GET /connection/websocket HTTP/1.1\r\n{UPGRADE}"));
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
}
