//! What verifying tokens needs of the configuration.

use super::settings::{Config, Token};
use crate::token::{TokenLimits, TokenSettings};

impl Config {
    /// What a token may cost at most.
    pub fn token_limits(&self) -> TokenLimits {
        TokenLimits { subscriptions_max: self.client.channel_limit }
    }
}

impl From<&Token> for TokenSettings {
    fn from(token: &Token) -> Self {
        Self {
            enabled: true,
            hmac_secret_key: token.hmac_secret_key.clone(),
            hmac_previous_secret_key: token.hmac_previous_secret_key.clone(),
            hmac_previous_secret_key_valid_until: i64::try_from(token.hmac_previous_secret_key_valid_until)
                .unwrap_or(i64::MAX),
            rsa_public_key: token.rsa_public_key.clone(),
            ecdsa_public_key: token.ecdsa_public_key.clone(),
            jwks_public_endpoint: token.jwks_public_endpoint.expose().to_owned(),
            audience: token.audience.clone(),
            audience_regex: token.audience_regex.clone(),
            issuer: token.issuer.clone(),
            issuer_regex: token.issuer_regex.clone(),
            user_id_claim: token.user_id_claim.clone(),
            insecure_skip_jwks_endpoint_safety_check: token.insecure_skip_jwks_endpoint_safety_check,
        }
    }
}
