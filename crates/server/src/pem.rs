//! Keys and certificates as configuration gives them: PEM text (RFC 7468), the same in base64, or a file's path.

use std::fmt;
use std::fs::File;
use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::{PemObject as _, SectionKind};

/// Longest file that is read, in bytes: a whole bundle of authorities takes some 250 KB.
const FILE_SIZE_MAX: u64 = 1024 * 1024;

/// A section's kind and its DER.
pub(crate) type Section = (SectionKind, Vec<u8>);

/// Why there is no PEM. It shows neither the value nor anything of it: it may be a private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PemError {
    /// The value is neither PEM, nor PEM in base64, nor the path of a file.
    Neither,
    /// The file cannot be read.
    Unreadable(std::io::ErrorKind),
    /// The file is longer than 1 MiB.
    TooLarge,
    /// What is there is no well-formed PEM, or has no section at all.
    Malformed,
}

impl fmt::Display for PemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PemError::Neither => f.write_str("is neither PEM, nor PEM in base64, nor the path of a PEM file"),
            PemError::Unreadable(kind) => write!(f, "names a file that cannot be read: {kind}"),
            PemError::TooLarge => f.write_str("names a file that is larger than 1 MiB"),
            PemError::Malformed => f.write_str("is not well-formed PEM"),
        }
    }
}

impl std::error::Error for PemError {}

/// Reads every section that `value` holds or names, in order; at least one. Reads a file: not for an event loop.
///
/// # Errors
/// See [`PemError`].
pub(crate) fn sections(value: &str) -> Result<Vec<Section>, PemError> {
    if looks_like_pem(value.as_bytes()) {
        return parse(value.as_bytes());
    }
    if let Ok(decoded) = STANDARD.decode(value.trim())
        && looks_like_pem(&decoded)
    {
        return parse(&decoded);
    }
    parse(&file(value)?)
}

fn looks_like_pem(bytes: &[u8]) -> bool {
    bytes.windows(11).any(|window| window == b"-----BEGIN ")
}

fn parse(bytes: &[u8]) -> Result<Vec<Section>, PemError> {
    let sections: Vec<Section> =
        Section::pem_slice_iter(bytes).collect::<Result<_, _>>().map_err(|_| PemError::Malformed)?;
    if sections.is_empty() { Err(PemError::Malformed) } else { Ok(sections) }
}

fn file(path: &str) -> Result<Vec<u8>, PemError> {
    let opened = File::open(path).map_err(|error| match error.kind() {
        // A mangled key is no path; whoever mistyped a path is told what else it could have been.
        std::io::ErrorKind::NotFound
        | std::io::ErrorKind::InvalidInput
        | std::io::ErrorKind::InvalidFilename => PemError::Neither,
        kind => PemError::Unreadable(kind),
    })?;
    let mut bytes = Vec::new();
    opened
        .take(FILE_SIZE_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| PemError::Unreadable(error.kind()))?;
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
        std::fs::remove_file(path).unwrap();
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
    }
}
