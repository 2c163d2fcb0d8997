//! Certificates by which an ACME server sees that a name is ours (TLS-ALPN-01, RFC 8737): shown to whoever asks for that
//! protocol and nothing else, on the listener that everybody uses.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::server::ClientHello;
use rustls::sign::CertifiedKey;

use super::certificates;
use super::fault::{Part, TlsError};
use super::options::Identity;
use super::settings::provider;

/// The protocol by which an ACME server says what it wants to see (RFC 8737 §6.2).
pub(super) const PROTOCOL: &[u8] = b"acme-tls/1";

/// Names at once that are to be shown as ours.
const NAMES_MAX: usize = 64;

/// What is shown to ACME servers, by name. Cheap to clone: clones share it. Whoever has one for
/// [`ServerTlsOptions::challenges`](super::ServerTlsOptions::challenges) puts in what is to be shown, and takes it out again.
#[derive(Clone, Default)]
pub struct Challenges(Arc<RwLock<BTreeMap<String, Arc<CertifiedKey>>>>);

impl Challenges {
    /// Shows this certificate for this name from now on. At most 64 names have one at once.
    ///
    /// # Errors
    /// [`TlsError`] names the part that cannot be used, or that there are too many.
    pub fn show(&self, name: &str, identity: &Identity) -> Result<(), TlsError> {
        let name = name.to_ascii_lowercase();
        let certified = Arc::new(certificates::load(identity, &provider())?);
        let mut shown = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if shown.len() >= NAMES_MAX && !shown.contains_key(&name) {
            return Err(TlsError::new(
                Part::Settings,
                format!("shows at most {NAMES_MAX} names to ACME servers at once"),
            ));
        }
        shown.insert(name, certified);
        Ok(())
    }

    /// Shows nothing for this name any more.
    pub fn hide(&self, name: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&name.to_ascii_lowercase());
    }

    /// What is shown to a client: `None` where it is no ACME server, and `Some(None)` where it is one that looks for a name of
    /// which there is nothing to show.
    pub(super) fn answer(&self, client: &ClientHello<'_>) -> Option<Option<Arc<CertifiedKey>>> {
        let mut protocols = client.alpn()?;
        if protocols.next() != Some(PROTOCOL) || protocols.next().is_some() {
            return None;
        }
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(client.server_name().and_then(|name| shown.get(&name.to_ascii_lowercase()).cloned()))
    }
}

impl fmt::Debug for Challenges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_set().entries(shown.keys()).finish()
    }
}
