//! Certificates by which an ACME server sees that a name is ours (TLS-ALPN-01, RFC 8737): shown to whoever asks for that
//! protocol and nothing else, on the listener that everybody uses.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::server::ClientHello;
use rustls::sign::CertifiedKey;

/// The protocol by which an ACME server says what it wants to see (RFC 8737 §6.2).
pub(super) const PROTOCOL: &[u8] = b"acme-tls/1";

/// Names at once that are to be shown as ours.
pub(super) const NAMES_MAX: usize = 64;

/// What is shown to ACME servers, by name. Cheap to clone: clones share it. Whoever has one for
/// [`ServerTlsOptions::challenges`](super::ServerTlsOptions::challenges) puts in what is to be shown, and takes it out again.
#[derive(Clone, Default)]
pub struct Challenges(Arc<RwLock<BTreeMap<String, Arc<CertifiedKey>>>>);

impl Challenges {
    /// Shows a certificate for a name, in lower case, from now on. `false`: there are too many.
    pub(super) fn insert(&self, name: String, certified: Arc<CertifiedKey>) -> bool {
        let mut shown = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let has_room = shown.len() < NAMES_MAX || shown.contains_key(&name);
        if has_room {
            shown.insert(name, certified);
        }
        has_room
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
