//! The keys of a token section in the configuration, and what may be wrong with them.

use std::fmt;

use crate::config::Secret;

/// `client.token.*` or `client.subscription_token.*`, with Centrifugo's names. By default no key is set, and every
/// token is refused.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TokenSettings {
    /// `enabled` (of `client.subscription_token` only): subscription tokens have keys of their own; default off: they
    /// are verified as connection tokens are.
    pub enabled: bool,
    /// `hmac_secret_key`: the secret of HS256, HS384 and HS512.
    pub hmac_secret_key: Secret,
    /// `hmac_previous_secret_key`: the secret before that one; what it signed is still taken.
    pub hmac_previous_secret_key: Secret,
    /// `hmac_previous_secret_key_valid_until`: until when, Unix time in seconds, inclusive; 0 (default) = without end.
    pub hmac_previous_secret_key_valid_until: i64,
    /// `rsa_public_key`: PEM, PEM in base64, or the path of a PEM file, for RS256 to RS512 and PS256 to PS512; 2048 to
    /// 8192 bits.
    pub rsa_public_key: String,
    /// `ecdsa_public_key`: the same, of P-256 (ES256), P-384 (ES384) or P-521 (ES512).
    pub ecdsa_public_key: String,
    /// `jwks_public_endpoint`: URL of a key set (RFC 7517). When it is set, its keys alone verify tokens, as in
    /// Centrifugo. It may hold `{{name}}` for groups of that name in `issuer_regex` and `audience_regex`.
    pub jwks_public_endpoint: String,
    /// `audience`: one of `aud` must be this.
    pub audience: String,
    /// `audience_regex`: one of `aud` must contain a match of this.
    pub audience_regex: String,
    /// `issuer`: `iss` must be this.
    pub issuer: String,
    /// `issuer_regex`: `iss` must contain a match of this.
    pub issuer_regex: String,
    /// `user_id_claim`: the claim with the user's id; "" (default) = `sub`. Letters and underscores.
    pub user_id_claim: String,
    /// `insecure_skip_jwks_endpoint_safety_check`: take groups in `jwks_public_endpoint` that match more than a list
    /// of words. Then whoever makes a token chooses, within the pattern, where its key comes from.
    pub insecure_skip_jwks_endpoint_safety_check: bool,
}

/// What a token may cost at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenLimits {
    /// Server-side subscriptions (`subs`, `channels`) of one token, default 128: `client.channel_limit`.
    pub subscriptions_max: usize,
}

impl Default for TokenLimits {
    fn default() -> Self {
        Self { subscriptions_max: 128 }
    }
}

/// One thing that is wrong: the key, without the section before it, and what is wrong with it. No value is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyProblem {
    /// The key's name within the section, such as `rsa_public_key`.
    pub key: &'static str,
    /// What is wrong, to follow the key's name.
    pub problem: String,
}

/// Everything that is wrong with a token section. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyError(pub Vec<KeyProblem>);

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, KeyProblem { key, problem }) in self.0.iter().enumerate() {
            write!(f, "{}{key} {problem}", if at == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for KeyError {}
