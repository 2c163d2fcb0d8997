//! Tokens: who a client is and what it may, signed by the application's back end (JWT, RFC 7519).
//!
//! A [`Verifier`] is made once of the configuration and asked on an event loop: it does no I/O. Only a key set (JWKS) has to
//! be fetched: then [`Verifier::verify_connection`] says [`Refusal::KeyWanted`], the caller runs
//! [`Verifier::fetch_key`] on tokio, and asks again.
//!
//! Which algorithm verifies a token is decided by the key and not by the token: a secret knows HS256 to HS512 and
//! nothing else, a public key knows its own algorithms and never becomes a secret, and `none` is no algorithm at all.
//! Claims are read only after the signature is right; the one exception is a key set whose address depends on issuer
//! or audience.
//!
//! | room | what it is for |
//! | --- | --- |
//! | `settings` | what may be wrong with the keys of the configuration, and what a token may cost |
//! | `verifiers`, `verifier` | from a token to its claims |
//! | `refusal` | why not |
//! | `compact` | the three parts of a token; `object`: JSON objects, member by member |
//! | `algorithm`, `key` | names of algorithms, and the keys that know them |
//! | `jwk`, `key_sets`, `endpoint` | key sets: their form, the cache, their addresses |
//! | `expectation` | issuer and audience |
//! | `claims` | what a token says |
//! | `capabilities` | `caps`: one token for many channels |
//! | `revocation` | tokens and users that are no longer welcome |
//! | `sign` | making tokens, for the command line and tests |

mod algorithm;
mod capabilities;
mod claims;
mod compact;
mod endpoint;
mod expectation;
mod jwk;
mod key;
mod key_sets;
mod object;
mod refusal;
mod revocation;
mod settings;
mod sign;
#[cfg(test)]
mod tests;
mod verifier;
mod verifiers;

pub use self::algorithm::Algorithm;
pub use self::capabilities::{Action, Allowed, Capabilities};
pub use self::claims::{ConnectionClaims, Payload, ServerSubscription, SubscriptionClaims};
pub use self::compact::Unverified;
pub use self::refusal::{Flaw, KeyId, Refusal};
pub use self::revocation::{RevocationError, RevocationLimits, Revocations, Revoked};
pub use self::settings::{KeyError, KeyProblem, TokenLimits};
pub use self::sign::{SignError, Signer};
pub use self::verifier::{KeyName, Proof, Verifier};
pub use self::verifiers::{Verifiers, VerifiersError};
