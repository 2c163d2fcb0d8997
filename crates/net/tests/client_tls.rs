//! `wss://`: the async client against servers of another implementation behind rustls.

#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod tls_peer;

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use rcgen::{BasicConstraints, IsCa};
use tls_peer::{Authority, Identity, NAME, NOW, Peer, options, serve, url};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use wavecast_net::client::rustls::{ClientConnection, HandshakeKind};
use wavecast_net::client::{
    CloseCode, ConnectError, ConnectStep, Message, RecvError, Side, Stream, Tls, TlsConfigError, WebSocket,
};

async fn echo(mut peer: Peer) {
    while let Some(Ok(message)) = peer.next().await {
        if (message.is_text() || message.is_binary()) && peer.send(message).await.is_err() {
            return;
        }
    }
}

fn trusting(authority: &Authority) -> Tls {
    Tls::trusting_pem(authority.pem().as_bytes()).unwrap()
}

/// What stands in the way of a connection, and the words for it.
async fn fault(address: SocketAddr, tls: Tls) -> (String, String) {
    let error = options().tls(tls).connect(&url(address)).await.unwrap_err();
    let ConnectError::Tls(fault) = &error else { panic!("{error:?}") };
    assert_eq!(fault.host(), NAME);
    (format!("{:?}", fault.fault()), error.to_string())
}

fn session(socket: &WebSocket) -> &ClientConnection {
    let Stream::Tls(stream) = socket.stream() else { panic!("no TLS") };
    stream.get_ref().1
}

#[tokio::test]
async fn messages_of_any_length_come_back_and_both_ends_close() {
    let authority = Authority::new("tests");
    let (address, server) = serve(authority.issue(NAME, NOW).server(None), echo).await;
    let mut socket = options().tls(trusting(&authority)).connect(&url(address)).await.unwrap();
    assert_eq!(
        session(&socket).alpn_protocol(),
        Some(&b"http/1.1"[..]),
        "h2 was offered by the server first"
    );
    for len in [0, 1, 125, 126, 16_384, 65_536, 3_000_000] {
        let bytes: Vec<u8> = (0..len).map(|i| i as u8).collect();
        socket.send(&bytes).await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some(Message::Binary(bytes)));
    }
    let closed = socket.close(CloseCode::NORMAL, "done").await.unwrap();
    assert_eq!((closed.reason.as_str(), closed.by), ("done", Side::Local));
    server.abort();
}

#[tokio::test]
async fn whose_certificate_is_not_trusted_and_why_is_told_apart() {
    let (authority, other) = (Authority::new("tests"), Authority::new("others"));
    let at = async |name: &str, valid| serve(authority.issue(name, valid).server(None), echo).await.0;
    let good = at(NAME, NOW).await;
    let (found, text) = fault(good, trusting(&other)).await;
    assert_eq!(found, "UnknownIssuer");
    assert!(text.contains(NAME) && text.contains("Tls::trusting_pem"), "{text}");

    let (found, text) = fault(at(NAME, (2001, 2002)).await, trusting(&authority)).await;
    assert_eq!(found, "Expired");
    assert!(text.contains("has expired") && text.contains(NAME), "{text}");

    let (found, _) = fault(at(NAME, (3000, 3001)).await, trusting(&authority)).await;
    assert_eq!(found, "NotYetValid");

    let elsewhere = at("elsewhere.test", NOW).await;
    let (found, text) = fault(elsewhere, trusting(&authority)).await;
    assert!(found.starts_with("WrongName"), "{found}");
    assert!(text.contains("not for push.test but for") && text.contains("elsewhere.test"), "{text}");
    let meant = trusting(&authority).server_name("elsewhere.test").unwrap();
    options().tls(meant).connect(&url(elsewhere)).await.unwrap();
}

#[tokio::test]
async fn a_server_that_signs_for_itself_can_be_trusted_by_its_own_certificate() {
    let own = Identity::self_signed(NAME);
    let (address, _) = serve(own.server(None), echo).await;
    let (found, _) = fault(address, trusting(&Authority::new("tests"))).await;
    assert_eq!(found, "UnknownIssuer");
    let tls = Tls::trusting_pem(own.certificate_pem.as_bytes()).unwrap();
    options().tls(tls).connect(&url(address)).await.unwrap();
}

/// What `openssl req -x509` makes by itself: it can be trusted, and cannot be a server's.
#[tokio::test]
async fn a_server_that_shows_an_authoritys_certificate_is_told_how_to_make_another() {
    let own = Identity::self_signed_as(NAME, IsCa::Ca(BasicConstraints::Unconstrained));
    let (address, _) = serve(own.server(None), echo).await;
    let tls = Tls::trusting_pem(own.certificate_pem.as_bytes()).unwrap();
    let (found, text) = fault(address, tls).await;
    assert_eq!(found, "OfAuthority");
    assert!(text.contains("CA:FALSE"), "{text}");
}

