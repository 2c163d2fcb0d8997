//! Keys made for the tests, once in a process, and tokens signed with them.

use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::config::Token;
use crate::token::{Algorithm, Signer, TokenLimits, Verifier};

pub(super) const SECRET: &str = "a secret that is long enough for all of them";
pub(super) const NOW: i64 = 1_700_000_000;

/// A pair of keys in the forms that people have them in.
pub(super) struct TestKey {
    pub(super) algorithms: &'static [Algorithm],
    pub(super) private_pem: String,
    pub(super) public_pem: String,
    /// As in a key set, without `kid`.
    pub(super) jwk: Value,
}

pub(super) fn rsa() -> &'static TestKey {
    static KEY: OnceLock<TestKey> = OnceLock::new();
    KEY.get_or_init(|| rsa_of(KeySize::Rsa2048))
}

/// Another key than [`rsa`].
pub(super) fn other_rsa() -> &'static TestKey {
    static KEY: OnceLock<TestKey> = OnceLock::new();
    KEY.get_or_init(|| rsa_of(KeySize::Rsa2048))
}

fn rsa_of(size: KeySize) -> TestKey {
    use Algorithm::{Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
    let pair = RsaKeyPair::generate(size).unwrap();
    let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    // RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }
    let (sequence, _) = tlv(pair.public_key().as_ref());
    let (n, rest) = tlv(sequence);
    let (e, _) = tlv(rest);
    let n = n.strip_prefix(&[0]).unwrap_or(n);
    TestKey {
        algorithms: &[Rs256, Rs384, Rs512, Ps256, Ps384, Ps512],
        private_pem: pem("PRIVATE KEY", private.as_ref()),
        public_pem: pem("PUBLIC KEY", public.as_ref()),
        jwk: json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode(n), "e": URL_SAFE_NO_PAD.encode(e)}),
    }
}

/// The content of the first DER element, and what follows it.
fn tlv(der: &[u8]) -> (&[u8], &[u8]) {
    let (length, start) = match der[1] {
        short @ 0..=0x7f => (usize::from(short), 2),
        0x81 => (usize::from(der[2]), 3),
        _ => (usize::from(der[2]) << 8 | usize::from(der[3]), 4),
    };
    (&der[start..start + length], &der[start + length..])
}

pub(super) fn ecdsa(algorithm: Algorithm) -> TestKey {
    let (curve, name, length, algorithms): (_, _, _, &'static [Algorithm]) = match algorithm {
        Algorithm::Es256 => (&signature::ECDSA_P256_SHA256_FIXED_SIGNING, "P-256", 32, &[Algorithm::Es256]),
        Algorithm::Es384 => (&signature::ECDSA_P384_SHA384_FIXED_SIGNING, "P-384", 48, &[Algorithm::Es384]),
        _ => (&signature::ECDSA_P521_SHA512_FIXED_SIGNING, "P-521", 66, &[Algorithm::Es512]),
    };
    let pair = EcdsaKeyPair::generate(curve).unwrap();
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let (x, y) = pair.public_key().as_ref()[1..].split_at(length);
    TestKey {
        algorithms,
        private_pem: pem("PRIVATE KEY", pair.to_pkcs8v1().unwrap().as_ref()),
        public_pem: pem("PUBLIC KEY", public.as_ref()),
        jwk: json!({"kty": "EC", "crv": name, "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)}),
    }
}

pub(super) fn ed25519() -> TestKey {
    let pair = Ed25519KeyPair::generate().unwrap();
    let x = pair.public_key().as_ref();
    TestKey {
        algorithms: &[Algorithm::EdDsa],
        private_pem: pem("PRIVATE KEY", pair.to_pkcs8v1().unwrap().as_ref()),
        public_pem: String::new(),
        jwk: json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(x)}),
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

impl TestKey {
    pub(super) fn sign(&self, algorithm: Algorithm, claims: &Value, key_id: Option<&str>) -> String {
        let signer = Signer::private_key(algorithm, &self.private_pem).unwrap();
        signer.sign(claims, key_id).unwrap()
    }

    /// Its entry in a key set.
    pub(super) fn entry(&self, key_id: &str, more: &Value) -> Value {
        let mut entry = self.jwk.clone();
        entry["kid"] = key_id.into();
        for (name, value) in more.as_object().unwrap() {
            entry[name] = value.clone();
        }
        entry
    }
}

pub(super) fn hs(claims: &Value) -> String {
    hs_with(Algorithm::Hs256, SECRET, claims)
}

pub(super) fn hs_with(algorithm: Algorithm, secret: &str, claims: &Value) -> String {
    Signer::hmac(algorithm, &secret.into()).unwrap().sign(claims, None).unwrap()
}

/// HS256 with [`SECRET`] over parts as they are given.
pub(super) fn hs_raw(header: &str, claims: &[u8]) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = aws_lc_rs::hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

pub(super) fn with_secret() -> Token {
    Token { hmac_secret_key: SECRET.into(), ..Token::default() }
}

pub(super) fn verifier(settings: &Token) -> Verifier {
    Verifier::new(settings, TokenLimits::default()).unwrap()
}
