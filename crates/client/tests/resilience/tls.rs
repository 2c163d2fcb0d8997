//! `wss://` and proxies: the push client behind what carries its bytes.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use wavecast_client::{Client, Options, State, Tls};
use wavecast_net::client::rustls::ServerConfig;
use wavecast_net::client::rustls::crypto::aws_lc_rs;
use wavecast_net::client::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use wavecast_net::client::tokio_rustls::TlsAcceptor;

use crate::fake_server::{Server, next};

/// Takes TLS off what comes, and passes it on; its address, and the certificate to trust.
async fn tls_in_front_of(server: SocketAddr) -> (SocketAddr, String) {
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut inner) = acceptor.accept(stream).await else { return };
                let mut onward = tokio::net::TcpStream::connect(server).await.unwrap();
                copy_bidirectional(&mut inner, &mut onward).await.ok();
            });
        }
    });
    (address, certificate.pem())
}

fn address(url: &str) -> SocketAddr {
    url.split('/').nth(2).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_subscription_lives_over_tls_and_through_a_proxy_and_comes_back() {
    let server = Server::run(|door| {
        let mut connection = door.welcome();
        connection.subscribed(json!({}));
        connection.close(3001, "shutdown");
        let mut connection = door.welcome();
        connection.subscribed(json!({}));
        connection.closed();
    });
    let (front, pem) = tls_in_front_of(address(&server.url)).await;
    let proxy = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let through = format!("http://ann:secret@{}", proxy.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = proxy.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            assert!(head.starts_with(&format!("CONNECT localhost:{} ", front.port())), "{head}");
            assert!(head.contains("Proxy-Authorization: Basic YW5uOnNlY3JldA=="), "{head}");
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            let mut onward = tokio::net::TcpStream::connect(front).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut stream, &mut onward).await.ok() });
        }
    });
    let options = Options {
        tls: Tls::trusting_pem(pem.as_bytes()).unwrap(),
        proxy: Some(through.parse().unwrap()),
        reconnect_delay_min: std::time::Duration::from_millis(5),
        reconnect_delay_max: std::time::Duration::from_millis(40),
        ..Options::default()
    };
    assert!(!format!("{options:?}").contains("secret"));
    let url = format!("wss://localhost:{}/connection/websocket", front.port());
    let client = Client::connect(&url, options).unwrap();
    let mut subscription = client.subscribe("news").await.unwrap();
    assert_eq!(next(&mut subscription).await, "subscribed");
    assert_eq!(next(&mut subscription).await, "interrupted 3001");
    assert_eq!(next(&mut subscription).await, "subscribed");
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn whom_it_does_not_trust_it_names_and_tries_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (front, _) = tls_in_front_of(listener.local_addr().unwrap()).await;
    let (_, other) = tls_in_front_of(listener.local_addr().unwrap()).await;
    let tls = Tls::trusting_pem(other.as_bytes()).unwrap();
    let url = format!("wss://localhost:{}/connection/websocket", front.port());
    let client = Client::connect(&url, Options { tls, ..Options::default() }).unwrap();
    let mut states = client.states();
    let told = |state: &State| match state {
        State::Connecting { cause: Some(cause), .. } => cause.to_string().contains("localhost"),
        _ => false,
    };
    states.wait_for(told).await.unwrap();
    client.close().await;
}
