//! Making tokens: for the command line, and for tests of what verifies them.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, RsaEncoding, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::json;
use wavecast_net::tls::pem::{self, SectionKind};

use super::algorithm::Algorithm;
use crate::secret::Secret;

/// A key that signs, for one algorithm.
pub struct Signer {
    algorithm: Algorithm,
    key: SigningKey,
}

enum SigningKey {
    Hmac(Box<hmac::Key>),
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// Why nothing can be signed. It shows nothing of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignError {
    /// The secret is empty.
    NoSecret,
    /// The algorithm signs with a secret, and this is a private key, or the other way round.
    WrongKind(Algorithm),
    /// It is no private key for this algorithm; the text says more, to follow "the private key".
    NoKey(Algorithm, String),
    /// The claims are no JSON object.
    Claims,
    /// The library refused.
    Failed,
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SignError::NoSecret => f.write_str("the secret is empty"),
            SignError::WrongKind(algorithm @ (Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512)) => {
                write!(f, "{algorithm} signs with a secret, not with a private key")
            }
            SignError::WrongKind(algorithm) => {
                write!(f, "{algorithm} signs with a private key, not with a secret")
            }
            SignError::NoKey(algorithm, problem) => write!(f, "the private key for {algorithm} {problem}"),
            SignError::Claims => f.write_str("the claims are no JSON object"),
            SignError::Failed => f.write_str("signing failed"),
        }
    }
}

impl std::error::Error for SignError {}

impl Signer {
    /// A secret, for HS256, HS384 or HS512.
    ///
    /// # Errors
    /// [`SignError::NoSecret`] and [`SignError::WrongKind`].
    pub fn hmac(algorithm: Algorithm, secret: &Secret) -> Result<Self, SignError> {
        let hash = match algorithm {
            Algorithm::Hs256 => hmac::HMAC_SHA256,
            Algorithm::Hs384 => hmac::HMAC_SHA384,
            Algorithm::Hs512 => hmac::HMAC_SHA512,
            _ => return Err(SignError::WrongKind(algorithm)),
        };
        if secret.is_empty() {
            return Err(SignError::NoSecret);
        }
        Ok(Self {
            algorithm,
            key: SigningKey::Hmac(Box::new(hmac::Key::new(hash, secret.expose().as_bytes()))),
        })
    }

    /// A private key for any other algorithm: PEM (PKCS #8, PKCS #1 or SEC 1), PEM in base64, or a file's path.
    ///
    /// # Errors
    /// [`SignError::NoKey`] and [`SignError::WrongKind`].
    pub fn private_key(algorithm: Algorithm, value: &str) -> Result<Self, SignError> {
        let key = match algorithm {
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => {
                return Err(SignError::WrongKind(algorithm));
            }
            _ => private_section(value)
                .and_then(|der| signing_key(algorithm, &der).ok_or("is for another algorithm".into())),
        };
        let key = key.map_err(|problem: String| SignError::NoKey(algorithm, problem))?;
        Ok(Self { algorithm, key })
    }

    /// A token with these claims: `json!({…})`, a map, a struct of your own. `key_id` is the `kid` of its header.
    ///
    /// ```
    /// use serde_json::json;
    /// use wavecast_server::token::{Algorithm, Signer};
    ///
    /// # fn main() -> Result<(), wavecast_server::token::SignError> {
    /// let signer = Signer::hmac(Algorithm::Hs256, &"a secret that the server knows, too".into())?;
    /// let token = signer.sign(&json!({"sub": "ann", "exp": 1_900_000_000}), None)?;
    /// # assert_eq!(token.split('.').count(), 3);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SignError::Claims`] where they are no object, or cannot be JSON; [`SignError::Failed`].
    pub fn sign(
        &self,
        claims: &(impl Serialize + ?Sized),
        key_id: Option<&str>,
    ) -> Result<String, SignError> {
        let mut header = json!({"alg": self.algorithm.name(), "typ": "JWT"});
        if let Some(key_id) = key_id {
            header["kid"] = key_id.into();
        }
        let claims = serde_json::to_vec(claims).map_err(|_| SignError::Claims)?;
        if claims.first() != Some(&b'{') {
            return Err(SignError::Claims);
        }
        let mut token = format!("{}.{}", encode(header.to_string().as_bytes()), encode(&claims));
        let signature = self.signature(token.as_bytes())?;
        token.push('.');
        token.push_str(&encode(&signature));
        Ok(token)
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let random = SystemRandom::new();
        match &self.key {
            SigningKey::Hmac(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
            SigningKey::Rsa(key, padding) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(*padding, &random, message, &mut signature).map_err(|_| SignError::Failed)?;
                Ok(signature)
            }
            SigningKey::Ecdsa(key) => {
                key.sign(&random, message).map(|made| made.as_ref().to_vec()).map_err(|_| SignError::Failed)
            }
            SigningKey::Ed25519(key) => Ok(key.sign(message).as_ref().to_vec()),
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.algorithm)
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn signing_key(algorithm: Algorithm, der: &[u8]) -> Option<SigningKey> {
    let rsa = |padding: &'static dyn RsaEncoding| {
        let key = RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der)).ok()?;
        Some(SigningKey::Rsa(Box::new(key), padding))
    };
    let ecdsa = |curve| EcdsaKeyPair::from_private_key_der(curve, der).ok().map(SigningKey::Ecdsa);
    match algorithm {
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => None,
        Algorithm::Rs256 => rsa(&signature::RSA_PKCS1_SHA256),
        Algorithm::Rs384 => rsa(&signature::RSA_PKCS1_SHA384),
        Algorithm::Rs512 => rsa(&signature::RSA_PKCS1_SHA512),
        Algorithm::Ps256 => rsa(&signature::RSA_PSS_SHA256),
        Algorithm::Ps384 => rsa(&signature::RSA_PSS_SHA384),
        Algorithm::Ps512 => rsa(&signature::RSA_PSS_SHA512),
        Algorithm::Es256 => ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
        Algorithm::Es384 => ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
        Algorithm::Es512 => ecdsa(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
        Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok().map(SigningKey::Ed25519),
    }
}

fn private_section(value: &str) -> Result<Vec<u8>, String> {
    let is_private = |kind| {
        matches!(kind, SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey)
    };
    pem::sections(value)
        .map_err(|error| error.to_string())?
        .into_iter()
        .find(|(kind, _)| is_private(*kind))
        .map(|(_, der)| der)
        .ok_or_else(|| "holds no section BEGIN PRIVATE KEY".into())
}
