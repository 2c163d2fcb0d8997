//! Keys and certificates as an operator gives them: PEM (RFC 7468), as text, in base64 once more, or in a file.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject as _;
pub use rustls::pki_types::pem::SectionKind;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Longest file that is read, in bytes: a whole bundle of authorities takes some 250 KB.
const FILE_SIZE_MAX: u64 = 1024 * 1024;

/// A section's kind and its DER.
pub type Section = (SectionKind, Vec<u8>);

/// Where PEM comes from. Shown in logs it says no more than where.
#[derive(Clone, PartialEq, Eq)]
pub struct Pem(Source);

#[derive(Clone, PartialEq, Eq)]
enum Source {
    Text(Arc<[u8]>),
    File(Arc<Path>),
}

/// Why there is no PEM. It shows neither the value nor anything of it: it may be a private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PemError {
    /// The value is neither PEM, nor PEM in base64, nor the path of a file.
    Neither,
    /// The file cannot be read.
    Unreadable(ErrorKind),
    /// The file is longer than 1 MiB.
    TooLarge,
    /// What is there is no well-formed PEM, or has no section at all.
    Malformed,
    /// It has no certificate.
    NoCertificate,
    /// It has no private key, or none of a form that is understood.
    NoKey,
}

impl fmt::Display for PemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PemError::Neither => f.write_str("is neither PEM, nor PEM in base64, nor the path of a PEM file"),
            PemError::Unreadable(kind) => write!(f, "names a file that cannot be read: {kind}"),
            PemError::TooLarge => f.write_str("names a file that is larger than 1 MiB"),
            PemError::Malformed => f.write_str("is not well-formed PEM"),
            PemError::NoCertificate => f.write_str("holds no certificate (BEGIN CERTIFICATE)"),
            PemError::NoKey => f.write_str(
                "holds no private key (BEGIN PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY; an encrypted key \
                 has to be decrypted first)",
            ),
        }
    }
}

impl std::error::Error for PemError {}

impl Pem {
    /// PEM text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self(Source::Text(text.as_bytes().into()))
    }

    /// A file, read when it is needed and not before.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Source::File(path.into().into()))
    }

    /// A value of a configuration: PEM text, PEM in base64, or the path of a file that can be opened.
    ///
    /// # Errors
    /// [`PemError::Neither`], [`PemError::Unreadable`].
    pub fn of(value: &str) -> Result<Self, PemError> {
        if looks_like_pem(value.as_bytes()) {
            return Ok(Self::text(value));
        }
        if let Ok(decoded) = STANDARD.decode(value.trim())
            && looks_like_pem(&decoded)
        {
            return Ok(Self(Source::Text(decoded.into())));
        }
        open(Path::new(value)).map(|_| Self::file(value))
    }

    /// The file, if it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Source::Text(_) => None,
            Source::File(path) => Some(path),
        }
    }

    /// Every section in order; at least one. Reads a file: not for an event loop.
    ///
    /// # Errors
    /// See [`PemError`].
    pub fn sections(&self) -> Result<Vec<Section>, PemError> {
        match &self.0 {
            Source::Text(text) => parse(text),
            Source::File(path) => parse(&read(path)?),
        }
    }

    /// Its certificates in order; at least one. Other sections are passed over.
    ///
    /// # Errors
    /// See [`PemError`].
    pub fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, PemError> {
        let certificates: Vec<_> = self
            .sections()?
            .into_iter()
            .filter(|(kind, _)| *kind == SectionKind::Certificate)
            .map(|(_, der)| CertificateDer::from(der))
            .collect();
        if certificates.is_empty() { Err(PemError::NoCertificate) } else { Ok(certificates) }
    }

    /// Its first private key: PKCS#8, PKCS#1 or SEC1, not encrypted.
    ///
    /// # Errors
    /// See [`PemError`].
    pub fn private_key(&self) -> Result<PrivateKeyDer<'static>, PemError> {
        self.sections()?
            .into_iter()
            .find_map(|(kind, der)| match kind {
                SectionKind::PrivateKey => Some(PrivateKeyDer::Pkcs8(der.into())),
                SectionKind::RsaPrivateKey => Some(PrivateKeyDer::Pkcs1(der.into())),
                SectionKind::EcPrivateKey => Some(PrivateKeyDer::Sec1(der.into())),
                _ => None,
            })
            .ok_or(PemError::NoKey)
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Text(_) => f.write_str("Pem(text)"),
            Source::File(path) => write!(f, "Pem({})", path.display()),
        }
    }
}

