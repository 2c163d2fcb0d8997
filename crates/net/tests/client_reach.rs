//! From a name to a connection: own resolvers, several addresses, Unix sockets, options of TCP.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use wavecast_net::client::{ADDRESSES_MAX, ConnectError, ConnectOptions, ConnectStep};

/// Accepts WebSockets on a port that the kernel chooses, and keeps them.
async fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            keep(listener.accept().await.unwrap().0);
        }
    });
    address
}

fn keep(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    tokio::spawn(async move {
        let peer = tokio_tungstenite::accept_async(stream).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        drop(peer);
    });
}

/// An address where nobody answers: its queue of connections that wait to be accepted is full.
struct Silent {
    address: SocketAddr,
    _listener: socket2::Socket,
    _waiting: Vec<std::net::TcpStream>,
}

fn silent() -> Silent {
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let soon = Duration::from_millis(50);
    let waiting = (0..4).map_while(|_| std::net::TcpStream::connect_timeout(&address, soon).ok()).collect();
    Silent { address, _listener: listener, _waiting: waiting }
}

fn at(addresses: &[SocketAddr]) -> ConnectOptions {
    let addresses = addresses.to_vec();
    ConnectOptions::new().resolver(move |_, _| std::future::ready(Ok(addresses.clone())))
}

#[tokio::test]
async fn a_resolver_is_asked_for_the_host_of_the_url() {
    let server = server().await;
    let options = ConnectOptions::new().resolver(move |host, port| async move {
        assert_eq!((host.as_str(), port), ("nowhere.test", 7));
        Ok(vec![server])
    });
    let socket = options.connect("ws://nowhere.test:7/").await.unwrap();
    assert_eq!(socket.stream().tcp().peer_addr().unwrap(), server);
    let failing = ConnectOptions::new().resolver(|_, _| async { Err(io::Error::other("no such name")) });
    let error = failing.connect("ws://nowhere.test/").await.unwrap_err();
    assert!(matches!(&error, ConnectError::Resolve(cause) if cause.to_string() == "no such name"), "{error}");
    let error = at(&[]).connect("ws://nowhere.test/").await.unwrap_err();
    assert!(matches!(error, ConnectError::Resolve(_)), "{error}");
    let stuck = ConnectOptions::new()
        .connect_timeout(Duration::from_millis(50))
        .resolver(|_, _| std::future::pending());
    let error = stuck.connect("ws://nowhere.test/").await.unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut(ConnectStep::Connect)), "{error}");
}

#[tokio::test]
async fn an_address_that_refuses_costs_nothing_and_a_silent_one_a_quarter_of_a_second() {
    let (server, silent) = (server().await, silent());
    let refusing = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut quickest = Duration::MAX;
    // Of several, since a machine may be held up by others.
    for _ in 0..3 {
        let began = Instant::now();
        at(&[refusing, refusing, server]).connect("ws://push.test/").await.unwrap();
        quickest = quickest.min(began.elapsed());
    }
    assert!(quickest < Duration::from_millis(200), "{quickest:?}");
    let began = Instant::now();
    at(&[silent.address, server]).connect("ws://push.test/").await.unwrap();
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(240) && took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test]
async fn all_addresses_share_one_time_out_and_the_last_failure_is_told() {
    let silent = silent();
    let options = at(&[silent.address; 100]).connect_timeout(Duration::from_millis(600));
    let began = Instant::now();
    let error = options.connect("ws://push.test/").await.unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut(ConnectStep::Connect)), "{error}");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    let refusing = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = at(&[refusing; ADDRESSES_MAX + 1]).connect("ws://push.test/").await.unwrap_err();
    let ConnectError::Connect(cause) = error else { panic!("{error}") };
    assert_eq!(cause.kind(), io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn options_of_tcp_reach_the_socket() {
    let server = server().await;
    let options = ConnectOptions::new()
        .nodelay(false)
        .local_address([127, 0, 0, 9].into())
        .tcp_keepalive(Duration::from_secs(30))
        .tcp_buffers(Some(16_384), Some(16_384));
    let socket = options.connect(&format!("ws://{server}/")).await.unwrap();
    let tcp = socket.stream().tcp();
    assert!(!tcp.nodelay().unwrap());
    // Elsewhere than on Linux there may be one loopback address only.
    assert_eq!(tcp.local_addr().unwrap().ip(), std::net::Ipv4Addr::new(127, 0, 0, 9));
    let raw = socket2::SockRef::from(tcp);
    assert!(raw.keepalive().unwrap());
    assert!(raw.recv_buffer_size().unwrap() <= 65_536);
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_is_reached_by_its_path() {
    let folder = std::env::temp_dir().join(format!("wavecast-client-reach-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("push.sock");
    std::fs::remove_file(&path).ok();
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    tokio::spawn(async move { keep(listener.accept().await.unwrap().0) });
    let mut socket = ConnectOptions::new().connect_unix(&path, "ws://push.test/chat").await.unwrap();
    socket.send("hello").await.unwrap();
    let error = ConnectOptions::new().connect_unix(&path, "wss://push.test/").await.unwrap_err();
    assert!(matches!(error, ConnectError::TlsUnavailable), "{error}");
    std::fs::remove_dir_all(&folder).unwrap();
    let error = ConnectOptions::new().connect_unix(&path, "ws://push.test/").await.unwrap_err();
    assert!(matches!(error, ConnectError::Connect(_)), "{error}");
}
