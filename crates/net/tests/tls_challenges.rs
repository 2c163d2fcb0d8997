//! What an ACME server is shown (RFC 8737), and certificates that are there only later.

#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod certificates;

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::TLS13;
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};
use wavecast_net::tls::{Challenges, Identity, Pem, ServerTls, ServerTlsOptions};

use self::certificates::{Authority, Certified};

fn identity(certified: &Certified) -> Identity {
    Identity { chain: Pem::text(&certified.chain), key: Pem::text(&certified.key) }
}

/// As RFC 8737 §3 has it: with an extension that is critical, and that TLS libraries do not know.
fn proof() -> (Identity, Vec<u8>) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.custom_extensions = vec![rcgen::CustomExtension::new_acme_identifier(&[7; 32])];
    let certificate = params.self_signed(&key).unwrap();
    let identity = Identity { chain: Pem::text(&certificate.pem()), key: Pem::text(&key.serialize_pem()) };
    (identity, certificate.der().to_vec())
}

fn der(certified: &Certified) -> Vec<u8> {
    Pem::text(&certified.chain).certificates().unwrap()[0].to_vec()
}

#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether the two agree.
fn shake_hands(client: &mut ClientConnection, tls: &ServerTls) -> bool {
    let mut session = tls.session().unwrap();
    let (mut plain, mut answer) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        if session.receive(&mut wire, &mut plain, &mut answer).is_err() {
            return false;
        }
        let bytes = std::mem::take(&mut answer);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets().unwrap();
        }
    }
    !session.is_handshaking()
}

/// The certificate and the protocol that a client of these protocols gets; `None`: no handshake.
fn shown(tls: &ServerTls, protocols: &[&[u8]]) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13]).unwrap();
    // As an ACME server: it looks at the certificate itself.
    let mut config =
        config.dangerous().with_custom_certificate_verifier(Arc::new(Anyone)).with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let mut client = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    shake_hands(&mut client, tls).then(|| {
        let certificate = client.peer_certificates().unwrap()[0].to_vec();
        (certificate, client.alpn_protocol().map(<[u8]>::to_vec))
    })
}

#[test]
fn an_acme_server_is_shown_what_is_for_it_and_nobody_else_is() {
    let authority = Authority::new("challenges");
    let ((proof, proved), real) = (proof(), authority.server("localhost"));
    let challenges = Challenges::default();
    let mut options = ServerTlsOptions::new(Pem::text(""), Pem::text(""));
    options.identities.clear();
    assert!(ServerTls::new(options.clone()).is_err(), "nobody could come in");
    options.challenges = Some(challenges.clone());
    let tls = ServerTls::new(options).unwrap();
    const ACME: &[u8] = b"acme-tls/1";
    const HTTP: &[u8] = b"http/1.1";

    assert_eq!(shown(&tls, &[HTTP]), None, "there is no certificate yet");
    assert_eq!(shown(&tls, &[ACME]), None, "and nothing to show");
    challenges.show("LocalHost", &proof).unwrap();
    let seen = (proved, Some(ACME.to_vec()));
    assert_eq!(shown(&tls, &[ACME]), Some(seen.clone()));
    assert_eq!(shown(&tls, &[HTTP]), None);

    tls.identify(vec![identity(&real)]).unwrap();
    let http = Some((der(&real), Some(HTTP.to_vec())));
    assert_eq!(shown(&tls, &[HTTP]), http);
    assert_eq!(shown(&tls, &[HTTP, ACME]), http, "who speaks something else is no ACME server");
    assert_eq!(shown(&tls, &[]), Some((der(&real), None)));
    assert_eq!(shown(&tls, &[ACME]), Some(seen));

    challenges.hide("localhost");
    assert_eq!(shown(&tls, &[ACME]), None);
    assert!(tls.identify(vec![Identity { chain: Pem::text("x"), key: Pem::text("x") }]).is_err());
    assert_eq!(shown(&tls, &[HTTP]), http, "what cannot be used changes nothing");
    tls.reload().unwrap();
    assert_eq!(shown(&tls, &[HTTP]), http);
}

#[test]
fn names_that_are_shown_at_once_are_bounded() {
    let authority = Authority::new("bounded");
    let proof = identity(&authority.server("localhost"));
    let challenges = Challenges::default();
    for n in 0..64 {
        challenges.show(&format!("{n}.test"), &proof).unwrap();
    }
    assert!(challenges.show("one-more.test", &proof).is_err());
    challenges.show("0.TEST", &proof).unwrap();
    challenges.hide("0.test");
    challenges.show("one-more.test", &proof).unwrap();
}
