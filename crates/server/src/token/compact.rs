//! The compact form of a signed token (RFC 7515 §3.1): header, claims and signature, in base64url between dots.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::algorithm::Algorithm;
use super::object::Object;
use super::refusal::Flaw;

/// Longest token that is looked at, in bytes.
pub(super) const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// Longest name of a key that is looked up, in bytes.
const KEY_ID_BYTES_MAX: usize = 256;

/// What a token says of itself, and nobody has verified: to show it, never to act on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unverified {
    /// How it says that it is signed.
    pub algorithm: Algorithm,
    /// Which key it names; "" when none.
    pub key_id: String,
    /// Its claims, which may not even be JSON.
    pub claims: String,
}

impl Unverified {
    /// Takes a token apart.
    ///
    /// # Errors
    /// What is wrong with its form or its header.
    pub fn read(token: &str) -> Result<Self, Flaw> {
        let Compact { algorithm, key_id, payload: claims, .. } = Compact::parse(token)?;
        Ok(Self { algorithm, key_id, claims })
    }
}

/// A token taken apart, and nothing in it verified.
pub(super) struct Compact<'t> {
    /// What the signature is over.
    pub(super) signed: &'t [u8],
    pub(super) signature: Vec<u8>,
    pub(super) algorithm: Algorithm,
    /// `kid`; "" when there is none.
    pub(super) key_id: String,
    pub(super) payload: String,
}

impl<'t> Compact<'t> {
    pub(super) fn parse(token: &'t str) -> Result<Self, Flaw> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Flaw::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Flaw::Parts)?;
        let (header, payload) = signed.split_once('.').ok_or(Flaw::Parts)?;
        if payload.contains('.') {
            return Err(Flaw::Parts);
        }
        let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
        let (algorithm, key_id) = read_header(&header)?;
        let payload = String::from_utf8(payload).map_err(|_| Flaw::Payload)?;
        Ok(Self { signed: signed.as_bytes(), signature, algorithm, key_id, payload })
    }
}

fn decode(part: &str) -> Result<Vec<u8>, Flaw> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Flaw::Base64)
}

fn read_header(header: &[u8]) -> Result<(Algorithm, String), Flaw> {
    let header = std::str::from_utf8(header).map_err(|_| Flaw::Header)?;
    let header = Object::parse(header).map_err(|_| Flaw::Header)?;
    // RFC 7515 §4.1.11: whoever does not know an extension that is critical must refuse.
    if header.has("crit") {
        return Err(Flaw::Critical);
    }
    if header.raw("alg").is_none() {
        return Err(Flaw::Header);
    }
    let name = header.text("alg").map_err(|_| Flaw::Header)?;
    let algorithm = Algorithm::from_name(&name).ok_or(Flaw::Algorithm)?;
    let key_id = header.text("kid").map_err(|_| Flaw::Header)?.into_owned();
    if key_id.len() > KEY_ID_BYTES_MAX {
        return Err(Flaw::Header);
    }
    Ok((algorithm, key_id))
}
