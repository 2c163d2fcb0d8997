//! The TLS session against rustls' own client, in memory: cut at every byte, big messages, ends, and peers that mean no good.

#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod certificates;

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, HandshakeKind};
use wavecast_net::tls::{ClientAuth, Pem, ServerTls, ServerTlsOptions, Session, SessionError, Version};

use self::certificates::{Authority, Certified};

fn options(certified: &Certified) -> ServerTlsOptions {
    ServerTlsOptions::new(Pem::text(&certified.chain), Pem::text(&certified.key))
}

/// A client and our session, and the wires between them.
struct Pair {
    client: ClientConnection,
    session: Session,
    plain: Vec<u8>,
    to_client: Vec<u8>,
    /// Plain bytes that the client has got.
    received: Vec<u8>,
    /// Bytes of the client's that go into one call.
    cut: usize,
}

impl Pair {
    fn new(config: &Arc<ClientConfig>, tls: &ServerTls) -> Self {
        let client = ClientConnection::new(Arc::clone(config), "localhost".try_into().unwrap()).unwrap();
        Self {
            client,
            session: tls.session().unwrap(),
            plain: Vec::new(),
            to_client: Vec::new(),
            received: Vec::new(),
            cut: usize::MAX,
        }
    }

    /// What the client has to say goes to the session.
    fn up(&mut self) -> Result<(), SessionError> {
        let mut bytes = Vec::new();
        while self.client.wants_write() {
            self.client.write_tls(&mut bytes).unwrap();
        }
        self.deliver(&mut bytes)
    }

    fn deliver(&mut self, bytes: &mut [u8]) -> Result<(), SessionError> {
        for piece in bytes.chunks_mut(self.cut.min(bytes.len()).max(1)) {
            self.session.receive(piece, &mut self.plain, &mut self.to_client)?;
        }
        Ok(())
    }

    /// What the session has to say goes to the client.
    fn down(&mut self) -> Result<(), rustls::Error> {
        let bytes = std::mem::take(&mut self.to_client);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            self.client.read_tls(&mut rest).unwrap();
            self.client.process_new_packets()?;
            drop(self.client.reader().read_to_end(&mut self.received));
        }
        Ok(())
    }

    fn shake_hands(&mut self) -> Result<(), SessionError> {
        let mut refusal = Ok(());
        for _ in 0..16 {
            self.up()?;
            // The client's alert says so too.
            refusal = refusal.and(self.down());
        }
        assert!(!self.session.is_handshaking() && !self.client.is_handshaking(), "{refusal:?}");
        // A client of TLS 1.3 may be refused after its own handshake is done.
        self.up()
    }

    fn client_received(&mut self) -> Vec<u8> {
        self.down().unwrap();
        std::mem::take(&mut self.received)
    }
}

#[test]
fn every_version_speaks_in_both_directions_however_it_is_cut() {
    let authority = Authority::new("all");
    let tls = ServerTls::new(options(&authority.server("localhost"))).unwrap();
    for version in [&TLS12, &TLS13] {
        let config = Arc::new(authority.trusting(None, &[version]));
        for cut in [1, 2, 3, 5, 7, 100, 1000, usize::MAX] {
            let mut pair = Pair::new(&config, &tls);
            pair.cut = cut;
            pair.shake_hands().unwrap();
            pair.client.writer().write_all(b"from the client").unwrap();
            pair.up().unwrap();
            assert_eq!(pair.plain, b"from the client", "cut {cut}");
            assert_eq!(pair.session.kept_bytes(), 0, "an idle session keeps nothing");
            let mut out = Vec::new();
            pair.session.encrypt(b"from the server", &mut out).unwrap();
            pair.to_client.extend_from_slice(&out);
            assert_eq!(pair.client_received(), b"from the server");
        }
    }
}

