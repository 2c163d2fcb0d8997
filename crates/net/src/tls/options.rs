//! How TLS is to be spoken: certificates, whose clients may come in, what is resumed.

use std::time::Duration;

use super::challenges::Challenges;
use super::pem::Pem;

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
    /// Certificates, 1 to 64; none where `challenges` are answered, until there is one. The first that a client asks for by name (SNI) is shown, else the first.
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
    /// What is shown to ACME servers that look whether a name is ours (TLS-ALPN-01, RFC 8737), in place of the certificates.
    /// Default: nothing.
    pub challenges: Option<Challenges>,
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
            challenges: None,
        }
    }
}
