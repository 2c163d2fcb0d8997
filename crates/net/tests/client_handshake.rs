//! The opening handshake of the async client: what it sends, and servers that answer badly.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use wavecast_net::client::{
    self, ConnectError, ConnectOptions, ConnectStep, HandshakeError, Limits, Message, RequestError, UrlError,
};
use wavecast_net::websocket::handshake::{accept, parse_request};

/// Accepts one connection, reads a request, and lets `answer` do the rest.
fn serve(answer: impl FnOnce(&str, TcpStream) + Send + 'static) -> String {
    serve_on(TcpListener::bind("127.0.0.1:0").unwrap(), answer)
}

fn serve_on(listener: TcpListener, answer: impl FnOnce(&str, TcpStream) + Send + 'static) -> String {
    let url = format!("ws://{}/chat?room=7", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        answer(std::str::from_utf8(&request).unwrap(), stream);
    });
    url
}

/// A correct answer that may choose a sub-protocol.
fn upgrade(request: &str, protocols: &[&str]) -> Vec<u8> {
    let (head, _) = parse_request(request.as_bytes(), &Limits::DEFAULT).unwrap().unwrap();
    let mut response = Vec::new();
    accept(&head, protocols).unwrap().write(&[], &mut response).unwrap();
    response
}

async fn fails(answer: impl FnOnce(&str, TcpStream) + Send + 'static) -> ConnectError {
    let options = ConnectOptions::new().protocol("chat").handshake_timeout(Duration::from_secs(5));
    options.connect(&serve(answer)).await.expect_err("the handshake must fail")
}