/// The sections of a configuration's value, as [`Pem::of`] reads it.
///
/// # Errors
/// See [`PemError`].
pub fn sections(value: &str) -> Result<Vec<Section>, PemError> {
    Pem::of(value)?.sections()
}

fn looks_like_pem(bytes: &[u8]) -> bool {
    bytes.windows(11).any(|window| window == b"-----BEGIN ")
}

fn parse(bytes: &[u8]) -> Result<Vec<Section>, PemError> {
    let sections: Vec<Section> =
        Section::pem_slice_iter(bytes).collect::<Result<_, _>>().map_err(|_| PemError::Malformed)?;
    if sections.is_empty() { Err(PemError::Malformed) } else { Ok(sections) }
}

fn open(path: &Path) -> Result<File, PemError> {
    File::open(path).map_err(|error| match error.kind() {
        // A mangled key is no path; whoever mistyped a path is told what else it could have been.
        ErrorKind::NotFound | ErrorKind::InvalidInput | ErrorKind::InvalidFilename => PemError::Neither,
        kind => PemError::Unreadable(kind),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, PemError> {
    let unreadable = |error: std::io::Error| PemError::Unreadable(error.kind());
    let mut bytes = Vec::new();
    File::open(path)
        .map_err(unreadable)?
        .take(FILE_SIZE_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > FILE_SIZE_MAX { Err(PemError::TooLarge) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN PUBLIC KEY-----\nAAEC\n-----END PUBLIC KEY-----\n";

    #[test]
    fn three_ways_to_give_the_same_pem() {
        let path = std::env::temp_dir().join(format!("wavecast-pem-{}.pem", std::process::id()));
        std::fs::write(&path, PEM).unwrap();
        for value in [PEM, &STANDARD.encode(PEM), path.to_str().unwrap()] {
            assert_eq!(sections(value).unwrap(), [(SectionKind::PublicKey, vec![0, 1, 2])], "{value}");
        }
        std::fs::remove_file(&path).unwrap();
        assert_eq!(Pem::file(path).sections().unwrap_err(), PemError::Unreadable(ErrorKind::NotFound));
    }

    #[test]
    fn anything_else_is_refused_and_not_shown() {
        for (value, error) in [
            ("", PemError::Neither),
            ("no/such/file-s3cret.pem", PemError::Neither),
            ("s3cret", PemError::Neither),
            ("-----BEGIN PUBLIC KEY-----\ns3cret", PemError::Malformed),
            ("-----BEGIN PUBLIC KEY-----\n!!!!\n-----END PUBLIC KEY-----", PemError::Malformed),
            ("-----BEGIN NOTHING KNOWN-----\nAAEC\n-----END NOTHING KNOWN-----", PemError::Malformed),
            ("\0", PemError::Neither),
        ] {
            let refused = sections(value).unwrap_err();
            assert_eq!(refused, error, "{value:?}");
            assert!(!format!("{refused} {refused:?}").contains("s3cret"));
        }
        assert_eq!(sections(&"x".repeat(100_000)).unwrap_err(), PemError::Neither);
        assert_eq!(Pem::text(PEM).certificates().unwrap_err(), PemError::NoCertificate);
        assert_eq!(Pem::text(PEM).private_key().unwrap_err(), PemError::NoKey);
        assert!(!format!("{:?}", Pem::text("s3cret")).contains("s3cret"));
    }
}
