//! The ways through a proxy: proxies of both kinds that do what they should, and others that do not.

#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod tls_peer;

use std::error::Error as _;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tls_peer::{Authority, NAME, NOW, serve};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use wavecast_net::client::{
    CloseCode, ConnectError, ConnectOptions, ConnectStep, Message, ProxyError, SocksError, Tls, WebSocket,
};

/// Accepts one connection for `talk` on a port that the kernel chooses.
async fn listen<F>(talk: impl FnOnce(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        talk(stream).await;
    });
    address
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// An HTTP proxy that knows one host, and who may ask for it.
async fn http_proxy(server: SocketAddr, credentials: Option<&'static str>) -> SocketAddr {
    listen(async move |mut stream: TcpStream| {
        let head = read_head(&mut stream).await;
        let asked = format!("CONNECT {NAME}:{} HTTP/1.1\r\n", server.port());
        assert!(head.starts_with(&asked), "{head}");
        let known =
            credentials.is_none_or(|known| head.contains(&format!("Proxy-Authorization: Basic {known}")));
        if !known {
            let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n";
            return stream.write_all(refusal).await.unwrap();
        }
        stream
            .write_all(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 Connection established\r\n\r\n")
            .await
            .unwrap();
        let mut onward = TcpStream::connect(server).await.unwrap();
        copy_bidirectional(&mut stream, &mut onward).await.ok();
    })
    .await
}

/// A SOCKS 5 proxy for one user who asks for one name.
async fn socks_proxy(server: SocketAddr) -> SocketAddr {
    listen(async move |mut stream: TcpStream| {
        let mut greeting = [0; 4];
        stream.read_exact(&mut greeting).await.unwrap();
        assert_eq!(greeting, [5, 2, 0, 2]);
        stream.write_all(&[5, 2]).await.unwrap();
        let mut proof = [0; 12];
        stream.read_exact(&mut proof).await.unwrap();
        assert_eq!(&proof, b"\x01\x03ann\x06s@cret");
        stream.write_all(&[1, 0]).await.unwrap();
        let mut request = vec![0; 5 + NAME.len() + 2];
        stream.read_exact(&mut request).await.unwrap();
        assert_eq!(&request[..5], &[5, 1, 0, 3, NAME.len() as u8]);
        assert_eq!(&request[5..5 + NAME.len()], NAME.as_bytes(), "names are resolved by the proxy");
        assert_eq!(request[5 + NAME.len()..], server.port().to_be_bytes());
        stream.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 80]).await.unwrap();
        let mut onward = TcpStream::connect(server).await.unwrap();
        copy_bidirectional(&mut stream, &mut onward).await.ok();
    })
    .await
}

/// A plain WebSocket server that sends back one connection's messages.
async fn echo_server() -> SocketAddr {
    listen(async |stream: TcpStream| {
        let mut peer = tokio_tungstenite::accept_async(stream).await.unwrap();
        while let Some(Ok(message)) = peer.next().await {
            if message.is_text() {
                peer.send(message).await.unwrap();
            }
        }
    })
    .await
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocket<S>) {
    socket.send("through the tunnel").await.unwrap();
    assert_eq!(socket.recv().await.unwrap(), Some(Message::Text("through the tunnel".into())));
    socket.close(CloseCode::NORMAL, "").await.unwrap();
}

/// What becomes of a connection through a proxy that only says `answer`.
async fn fails(scheme: &str, answer: &'static [u8]) -> ConnectError {
    let proxy = listen(async move |mut stream: TcpStream| {
        stream.write_all(answer).await.unwrap();
        sleep(Duration::from_millis(100)).await;
    })
    .await;
    let options = ConnectOptions::new().proxy(&format!("{scheme}://ann:secret@{proxy}")).unwrap();
    let error = options.connect("ws://push.test/").await.unwrap_err();
    let shown = format!("{error} {error:?} {:?} {options:?}", error.source().map(ToString::to_string));
    assert!(!shown.contains("secret"), "{shown}");
    error
}

#[tokio::test]
async fn ws_and_wss_go_through_an_http_proxy() {
    let server = echo_server().await;
    let proxy = http_proxy(server, None).await;
    let options = ConnectOptions::new().proxy(&format!("http://{proxy}")).unwrap();
    talk(options.connect(&format!("ws://{NAME}:{}/", server.port())).await.unwrap()).await;

    let authority = Authority::new("tests");
    let (server, _) = serve(authority.issue(NAME, NOW).server(None), async_echo).await;
    let proxy = http_proxy(server, Some("YW5uOnNAY3JldA==")).await;
    let options = ConnectOptions::new()
        .proxy(&format!("http://ann:s%40cret@{proxy}/"))
        .unwrap()
        .tls(Tls::trusting_pem(authority.pem().as_bytes()).unwrap());
    talk(options.connect(&tls_peer::url(server)).await.unwrap()).await;
}

