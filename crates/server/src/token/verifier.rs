//! From a token to its claims: signature first, then whom it is for, then when, then what it says.

use std::fmt;

use super::algorithm::Algorithm;
use super::claims::{ConnectionClaims, SubscriptionClaims};
use super::compact::Compact;
use super::endpoint::Endpoint;
use super::expectation::{Expectation, Groups};
use super::key::{HmacKey, NoKey, PublicKey, Verdict};
use super::key_sets::{KeySetPolicy, KeySets, Lookup};
use super::object::Object;
use super::refusal::{Flaw, KeyId, Refusal};
use super::settings::{KeyError, KeyProblem, TokenLimits};
use crate::config::Token;

/// Shortest secret that is not warned about, in bytes (RFC 7518 §3.2 for HS256).
const SECRET_BYTES_ADVISED: usize = 32;

/// Verifies the tokens of one token section. Any thread may ask it; it does no I/O except in [`Verifier::fetch_key`] and
/// [`Verifier::try_key_set`], and keeps nothing of a token.
pub struct Verifier {
    keys: Keys,
    expectation: Expectation,
    user_id_claim: String,
    limits: TokenLimits,
    warnings: Vec<String>,
}

/// The keys that tokens are verified with: those of the configuration, or those of a key set.
enum Keys {
    Configured(Box<Configured>),
    Sets(Endpoint, Box<KeySets>),
}

#[derive(Default)]
struct Configured {
    hmac: Option<HmacKey>,
    hmac_previous: Option<HmacKey>,
    /// Unix time in seconds, inclusive; 0 = without end.
    hmac_previous_until_s: u64,
    rsa: Option<PublicKey>,
    ecdsa: Option<PublicKey>,
}

/// Which key has verified a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyName {
    /// `hmac_secret_key`.
    HmacSecretKey,
    /// `hmac_previous_secret_key`.
    HmacPreviousSecretKey,
    /// `rsa_public_key`.
    RsaPublicKey,
    /// `ecdsa_public_key`.
    EcdsaPublicKey,
    /// A key of a key set.
    KeySet(KeyId),
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyName::HmacSecretKey => f.write_str("hmac_secret_key"),
            KeyName::HmacPreviousSecretKey => f.write_str("hmac_previous_secret_key"),
            KeyName::RsaPublicKey => f.write_str("rsa_public_key"),
            KeyName::EcdsaPublicKey => f.write_str("ecdsa_public_key"),
            KeyName::KeySet(key) => write!(f, "the key {key}"),
        }
    }
}

/// That a token's signature is right: by which key, and over what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// How it is signed.
    pub algorithm: Algorithm,
    /// The key that verified it.
    pub key: KeyName,
    /// The claims, a JSON object.
    pub claims: String,
}

impl Verifier {
    /// Makes a verifier of a token section; reads the files that it names. Without any key it refuses every token.
    ///
    /// # Errors
    /// Everything that is wrong with the section at once.
    pub fn new(settings: &Token, limits: TokenLimits) -> Result<Self, KeyError> {
        Self::with_policy(settings, limits, KeySetPolicy::default())
    }

    pub(super) fn with_policy(
        settings: &Token,
        limits: TokenLimits,
        policy: KeySetPolicy,
    ) -> Result<Self, KeyError> {
        let (mut problems, mut warnings) = (Vec::new(), Vec::new());
        let expectation = Expectation::new(settings, &mut problems, &mut warnings);
        let endpoint = Endpoint::new(settings, &mut problems, &mut warnings);
        let configured = Configured::new(settings, &mut problems, &mut warnings);
        if endpoint.is_some() && configured.is_some() {
            warnings.push("jwks_public_endpoint is set, so the other keys verify nothing".into());
        }
        let is_claim = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        if !is_claim(&settings.user_id_claim) {
            let problem = "must be letters and underscores".into();
            problems.push(KeyProblem { key: "user_id_claim", problem });
        }
        let keys = match endpoint {
            None => Keys::Configured(Box::new(configured.unwrap_or_default())),
            Some(endpoint) => match KeySets::new(policy) {
                Ok(sets) => Keys::Sets(endpoint, Box::new(sets)),
                Err(error) => {
                    let problem = format!("cannot be fetched: {error}");
                    problems.push(KeyProblem { key: "jwks_public_endpoint", problem });
                    Keys::Configured(Box::default())
                }
            },
        };
        if !problems.is_empty() {
            return Err(KeyError(problems));
        }
        Ok(Self { keys, expectation, user_id_claim: settings.user_id_claim.clone(), limits, warnings })
    }

