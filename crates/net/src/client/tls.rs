//! TLS for `wss://`: whom to trust, and who we are.

use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::tls_error::{TlsConfigError, TlsError, TlsFault};

/// Longest PEM text that is read: a whole bundle of authorities takes some 250 KB.
const PEM_BYTES_MAX: usize = 1_024 * 1_024;

/// Servers whose sessions are remembered, so that a reconnect saves a round trip and the certificates.
const SESSIONS_MAX: usize = 256;

type Built = Arc<OnceLock<Arc<ClientConfig>>>;

/// What every program that says nothing else uses: made at the first `wss://` connection, shared by all.
static MACHINE: LazyLock<Built> = LazyLock::new(Built::default);

/// How a `wss://` server is verified, and how this client shows who it is. Cheap to clone; clones share the sessions
/// that make a reconnect quicker.
///
/// By default those authorities are trusted that the machine's own store has (on Linux the one of `ca-certificates`,
/// or what `SSL_CERT_FILE` and `SSL_CERT_DIR` name). There is no switch that turns verification off: to reach a
/// server with a certificate that it signed itself, trust that certificate with [`trusting_pem`](Self::trusting_pem); it may
/// not be an authority's (`CA:TRUE`, which `openssl req -x509` writes unless told otherwise).
/// The versions are TLS 1.2 and 1.3, and ALPN offers `http/1.1`.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use wavecast_net::client::{ConnectOptions, Tls};
///
/// let tls = Tls::trusting_pem(&std::fs::read("ca.pem")?)?
///     .identity_pem(&std::fs::read("client.pem")?, &std::fs::read("client.key")?)?;
/// let socket = ConnectOptions::new().tls(tls).connect("wss://push.example.com/").await?;
/// # drop(socket);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Tls {
    trust: Trust,
    identity: Option<Arc<CertifiedKey>>,
    server_name: Option<ServerName<'static>>,
    built: Built,
}

#[derive(Clone)]
enum Trust {
    Machine,
    Only(Arc<RootCertStore>),
    AsGiven,
}

impl Default for Tls {
    fn default() -> Self {
        Self::new()
    }
}

impl Tls {
    /// Trusts whom the machine trusts. Its store is read once in a process, at the first connection.
    pub fn new() -> Self {
        Self { trust: Trust::Machine, identity: None, server_name: None, built: Arc::clone(&MACHINE) }
    }

    /// Trusts the authorities (or servers) whose certificates are in this PEM text, and nobody else. At most 1 MiB.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError`]: it is no PEM, or holds no certificate that could be an authority's.
    pub fn trusting_pem(pem: &[u8]) -> Result<Self, TlsConfigError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(pem)? {
            roots.add(certificate).map_err(|_| TlsConfigError::NoAuthority)?;
        }
        Ok(Self { trust: Trust::Only(Arc::new(roots)), built: Built::default(), ..Self::new() })
    }

    /// Uses a configuration of rustls as it is: your own verifier, keys in a token, other versions. An ALPN list, if
    /// it has one, should name `http/1.1`.
    pub fn from_config(config: Arc<ClientConfig>) -> Self {
        Self { trust: Trust::AsGiven, built: Arc::new(OnceLock::from(config)), ..Self::new() }
    }

    /// Shows this certificate to a server that asks for one (mutual TLS): the chain with our own certificate first,
    /// and its private key, both as PEM text of at most 1 MiB.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError`]: what is not PEM, a key that is not the certificate's, or a [`Tls`] that was made
    /// [from a configuration](Self::from_config), which has its own.
    pub fn identity_pem(self, chain: &[u8], key: &[u8]) -> Result<Self, TlsConfigError> {
        if matches!(self.trust, Trust::AsGiven) {
            return Err(TlsConfigError::AsGiven);
        }
        if key.len() > PEM_BYTES_MAX {
            return Err(TlsConfigError::TooLong);
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsConfigError::NoKey)?;
        let identity = CertifiedKey::from_der(certificates(chain)?, key, &provider())
            .map_err(|_| TlsConfigError::KeyMismatch)?;
        Ok(Self { identity: Some(Arc::new(identity)), built: Built::default(), ..self })
    }

    /// The name that the server's certificate must have, and that is asked for (SNI), in place of the URL's host.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError::ServerName`] for what is neither a name nor an address.
    pub fn server_name(self, name: &str) -> Result<Self, TlsConfigError> {
        let name = ServerName::try_from(name.to_owned()).map_err(|_| TlsConfigError::ServerName)?;
        Ok(Self { server_name: Some(name), ..self })
    }

    /// Does the handshake of TLS.
    pub(super) async fn secure(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, TlsError> {
        let config = self.config().await.map_err(|error| TlsError::new(host, TlsFault::Config(error)))?;
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => ServerName::try_from(host.to_owned())
                .map_err(|_| TlsError::new(host, TlsFault::Config(TlsConfigError::ServerName)))?,
        };
        // Who is named in an error is whom the certificate was held against.
        let named = self.server_name.as_ref().map(ServerName::to_str);
        let named = named.as_deref().unwrap_or(host);
        TlsConnector::from(config)
            .connect(name, stream)
            .await
            .map_err(|error| TlsError::of_handshake(named, error))
    }

    /// The configuration, made at its first use and then shared.
    async fn config(&self) -> Result<Arc<ClientConfig>, TlsConfigError> {
        if let Some(config) = self.built.get() {
            return Ok(Arc::clone(config));
        }
        let roots = match &self.trust {
            Trust::Only(roots) => Arc::clone(roots),
            // Reads some hundred files, and so not on the runtime's own threads.
            Trust::Machine | Trust::AsGiven => tokio::task::spawn_blocking(machine_roots)
                .await
                .map_err(|_| TlsConfigError::NoMachineStore)??,
        };
        let config = Arc::new(build(roots, self.identity.clone())?);
        Ok(Arc::clone(self.built.get_or_init(|| config)))
    }
}

/// Keys and certificates stay out of logs.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trust = match &self.trust {
            Trust::Machine => "the machine's store",
            Trust::Only(_) => "own authorities",
            Trust::AsGiven => "a given configuration",
        };
        f.debug_struct("Tls")
            .field("trust", &trust)
            .field("has_identity", &self.identity.is_some())
            .field("server_name", &self.server_name)
            .finish()
    }
}

fn build(
    roots: Arc<RootCertStore>,
    identity: Option<Arc<CertifiedKey>>,
) -> Result<ClientConfig, TlsConfigError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| TlsConfigError::Provider)?
        .with_root_certificates(roots);
    let mut config = match identity {
        Some(identity) => {
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&identity))))
        }
        None => builder.with_no_client_auth(),
    };
    // A WebSocket over HTTP/2 would be another handshake (RFC 8441).
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::in_memory_sessions(SESSIONS_MAX);
    Ok(config)
}

fn provider() -> CryptoProvider {
    aws_lc_rs::default_provider()
}

fn machine_roots() -> Result<Arc<RootCertStore>, TlsConfigError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(TlsConfigError::NoMachineStore) } else { Ok(Arc::new(roots)) }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
    if pem.len() > PEM_BYTES_MAX {
        return Err(TlsConfigError::TooLong);
    }
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(TlsConfigError::NoCertificate),
    }
}
