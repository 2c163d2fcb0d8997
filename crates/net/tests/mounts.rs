//! Our server inside axum and hyper: with sockets that move to a shard, and with bytes that are carried.

#![cfg(feature = "axum")]
#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::{any, get};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Request, StatusCode, Version};
use http_body_util::{BodyExt as _, Empty};
use hyper::ext::Protocol;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{self, Message as PeerMessage};
use wavecast_net::MessageRef;
use wavecast_net::client::{CloseCode, ConnectOptions, Message};
use wavecast_net::mount::{Mount, Upgrade};
use wavecast_net::server::{self, Close, Connection, Events, Opening, Running, Server, Side, Verdict};

/// Sends back what it gets; keeps who came and how they ended.
#[derive(Clone, Default)]
struct Echo(Arc<Mutex<(Vec<SocketAddr>, Vec<Side>)>>);

impl Events for Echo {
    fn request(&self, request: &mut server::Request<'_>) -> Verdict {
        if request.head.query() == Some("refuse") {
            return Verdict::refuse(403, "not you");
        }
        Verdict::with_protocols(&["chat"]).with_header("X-Node", "7")
    }

    fn open(&self, connection: &mut Connection<'_>, opening: &Opening<'_>) {
        assert_eq!(opening.head.path(), Some("/chat"));
        self.0.lock().unwrap().0.push(opening.peer);
        // Before the HTTP server has answered.
        connection.send("welcome").unwrap();
    }

    fn message(&self, connection: &mut Connection<'_>, message: MessageRef<'_>) {
        connection.send(message).unwrap();
    }

    fn close(&self, _: &mut Connection<'_>, close: &Close<'_>) {
        self.0.lock().unwrap().1.push(close.by);
    }
}