    /// What the operator should know of the section: it works, and is weaker than it may seem. Each begins with a key.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Whether any key is configured; without one every token is refused.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        match &self.keys {
            Keys::Configured(keys) => keys.hmac.is_some() || keys.rsa.is_some() || keys.ecdsa.is_some(),
            Keys::Sets(..) => true,
        }
    }

    /// Verifies a connection token at a time in Unix seconds.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn verify_connection(&self, token: &str, now_s: i64) -> Result<ConnectionClaims, Refusal> {
        let token = Compact::parse(token)?;
        let claims = Object::parse(&token.payload).map_err(|_| Flaw::Payload)?;
        self.check(&token, &claims, now_s)?;
        let read = ConnectionClaims::read(&claims, &self.user_id_claim, self.limits.subscriptions_max)?;
        check_time(&claims, now_s)?;
        Ok(read)
    }

    /// Verifies a subscription token at a time in Unix seconds. That user, channel and client are those of the command
    /// is for the caller to see.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn verify_subscription(&self, token: &str, now_s: i64) -> Result<SubscriptionClaims, Refusal> {
        let token = Compact::parse(token)?;
        let claims = Object::parse(&token.payload).map_err(|_| Flaw::Payload)?;
        self.check(&token, &claims, now_s)?;
        let read = SubscriptionClaims::read(&claims, &self.user_id_claim)?;
        check_time(&claims, now_s)?;
        Ok(read)
    }

    /// Verifies the signature, and whom the token is from and for; not when, and none of its other claims.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn prove(&self, token: &str, now_s: i64) -> Result<Proof, Refusal> {
        let token = Compact::parse(token)?;
        let claims = Object::parse(&token.payload).map_err(|_| Flaw::Payload)?;
        let key = self.check(&token, &claims, now_s)?;
        Ok(Proof { algorithm: token.algorithm, key, claims: token.payload })
    }

    /// The signature, and whom the token is from and for.
    fn check(&self, token: &Compact<'_>, claims: &Object<'_>, now_s: i64) -> Result<KeyName, Refusal> {
        let key = match &self.keys {
            Keys::Configured(keys) => keys.verify(token, now_s)?,
            Keys::Sets(endpoint, sets) => {
                let groups =
                    if endpoint.is_fixed() { Groups::new() } else { self.expectation.check(claims)? };
                verify_by_set(sets, endpoint, &groups, token)?
            }
        };
        self.expectation.check(claims)?;
        Ok(key)
    }

    /// Fetches the key set that [`Refusal::KeyWanted`] asks for; then verify again. Needs tokio. At most one request a
    /// set is under way, others wait for it; it ends within 2 s, well or not.
    ///
    /// The future may be dropped: then somebody else will fetch.
    pub async fn fetch_key(&self, key: &KeyId) {
        if let Keys::Sets(_, sets) = &self.keys {
            sets.fetch(key).await;
        }
    }

    /// Whether the key set answers, and with how many keys; for an operator who wants to know, past the cache. `None`
    /// when no key set is configured, or when its address depends on the token. Needs tokio.
    ///
    /// # Errors
    /// Why there is no key set, in words.
    pub async fn try_key_set(&self) -> Option<Result<usize, String>> {
        match &self.keys {
            Keys::Sets(endpoint, sets) if endpoint.is_fixed() => {
                let address = endpoint.resolve(&Groups::new()).ok()?;
                Some(sets.load(&address).await.map(|keys| keys.len()))
            }
            _ => None,
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = match &self.keys {
            Keys::Configured(keys) => keys.describe(),
            Keys::Sets(..) => "a key set".into(),
        };
        f.debug_struct("Verifier").field("keys", &keys).finish_non_exhaustive()
    }
}