async fn async_echo(mut peer: tls_peer::Peer) {
    while let Some(Ok(message)) = peer.next().await {
        if message.is_text() && peer.send(message).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn ws_and_wss_go_through_a_socks_proxy() {
    let server = echo_server().await;
    let proxy = socks_proxy(server).await;
    let options = ConnectOptions::new().proxy(&format!("socks5://ann:s%40cret@{proxy}")).unwrap();
    talk(options.connect(&format!("ws://{NAME}:{}/", server.port())).await.unwrap()).await;

    let authority = Authority::new("tests");
    let (server, _) = serve(authority.issue(NAME, NOW).server(None), async_echo).await;
    let proxy = socks_proxy(server).await;
    let options = ConnectOptions::new()
        .proxy(&format!("socks5h://ann:s%40cret@{proxy}"))
        .unwrap()
        .tls(Tls::trusting_pem(authority.pem().as_bytes()).unwrap());
    talk(options.connect(&tls_peer::url(server)).await.unwrap()).await;
}

#[tokio::test]
async fn wrong_credentials_are_named_and_not_shown() {
    let proxy = http_proxy(([127, 0, 0, 1], 80).into(), Some("other")).await;
    let options = ConnectOptions::new().proxy(&format!("http://ann:secret@{proxy}")).unwrap();
    let error = options.connect(&format!("ws://{NAME}:80/")).await.unwrap_err();
    assert!(matches!(error, ConnectError::Proxy(ProxyError::Status(407))), "{error:?}");
    assert!(error.to_string().contains("user name and password"), "{error}");
    let error = fails("socks5", &[5, 2, 1, 1]).await;
    assert!(matches!(error, ConnectError::Proxy(ProxyError::Socks(SocksError::Credentials))), "{error:?}");
}

#[tokio::test]
async fn what_a_proxy_can_answer_instead() {
    let error = fails("http", b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno").await;
    assert!(matches!(error, ConnectError::Proxy(ProxyError::Status(502))), "{error:?}");
    let error = fails("http", b"HTTP/1.1 200 OK\r\n\r\n\x81\x05Hello").await;
    assert!(matches!(error, ConnectError::Proxy(ProxyError::SpokeFirst)), "{error:?}");
    let error = fails("http", b"\x05\x00\x05\x00").await;
    assert!(matches!(error, ConnectError::Proxy(ProxyError::Head(_))), "{error:?}");
    let error = fails("http", b"HTTP/1.1 200 O").await;
    assert!(matches!(error, ConnectError::Proxy(ProxyError::Io(_))), "{error:?}");
    let error = fails("socks5", b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    assert!(matches!(error, ConnectError::Proxy(ProxyError::Socks(SocksError::Malformed))), "{error:?}");
    let error = fails("socks5", &[5, 0, 5, 5, 0, 1, 0, 0, 0, 0, 0, 0]).await;
    assert!(matches!(error, ConnectError::Proxy(ProxyError::Socks(SocksError::Reply(5)))), "{error:?}");
    assert!(error.to_string().contains("refuses"), "{error}");
}

#[tokio::test]
async fn a_head_without_end_is_cut_off() {
    let proxy = listen(async |mut stream: TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n").await.unwrap();
        while stream.write_all(b"X-Filler: and so on and so on and so on\r\n").await.is_ok() {}
    })
    .await;
    let options = ConnectOptions::new().proxy(&format!("http://{proxy}")).unwrap();
    let error = options.connect("ws://push.test/").await.unwrap_err();
    assert!(matches!(error, ConnectError::Proxy(ProxyError::Head(_))), "{error:?}");
    // Interim answers are within the same bound.
    let proxy = listen(
        async |mut stream: TcpStream| {
            while stream.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").await.is_ok() {}
        },
    )
    .await;
    let options = ConnectOptions::new().proxy(&format!("http://{proxy}")).unwrap();
    let error = options.connect("ws://push.test/").await.unwrap_err();
    assert!(matches!(error, ConnectError::Proxy(ProxyError::Status(102))), "{error:?}");
}

#[tokio::test]
async fn a_silent_proxy_runs_into_the_connect_time_out() {
    let proxy = listen(async |mut stream: TcpStream| {
        stream.read_to_end(&mut Vec::new()).await.ok();
    })
    .await;
    let options = ConnectOptions::new()
        .proxy(&format!("http://{proxy}"))
        .unwrap()
        .connect_timeout(Duration::from_millis(100));
    let error = options.connect("ws://push.test/").await.unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut(ConnectStep::Proxy)), "{error:?}");
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = ConnectOptions::new().proxy(&format!("http://{gone}")).unwrap();
    let error = error.connect("ws://push.test/").await.unwrap_err();
    assert!(matches!(error, ConnectError::Proxy(ProxyError::Connect(_))), "{error:?}");
}
