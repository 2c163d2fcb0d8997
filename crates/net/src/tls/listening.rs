//! What a listener is given to speak TLS.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::fault::{SessionError, TlsError};
use super::options::{Identity, ServerTlsOptions};
use super::pem::Pem;
use super::session::Session;
use super::watch::Watched;

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

    /// Shows these certificates to clients that come from now on, in place of those before. Reads files, and blocks.
    ///
    /// # Errors
    /// [`TlsError`]; what was in use stays in use.
    pub fn identify(&self, identities: Vec<Identity>) -> Result<(), TlsError> {
        self.0.identify(identities)
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
