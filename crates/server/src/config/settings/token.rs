//! `client.token.*` and `client.subscription_token.*`: how tokens (JWT) are verified.

use crate::secret::Secret;

/// How tokens are verified: keys, and what the claims must say. Without any key every token is refused.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Token {
    /// `hmac_secret_key`: for HS256, HS384 and HS512.
    pub hmac_secret_key: Secret,
    /// `hmac_previous_secret_key`: the key before, which holds as well while keys are changed.
    pub hmac_previous_secret_key: Secret,
    /// `hmac_previous_secret_key_valid_until`: Unix time in seconds until which it holds; 0 (default) = without end.
    pub hmac_previous_secret_key_valid_until: u64,
    /// `rsa_public_key`: PEM, for RS256 to RS512 and PS256 to PS512.
    pub rsa_public_key: String,
    /// `ecdsa_public_key`: PEM, for ES256, ES384 and ES512.
    pub ecdsa_public_key: String,
    /// `jwks_public_endpoint`: URL of a JWK set, for EdDSA as well; `{{name}}` stands for a group of `issuer_regex` or
    /// `audience_regex`. It may hold credentials.
    pub jwks_public_endpoint: Secret,
    /// `audience`: what the claim `aud` must have; "" (default) = anything.
    pub audience: String,
    /// `audience_regex`: what it must match instead.
    pub audience_regex: String,
    /// `issuer`: what the claim `iss` must be; "" (default) = anything.
    pub issuer: String,
    /// `issuer_regex`: what it must match instead.
    pub issuer_regex: String,
    /// `user_id_claim`: the claim that names the user; "" (default) = `sub`.
    pub user_id_claim: String,
    /// `insecure_skip_jwks_endpoint_safety_check`: a template in `jwks_public_endpoint` may take any value. Default false.
    pub insecure_skip_jwks_endpoint_safety_check: bool,
}

impl Token {
    /// Whether there is any key that a token could be verified with. The secret before is none by itself.
    pub fn has_key(&self) -> bool {
        [&self.hmac_secret_key, &self.jwks_public_endpoint].into_iter().any(|secret| !secret.is_empty())
            || [&self.rsa_public_key, &self.ecdsa_public_key].into_iter().any(|key| !key.is_empty())
    }
}

/// `client.subscription_token.*`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SubscriptionToken {
    /// `enabled`: subscription tokens have the keys of this section, not those of `client.token`. Default false.
    pub enabled: bool,
    /// The keys.
    pub token: Token,
}
