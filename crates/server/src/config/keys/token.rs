//! Keys of a section that says how tokens are verified.

use super::key::{Key, key};
use crate::config::settings::Token;
use crate::config::slot::Slot;

/// The keys below `client.token` and `client.subscription_token`.
pub(super) const TOKEN: &[Key<Token>] = &[
    key("hmac_secret_key", "secret of HS256, HS384 and HS512", |t| Slot::Secret(&mut t.hmac_secret_key)),
    key(
        "hmac_previous_secret_key",
        "the secret before, which holds as well while secrets are changed",
        |t| Slot::Secret(&mut t.hmac_previous_secret_key),
    ),
    key(
        "hmac_previous_secret_key_valid_until",
        "Unix time in seconds until which it holds; 0 = without end",
        |t| Slot::UnixTime(&mut t.hmac_previous_secret_key_valid_until),
    ),
    key("rsa_public_key", "key of RS256 to RS512 and PS256 to PS512: PEM, base64 of it, or a path", |t| {
        Slot::Text(&mut t.rsa_public_key)
    }),
    key("ecdsa_public_key", "key of ES256, ES384 and ES512: PEM, base64 of it, or a path", |t| {
        Slot::Text(&mut t.ecdsa_public_key)
    }),
    key("jwks_public_endpoint", "URL of a JWK set, whose keys then are the only ones", |t| {
        Slot::Url(&mut t.jwks_public_endpoint)
    }),
    key("audience", "what `aud` must have; empty = anything", |t| Slot::Text(&mut t.audience)),
    key("audience_regex", "what `aud` must match", |t| Slot::Expression(&mut t.audience_regex)),
    key("issuer", "what `iss` must be; empty = anything", |t| Slot::Text(&mut t.issuer)),
    key("issuer_regex", "what `iss` must match", |t| Slot::Expression(&mut t.issuer_regex)),
    key("user_id_claim", "the claim that names the user; empty = `sub`", |t| {
        Slot::Claim(&mut t.user_id_claim)
    }),
    key("insecure_skip_jwks_endpoint_safety_check", "a template in the JWKS URL may take any value", |t| {
        Slot::Switch(&mut t.insecure_skip_jwks_endpoint_safety_check)
    }),
];