#[test]
fn a_conversation_cut_at_each_byte_in_turn_is_the_same() {
    let authority = Authority::new("cuts");
    let tls = ServerTls::new(options(&authority.server("localhost"))).unwrap();
    let config = Arc::new(authority.trusting(None, &[&TLS13]));
    let mut pair = Pair::new(&config, &tls);
    pair.shake_hands().unwrap();
    // Records of many lengths, each wire cut once at a place that moves on.
    for cut in 0..300 {
        pair.client.writer().write_all(&vec![cut as u8; cut % 67 + 1]).unwrap();
        pair.client.writer().write_all(&vec![!cut as u8; cut + 1]).unwrap();
        let mut wire = Vec::new();
        while pair.client.wants_write() {
            pair.client.write_tls(&mut wire).unwrap();
        }
        let middle = cut.min(wire.len());
        let (first, second) = wire.split_at_mut(middle);
        pair.session.receive(first, &mut pair.plain, &mut pair.to_client).unwrap();
        pair.session.receive(second, &mut pair.plain, &mut pair.to_client).unwrap();
        let mut expected = vec![cut as u8; cut % 67 + 1];
        expected.extend(vec![!cut as u8; cut + 1]);
        assert_eq!(std::mem::take(&mut pair.plain), expected);
        assert_eq!(pair.session.kept_bytes(), 0);
    }
}

#[test]
fn what_is_bigger_than_a_record_comes_through() {
    let authority = Authority::new("big");
    let tls = ServerTls::new(options(&authority.server("localhost"))).unwrap();
    for version in [&TLS12, &TLS13] {
        let config = Arc::new(authority.trusting(None, &[version]));
        let mut pair = Pair::new(&config, &tls);
        pair.client.set_buffer_limit(None);
        pair.cut = 64 * 1024;
        pair.shake_hands().unwrap();
        let big: Vec<u8> = (0..1_000_000u32).map(|at| ((at * 31) >> 3) as u8).collect();
        pair.client.writer().write_all(&big).unwrap();
        pair.up().unwrap();
        assert!(pair.plain == big);
        let mut received = Vec::new();
        for piece in big.chunks(50_000) {
            let mut out = Vec::new();
            pair.session.encrypt(piece, &mut out).unwrap();
            assert!(out.len() < piece.len() + 4 * 64, "what encryption adds is little");
            pair.to_client = out;
            received.extend(pair.client_received());
        }
        assert!(received == big);
    }
}

#[test]
fn close_notify_is_understood_and_sent() {
    let authority = Authority::new("ends");
    let tls = ServerTls::new(options(&authority.server("localhost"))).unwrap();
    for version in [&TLS12, &TLS13] {
        let config = Arc::new(authority.trusting(None, &[version]));
        let mut pair = Pair::new(&config, &tls);
        pair.shake_hands().unwrap();
        pair.client.writer().write_all(b"last words").unwrap();
        pair.client.send_close_notify();
        let mut bytes = Vec::new();
        while pair.client.wants_write() {
            pair.client.write_tls(&mut bytes).unwrap();
        }
        bytes.extend_from_slice(b"whatever comes behind it");
        assert!(!pair.session.has_ended());
        pair.deliver(&mut bytes).unwrap();
        assert_eq!(pair.plain, b"last words");
        assert!(pair.session.has_ended());
        assert_eq!(pair.session.kept_bytes(), 0);
        // Our side may still speak, and then ends too.
        let mut out = Vec::new();
        pair.session.encrypt(b"and ours", &mut out).unwrap();
        pair.session.close_notify(&mut out).unwrap();
        let length = out.len();
        pair.session.close_notify(&mut out).unwrap();
        assert_eq!(out.len(), length, "once");
        pair.to_client = out;
        assert_eq!(pair.client_received(), b"and ours");
        assert_eq!(pair.client.reader().read(&mut [0]).unwrap(), 0, "a clean end, not a cut");
    }
}

#[test]
fn keys_are_changed_when_the_peer_asks() {
    let authority = Authority::new("keys");
    let tls = ServerTls::new(options(&authority.server("localhost"))).unwrap();
    let config = Arc::new(authority.trusting(None, &[&TLS13]));
    let mut pair = Pair::new(&config, &tls);
    pair.cut = 9;
    pair.shake_hands().unwrap();
    for round in 0..3u8 {
        pair.client.refresh_traffic_keys().unwrap();
        pair.client.writer().write_all(&[round; 40]).unwrap();
        pair.up().unwrap();
        let mut out = Vec::new();
        pair.session.encrypt(&[!round; 40], &mut out).unwrap();
        pair.to_client.extend_from_slice(&out);
        assert_eq!(pair.client_received(), [!round; 40]);
        assert_eq!(std::mem::take(&mut pair.plain), [round; 40]);
    }
}

