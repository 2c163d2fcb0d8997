//! Why there is no TLS session, and who can do something about it.

use std::fmt;
use std::io;

use rustls::{AlertDescription, CertificateError};

/// Names of a certificate that an error keeps: enough to see whose it is.
const NAMES_MAX: usize = 4;
/// Longest of these names, in bytes (RFC 1035 §2.3.4).
const NAME_BYTES_MAX: usize = 255;

/// The TLS handshake failed.
#[derive(Debug)]
pub struct TlsError {
    host: Box<str>,
    fault: TlsFault,
}

/// What stands in the way of a TLS session.
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsFault {
    /// The server's certificate was signed by nobody who is trusted here.
    UnknownIssuer,
    /// The server's certificate is no longer valid.
    Expired,
    /// The server's certificate is not valid yet.
    NotYetValid,
    /// The server's certificate is for other names.
    WrongName {
        /// At most the first four of them.
        presented: Vec<String>,
    },
    /// The server's certificate has been withdrawn.
    Revoked,
    /// The server's certificate is that of an authority, which no server may show as its own (RFC 5280 §4.2.1.9).
    OfAuthority,
    /// The server's certificate cannot be accepted for another reason.
    Certificate(CertificateError),
    /// The server wants a certificate of this client.
    IdentityRequired,
    /// The server does not accept the certificate of this client.
    IdentityRefused,
    /// The server ended the handshake with another alert (RFC 8446 §6).
    Alert(AlertDescription),
    /// What the server sent is not TLS: most likely it is plain HTTP.
    NotTls,
    /// The server broke TLS, or has no version or cipher in common with this client.
    Protocol(rustls::Error),
    /// The connection failed or ended during the handshake.
    Io(io::Error),
    /// This client's own settings do not allow a handshake.
    Config(TlsConfigError),
}

impl TlsError {
    pub(super) fn new(host: &str, fault: TlsFault) -> Self {
        Self { host: host.into(), fault }
    }

    /// What an error of the transport says, during the handshake and after it.
    pub(super) fn of_handshake(host: &str, error: io::Error) -> Self {
        let fault = match TlsFault::of(&error) {
            Some(fault) => fault,
            None => TlsFault::Io(error),
        };
        Self::new(host, fault)
    }

    /// Whose certificate was looked at: the URL's host, or what stands in its place.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What went wrong.
    pub fn fault(&self) -> &TlsFault {
        &self.fault
    }
}

impl TlsFault {
    /// `None` for what is no matter of TLS.
    pub(super) fn of(error: &io::Error) -> Option<Self> {
        let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
        Some(match error {
            rustls::Error::InvalidCertificate(error) => Self::of_certificate(error),
            rustls::Error::AlertReceived(alert) => match alert {
                AlertDescription::CertificateRequired => Self::IdentityRequired,
                AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA
                | AlertDescription::AccessDenied => Self::IdentityRefused,
                other => Self::Alert(*other),
            },
            rustls::Error::InvalidMessage(_) => Self::NotTls,
            other => Self::Protocol(other.clone()),
        })
    }

    fn of_certificate(error: &CertificateError) -> Self {
        match error {
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
            CertificateError::NotValidForName => Self::WrongName { presented: Vec::new() },
            CertificateError::NotValidForNameContext { presented, .. } => {
                let shown = |name: &String| name.chars().take(NAME_BYTES_MAX).collect();
                Self::WrongName { presented: presented.iter().take(NAMES_MAX).map(shown).collect() }
            }
            CertificateError::Revoked => Self::Revoked,
            // What `openssl req -x509` makes when nobody says otherwise. The library below names it nowhere but here.
            CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
                Self::OfAuthority
            }
            other => Self::Certificate(other.clone()),
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = &self.host;
        match &self.fault {
            TlsFault::UnknownIssuer => write!(
                f,
                "the certificate of {host} is by an authority that is not trusted here: add that authority to the \
                 machine's store, or have this client trust it (Tls::trusting_pem, --ca-file)"
            ),
            TlsFault::Expired => write!(
                f,
                "the certificate of {host} has expired: its operator must renew it, unless the clock of this machine \
                 is wrong"
            ),
            TlsFault::NotYetValid => write!(
                f,
                "the certificate of {host} is not valid yet: the clock of this machine or of the server is wrong"
            ),
            TlsFault::WrongName { presented } if presented.is_empty() => write!(
                f,
                "the certificate that came is not for {host}: connect to the name that it is for, or give that name \
                 to Tls::server_name"
            ),
            TlsFault::WrongName { presented } => write!(
                f,
                "the certificate that came is not for {host} but for {presented:?}: connect to such a name, or give \
                 it to Tls::server_name"
            ),
            TlsFault::Revoked => write!(f, "the certificate of {host} has been revoked"),
            TlsFault::OfAuthority => write!(
                f,
                "the certificate of {host} is that of an authority, which no server may show: make it without \
                 CA:TRUE (with openssl: -addext basicConstraints=critical,CA:FALSE)"
            ),
            TlsFault::Certificate(error) => {
                write!(f, "the certificate of {host} cannot be accepted: {error:?}")
            }
            TlsFault::IdentityRequired => {
                write!(f, "{host} wants a certificate of this client: give one with Tls::identity_pem")
            }
            TlsFault::IdentityRefused => write!(
                f,
                "{host} does not accept the certificate of this client: it must be valid, and by an authority that \
                 the server trusts"
            ),
            TlsFault::Alert(alert) => write!(f, "{host} ended the TLS handshake with the alert {alert:?}"),
            TlsFault::NotTls => {
                write!(f, "{host} does not speak TLS at this port: is it ws://, or is TLS at another port?")
            }
            TlsFault::Protocol(error) => write!(f, "no TLS session with {host}: {error}"),
            TlsFault::Io(error) => {
                write!(f, "the connection to {host} failed during the TLS handshake: {error}")
            }
            TlsFault::Config(error) => write!(f, "no TLS session with {host}: {error}"),
        }
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.fault {
            TlsFault::Protocol(error) => Some(error),
            TlsFault::Io(error) => Some(error),
            TlsFault::Config(error) => Some(error),
            _ => None,
        }
    }
}

/// Why [`Tls`](super::Tls) cannot be what was asked for. Shows nothing of what it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsConfigError {
    /// A PEM text is longer than 1 MiB.
    TooLong,
    /// A PEM text holds no certificate, or is no PEM.
    NoCertificate,
    /// A certificate cannot be that of an authority.
    NoAuthority,
    /// A PEM text holds no private key.
    NoKey,
    /// The private key is of no kind that can be used, or is not the certificate's.
    KeyMismatch,
    /// A given configuration brings its own identity.
    AsGiven,
    /// The server's name is neither a host name nor an address.
    ServerName,
    /// The machine's store of authorities is empty, or cannot be read.
    NoMachineStore,
    /// The library below offers no protocol version.
    Provider,
}

impl fmt::Display for TlsConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "a PEM text may have at most 1 MiB",
            Self::NoCertificate => "there is no certificate in the PEM text",
            Self::NoAuthority => "a certificate in the PEM text cannot be read",
            Self::NoKey => "there is no private key in the PEM text",
            Self::KeyMismatch => "the private key cannot be used, or is not that of the certificate",
            Self::AsGiven => "a given TLS configuration brings its own certificate",
            Self::ServerName => "the server's name is neither a host name nor an address",
            Self::NoMachineStore => {
                "this machine trusts no certificate authority: install ca-certificates, or name one with \
                 Tls::trusting_pem"
            }
            Self::Provider => "the TLS library has no protocol version to offer",
        })
    }
}

impl std::error::Error for TlsConfigError {}