impl Configured {
    /// `None` when no key is set.
    fn new(settings: &Token, problems: &mut Vec<KeyProblem>, warnings: &mut Vec<String>) -> Option<Self> {
        let mut public = |key, value: &str, read: fn(&str) -> Result<PublicKey, NoKey>| {
            let read = (!value.is_empty()).then(|| read(value))?;
            read.map_err(|NoKey(problem)| problems.push(KeyProblem { key, problem })).ok()
        };
        let rsa = public("rsa_public_key", &settings.rsa_public_key, PublicKey::rsa_pem);
        let ecdsa = public("ecdsa_public_key", &settings.ecdsa_public_key, PublicKey::ecdsa_pem);
        let (secret, previous) = (&settings.hmac_secret_key, &settings.hmac_previous_secret_key);
        if secret.is_empty() && !previous.is_empty() {
            let problem = "is set without hmac_secret_key".into();
            problems.push(KeyProblem { key: "hmac_previous_secret_key", problem });
        }
        if !secret.is_empty() && secret.expose().len() < SECRET_BYTES_ADVISED {
            warnings.push(format!(
                "hmac_secret_key is shorter than {SECRET_BYTES_ADVISED} bytes: whoever has one token may find it by trying"
            ));
        }
        let keys = Self {
            hmac: HmacKey::new(secret.expose()),
            hmac_previous: HmacKey::new(previous.expose()),
            hmac_previous_until_s: settings.hmac_previous_secret_key_valid_until,
            rsa,
            ecdsa,
        };
        (keys.hmac.is_some() || keys.rsa.is_some() || keys.ecdsa.is_some()).then_some(keys)
    }

    fn verify(&self, token: &Compact<'_>, now_s: i64) -> Result<KeyName, Flaw> {
        let (algorithm, signed, signature) = (token.algorithm, token.signed, &token.signature[..]);
        let previous = self
            .hmac_previous
            .as_ref()
            .filter(|_| self.hmac_previous_until_s == 0 || now_s <= self.hmac_previous_until_s.cast_signed());
        let verdicts = [
            (KeyName::HmacSecretKey, self.hmac.as_ref().map(|key| key.verify(algorithm, signed, signature))),
            (KeyName::HmacPreviousSecretKey, previous.map(|key| key.verify(algorithm, signed, signature))),
            (KeyName::RsaPublicKey, self.rsa.as_ref().map(|key| key.verify(algorithm, signed, signature))),
            (
                KeyName::EcdsaPublicKey,
                self.ecdsa.as_ref().map(|key| key.verify(algorithm, signed, signature)),
            ),
        ];
        let mut flaw = Flaw::NoKey;
        for (name, verdict) in verdicts {
            match verdict {
                Some(Verdict::Right) => return Ok(name),
                Some(Verdict::Wrong) => flaw = Flaw::Signature,
                Some(Verdict::Foreign) | None => {}
            }
        }
        Err(flaw)
    }

    fn describe(&self) -> String {
        let keys = [
            ("hmac", self.hmac.is_some()),
            ("hmac_previous", self.hmac_previous.is_some()),
            ("rsa", self.rsa.is_some()),
            ("ecdsa", self.ecdsa.is_some()),
        ];
        let names: Vec<_> = keys.iter().filter(|(_, is_set)| *is_set).map(|(name, _)| *name).collect();
        names.join(", ")
    }
}

fn verify_by_set(
    sets: &KeySets,
    endpoint: &Endpoint,
    groups: &Groups,
    token: &Compact<'_>,
) -> Result<KeyName, Refusal> {
    if token.key_id.is_empty() {
        return Err(Flaw::NoKeyId.into());
    }
    let id = KeyId { endpoint: endpoint.resolve(groups)?, name: token.key_id.as_str().into() };
    match sets.lookup(&id) {
        Lookup::Found(key) => match key.verify(token.algorithm, token.signed, &token.signature) {
            Verdict::Right => Ok(KeyName::KeySet(id)),
            Verdict::Wrong => Err(Flaw::Signature.into()),
            Verdict::Foreign => Err(Flaw::NoKey.into()),
        },
        Lookup::Unknown => Err(Flaw::UnknownKey.into()),
        Lookup::Unavailable => Err(Refusal::KeyUnavailable),
        Lookup::Wanted => Err(Refusal::KeyWanted(id)),
    }
}

/// Without any leeway. In the second of `exp` a token has expired, in that of `nbf` it is valid (RFC 7519 §4.1.4, 5).
fn check_time(claims: &Object<'_>, now_s: i64) -> Result<(), Refusal> {
    let expires_at_s = claims.seconds("exp").map_err(|_| Flaw::Claim("exp"))?;
    let valid_from_s = claims.seconds("nbf").map_err(|_| Flaw::Claim("nbf"))?;
    if expires_at_s.is_some_and(|at| at <= now_s) {
        return Err(Refusal::Expired);
    }
    if valid_from_s.is_some_and(|at| at > now_s) {
        return Err(Refusal::NotYetValid);
    }
    Ok(())
}
