//! Why a TLS setting is of no use, and why a session ended: for an operator to read, and without a secret in it.

use std::fmt;
use std::path::{Path, PathBuf};

use super::pem::{Pem, PemError};

/// A part of the settings of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The certificate, with its chain.
    Certificate,
    /// The private key of the certificate.
    Key,
    /// The authorities that sign the certificates of clients.
    ClientAuthorities,
    /// Everything else.
    Settings,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Certificate => "the certificate",
            Part::Key => "the private key",
            Part::ClientAuthorities => "the authorities of clients",
            Part::Settings => "TLS",
        })
    }
}

/// A setting of TLS that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsError {
    /// Which.
    pub part: Part,
    /// The file it is in, if it is in one.
    pub file: Option<PathBuf>,
    /// What is wrong, to follow its name. No value is shown.
    pub problem: String,
}

impl TlsError {
    pub(super) fn new(part: Part, problem: impl Into<String>) -> Self {
        Self { part, file: None, problem: problem.into() }
    }

    pub(super) fn of(part: Part, pem: &Pem, problem: impl Into<String>) -> Self {
        Self { part, file: pem.path().map(Path::to_owned), problem: problem.into() }
    }

    pub(super) fn pem(part: Part, pem: &Pem, error: &PemError) -> Self {
        Self::of(part, pem, error.to_string())
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{} ({}) {}", self.part, file.display(), self.problem),
            None => write!(f, "{} {}", self.part, self.problem),
        }
    }
}

impl std::error::Error for TlsError {}

/// Why a session is over before its time.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionError {
    /// The peer sent an HTTP request without TLS.
    PlainHttp,
    /// The handshake takes more than 128 KiB of the peer's.
    HandshakeTooLong,
    /// The connection ended without `close_notify` (RFC 8446 §6.1): anybody on the way could have cut it.
    Truncated,
    /// There is nothing to encrypt with before the handshake is done, or after an error.
    NotOpen,
    /// What rustls says: of the peer's certificate, of its alert, of what it sent.
    Tls(rustls::Error),
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SessionError::PlainHttp => f.write_str("an HTTP request without TLS"),
            SessionError::HandshakeTooLong => f.write_str("the TLS handshake is too long"),
            SessionError::Truncated => {
                f.write_str("the connection was cut off: TLS did not end with close_notify")
            }
            SessionError::NotOpen => f.write_str("the TLS handshake is not done"),
            SessionError::Tls(error) => write!(f, "TLS: {error}"),
        }
    }
}

impl std::error::Error for SessionError {}

impl From<rustls::Error> for SessionError {
    fn from(error: rustls::Error) -> Self {
        Self::Tls(error)
    }
}

impl From<SessionError> for std::io::Error {
    /// `UnexpectedEof` for what was cut off, `NotConnected` for what was never open, else `InvalidData`.
    fn from(error: SessionError) -> Self {
        use std::io::ErrorKind;
        let kind = match &error {
            SessionError::Truncated => ErrorKind::UnexpectedEof,
            SessionError::NotOpen => ErrorKind::NotConnected,
            SessionError::PlainHttp | SessionError::HandshakeTooLong | SessionError::Tls(_) => {
                ErrorKind::InvalidData
            }
        };
        Self::new(kind, error)
    }
}
