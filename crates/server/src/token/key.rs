//! Keys, each with the algorithms that it knows: which of them a token names is only looked up here.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents};
use wavecast_net::tls::pem::{self, SectionKind};

use super::algorithm::Algorithm;

/// Smallest and largest RSA key, in bits (RFC 7518 §3.3; beyond 8192 each verification takes too long).
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

const RSA: [(Algorithm, &RsaParameters); 6] = [
    (Algorithm::Rs256, &signature::RSA_PKCS1_2048_8192_SHA256),
    (Algorithm::Rs384, &signature::RSA_PKCS1_2048_8192_SHA384),
    (Algorithm::Rs512, &signature::RSA_PKCS1_2048_8192_SHA512),
    (Algorithm::Ps256, &signature::RSA_PSS_2048_8192_SHA256),
    (Algorithm::Ps384, &signature::RSA_PSS_2048_8192_SHA384),
    (Algorithm::Ps512, &signature::RSA_PSS_2048_8192_SHA512),
];

/// Whether a key verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Right,
    Wrong,
    /// The key is not for this algorithm.
    Foreign,
}

/// A secret for HS256, HS384 and HS512. The comparison takes the same time wherever the difference is.
pub(super) struct HmacKey([(Algorithm, hmac::Key); 3]);

impl HmacKey {
    /// `None` for an empty secret, which everybody knows.
    pub(super) fn new(secret: &str) -> Option<Self> {
        let key = |algorithm| hmac::Key::new(algorithm, secret.as_bytes());
        (!secret.is_empty()).then(|| {
            Self([
                (Algorithm::Hs256, key(hmac::HMAC_SHA256)),
                (Algorithm::Hs384, key(hmac::HMAC_SHA384)),
                (Algorithm::Hs512, key(hmac::HMAC_SHA512)),
            ])
        })
    }

    pub(super) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Verdict {
        match self.0.iter().find(|(known, _)| *known == algorithm) {
            Some((_, key)) if hmac::verify(key, message, signature).is_ok() => Verdict::Right,
            Some(_) => Verdict::Wrong,
            None => Verdict::Foreign,
        }
    }
}

/// A public key that has been parsed once for each of its algorithms.
pub(super) struct PublicKey(Vec<(Algorithm, ParsedPublicKey)>);

/// Why something is no public key; to follow the name of what holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NoKey(pub(super) String);

impl PublicKey {
    /// `rsa_public_key`.
    pub(super) fn rsa_pem(value: &str) -> Result<Self, NoKey> {
        let der = public_section(value)?;
        check_rsa(PublicEncryptingKey::from_der(&der).ok())?;
        RSA.into_iter()
            .map(|(algorithm, parameters)| {
                Ok((algorithm, ParsedPublicKey::new(parameters, &der).map_err(|_| no_rsa())?))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// `ecdsa_public_key`.
    pub(super) fn ecdsa_pem(value: &str) -> Result<Self, NoKey> {
        let der = public_section(value)?;
        [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512]
            .into_iter()
            .find_map(|algorithm| Self::fixed(algorithm, &der).ok())
            .ok_or_else(|| NoKey("is not an ECDSA public key of P-256, P-384 or P-521".into()))
    }

    /// An RSA key by modulus and exponent, for one algorithm or, when none is said, for all of them.
    pub(super) fn rsa_components(n: &[u8], e: &[u8], only: Option<Algorithm>) -> Result<Self, NoKey> {
        check_rsa(RsaPublicKeyComponents { n, e }.try_into().ok())?;
        let parsed: Vec<_> = RSA
            .into_iter()
            .filter(|(algorithm, _)| only.is_none_or(|only| only == *algorithm))
            .map(|(algorithm, parameters)| {
                let key = RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters);
                Ok((algorithm, key.map_err(|_| no_rsa())?))
            })
            .collect::<Result<_, NoKey>>()?;
        if parsed.is_empty() { Err(NoKey("is for another algorithm".into())) } else { Ok(Self(parsed)) }
    }

    /// A key of the one algorithm that it is made for: a point of a curve, or an Ed25519 key.
    pub(super) fn fixed(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, NoKey> {
        let verification: &'static dyn signature::VerificationAlgorithm = match algorithm {
            Algorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
            Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
            Algorithm::Es512 => &signature::ECDSA_P521_SHA512_FIXED,
            Algorithm::EdDsa => &signature::ED25519,
            _ => return Err(NoKey("is for another algorithm".into())),
        };
        ParsedPublicKey::new(verification, bytes)
            .map(|key| Self(vec![(algorithm, key)]))
            .map_err(|_| NoKey(format!("is not a public key for {algorithm}")))
    }

    pub(super) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Verdict {
        match self.0.iter().find(|(known, _)| *known == algorithm) {
            Some((_, key)) if key.verify_sig(message, signature).is_ok() => Verdict::Right,
            Some(_) => Verdict::Wrong,
            None => Verdict::Foreign,
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(algorithm, _)| algorithm)).finish()
    }
}

fn check_rsa(key: Option<PublicEncryptingKey>) -> Result<(), NoKey> {
    key.filter(|key| RSA_BITS.contains(&key.key_size_bits())).map(|_| ()).ok_or_else(no_rsa)
}

fn no_rsa() -> NoKey {
    NoKey(format!("is not an RSA public key of {} to {} bits", RSA_BITS.start(), RSA_BITS.end()))
}

/// The first public key (SubjectPublicKeyInfo) of a PEM.
fn public_section(value: &str) -> Result<Vec<u8>, NoKey> {
    let sections = pem::sections(value).map_err(|error| NoKey(error.to_string()))?;
    let private = sections.iter().any(|(kind, _)| {
        matches!(kind, SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey)
    });
    sections.into_iter().find(|(kind, _)| *kind == SectionKind::PublicKey).map(|(_, der)| der).ok_or_else(
        || {
            NoKey(if private {
                "holds a private key: give the public one (openssl pkey -pubout), and keep this one secret"
                    .into()
            } else {
                "holds no section BEGIN PUBLIC KEY (of a certificate: openssl x509 -pubkey -noout)".into()
            })
        },
    )
}
