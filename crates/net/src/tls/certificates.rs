//! Which of several certificates answers a client: the first whose name it asks for (SNI, RFC 6066 §3) and whose key it can
//! verify, else the first.

use std::sync::Arc;

use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::challenges::Challenges;
use super::fault::{Part, TlsError};
use super::options::Identity;
use super::provider::provider;

/// Certificates of one listener: each is looked at for each client.
pub(super) const CERTIFICATES_MAX: usize = 64;

/// The certificates of a listener, in the order given, and what ACME servers are shown.
#[derive(Debug)]
pub(super) struct Certificates {
    certified: Vec<Arc<CertifiedKey>>,
    challenges: Option<Challenges>,
}

impl Certificates {
    /// Reads every certificate with its key. Reads files: not for an event loop.
    ///
    /// # Errors
    /// Names the file that is of no use.
    pub(super) fn load(
        identities: &[Identity],
        challenges: Option<&Challenges>,
        provider: &CryptoProvider,
    ) -> Result<Self, TlsError> {
        // Who fetches certificates has none to begin with.
        let is_empty = identities.is_empty() && challenges.is_none();
        if is_empty || identities.len() > CERTIFICATES_MAX {
            let problem = format!("needs a certificate, and takes at most {CERTIFICATES_MAX}");
            return Err(TlsError::new(Part::Settings, problem));
        }
        let certified = identities.iter().map(|identity| load(identity, provider).map(Arc::new));
        Ok(Self { certified: certified.collect::<Result<_, _>>()?, challenges: challenges.cloned() })
    }
}

impl Identity {
    /// Looks whether clients that ask for `name` could be answered with it: whether both parts can be read, the key is the
    /// certificate's, and the certificate is for that name. Who signed it, and when it ends, is not looked at. Reads files.
    ///
    /// # Errors
    /// Names the part that is of no use.
    pub fn check(&self, name: &str) -> Result<(), TlsError> {
        let certified = load(self, &provider())?;
        match is_for(&certified, name) {
            true => Ok(()),
            false => Err(TlsError::of(Part::Certificate, &self.chain, format!("is not for {name}"))),
        }
    }
}

/// Reads a certificate and the key of it.
fn load(identity: &Identity, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let certified = read(identity, provider)?;
    let Identity { chain, key } = identity;
    let unreadable =
        |_| TlsError::of(Part::Certificate, chain, "begins with a certificate that cannot be read");
    certified.end_entity_cert().and_then(ParsedCertificate::try_from).map_err(unreadable)?;
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(certified),
        Err(_) => Err(TlsError::of(Part::Key, key, "is not the key of the certificate")),
    }
}

/// Reads a certificate and a key, whether the one is the other's or not: what proves a name to an ACME server has a critical
/// extension that nobody else understands.
///
/// # Errors
/// Names the file that is of no use.
pub(super) fn read(identity: &Identity, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let Identity { chain, key } = identity;
    let certificates =
        chain.certificates().map_err(|error| TlsError::pem(Part::Certificate, chain, &error))?;
    let private = key.private_key().map_err(|error| TlsError::pem(Part::Key, key, &error))?;
    let private = provider.key_provider.load_private_key(private).map_err(|_| {
        TlsError::of(Part::Key, key, "is not an RSA, ECDSA (P-256, P-384, P-521) or Ed25519 key")
    })?;
    Ok(CertifiedKey::new(certificates, private))
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, client: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let Some(shown) = self.challenges.as_ref().and_then(|challenges| challenges.answer(&client)) {
            return shown;
        }
        let verifiable = |c: &&Arc<CertifiedKey>| c.key.choose_scheme(client.signature_schemes()).is_some();
        let named = |c: &&Arc<CertifiedKey>| client.server_name().is_some_and(|name| is_for(c, name));
        let usable = || self.certified.iter().filter(verifiable);
        // One certificate is given to everybody: whether the name is right the client judges.
        let first = match &self.certified[..] {
            [only] => Some(only),
            _ => usable().find(named).or_else(|| usable().next()).or_else(|| self.certified.first()),
        };
        first.map(Arc::clone)
    }
}

fn is_for(certified: &CertifiedKey, name: &str) -> bool {
    let Ok(name) = ServerName::try_from(name) else { return false };
    certified
        .end_entity_cert()
        .and_then(ParsedCertificate::try_from)
        .is_ok_and(|certificate| verify_server_name(&certificate, &name).is_ok())
}
