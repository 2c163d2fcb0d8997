//! What a listener is given to speak TLS: certificates, whose clients may come in, what is resumed.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::server::{ProducesTickets, ServerSessionMemoryCache, StoresServerSessions, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::certificates::Certificates;
use super::fault::{Part, SessionError, TlsError};
use super::pem::Pem;
use super::session::Session;
use super::watch::Watched;

/// Sessions of TLS 1.2 without tickets that can be resumed: some 300 bytes each. The oldest give way.
const SESSIONS_MAX: usize = 1024;

/// A certificate with its chain, and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The certificate of the server first, then those that lead to an authority.
    pub chain: Pem,
    /// Its private key: PKCS#8, PKCS#1 or SEC1, not encrypted.
    pub key: Pem,
}

/// Whether clients show certificates of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// They are not asked for one. The default.
    #[default]
    None,
    /// They may show one; one that none of these authorities has signed, or that has expired, is refused.
    Optional(Pem),
    /// They must show one that one of these authorities has signed.
    Required(Pem),
}

/// The oldest version that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// TLS 1.2 and 1.3. The default.
    #[default]
    Tls12,
    /// TLS 1.3 alone.
    Tls13,
}

/// How TLS is spoken.
#[derive(Clone, Debug)]
pub struct ServerTlsOptions {
    /// Certificates, 1 to 64. The first that a client asks for by name (SNI) is shown, else the first.
    pub identities: Vec<Identity>,
    /// Certificates of clients.
    pub client_auth: ClientAuth,
    /// Protocols that are spoken above (ALPN), best first. Default `http/1.1`. A client that names others alone is refused
    /// (RFC 7301 §3.2); one that names none is served.
    pub alpn: Vec<Vec<u8>>,
    /// The oldest version. Default TLS 1.2.
    pub minimum_version: Version,
    /// Tickets for a client that completes a handshake of TLS 1.3, each good for one resumption within 12 hours. Default 1;
    /// with 0 nothing is resumed. Their keys change every 6 hours and are never stored; all shards share them.
    pub tickets: usize,
    /// How often, at most, files are looked at for changes. Default 1 s; zero: never. They are looked at when a client comes,
    /// by a thread that lives as long as that takes: no shard waits for a disk.
    pub check_interval: Duration,
}

impl ServerTlsOptions {
    /// The defaults, with one certificate.
    #[must_use]
    pub fn new(chain: Pem, key: Pem) -> Self {
        Self {
            identities: vec![Identity { chain, key }],
            client_auth: ClientAuth::None,
            alpn: vec![b"http/1.1".to_vec()],
            minimum_version: Version::default(),
            tickets: 1,
            check_interval: Duration::from_secs(1),
        }
    }
}

/// TLS for listeners, shared by all shards; cheap to clone.
///
/// Files that change are read again and count for connections that come then; those that are open go on as they are. What
/// cannot be used is told to the log once, and what was in use before stays in use.
#[derive(Clone)]
pub struct ServerTls(Arc<Watched>);

impl ServerTls {
    /// TLS with the certificate of one PEM file and the key of another, or of the same.
    ///
    /// # Errors
    /// [`TlsError`] names the file, and what is wrong with it.
    pub fn from_files(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, TlsError> {
        Self::new(ServerTlsOptions::new(Pem::file(chain), Pem::file(key)))
    }

    /// TLS as `options` say. Reads files.
    ///
    /// # Errors
    /// [`TlsError`] names the part that cannot be used.
    pub fn new(options: ServerTlsOptions) -> Result<Self, TlsError> {
        Watched::new(options).map(|watched| Self(Arc::new(watched)))
    }

    /// A session for a connection that came in.
    ///
    /// # Errors
    /// When the settings cannot be used by rustls; not for anything that a client or a file does.
    pub fn session(&self) -> Result<Session, SessionError> {
        Watched::check_soon(&self.0);
        Session::new(self.0.current())
    }

    /// Reads the files now, whether they have changed or not. Blocks.
    ///
    /// # Errors
    /// [`TlsError`]; what was in use stays in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.0.reload()
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

/// What lets sessions be resumed. It outlives certificates, and not the authorities of clients: who was let in under the
/// old ones is looked at anew.
#[derive(Clone)]
pub(super) struct Resumption {
    tickets: Option<Arc<dyn ProducesTickets>>,
    sessions: Arc<dyn StoresServerSessions>,
}

impl Resumption {
    pub(super) fn new(options: &ServerTlsOptions) -> Result<Self, TlsError> {
        if options.tickets == 0 {
            return Ok(Self { tickets: None, sessions: Arc::new(rustls::server::NoServerSessionStorage {}) });
        }
        let tickets = rustls::crypto::aws_lc_rs::Ticketer::new()
            .map_err(|_| TlsError::new(Part::Settings, "has no random numbers for the keys of tickets"))?;
        Ok(Self { tickets: Some(tickets), sessions: ServerSessionMemoryCache::new(SESSIONS_MAX) })
    }
}

/// Makes rustls' settings of ours. Reads files.
pub(super) fn load(options: &ServerTlsOptions, resumption: &Resumption) -> Result<ServerConfig, TlsError> {
    let provider = provider();
    let versions: &[&SupportedProtocolVersion] = match options.minimum_version {
        Version::Tls12 => &[&rustls::version::TLS13, &rustls::version::TLS12],
        Version::Tls13 => &[&rustls::version::TLS13],
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .map_err(|_| TlsError::new(Part::Settings, "cannot be spoken by this build"))?;
    let builder = match &options.client_auth {
        ClientAuth::None => builder.with_no_client_auth(),
        ClientAuth::Optional(pem) => {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(authorities(pem)?, Arc::clone(&provider));
            builder.with_client_cert_verifier(verified(verifier.allow_unauthenticated().build(), pem)?)
        }
        ClientAuth::Required(pem) => {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(authorities(pem)?, Arc::clone(&provider));
            builder.with_client_cert_verifier(verified(verifier.build(), pem)?)
        }
    };
    let mut config =
        builder.with_cert_resolver(Arc::new(Certificates::load(&options.identities, &provider)?));
    config.alpn_protocols.clone_from(&options.alpn);
    config.session_storage = Arc::clone(&resumption.sessions);
    config.send_tls13_tickets = options.tickets;
    if let Some(tickets) = &resumption.tickets {
        config.ticketer = Arc::clone(tickets);
    }
    Ok(config)
}

fn authorities(pem: &Pem) -> Result<Arc<RootCertStore>, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in
        pem.certificates().map_err(|error| TlsError::pem(Part::ClientAuthorities, pem, &error))?
    {
        store.add(certificate).map_err(|_| {
            TlsError::of(Part::ClientAuthorities, pem, "holds a certificate that cannot be read")
        })?;
    }
    Ok(Arc::new(store))
}

fn verified<V, E>(built: Result<V, E>, pem: &Pem) -> Result<V, TlsError> {
    built.map_err(|_| TlsError::of(Part::ClientAuthorities, pem, "cannot be used to verify certificates"))
}

/// The cryptography of everything here: aws-lc.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider())))
}