impl Echo {
    fn ends(&self, count: usize) -> Vec<Side> {
        let began = Instant::now();
        loop {
            let ends = self.0.lock().unwrap().1.clone();
            if ends.len() >= count {
                return ends;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{ends:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

async fn chat(State(shards): State<Mount>, upgrade: Upgrade) -> impl IntoResponse {
    upgrade.to(&shards).await
}

/// An axum application on a runtime of its own, with our server at `/chat`.
fn application(events: &Echo) -> (SocketAddr, Runtime, Running) {
    let running = Server::unbound(2).start(events.clone()).unwrap();
    let app = Router::new()
        .route("/chat", any(chat))
        .route("/plain", get(|| async { "plain" }))
        .route_service("/mounted", running.mount())
        .with_state(running.mount())
        .into_make_service_with_connect_info::<SocketAddr>();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move { axum::serve(TcpListener::from_std(listener).unwrap(), app).await });
    (address, runtime, running)
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>) {
    assert_eq!(socket.next().await.unwrap().unwrap(), PeerMessage::text("welcome"));
    for length in [1, 1000, 100_000] {
        let message = PeerMessage::binary(vec![7; length]);
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), message);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_moves_to_a_shard_and_outlives_the_application() {
    let events = Echo::default();
    let (address, runtime, running) = application(&events);
    let mut request = format!("ws://{address}/chat?room=1").into_client_request().unwrap();
    request.headers_mut().insert("Sec-WebSocket-Protocol", "other, chat".parse().unwrap());
    let (mut theirs, answer) = tokio_tungstenite::connect_async(request).await.unwrap();
    assert_eq!(answer.headers()["sec-websocket-protocol"], "chat");
    assert_eq!(answer.headers()["x-node"], "7");
    let tokio_tungstenite::MaybeTlsStream::Plain(stream) = theirs.get_ref() else { panic!("no TLS here") };
    let from = stream.local_addr().unwrap();
    converse(&mut theirs).await;
    let url = format!("ws://{address}/chat");
    let mut ours = ConnectOptions::new().protocol("chat").connect(&url).await.unwrap();
    assert_eq!(ours.recv().await.unwrap(), Some(Message::Text("welcome".into())));
    assert_eq!(events.0.lock().unwrap().0[0], from);
    // Nothing of the application is in between any more.
    runtime.shutdown_background();
    ours.send("still here").await.unwrap();
    assert_eq!(ours.recv().await.unwrap(), Some(Message::Text("still here".into())));
    theirs.send(PeerMessage::text("here, too")).await.unwrap();
    assert_eq!(theirs.next().await.unwrap().unwrap(), PeerMessage::text("here, too"));
    ours.close(CloseCode::NORMAL, "").await.unwrap();
    theirs.close(None).await.unwrap();
    assert_eq!(events.ends(2), [Side::Peer; 2]);
    running.drain(Duration::from_secs(5));
    running.join().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_handshake_or_is_refused_is_answered_on_a_connection_that_goes_on() {
    let events = Echo::default();
    let (address, runtime, _running) = application(&events);
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection.with_upgrades());
    let handshake = |target: &str| {
        Request::get(target)
            .header("Host", "h")
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .body(Empty::<Bytes>::new())
            .unwrap()
    };
    let plain = |target: &str| Request::get(target).header("Host", "h").body(Empty::<Bytes>::new()).unwrap();
    for (request, status, text) in [
        (plain("/plain"), 200, "plain"),
        (plain("/mounted"), 426, "this address speaks WebSocket"),
        (handshake("/chat?refuse"), 403, "not you"),
        (plain("/chat"), 426, "this address speaks WebSocket"),
        (plain("/plain"), 200, "plain"),
    ] {
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.status(), status);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(std::str::from_utf8(&body).unwrap().starts_with(text), "{body:?}");
        sender.ready().await.unwrap();
    }
    let answer = sender.send_request(handshake("/chat")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SWITCHING_PROTOCOLS);
    let upgraded = hyper::upgrade::on(answer).await.unwrap();
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, None).await;
    converse(&mut socket).await;
    runtime.shutdown_background();
}

/// The head of a handshake inside HTTP/2 (RFC 8441 §5.1).
fn stream_request(target: &str) -> Request<Empty<Bytes>> {
    Request::connect(target)
        .version(Version::HTTP_2)
        .extension(Protocol::from_static("websocket"))
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Protocol", "chat")
        .body(Empty::new())
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_inside_http_2_are_sessions_like_others() {
    let events = Echo::default();
    let (address, runtime, running) = application(&events);
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let refused =
        sender.send_request(stream_request(&format!("http://{address}/chat?refuse"))).await.unwrap();
    assert_eq!(refused.status(), 403);
    let mut sockets = Vec::new();
    for _ in 0..4 {
        let answer = sender.send_request(stream_request(&format!("http://{address}/chat"))).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["sec-websocket-protocol"], "chat");
        assert!(!answer.headers().contains_key("sec-websocket-accept"));
        assert!(!answer.headers().contains_key("connection"));
        let upgraded = hyper::upgrade::on(answer).await.unwrap();
        sockets.push(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, None).await);
    }
    for socket in &mut sockets {
        converse(socket).await;
    }
    let answer =
        sender.send_request(Request::get(format!("http://{address}/plain")).body(Empty::new()).unwrap());
    assert_eq!(answer.await.unwrap().status(), 200);
    // One that is dropped, one that closes, two that are closed.
    drop(sockets.pop());
    let mut closing = sockets.pop().unwrap();
    closing.close(None).await.unwrap();
    while closing.next().await.is_some_and(|message| message.is_ok()) {}
    let mut ends = events.ends(2);
    ends.sort_by_key(|side| *side == Side::Peer);
    assert_eq!(ends, [Side::Failure, Side::Peer]);
    running.drain(Duration::from_secs(5));
    for mut socket in sockets {
        match socket.next().await.unwrap().unwrap() {
            PeerMessage::Close(Some(frame)) => assert_eq!(u16::from(frame.code), 1001),
            other => panic!("{other:?}"),
        }
        assert!(matches!(
            socket.next().await,
            None | Some(Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::Protocol(_)))
        ));
    }
    running.join().unwrap();
    runtime.shutdown_background();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_socket_is_carried() {
    let events = Echo::default();
    let running = Server::unbound(1).start(events.clone()).unwrap();
    let (client, server) = duplex(1000);
    let shards = running.mount();
    tokio::spawn(async move {
        let service = service_fn(|mut request| {
            let upgrade = Upgrade::of(&mut request).peer("192.0.2.7:9".parse().unwrap());
            let shards = shards.clone();
            async move { Ok::<_, std::convert::Infallible>(upgrade.to(&shards).await) }
        });
        let http = hyper::server::conn::http1::Builder::new();
        http.serve_connection(TokioIo::new(server), service).with_upgrades().await.unwrap();
    });
    let (mut socket, _) = tokio_tungstenite::client_async("ws://h/chat", client).await.unwrap();
    converse(&mut socket).await;
    assert_eq!(events.0.lock().unwrap().0, ["192.0.2.7:9".parse().unwrap()]);
    socket.close(None).await.unwrap();
    while socket.next().await.is_some() {}
    assert_eq!(events.ends(1), [Side::Peer]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_that_cannot_be_completed_is_not_left_lying() {
    let events = Echo::default();
    let running = Server::unbound(1).start(events.clone()).unwrap();
    let mut request = Request::get("/chat")
        .header("Host", "h")
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .body(())
        .unwrap();
    // No HTTP server has it: there is nothing to upgrade.
    let shards = running.mount();
    assert_eq!(Upgrade::of(&mut request).to(&shards).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(events.ends(1), [Side::Failure]);
    running.drain(Duration::from_secs(1));
    running.join().unwrap();
    assert_eq!(Upgrade::of(&mut request).to(&shards).await.status(), StatusCode::SERVICE_UNAVAILABLE);
}
