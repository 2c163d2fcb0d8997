//! Why a token is not taken.

use std::fmt;
use std::sync::Arc;

/// Why a token is not taken, by what the client is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It will never be valid: disconnect 3500 (a connection), error 103 (a subscription). The reason is for the log;
    /// the client is not told.
    Invalid(Flaw),
    /// `exp` has come: error 109, and the client asks its back end for another one.
    Expired,
    /// `nbf` has not come yet. Answered like [`Refusal::Expired`], as Centrifugo does: a new token may help.
    NotYetValid,
    /// The key is not at hand: run [`Verifier::fetch_key`](super::Verifier::fetch_key) and verify again. When that
    /// says the same once more, treat it as [`Refusal::KeyUnavailable`].
    KeyWanted(KeyId),
    /// The key set cannot be fetched at the moment: a temporary error (100), and the client tries again.
    KeyUnavailable,
}

/// Which key of which key set. It is shown without the address's query, which may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyId {
    /// The key set's address.
    pub(super) endpoint: Arc<str>,
    /// The key's name in it (`kid`).
    pub(super) name: Box<str>,
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.endpoint.split('?').next().unwrap_or_default();
        write!(f, "{:?} of {shown}", self.name)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// What is wrong with a token. It holds nothing of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// It is longer than 16 KiB.
    TooLong,
    /// It does not have three parts between two dots.
    Parts,
    /// A part is not base64url without padding.
    Base64,
    /// The header is not a JSON object with a text `alg`.
    Header,
    /// The header names extensions that must be understood (`crit`), and none is.
    Critical,
    /// `alg` is `none` or unknown.
    Algorithm,
    /// No key is configured for this algorithm, or the key that `kid` names is for another one.
    NoKey,
    /// A key set is configured, and the header has no `kid` that would name one of its keys.
    NoKeyId,
    /// The key set has no key of this name.
    UnknownKey,
    /// The signature is not by this key.
    Signature,
    /// The claims are not a JSON object in UTF-8, or one is there twice.
    Payload,
    /// This claim has a wrong type or a value that makes no sense.
    Claim(&'static str),
    /// More server-side subscriptions than a connection may have.
    TooManySubscriptions,
    /// `iss` is not the expected one, or is missing.
    Issuer,
    /// None of `aud` is the expected one, or it is missing.
    Audience,
    /// A connection token with a `channel`: it is a subscription token.
    ForSubscription,
    /// A subscription token without a `channel`: it is a connection token.
    ForConnection,
    /// What issuer or audience would put into the key set's address is nothing that may stand there.
    Endpoint,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Invalid(flaw) => write!(f, "invalid token: {flaw}"),
            Refusal::Expired => f.write_str("the token has expired"),
            Refusal::NotYetValid => f.write_str("the token is not valid yet"),
            Refusal::KeyWanted(key) => write!(f, "the token's key must be fetched: {key}"),
            Refusal::KeyUnavailable => f.write_str("the key set cannot be fetched at the moment"),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<Flaw> for Refusal {
    fn from(flaw: Flaw) -> Self {
        Refusal::Invalid(flaw)
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Flaw::TooLong => "it is longer than 16 KiB",
            Flaw::Parts => "it does not have three parts",
            Flaw::Base64 => "a part is not base64url without padding",
            Flaw::Header => "the header is not a JSON object with alg",
            Flaw::Critical => "the header asks for extensions (crit)",
            Flaw::Algorithm => "alg is none or unknown",
            Flaw::NoKey => "no key is configured for its algorithm",
            Flaw::NoKeyId => "the header has no kid, and the keys are a key set",
            Flaw::UnknownKey => "the key set has no key of that kid",
            Flaw::Signature => "the signature does not fit the key",
            Flaw::Payload => "the claims are not a JSON object, or one is there twice",
            Flaw::Claim(name) => return write!(f, "the claim {name} has a wrong type or value"),
            Flaw::TooManySubscriptions => "more channels than a connection may have",
            Flaw::Issuer => "iss is not the expected issuer",
            Flaw::Audience => "aud is not the expected audience",
            Flaw::ForSubscription => "it is a subscription token (it has a channel)",
            Flaw::ForConnection => "it has no channel: it is not a subscription token",
            Flaw::Endpoint => "issuer or audience cannot stand in the key set's address",
        })
    }
}