#[tokio::test]
async fn a_client_shows_its_certificate_where_one_is_wanted() {
    let (authority, other) = (Authority::new("tests"), Authority::new("others"));
    let (address, _) = serve(authority.issue(NAME, NOW).server(Some(&authority)), echo).await;
    let show = |identity: &Identity| {
        trusting(&authority).identity_pem(identity.certificate_pem.as_bytes(), identity.key_pem.as_bytes())
    };
    let tls = show(&authority.issue("ann", NOW)).unwrap();
    let mut socket = options().tls(tls).connect(&url(address)).await.unwrap();
    socket.send("it is me").await.unwrap();
    assert_eq!(socket.recv().await.unwrap(), Some(Message::Text("it is me".into())));

    let (found, text) = fault(address, trusting(&authority)).await;
    assert_eq!(found, "IdentityRequired");
    assert!(text.contains("Tls::identity_pem"), "{text}");
    let (found, _) = fault(address, show(&other.issue("eve", NOW)).unwrap()).await;
    assert_eq!(found, "IdentityRefused");
}

#[tokio::test]
async fn a_reconnect_resumes_the_session() {
    let authority = Authority::new("tests");
    let (address, _) = serve(authority.issue(NAME, NOW).server(None), echo).await;
    let options = options().tls(trusting(&authority));
    for expected in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
        let mut socket = options.clone().connect(&url(address)).await.unwrap();
        assert_eq!(session(&socket).handshake_kind(), Some(expected));
        socket.send("tickets come behind the handshake").await.unwrap();
        socket.recv().await.unwrap();
        socket.close(CloseCode::NORMAL, "").await.unwrap();
    }
}

#[tokio::test]
async fn a_server_without_tls_and_one_that_says_nothing_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut plain, _) = listener.accept().await.unwrap();
        plain.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        let (mut silent, _) = listener.accept().await.unwrap();
        silent.read_to_end(&mut Vec::new()).await.ok();
    });
    let authority = Authority::new("tests");
    let (found, text) = fault(address, trusting(&authority)).await;
    assert_eq!(found, "NotTls");
    assert!(text.contains("ws://"), "{text}");
    let hasty = options().tls(trusting(&authority)).handshake_timeout(Duration::from_millis(100));
    let error = hasty.connect(&url(address)).await.unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut(ConnectStep::Tls)), "{error:?}");
}

/// TCP ends without a close frame, and without the end that TLS has for itself.
async fn cut_off(mut peer: Peer) {
    peer.send("first words".into()).await.unwrap();
    peer.get_mut().get_mut().0.shutdown().await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
}

#[tokio::test]
async fn a_connection_cut_off_is_lost_not_closed() {
    let authority = Authority::new("tests");
    let (address, _) = serve(authority.issue(NAME, NOW).server(None), cut_off).await;
    let mut socket = options().tls(trusting(&authority)).connect(&url(address)).await.unwrap();
    assert_eq!(socket.recv().await.unwrap(), Some(Message::Text("first words".into())));
    assert!(matches!(socket.recv().await, Err(RecvError::Lost)));
    assert_eq!(socket.closed().unwrap().code, CloseCode::ABNORMAL);
}

#[test]
fn settings_that_cannot_be_are_refused_and_not_shown() {
    let authority = Authority::new("tests");
    let (ann, bob) = (authority.issue("ann", NOW), authority.issue("bob", NOW));
    assert_eq!(Tls::trusting_pem(b"no PEM").unwrap_err(), TlsConfigError::NoCertificate);
    assert_eq!(Tls::trusting_pem(&vec![b'x'; 2 << 20]).unwrap_err(), TlsConfigError::TooLong);
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(Tls::trusting_pem(broken.as_bytes()).unwrap_err(), TlsConfigError::NoAuthority);
    let (chain, key) = (ann.certificate_pem.as_bytes(), bob.key_pem.as_bytes());
    assert_eq!(Tls::new().identity_pem(chain, key).unwrap_err(), TlsConfigError::KeyMismatch);
    assert_eq!(Tls::new().identity_pem(chain, chain).unwrap_err(), TlsConfigError::NoKey);
    assert_eq!(Tls::new().server_name("two words").unwrap_err(), TlsConfigError::ServerName);
    let tls = Tls::new().identity_pem(chain, ann.key_pem.as_bytes()).unwrap();
    assert!(!format!("{tls:?}").contains("PRIVATE"));
}