#[test]
fn a_peer_that_changes_keys_without_end_is_ended() {
    let authority = Authority::new("flood");
    let tls = ServerTls::new(options(&authority.server("localhost"))).unwrap();
    let config = Arc::new(authority.trusting(None, &[&TLS13]));
    let mut pair = Pair::new(&config, &tls);
    pair.shake_hands().unwrap();
    let error = (0..1000).find_map(|_| {
        pair.client.refresh_traffic_keys().unwrap();
        pair.up().err()
    });
    assert!(matches!(error, Some(SessionError::Tls(_))), "{error:?}");
    assert!(pair.to_client.len() < 1000, "what it provokes is little");
}

#[test]
fn garbage_is_refused_at_once_and_told_apart() {
    let authority = Authority::new("garbage");
    let tls = ServerTls::new(options(&authority.server("localhost"))).unwrap();
    let (mut plain, mut answer) = (Vec::new(), Vec::new());
    for request in [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], b"G", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        answer.clear();
        let mut session = tls.session().unwrap();
        let error = session.receive(&mut request.to_vec(), &mut plain, &mut answer).unwrap_err();
        assert_eq!(error, SessionError::PlainHttp);
        let text = String::from_utf8(answer.clone()).unwrap();
        assert!(text.starts_with("HTTP/1.1 400 ") && text.contains("TLS"), "{text}");
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())));
        assert_eq!(session.receive(&mut [1], &mut plain, &mut answer), Err(SessionError::NotOpen));
        assert_eq!(session.encrypt(b"x", &mut answer), Err(SessionError::NotOpen));
    }
    for garbage in
        [&[0u8; 64][..], b"hello there\r\n", &[22, 3, 1, 0xff, 0xff, 1], &[22, 3, 1, 0, 0, 0], &[0xff; 5]]
    {
        answer.clear();
        let mut session = tls.session().unwrap();
        let error = session.receive(&mut garbage.to_vec(), &mut plain, &mut answer).unwrap_err();
        assert!(matches!(error, SessionError::Tls(_)), "{error:?}");
        assert!(answer.len() < 32, "an alert at most");
    }
    assert!(plain.is_empty());
}

#[test]
fn a_handshake_without_end_is_bounded() {
    let authority = Authority::new("long");
    let tls = ServerTls::new(options(&authority.server("localhost"))).unwrap();
    // A ClientHello that says it is 64 KB long, in pieces of one byte each; and records of 16 KB that never end a message.
    let first = [22, 3, 1, 0, 4, 1, 0, 0xff, 0xff];
    for piece in [vec![22, 3, 1, 0, 1, 0], [&[22, 3, 1, 0x40, 0][..], &[0; 0x4000]].concat()] {
        let mut session = tls.session().unwrap();
        let (mut plain, mut answer) = (Vec::new(), Vec::new());
        session.receive(&mut first.to_vec(), &mut plain, &mut answer).unwrap();
        let mut sent = 0;
        let error = loop {
            sent += piece.len();
            assert!(sent < 256 * 1024, "still not refused");
            assert!(session.kept_bytes() <= 160 * 1024);
            if let Err(error) = session.receive(&mut piece.clone(), &mut plain, &mut answer) {
                break error;
            }
        };
        assert!(matches!(error, SessionError::HandshakeTooLong | SessionError::Tls(_)), "{error:?}");
        assert_eq!(session.kept_bytes(), 0);
    }
}

#[test]
fn a_session_that_is_tampered_with_ends() {
    let authority = Authority::new("tampered");
    let tls = ServerTls::new(options(&authority.server("localhost"))).unwrap();
    let config = Arc::new(authority.trusting(None, &[&TLS13]));
    let mut pair = Pair::new(&config, &tls);
    pair.shake_hands().unwrap();
    pair.client.writer().write_all(b"whole").unwrap();
    pair.up().unwrap();
    pair.client.writer().write_all(b"changed on the way").unwrap();
    let mut wire = Vec::new();
    pair.client.write_tls(&mut wire).unwrap();
    wire[12] ^= 1;
    pair.to_client.clear();
    let error = pair.deliver(&mut wire).unwrap_err();
    assert!(matches!(error, SessionError::Tls(rustls::Error::DecryptError)), "{error:?}");
    assert_eq!(pair.plain, b"whole");
    assert!(pair.down().unwrap_err().to_string().contains("alert"), "the peer is told");
}

