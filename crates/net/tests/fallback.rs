//! An axum application behind our server: one port, and connections that go there and come back.

#![cfg(feature = "axum")]
#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::{get, post};
use wavecast_net::MessageRef;
use wavecast_net::server::{Connection, Events, Opening, Running, Server};

struct Echo;

impl Events for Echo {
    fn open(&self, connection: &mut Connection<'_>, opening: &Opening<'_>) {
        connection.send(&format!("welcome {}", opening.peer)).unwrap();
    }

    fn message(&self, connection: &mut Connection<'_>, message: MessageRef<'_>) {
        connection.send(message).unwrap();
    }
}

/// The server, on a runtime that ends with it.
struct Served {
    running: Running,
    runtime: tokio::runtime::Runtime,
}

fn serve() -> Served {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let app = Router::new()
        .route("/who", get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() }))
        .route("/say", post(|words: String| async move { words.to_uppercase() }));
    let server = {
        let _entered = runtime.enter();
        Server::bind_with("127.0.0.1:0", 2).unwrap().fallback(app).unwrap()
    };
    Served { running: server.start(Echo).unwrap(), runtime }
}

fn connect(served: &Served) -> TcpStream {
    let stream = TcpStream::connect(served.running.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

fn ask(stream: &mut TcpStream, request: &str) -> (String, String) {
    stream.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend_from_slice(&byte);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

const HANDSHAKE: &str = "GET /chat HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

fn converse(stream: &mut TcpStream) {
    let welcome = message(stream);
    assert_eq!(welcome, format!("welcome {}", stream.local_addr().unwrap()));
    stream.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).unwrap();
    assert_eq!(message(stream), "hi");
}

fn message(stream: &mut TcpStream) -> String {
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    assert!(head[0] == 0x81 && head[1] < 126, "{head:?}");
    let mut text = vec![0; head[1].into()];
    stream.read_exact(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn requests_go_to_the_application_and_a_handshake_comes_back_from_there() {
    let served = serve();
    let mut stream = connect(&served);
    let (head, body) = ask(&mut stream, "GET /who HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert_eq!(body, stream.local_addr().unwrap().to_string());
    let (_, body) =
        ask(&mut stream, "POST /say HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(body, "HELLO");
    let (head, _) = ask(&mut stream, "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(head.starts_with("http/1.1 404 "), "{head}");
    let (head, _) = ask(&mut stream, HANDSHAKE);
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    converse(&mut stream);
    // It lives on a shard: the application may go.
    served.runtime.shutdown_background();
    stream.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'o']).unwrap();
    assert_eq!(message(&mut stream), "ho");
    served.running.drain(Duration::from_secs(1));
    served.running.join().unwrap();
}

#[test]
fn a_handshake_never_sees_the_application_and_a_wrong_one_is_judged_by_a_shard() {
    let served = serve();
    let mut stream = connect(&served);
    assert!(ask(&mut stream, HANDSHAKE).0.starts_with("http/1.1 101 "));
    converse(&mut stream);
    // Behind a plain request, too.
    let mut stream = connect(&served);
    assert!(ask(&mut stream, "GET /who HTTP/1.1\r\nHost: localhost\r\n\r\n").0.starts_with("http/1.1 200 "));
    let wrong = HANDSHAKE.replace("Version: 13", "Version: 12");
    let (head, _) = ask(&mut stream, &wrong);
    assert!(head.starts_with("http/1.1 426 ") && head.contains("sec-websocket-version: 13"), "{head}");
    served.running.drain(Duration::from_secs(1));
    served.running.join().unwrap();
}

#[test]
fn a_drain_ends_connections_that_are_with_the_application() {
    let served = serve();
    let mut stream = connect(&served);
    assert!(ask(&mut stream, "GET /who HTTP/1.1\r\nHost: localhost\r\n\r\n").0.starts_with("http/1.1 200 "));
    served.running.drain(Duration::from_secs(1));
    served.running.join().unwrap();
    assert_eq!(stream.read(&mut [0; 16]).unwrap(), 0, "the connection rests, and is closed");
}

#[test]
fn without_a_runtime_there_is_no_fallback() {
    let refused = Server::bind_with("127.0.0.1:0", 1).unwrap().fallback(Router::new());
    assert!(refused.is_err_and(|error| error.to_string().contains("runtime")));
}
