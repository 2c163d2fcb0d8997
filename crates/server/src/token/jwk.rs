//! The form of a key set (RFC 7517, 7518 §6, 8037).

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::algorithm::Algorithm;
use super::key::PublicKey;
use super::object::Object;

/// Keys of one set; what comes after them is not looked at.
pub(super) const KEYS_MAX: usize = 128;

/// The keys of a set by their names.
pub(super) type Keys = HashMap<Box<str>, Arc<PublicKey>>;

/// Reads the keys that verify signatures; `None` when it is not a key set.
///
/// What cannot be used is left out: keys without `kid` (nothing would name them), for encryption, of unknown kinds or
/// curves, and secrets (`oct`), which have no place in something public. Of two keys with one name the first counts.
pub(super) fn key_set(body: &[u8]) -> Option<Keys> {
    let set = Object::parse(std::str::from_utf8(body).ok()?).ok()?;
    if !set.has("keys") {
        return None;
    }
    let mut keys = Keys::new();
    for key in set.list("keys").ok()?.into_iter().take(KEYS_MAX) {
        if let Some((name, key)) = Object::parse(key.get()).ok().and_then(|key| signing_key(&key)) {
            keys.entry(name).or_insert_with(|| Arc::new(key));
        }
    }
    Some(keys)
}

fn signing_key(key: &Object<'_>) -> Option<(Box<str>, PublicKey)> {
    let name = key.text("kid").ok()?;
    let usage = key.text("use").ok()?;
    let operations = key.texts("key_ops").ok()?;
    let verifies = operations.is_empty() || operations.iter().any(|operation| operation == "verify");
    if name.is_empty() || !(usage.is_empty() || usage == "sig") || !verifies {
        return None;
    }
    let said = key.text("alg").ok()?;
    let algorithm = if said.is_empty() { None } else { Some(Algorithm::from_name(&said)?) };
    let parsed = match &*key.text("kty").ok()? {
        "RSA" => PublicKey::rsa_components(&bytes(key, "n")?, &bytes(key, "e")?, algorithm).ok()?,
        "EC" => {
            let (own, length) = match &*key.text("crv").ok()? {
                "P-256" => (Algorithm::Es256, 32),
                "P-384" => (Algorithm::Es384, 48),
                "P-521" => (Algorithm::Es512, 66),
                _ => return None,
            };
            let point = [&[4], &*coordinate(key, "x", length)?, &*coordinate(key, "y", length)?].concat();
            of_its_own(own, algorithm, &point)?
        }
        "OKP" if key.text("crv").ok()? == "Ed25519" => {
            of_its_own(Algorithm::EdDsa, algorithm, &bytes(key, "x")?)?
        }
        _ => return None,
    };
    Some((name.into(), parsed))
}

fn of_its_own(own: Algorithm, said: Option<Algorithm>, bytes: &[u8]) -> Option<PublicKey> {
    said.is_none_or(|said| said == own).then(|| PublicKey::fixed(own, bytes).ok())?
}

/// A coordinate at the length of its curve; some libraries leave out zeros at its beginning.
fn coordinate(key: &Object<'_>, name: &str, length: usize) -> Option<Vec<u8>> {
    let bytes = bytes(key, name)?;
    let zeros = length.checked_sub(bytes.len())?;
    Some([vec![0; zeros], bytes].concat())
}

fn bytes(key: &Object<'_>, name: &str) -> Option<Vec<u8>> {
    let text = key.text(name).ok()?;
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok().filter(|bytes| !bytes.is_empty())
}