#[test]
fn the_next_session_is_resumed_in_every_version() {
    let authority = Authority::new("resumed");
    let tls = ServerTls::new(options(&authority.server("localhost"))).unwrap();
    for version in [&TLS12, &TLS13] {
        let config = Arc::new(authority.trusting(None, &[version]));
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
            let mut pair = Pair::new(&config, &tls);
            pair.shake_hands().unwrap();
            pair.down().unwrap();
            let kind = pair.client.handshake_kind().unwrap();
            assert!(
                kind == expected
                    || (kind, expected) == (HandshakeKind::FullWithHelloRetryRequest, HandshakeKind::Full)
            );
            assert_eq!(pair.session.is_resumed(), Some(expected == HandshakeKind::Resumed));
        }
    }
    let without =
        ServerTls::new(ServerTlsOptions { tickets: 0, ..options(&authority.server("localhost")) }).unwrap();
    for version in [&TLS12, &TLS13] {
        let config = Arc::new(authority.trusting(None, &[version]));
        for _ in 0..2 {
            let mut pair = Pair::new(&config, &without);
            pair.shake_hands().unwrap();
            assert_eq!(pair.session.is_resumed(), Some(false));
        }
    }
}

#[test]
fn clients_show_certificates_where_they_are_asked_to() {
    let authority = Authority::new("clients");
    let other = Authority::new("somebody else");
    let server = authority.server("localhost");
    let with = |client_auth| ServerTls::new(ServerTlsOptions { client_auth, ..options(&server) }).unwrap();
    let required = with(ClientAuth::Required(Pem::text(&authority.pem())));
    let optional = with(ClientAuth::Optional(Pem::text(&authority.pem())));
    let (good, foreign, old) =
        (authority.client("ann"), other.client("eve"), authority.expired_client("bob"));
    for version in [&TLS12, &TLS13] {
        let shake = |tls: &ServerTls, certified: Option<&Certified>| {
            let mut pair = Pair::new(&Arc::new(authority.trusting(certified, &[version])), tls);
            pair.shake_hands().map(|()| pair.session.client_certificates().map_or(0, <[_]>::len))
        };
        assert_eq!((shake(&required, Some(&good)), shake(&optional, Some(&good))), (Ok(1), Ok(1)));
        assert_eq!(shake(&optional, None), Ok(0));
        let refusals = [
            (&required, None, "no certificates"),
            (&required, Some(&foreign), "UnknownIssuer"),
            (&optional, Some(&old), "expired"),
        ];
        for (tls, certified, reason) in refusals {
            let error = shake(tls, certified).unwrap_err().to_string();
            assert!(error.contains(reason), "{reason}: {error}");
        }
    }
}

#[test]
fn protocols_and_versions_are_agreed_on() {
    let authority = Authority::new("agreed");
    let server = authority.server("localhost");
    let tls =
        ServerTls::new(ServerTlsOptions { minimum_version: Version::Tls13, ..options(&server) }).unwrap();
    let shake = |version, protocols: &[&[u8]]| {
        let mut config = authority.trusting(None, &[version]);
        config.alpn_protocols = protocols.iter().map(|p| p.to_vec()).collect();
        let mut pair = Pair::new(&Arc::new(config), &tls);
        pair.shake_hands().map(|()| pair.session.alpn().map(<[u8]>::to_vec))
    };
    assert_eq!(shake(&TLS13, &[b"h2", b"http/1.1"]).unwrap().unwrap(), b"http/1.1");
    assert_eq!(shake(&TLS13, &[]).unwrap(), None);
    assert!(shake(&TLS13, &[b"mqtt"]).is_err());
    assert!(
        shake(&TLS12, &[b"http/1.1"]).unwrap_err().to_string().contains("Tls13")
            || shake(&TLS12, &[]).is_err()
    );
}

#[test]
fn of_several_certificates_the_one_asked_for_is_shown() {
    let authority = Authority::new("names");
    let (first, second) = (authority.server("first.test"), authority.server("localhost"));
    let mut several = options(&first);
    several.identities.extend(options(&second).identities);
    let tls = ServerTls::new(several).unwrap();
    let mut pair = Pair::new(&Arc::new(authority.trusting(None, &[&TLS13])), &tls);
    pair.shake_hands().unwrap();
    let config = Arc::new(authority.trusting(None, &[&TLS13]));
    let mut by_address = Pair::new(&config, &tls);
    by_address.client = ClientConnection::new(config, "127.0.0.1".try_into().unwrap()).unwrap();
    by_address.shake_hands().unwrap();
}