#[tokio::test]
async fn the_request_carries_headers_protocols_and_the_target() {
    let url = serve(|request, mut stream| {
        assert!(request.starts_with("GET /chat?room=7 HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("\r\nAuthorization: Bearer secret\r\n"), "{request}");
        assert!(request.contains("\r\nSec-WebSocket-Protocol: chat, superchat\r\n"), "{request}");
        stream.write_all(&upgrade(request, &["superchat"])).unwrap();
        thread::sleep(Duration::from_millis(100));
    });
    let options =
        ConnectOptions::new().header("Authorization", "Bearer secret").protocol("chat").protocol("superchat");
    let socket = options.connect(&url).await.unwrap();
    assert_eq!(socket.protocol(), Some("superchat"));
    assert!(socket.stream().tcp().nodelay().unwrap());
}

#[tokio::test]
async fn a_message_that_comes_with_the_response_is_received() {
    let url = serve(|request, mut stream| {
        let mut response = upgrade(request, &[]);
        response.extend_from_slice(b"\x81\x05Hello\x88\x02\x03\xe8");
        stream.write_all(&response).unwrap();
        thread::sleep(Duration::from_millis(100));
    });
    let mut socket = client::connect(&url).await.unwrap();
    assert_eq!(socket.recv().await.unwrap(), Some(Message::Text("Hello".into())));
    assert_eq!(socket.recv().await.unwrap(), None);
}

#[tokio::test]
async fn a_response_may_come_byte_by_byte() {
    let url = serve(|request, mut stream| {
        stream.set_nodelay(true).unwrap();
        for byte in upgrade(request, &[]) {
            stream.write_all(&[byte]).unwrap();
        }
    });
    client::connect(&url).await.unwrap();
}

#[tokio::test]
async fn ipv6_literals_work() {
    // A machine without IPv6 has nothing to show here.
    let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else { return };
    let url = serve_on(listener, |request, mut stream| {
        assert!(request.contains("\r\nHost: [::1]:"), "{request}");
        stream.write_all(&upgrade(request, &[])).unwrap();
    });
    client::connect(&url).await.unwrap();
}

#[tokio::test]
async fn urls_that_cannot_work_say_why() {
    let error = client::connect("ws://user@127.0.0.1/").await.unwrap_err();
    assert!(matches!(error, ConnectError::Url(UrlError::UserInfo)));
}

#[tokio::test]
async fn headers_cannot_be_smuggled_into_the_request() {
    let url = serve(|_, _| {});
    let smuggling = ConnectOptions::new().header("X-A", "b\r\nX-Admin: yes");
    let error = smuggling.connect(&url).await.unwrap_err();
    assert!(matches!(error, ConnectError::Request(RequestError::Field(_))), "{error}");
    let error = ConnectOptions::new().protocol("a, b").connect(&url).await.unwrap_err();
    assert!(matches!(error, ConnectError::Request(_)), "{error}");
}

#[tokio::test]
async fn nobody_listening_is_a_connect_error() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = client::connect(&format!("ws://{free}/")).await.unwrap_err();
    assert!(matches!(error, ConnectError::Connect(_)), "{error}");
}

#[tokio::test]
async fn another_status_is_kept_with_the_start_of_its_body() {
    let error = fails(|_, mut stream| {
        stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nno no").unwrap();
        thread::sleep(Duration::from_millis(100));
    })
    .await;
    let ConnectError::Handshake(HandshakeError::Status(rejected)) = error else { panic!("{error}") };
    assert_eq!((rejected.status, rejected.body_start.as_slice()), (401, &b"no no"[..]));
}

#[tokio::test]
async fn a_wrong_accept_is_refused() {
    let error = fails(|request, mut stream| {
        let response = String::from_utf8(upgrade(request, &[])).unwrap();
        let at = response.find("Sec-WebSocket-Accept: ").unwrap() + "Sec-WebSocket-Accept: ".len();
        let mut response = response.into_bytes();
        response[at..at + 4].copy_from_slice(b"AAAA");
        stream.write_all(&response).unwrap();
        thread::sleep(Duration::from_millis(100));
    })
    .await;
    assert!(matches!(error, ConnectError::Handshake(HandshakeError::Accept)), "{error}");
}

#[tokio::test]
async fn a_protocol_or_extension_nobody_asked_for_is_refused() {
    for (header, expected) in [
        ("Sec-WebSocket-Protocol: other", HandshakeError::Protocol),
        ("Sec-WebSocket-Extensions: permessage-deflate", HandshakeError::Extension),
    ] {
        let error = fails(move |request, mut stream| {
            let mut response = String::from_utf8(upgrade(request, &[])).unwrap();
            response.insert_str(response.len() - 2, &format!("{header}\r\n"));
            stream.write_all(response.as_bytes()).unwrap();
            thread::sleep(Duration::from_millis(100));
        })
        .await;
        let ConnectError::Handshake(error) = error else { panic!("{error}") };
        assert_eq!(error, expected);
    }
}

#[tokio::test]
async fn a_head_without_end_is_cut_off() {
    let error = fails(|_, mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n");
        while stream.write_all(b"X-Filler: and so on and so on and so on\r\n").is_ok() {}
    })
    .await;
    assert!(matches!(error, ConnectError::Handshake(HandshakeError::Head(_))), "{error}");
}

#[tokio::test]
async fn another_protocol_and_an_early_end_are_told_apart() {
    let error = fails(|_, mut stream| {
        stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n\r\n").unwrap();
        thread::sleep(Duration::from_millis(100));
    })
    .await;
    assert!(matches!(error, ConnectError::Handshake(HandshakeError::Head(_))), "{error}");
    let error = fails(|_, mut stream| stream.write_all(b"HTTP/1.1 101 Swi").unwrap()).await;
    assert!(matches!(error, ConnectError::Io(_)), "{error}");
}

#[tokio::test]
async fn a_server_that_says_nothing_runs_into_the_time_out() {
    // Longer than the test waits: its thread ends with the process.
    let url = serve(|_, stream| {
        thread::sleep(Duration::from_secs(60));
        drop(stream);
    });
    let begin = Instant::now();
    let options = ConnectOptions::new().handshake_timeout(Duration::from_millis(100));
    let error = options.connect(&url).await.unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut(ConnectStep::Handshake)), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(20));
}
