//! WebSocket servers behind TLS, of another implementation, with certificates made for the test.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use wavecast_net::client::ConnectOptions;
use wavecast_net::client::rustls::crypto::aws_lc_rs;
use wavecast_net::client::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use wavecast_net::client::rustls::server::WebPkiClientVerifier;
use wavecast_net::client::rustls::{RootCertStore, ServerConfig};
use wavecast_net::client::tokio_rustls::TlsAcceptor;
use wavecast_net::client::tokio_rustls::server::TlsStream;

/// The name that the servers of these tests have.
pub(crate) const NAME: &str = "push.test";

/// Someone who signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: Certificate,
}

/// A certificate and its key.
pub(crate) struct Identity {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) certificate_pem: String,
    pub(crate) key_pem: String,
    key: Vec<u8>,
}

/// From when to when a certificate is valid, in years.
pub(crate) const NOW: (i32, i32) = (2020, 4000);

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    pub(crate) fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone()).unwrap();
        Arc::new(roots)
    }

    pub(crate) fn issue(&self, name: &str, (from, to): (i32, i32)) -> Identity {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        let key = KeyPair::generate().unwrap();
        Identity::new(&params.signed_by(&key, &self.issuer).unwrap(), &key)
    }
}

impl Identity {
    fn new(certificate: &Certificate, key: &KeyPair) -> Self {
        Self {
            certificate: certificate.der().clone(),
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            key: key.serialize_der(),
        }
    }

    pub(crate) fn self_signed(name: &str) -> Self {
        Self::self_signed_as(name, IsCa::NoCa)
    }

    pub(crate) fn self_signed_as(name: &str, is_ca: IsCa) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.is_ca = is_ca;
        Self::new(&params.self_signed(&key).unwrap(), &key)
    }

    /// A server that shows it; with `clients`, each client has to show a certificate of theirs.
    pub(crate) fn server(&self, clients: Option<&Authority>) -> ServerConfig {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
        let builder = match clients {
            Some(clients) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(clients.roots(), provider);
                builder.unwrap().with_client_cert_verifier(verifier.build().unwrap())
            }
            None => builder.unwrap().with_no_client_auth(),
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        let mut config = builder.with_single_cert(vec![self.certificate.clone()], key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }
}

pub(crate) type Peer = WebSocketStream<TlsStream<TcpStream>>;

/// Serves `talk` to every connection whose handshakes succeed; the URL names [`NAME`].
pub(crate) async fn serve<F>(config: ServerConfig, talk: fn(Peer) -> F) -> (SocketAddr, JoinHandle<()>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let server = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let limits = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
                if let Ok(peer) = tokio_tungstenite::accept_async_with_config(stream, Some(limits)).await {
                    talk(peer).await;
                }
            });
        }
    });
    (address, server)
}

/// Options that find [`NAME`], and any other name, on this machine.
pub(crate) fn options() -> ConnectOptions {
    ConnectOptions::new().resolver(|_, port| async move { Ok(vec![([127, 0, 0, 1], port).into()]) })
}

pub(crate) fn url(address: SocketAddr) -> String {
    format!("wss://{NAME}:{}/", address.port())
}
